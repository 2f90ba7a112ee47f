"""The figures that are stored, and by how much those of today may differ.

They are of one version of Python on one kind of processor; others have their own, or none. Instructions are told in
yardsticks, so that they are nearly the same for all builds of that version, on all machines.
"""

import json
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.speed.instructions import YARDSTICK

FILE = Path(__file__).parent / "figures.json"
HERE = f"{platform.python_implementation()} {'.'.join(platform.python_version_tuple()[:2])} {platform.machine()}"

INSTRUCTIONS = "instructions"

Ways = Mapping[str, float]
Figures = Mapping[str, Ways]
"""Kind by kind, of each way of the replay, for a message."""


class Margin(NamedTuple):
    """What is let pass: a share of the stored figure, and something besides."""

    share: float
    more: float = 0.0

    def of(self, stored: float) -> float:
        """By how much a figure may exceed the stored one."""
        return stored * self.share + self.more


MARGINS = {
    INSTRUCTIONS: Margin(0.06),
    "calls": Margin(0.05),
    "system calls": Margin(0.1, 0.2),
    "peak": Margin(0.15, 200),
    "kept": Margin(0.1, 1.0),
    "garbage": Margin(0.0, 0.5),
}
"""Instructions differ between two builds of a version of Python by up to 0.025, two runs of one by up to 0.015."""

UNITS = {INSTRUCTIONS: "yardsticks", "peak": "bytes", "kept": "blocks", "garbage": "objects"}


class Change(NamedTuple):
    """A figure of today beside the stored one."""

    kind: str
    way: str
    stored: float
    now: float

    @property
    def dearer(self) -> bool:
        """Whether it is beyond the margin."""
        return self.now > self.stored + MARGINS[self.kind].of(self.stored)

    @property
    def much_cheaper(self) -> bool:
        """Whether the stored figure would let pass too much."""
        return self.now < self.stored - 2 * MARGINS[self.kind].of(self.stored)

    def __str__(self) -> str:
        change = f"{self.now / self.stored - 1:+.1%}" if self.stored else ""
        unit = UNITS.get(self.kind, "")
        return f"{self.kind:<13} {self.way:<25} {self.stored:10.2f} {self.now:10.2f} {unit:<11} {change:>8}"


HEAD = f"{'a message':<39} {'stored':>10} {'now':>10}"


def in_yardsticks(counted: Ways) -> Figures:
    """What Valgrind counted, as figures."""
    return {INSTRUCTIONS: {way: one / counted[YARDSTICK] for way, one in counted.items() if way != YARDSTICK}}


def stored() -> Figures | None:
    """The figures of this version of Python on this kind of processor; ``None`` if there are none."""
    here = _all().get(HERE)
    return here and here["figures"]


def store(figures: Figures, on: str) -> None:
    """Stores figures of here, and the day on which they were measured, in place of those that were."""
    every = _all()
    rounded = {kind: {way: round(one, 4) for way, one in ways.items()} for kind, ways in figures.items()}
    every[HERE] = {"measured": on, "figures": rounded}
    FILE.write_text(json.dumps(every, indent=2) + "\n")


def changes(old: Figures, new: Figures) -> Iterator[Change]:
    """Each figure of today; a way that is new has 0 stored."""
    for kind, ways in new.items():
        for way, now in ways.items():
            yield Change(kind, way, old.get(kind, {}).get(way, 0.0), now)


def verdict(found: list[Change]) -> str:
    """Empty, or what is to be done, and about which figures."""
    dearer = [str(change) for change in found if change.dearer]
    cheaper = [str(change) for change in found if change.much_cheaper]
    told: list[str] = []
    if dearer:
        told += ["Dearer than it was; if it must be: make speed-guard SPEED_ARGS=--dearer", HEAD, *dearer]
    if cheaper:
        told += ["Much cheaper than it was; for it to stay so: make speed-guard", HEAD, *cheaper]
    return "\n".join(told)


def _all() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found
