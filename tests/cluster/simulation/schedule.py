"""Virtual time: what is to happen, in order."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

Act = Callable[[], None]


class Schedule:
    """A list of acts by time; of two at the same time, the one that was planned first comes first."""

    def __init__(self) -> None:
        self.now = 0.0
        self._acts: list[tuple[float, int, Act]] = []
        self._number = count()

    def at(self, when: float, act: Act) -> None:
        """Plans an act; one that is late already comes next."""
        heappush(self._acts, (max(when, self.now), next(self._number), act))

    def after(self, delay: float, act: Act) -> None:
        """Plans an act in `delay` s."""
        heappush(self._acts, (self.now + delay, next(self._number), act))

    def run(self, until: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Lets time pass until a moment, or until `stop` holds after an act."""
        acts = self._acts
        while acts and acts[0][0] <= until:
            self.now, _, act = heappop(acts)
            act()
            if stop():
                return
        self.now = until
