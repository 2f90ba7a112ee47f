"""Makes ``docs/configuration.md`` and ``observer.yaml`` from the dataclasses.

``python -m observer.config.page`` writes both. The page tells every key with its type, unit, default and
meaning, and the reference's keys that do nothing here.
"""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from observer.config.configuration import FILE_VARIABLES, MOVED, PORT_VARIABLES, Configuration, Observer
from observer.config.documented import attribute_docstrings, block_by_name, blocks, without_none, yaml_fields
from observer.config.effective import plain
from observer.config.foreign import Row
from observer.config.names import ALIASES
from observer.config.reference_keys import MEANINGLESS, row_at
from observer.config.sample import sample
from observer.config.scalars import WORDS
from schemas.names import camel_case
from schemas.reports import ReportType
from sinks import SINKS, sink_class
from sinks.settings import SinkSettings

_TOP = Path(__file__).parents[2]
PAGE, SAMPLE = _TOP / "docs" / "configuration.md", _TOP / "observer.yaml"
"""What is made."""

_UNIT = re.compile(r"\s*\((?P<unit>[A-Za-z/ ]{1,30})\)$")
_HEAD = "| key | type | unit | default | meaning |\n|---|---|---|---|---|\n"
_PORTS = "; ".join(f"`{variable}` stands in for `{path}`" for variable, path in PORT_VARIABLES.items())
_INTRODUCTION = f"""\
# Configuration

<!-- Made by `python -m observer.config.page` from the dataclasses; do not edit. -->

One YAML file, in the form of the reference observer: `webrtc-observer run --config FILE`. Without `--config`, the file
that {" or ".join(f"`{name}`" for name in FILE_VARIABLES)} names; without any file, the defaults below.
`webrtc-observer check --config FILE` prints what a file comes to, its secrets masked.

* Keys are camelCase; `hyphen-case` and `snake_case` are understood as well.
* `${{NAME}}` and `${{NAME:default}}` in any value stand for environment variables; a default may stand in backticks, an
  unset variable without default for nothing.
* A key with nothing behind it keeps its default. An unknown key is an error. No number may be negative.
* {_PORTS}.
"""


def markdown(cls: type = Configuration) -> str:
    """The page about the dataclass and all that it holds."""
    parts = [_INTRODUCTION, *_sections(cls), *_sink_sections(), *_other_spellings()]
    parts += _table("Keys that mean nothing here", "They are accepted, and told once at the start.", MEANINGLESS)
    return "\n".join(parts)


def main() -> int:
    """Writes the page and the sample."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(markdown(), encoding="utf-8")
    SAMPLE.write_text(sample(), encoding="utf-8")
    return 0


@dataclass(frozen=True, slots=True)
class _Key:
    path: str
    type: str
    unit: str
    default: str
    meaning: str

    def row(self) -> str:
        cells = (f"`{self.path}`", self.type, self.unit, self.default, self.meaning)
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _sections(cls: type) -> Iterator[str]:
    """A section for every top block, and for every block of the block named like the program."""
    hints = get_type_hints(cls)
    for f in yaml_fields(cls):
        kind, name = hints[f.name], camel_case(f.name)
        if kind is not Observer:
            yield _section(name, kind, name)
            continue
        inner_hints = get_type_hints(kind)
        blocks = [inner.name for inner in yaml_fields(kind) if is_dataclass(inner_hints[inner.name])]
        yield _section(name, kind, name, without=("sinks", *blocks))
        for path, block in ((f"{name}.{camel_case(block)}", block) for block in blocks):
            yield _section(path, inner_hints[block], path)


def _sink_sections() -> Iterator[str]:
    yield _section("observer.sinks", SinkSettings, "observer.sinks.<name>", without=("config",))
    for type_name in sorted(SINKS):
        yield _section(f"{type_name}", sink_class(type_name), "observer.sinks.<name>.config", level=3)


def _section(title: str, cls: type, path: str, level: int = 2, without: tuple[str, ...] = ()) -> str:
    rows = "".join(key.row() for key in _keys(cls, path, without))
    return f"{'#' * level} {title}\n\n{_first_sentences(cls)}\n\n{_HEAD}{rows}"


def _keys(cls: type, path: str, without: tuple[str, ...] = (), base: object = None) -> Iterator[_Key]:
    """The keys of a block and of those in it; the defaults are those of `base`, or else of the class."""
    hints, meanings = get_type_hints(cls), attribute_docstrings(cls)
    for f in yaml_fields(cls):
        if f.name in without:
            continue
        here, kind = f"{path}.{camel_case(f.name)}", without_none(hints[f.name])
        text = meanings.get(f.name, "")
        if alternatives := blocks(hints[f.name]):
            default = _default(f, base)
            for each in alternatives:
                meaning = text if len(alternatives) == 1 else _first_sentences(each)
                yield _Key(here, "block", "", "none" if default is None else "", meaning)
                yield from _keys(each, here, base=default if isinstance(default, each) else None)
            continue
        if (block := block_by_name(kind)) is not None:
            yield _Key(here, "mapping of text to blocks", "", _default_words(_default(f, base)), text)
            yield from _keys(block, f"{here}.<name>")
            continue
        unit = _UNIT.search(text)
        meaning = text[: unit.start()] if unit else text
        if (row := row_at(here)) is not None:
            meaning += f" {row.status.value.capitalize()}: {row.reason}."
        yield _Key(here, _type_words(kind, f), unit["unit"] if unit else "", _default_words(_default(f, base)), meaning)


def _first_sentences(cls: type) -> str:
    return " ".join(inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].split()).replace("``", "`")


def _type_words(kind: Any, f: Field[Any]) -> str:
    minimum, maximum = f.metadata.get("minimum"), f.metadata.get("maximum")
    bounds = [f"from {minimum}"] if minimum is not None else []
    bounds += [f"to {maximum}"] if maximum is not None else []
    return ", ".join(filter(None, (_kind_words(kind), " ".join(bounds))))


def _kind_words(kind: Any) -> str:
    if kind is ReportType:
        return "types of reports"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(f"`{member.value}`" for member in kind)
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) in (dict, Mapping):
        return f"mapping of {_kind_words(get_args(kind)[0])} to {_kind_words(get_args(kind)[1])}"
    if get_args(kind):
        return f"list of {_kind_words(get_args(kind)[0])}"
    return WORDS.get(kind, "any value").removeprefix("a ")


def _default(f: Field[Any], base: object) -> object:
    if base is not None:
        return getattr(base, f.name)
    return f.default if f.default_factory is MISSING else f.default_factory()


def _default_words(default: object) -> str:
    if default is MISSING:
        return "required"
    told = plain(default)
    if told is None:
        return "none"
    return f"`{str(told).lower()}`" if isinstance(told, bool) else f"`{told}`"


def _other_spellings() -> Iterator[str]:
    yield "## Other spellings\n\nThe reference's own spellings and places of these keys are understood as well.\n\n"
    yield "| written | understood as |\n|---|---|\n" + "".join(
        f"| `{written}` | `{meant}` |\n"
        for written, meant in (*ALIASES.items(), *((path, target) for path, (target, _) in MOVED.items()))
    )


def _table(title: str, text: str, rows: tuple[Row, ...]) -> Iterator[str]:
    yield f"## {title}\n\n{text}\n"
    yield "| key | reason |\n|---|---|\n" + "".join(
        f"| `{f'{row.block}.{key}'.strip('.')}` | {row.reason} |\n" for row in rows for key in row.keys
    )


if __name__ == "__main__":
    sys.exit(main())
