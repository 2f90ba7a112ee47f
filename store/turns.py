"""Rows of two ranks, written one by one while they go on changing: calls with their clients, or SFUs with transports.

Rows of each rank come in the order of their numbers. A row that is about to change before its turn is written early,
and kept as bytes until then.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar


class Numbered(Protocol):
    """A row that can be put in order."""

    @property
    def number(self) -> int:
        """Counts rows in the order in which they were made."""


Upper = TypeVar("Upper", bound=Numbered)
Lower = TypeVar("Lower", bound=Numbered)


class Turns(Generic[Upper, Lower]):
    """The records of the rows that were there when this was made: each `upper`, followed by what it had below it.

    `last` is the highest number of a row so far. `write_upper` gives the record of a row and the rows below it,
    `write_lower` all records of a row of the lower rank, `upper_of` the row that it stands below.
    """

    def __init__(
        self,
        uppers: Sequence[Upper],
        last: int,
        write_upper: Callable[[Upper], tuple[bytes, Sequence[Lower]]],
        write_lower: Callable[[Lower], Sequence[bytes]],
        upper_of: Callable[[Lower], Upper],
    ) -> None:
        self._uppers = uppers
        self._last = last
        self._write_upper = write_upper
        self._write_lower = write_lower
        self._upper_of = upper_of
        self._at_upper = self._at_lower = 0
        self._uppers_kept: dict[Upper, tuple[bytes, Sequence[Lower]]] = {}
        self._lowers_kept: dict[Lower, Sequence[bytes]] = {}

    def written(self) -> Iterator[bytes]:
        """The records, each when it is asked for."""
        for upper in self._uppers:
            kept = self._uppers_kept.pop(upper, None)
            record, lowers = kept or self._write_upper(upper)
            self._at_upper, self._at_lower = upper.number, 0
            yield record
            for lower in lowers:
                records = self._lowers_kept.pop(lower, None) or self._write_lower(lower)
                self._at_lower = lower.number
                yield from records

    def before_upper(self, row: Upper) -> None:
        """A row, or what stands below it, is about to change."""
        if self._at_upper < row.number <= self._last and row not in self._uppers_kept:
            self._uppers_kept[row] = self._write_upper(row)

    def before_lower(self, row: Lower) -> None:
        """A row of the lower rank is about to change."""
        if self._is_to_come(row) and row not in self._lowers_kept:
            self._lowers_kept[row] = self._write_lower(row)

    def _is_to_come(self, row: Lower) -> bool:
        at = (self._at_upper, self._at_lower)
        return row.number <= self._last and at < (self._upper_of(row).number, row.number)

    @property
    def held(self) -> int:
        """How many rows were written early and wait for their turn."""
        return len(self._uppers_kept) + len(self._lowers_kept)

    def forget(self) -> None:
        """Nothing will be asked for any more."""
        self._uppers = ()
        self._uppers_kept.clear()
        self._lowers_kept.clear()
