"""Work that never changes, for comparison: what a machine, or a build of Python, does to this, it does to the observer.

Most of its instructions are those of libraries written in C and the rest those of Python's interpreter, in such shares
that the observer costs nearly as many yardsticks with a Python that was built for speed as with one that was not.
"""

import gc
from contextlib import AbstractContextManager
from dataclasses import dataclass

import orjson

from tests.speed.replay import MESSAGES, OPENING

_ROWS = 12


@dataclass(slots=True)
class _Row:
    name: str
    number: int
    seen: int

    def key(self) -> tuple[str, int]:
        return self.name, self.number


def yardstick(messages: int, measured: AbstractContextManager[object]) -> None:
    """Reads and writes each message, and keeps a registry of rows; in steps, as the ways of the replay do.

    Without the collector of cycles, for what that looks at is everything that was ever imported.
    """
    gc.disable()
    rows: dict[tuple[str, int], _Row] = {}
    for number in range(OPENING):
        _step(number, rows)
    with measured:
        for number in range(messages):
            _step(number, rows)


def _step(number: int, rows: dict[tuple[str, int], _Row]) -> str:
    orjson.dumps(orjson.loads(MESSAGES[number % len(MESSAGES)]))
    told = []
    for row in [_Row("alice", n, number) for n in range(_ROWS)]:
        known = rows.setdefault(row.key(), row)
        known.seen = number
        told.append({"name": known.name, "number": known.number, **({} if row.number % 2 else {"odd": False})})
    return ",".join(f"{one['name']}-{len(one)}" for one in told if one["name"])
