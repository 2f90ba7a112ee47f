"""The log in memory: commands in the order in which they were decided, with the oldest ones dropped.

PySyncObj keeps entries as (command, index, term) in a journal of list-like access; this is such a journal that also
knows its size. Its first entry is the *base*: it is applied and only its index and term count.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pysyncobj.journal import Journal

Record = tuple[bytes, int, int]
"""Command, index, term."""


class Log(Journal):  # type: ignore[misc]
    """Entries without gaps, from the base to the last."""

    def __init__(self, index: int, term: int, command: bytes) -> None:
        self._entries: list[Record] = [(command, index, term)]
        self.bytes = len(command)
        """Size of the commands in it. (bytes)"""

    @property
    def first(self) -> int:
        """Index of the base."""
        return self._entries[0][1]

    @property
    def last(self) -> int:
        """Index of the last entry."""
        return self._entries[-1][1]

    @property
    def last_term(self) -> int:
        """Term of the last entry."""
        return self._entries[-1][2]

    def term_of(self, index: int) -> int | None:
        """The term of an entry; ``None`` if there is no such entry (any more)."""
        at = index - self.first
        return self._entries[at][2] if 0 <= at < len(self._entries) else None

    def behind(self, index: int, size: int) -> list[Record]:
        """The entries behind `index`: as many as come to `size` bytes, at least one if there is any."""
        taken: list[Record] = []
        for at in range(index + 1 - self.first, len(self._entries)):
            entry = self._entries[at]
            size -= len(entry[0])
            if taken and size < 0:
                break
            taken.append(entry)
        return taken

    def add(self, command: bytes, idx: int, term: int) -> None:
        """Appends an entry; PySyncObj's own name and parameters."""
        self._entries.append((command, idx, term))
        self.bytes += len(command)

    def cut_from(self, index: int) -> None:
        """Drops the entry of this index and all behind it."""
        self._drop(self._entries[index - self.first :])
        del self._entries[index - self.first :]

    def cut_to(self, index: int) -> None:
        """Drops all entries before this index, which becomes the base."""
        self._drop(self._entries[: index - self.first])
        del self._entries[: index - self.first]

    def _drop(self, entries: Iterable[Record]) -> None:
        self.bytes -= sum(len(entry[0]) for entry in entries)

    # What else PySyncObj asks of a journal

    def __getitem__(self, item: Any) -> Any:
        return self._entries[item]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._entries)

    def setRaftCommitIndex(self, raftCommitIndex: int) -> None:
        """Nothing is kept across restarts: a process that starts is a new member."""

    def setCurrentTerm(self, term: int, votedForNodeId: str | None) -> None:
        """Likewise."""

    def _destroy(self) -> None:
        pass
