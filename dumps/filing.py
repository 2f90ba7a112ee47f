"""Enters each dump that is completed into the catalogue, and counts what it was like."""

from collections import deque
from dataclasses import dataclass, field

from dumps.catalogue import Catalogue
from dumps.completion import Completed
from dumps.entries import entry_of

REMEMBERED = 1_024


@dataclass
class Spread:
    """How values are spread: how many, their sum, and the last ones."""

    number: int = 0
    sum: int = 0
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def add(self, value: int) -> None:
        """One more value."""
        self.number += 1
        self.sum += value
        self.recent.append(value)


@dataclass
class FilingFigures:
    """What the dumps were like that were entered. Counts, which only grow."""

    raw_sizes: dict[str, Spread] = field(default_factory=dict)
    """Before they were packed, by kind of client, as `dumps.dump.Head.client` names it. [bytes]"""
    durations: Spread = field(default_factory=Spread)
    """From beginning to end of the session. [ms]"""
    lines: Spread = field(default_factory=Spread)


class Filing:
    """Does with a dump that is completed what `dumps.recorder.Recorder` asks for."""

    def __init__(self, catalogue: Catalogue, figures: FilingFigures | None = None) -> None:
        self.figures = figures or FilingFigures()
        self._catalogue = catalogue

    async def __call__(self, one: Completed) -> None:
        """Enter it. Raises OSError; it may be called again for the same then, and also after it was entered."""
        entry = entry_of(one)
        await self._catalogue.enter(entry)
        self.figures.raw_sizes.setdefault(entry.client, Spread()).add(entry.raw_size)
        self.figures.durations.add(entry.ended_ms - entry.started_ms)
        self.figures.lines.add(entry.lines)
