"""Python's collector of cycles, kept from halting the node.

A full collection looks at every object that there is. With 10,000 clients those are some millions, and the node would
stand still for a second or two, again and again while it grows. But nothing that a node does in the steady state leaves
a cycle behind: objects are freed when nobody refers to them any more, and the collector looks in vain.

So it looks at new objects only, a small portion at a time, and sets aside what outlives that (`gc.freeze`): what was
set aside is freed like everything else once nobody refers to it. Only a cycle of it would stay, so all of it is looked
at while that is short, and at the latest after a day.
"""

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import trio

from observer.metrics.histogram import Histogram

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Of the histogram of pauses. (s)"""

PORTION = 5_000
"""How many objects are new when they are looked at: a few ms."""

_SHORT = 0.04
"""How long it may take to look at everything, for it to be done at any time. (s)"""

_TURN = 0.25
"""How often it looks at what is new, however little that is. Python counts what was made less what was freed: while old
objects go as fast as new ones come it would not look at all, and then at very many at once. (s)"""

_OFTEN = 60.0
"""How often it is asked whether to look at everything. (s)"""

_DAY = 86_400.0
"""After what time everything is looked at, however long that takes; twice as late after each time that found little,
for then it is in vain. (s)"""


class Collecting:
    """The collector of this process, and how long it made the node wait."""

    def __init__(self) -> None:
        self.pauses = Histogram(BOUNDS, most=3600.0)
        """Each time that the collector ran. (s)"""
        self._began = 0.0
        self._looked_at = float("-inf")
        self._patience = _DAY
        self._seconds_a_block = 0.0

    @contextmanager
    def sparing(self) -> Iterator[None]:
        """Spares this process long pauses meanwhile; of each process there is one collector, so not to be nested."""
        before = gc.get_threshold()
        self.look_at_everything()
        gc.callbacks.append(self._told)
        gc.set_threshold(PORTION, *before[1:])
        try:
            yield
        finally:
            gc.set_threshold(*before)
            gc.callbacks.remove(self._told)
            gc.unfreeze()

    async def run(self) -> NoReturn:
        """Looks at what is new again and again, and at everything now and then, until it is cancelled."""
        self._looked_at = trio.current_time()
        ask_at = self._looked_at + _OFTEN
        while True:
            await trio.sleep(_TURN)
            gc.collect(0)
            if trio.current_time() >= ask_at:
                ask_at = trio.current_time() + _OFTEN
                self._look_if_due()

    def _look_if_due(self) -> None:
        overdue = trio.current_time() - self._looked_at >= self._patience
        if overdue or sys.getallocatedblocks() * self._seconds_a_block <= _SHORT:
            found = self.look_at_everything()
            self._looked_at = trio.current_time()
            if overdue:
                self._patience = _DAY if found > PORTION else 2 * self._patience

    def look_at_everything(self) -> int:
        """Frees all cycles that nobody refers to; how many objects were in them."""
        began = time.perf_counter()
        gc.unfreeze()
        found = gc.collect()
        gc.freeze()
        self._seconds_a_block = (time.perf_counter() - began) / sys.getallocatedblocks()
        return found

    def _told(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            gc.freeze()
            self.pauses.observe(time.perf_counter() - self._began)
