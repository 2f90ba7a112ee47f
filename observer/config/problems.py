"""What can be wrong with a configuration.

No message holds a value of the configuration, but for the names of certificates' files: a value may be a secret, or
come from the environment. Path and line say where to look.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (a path such as ``observer.buffers``, empty for the whole), what, and the line."""

    path: str
    text: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else ""
        return ": ".join(part for part in (where, self.path, self.text) if part)


class ConfigError(Exception):
    """The operator's configuration cannot be used; `problems` holds everything that is wrong with it, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def shown(name: str) -> str:
    """A name as a message may show it: one line of printable characters, not longer than `LONGEST_NAME`."""
    text = "".join(character if character.isprintable() else "?" for character in name[:LONGEST_NAME])
    return text if len(name) <= LONGEST_NAME else f"{text}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean maxItems?`` when a known name is near, else nothing."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name[:LONGEST_NAME].lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def one_of(names: Collection[str]) -> str:
    """``one of a, b, c``."""
    return f"one of {', '.join(names)}"
