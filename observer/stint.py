"""Work in the one thread that all share: in stints, with a pause after each in which others run."""

import time

import trio

_LONGEST = 500
"""How many samples, tracks and reports a stint takes: some ms of work, not a setting."""


class Stint:
    """Counts work, and the time that it takes without the pauses."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._done = 0
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long was worked so far. (s)"""
        return self._seconds + time.perf_counter() - self._started

    def is_over(self, work: int) -> bool:
        """Whether it is time for a pause, now that so many more samples, tracks and reports are done."""
        self._done += work
        return self._done >= _LONGEST

    async def pause(self) -> None:
        """Lets others run."""
        self._seconds = self.seconds
        await trio.lowlevel.checkpoint()
        self._done = 0
        self._started = time.perf_counter()
