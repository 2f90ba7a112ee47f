"""Work in the one thread that all share: in stints, with a pause after each in which others run."""

import time

import trio

LONGEST = 500
"""How many samples, tracks and reports a stint takes: some ms of work, not a setting. Whoever works counts them."""


class Stint:
    """The time that work takes without the pauses."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long was worked so far. (s)"""
        return self._seconds + time.perf_counter() - self._started

    async def pause(self) -> None:
        """Lets others run."""
        self._seconds = self.seconds
        await trio.lowlevel.checkpoint()
        self._started = time.perf_counter()
