"""The time with which a node proposes: it never goes back, and never stands still."""

import math
from collections.abc import Callable


class Clock:
    """Follows the clock on the wall as long as that goes forward; where it is set back, this one goes on evenly.

    `wall` is ms since the epoch. `steady` is s from any moment on; nobody sets it.
    """

    def __init__(self, wall: Callable[[], int], steady: Callable[[], float]) -> None:
        self._wall = wall
        self._steady = steady
        self._lead = -math.inf

    def now(self, at_least: int) -> int:
        """The time, and not before `at_least`, from which it then goes on. (ms since the epoch)"""
        steady = int(self._steady() * 1000)
        self._lead = max(self._lead, self._wall() - steady, at_least - steady)
        return steady + int(self._lead)
