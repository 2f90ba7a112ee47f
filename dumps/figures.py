"""What the recorder of dumps counts: plain numbers, from the start of the process on, for whoever exposes them."""

from collections import Counter, deque
from dataclasses import dataclass, field

REMEMBERED_SIZES = 1_024


@dataclass
class Sizes:
    """How large the dumps of one kind of client became, as they are stored: how many, their sum, and the last ones."""

    number: int = 0
    sum: int = 0
    """[bytes]"""
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED_SIZES))
    """[bytes each]"""

    def add(self, size: int) -> None:
        """One more dump, of so many bytes."""
        self.number += 1
        self.sum += size
        self.recent.append(size)


@dataclass
class DumpFigures:
    """Counts, which only grow, and, where it is said, levels."""

    sessions: int = 0
    """Dumps that were opened, those included that were refused or stayed empty."""
    refused: Counter[str] = field(default_factory=Counter)
    """Dumps of which nothing is kept, by reason: `open`, `waiting`, `disk` (there are too many, or they take too much),
    `stopping`."""
    lines: int = 0
    """Lines that were written."""
    bytes: int = 0
    """What these take. [bytes]"""
    dropped: Counter[str] = field(default_factory=Counter)
    """Lines of open dumps that are lost, by reason: `size` (of the dump), `disk` (the folder is full),
    `slow` (nothing could be written for long, and memory is full), `error` (writing this dump failed again and again).
    """
    queued: int = 0
    """Dumps that were closed, or found unfinished, and so handed to completion."""
    recovered: int = 0
    """Of those, dumps that an earlier process left."""
    files: int = 0
    """Dumps that were completed: stored, entered in the catalogue, and taken from the folder of work."""
    removed_lines: int = 0
    """Lines that are no JSON, and which therefore a completed dump is without."""
    errors: Counter[str] = field(default_factory=Counter)
    """What failed, and is tried again, by reason: `write`, `process`, `storage`, `catalogue`."""
    sizes: dict[str, Sizes] = field(default_factory=dict)
    """By kind of client, as `dumps.recorder.Head.client` names it."""

    open: int = 0
    """Dumps that are being written. A level."""
    waiting: int = 0
    """Dumps that wait for completion, those in hand included. A level."""
    buffered: int = 0
    """Lines in memory that are not written yet. A level. [bytes]"""
    work: int = 0
    """What the folder of work takes. A level. [bytes]"""

    def completed(self, client: str, size: int) -> None:
        """A dump of such a client is through, and takes so many bytes."""
        self.files += 1
        self.sizes.setdefault(client, Sizes()).add(size)
