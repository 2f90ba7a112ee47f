"""When open sessions are looked at: one clock for all costs less than one for each, and few looks less than many.

With ten thousand sessions, what a look touches has left the caches of the processor since the last one. So a session
is looked at when something may be due. Being heard moves nothing: what was heard until then tells when to look again.
"""

import math
from collections import defaultdict
from itertools import count
from typing import NoReturn, Protocol

import trio

LONGEST = 30.0
"""How long a session is not looked at, at most; for so long one that has ended leaves its number behind. (s)"""

MOST_AT_ONCE = 128
"""How many sessions are looked at before others have their turn: a millisecond of work if all of them are pinged."""

_INTERVAL = 1.0


class Watched(Protocol):
    """An open session. None of this waits: what takes time is done in `nursery`."""

    def look(self, now: float, nursery: trio.Nursery) -> float | None:
        """Does what is due; says before when nothing can be, in trio's time. ``None`` if nothing will be any more."""

    def end_unread(self, nursery: trio.Nursery) -> None:
        """Ends the session: its peer has not read what was sent for too long."""

    async def stop(self) -> None:
        """Ends the session because the server stops."""


class Watch:
    """Looks after the open sessions of one server, each of which has a number of its own.

    Something is done within two seconds of being due. Looks fall on whole seconds of trio's time, and so does what was
    heard: what is due whole seconds after that is done within one.
    """

    def __init__(self, write_timeout_in_s: float) -> None:
        self.sessions: dict[int, Watched] = {}
        self.sending: dict[int, float] = {}
        """Which sessions send what their peers have not read, since when; in trio's time."""
        self.next_look = 0.0
        """The next second of the watch. What is heard counts as heard then: that costs less than to ask for the time,
        and takes nothing of a limit away; in trio's time."""
        self._write_timeout = write_timeout_in_s
        self._numbers = count()
        self._second = 0
        """The first that has not come, or is being looked at; in trio's time."""
        self._due = defaultdict[int, list[int]](list)
        """Who is to be looked at in which second. They are numbers, so that no session is held that has ended."""

    def new_number(self) -> int:
        """One that no other session has or had."""
        return next(self._numbers)

    def add(self, number: int, session: Watched) -> None:
        """Looks after this session from now on, until `remove`."""
        self.sessions[number] = session
        self._due[self._second].append(number)

    def remove(self, number: int) -> None:
        """Looks no longer after this session."""
        del self.sessions[number]

    def begin(self, nursery: trio.Nursery) -> None:
        """Looks after all, in tasks of `nursery`, until these are cancelled. Sessions may be made from now on."""
        self._second = math.floor(trio.current_time())
        self.next_look = self._second + _INTERVAL
        nursery.start_soon(self._run, nursery)

    async def _run(self, nursery: trio.Nursery) -> NoReturn:
        while True:
            await trio.sleep_until(self.next_look)
            now = trio.current_time()
            self.next_look = math.floor(now) + _INTERVAL
            self._look_at_sending(now, nursery)
            await self._look_at_due(now, nursery)

    def _look_at_sending(self, now: float, nursery: trio.Nursery) -> None:
        for number, since in tuple(self.sending.items()):
            if now - since > self._write_timeout and number in self.sessions:
                self.sessions[number].end_unread(nursery)

    async def _look_at_due(self, now: float, nursery: trio.Nursery) -> None:
        looks = 0
        while self._second <= now:
            numbers = self._due.pop(self._second, ())
            self._second += 1
            for number in numbers:
                session = self.sessions.get(number)
                if session is None:
                    continue
                due = session.look(now, nursery)
                if due is not None:
                    self._due[max(math.ceil(min(due, now + LONGEST)), self._second)].append(number)
                looks += 1
                if looks % MOST_AT_ONCE == 0:
                    await trio.lowlevel.checkpoint()
