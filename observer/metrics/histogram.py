"""How values are spread, at the price of one search in a short list for each."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence


class Histogram:
    """Counts values by the smallest of `bounds` that they are not beyond; the last of `counts` is beyond all.

    What is below 0 or beyond `most` is no measurement: it is left out, so that no sender can spoil the sum.
    """

    def __init__(self, bounds: Sequence[float], most: float) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0
        self._most = most

    def observe(self, value: float | None) -> None:
        """Takes one value, if there is one."""
        self.observe_all((value,))

    def observe_all(self, values: Iterable[float | None]) -> None:
        """Takes those values that there are."""
        bounds, counts, most = self.bounds, self.counts, self._most
        total = 0.0
        for value in values:
            if value is not None and 0 <= value <= most:
                counts[bisect_left(bounds, value)] += 1
                total += value
        self.total += total
