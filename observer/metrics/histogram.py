"""How values are spread, at the price of one search in a short list for each."""

from bisect import bisect_left
from collections.abc import Sequence


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
        if value is not None and 0 <= value <= self._most:
            self.counts[bisect_left(self.bounds, value)] += 1
            self.total += value
