"""The documents of the project, taken apart: fenced blocks, words in code, headings, links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]

GENERATED = TOP / "docs" / "configuration.md"
"""Made from the dataclasses, and held against them by its own test."""

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "helm/*.md", "store/*.md", "cluster/*.md", "benchmarks/*.md")
    for path in TOP.glob(pattern)
)
WRITTEN = [path for path in DOCUMENTS if path != GENERATED]

_FENCE = re.compile(r"^```(?P<info>[^`\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_NOT_IN_ANCHOR = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Block:
    """A fenced block; `words` are those behind its language."""

    document: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{name_of(self.document)}:{self.line}"


def name_of(document: Path) -> str:
    return document.relative_to(TOP).as_posix()


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def blocks_of(text: str, document: Path = TOP / "text.md") -> list[Block]:
    found = []
    for match in _FENCE.finditer(text):
        language, *words = match["info"].split() or [""]
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(document, line, language, tuple(words), match["text"]))
    return found


def blocks(language: str) -> list[Block]:
    """All blocks of a language, in all documents that people write."""
    return [
        block for document in WRITTEN for block in blocks_of(text_of(document), document) if block.language == language
    ]


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", text)


def code_words(text: str) -> Iterator[str]:
    """What stands in backquotes."""
    for match in _CODE.finditer(prose(text)):
        yield match[1]


def headings(text: str) -> list[str]:
    return _HEADING.findall(prose(text))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings."""
    return {_NOT_IN_ANCHOR.sub("", heading.lower()).replace(" ", "-") for heading in headings(text)}


def links(text: str) -> list[str]:
    return _LINK.findall(prose(text))


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head; backquotes are taken off."""
    below = re.split(rf"^#+ +{re.escape(heading)} *$", text, maxsplit=1, flags=re.MULTILINE)
    assert len(below) == 2, f"there is no heading {heading}"
    lines = iter(below[1].splitlines())
    table = []
    for line in lines:
        if line.startswith("|"):
            table.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
        elif table:
            break
    return table[2:]
