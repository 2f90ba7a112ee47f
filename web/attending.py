"""Many sockets, and for each a listener that is called when there is something to read.

A request that has come whole is answered in the call: that costs no change of tasks, and no change to what the system
watches. The task that serves its connection is woken when there is something to be waited for.
"""

import select
from collections.abc import Callable
from typing import NoReturn, Protocol, Self

import outcome
import trio
from trio.lowlevel import Abort, RaiseCancelT, Task, current_task, reschedule, wait_readable, wait_task_rescheduled

MOST_AT_ONCE = 16
"""How many sockets are heard before all other tasks have their turn: a few milliseconds of work."""


class Listener(Protocol):
    """Who listens to one socket. It never waits."""

    def hear(self) -> None:
        """Reads what is there, once, and works on it."""

    def say(self, now: float) -> bool:
        """Says what there is to be said, `now` in trio's time; whether to go on listening."""


class Attending:
    """Has a listener hear when there is something to read on its socket, or the peer is gone, and then say.

    Of those that speak in one moment all are heard before the first is answered: an answer wakes its peer up, which
    takes time, and often the processor as well.
    """

    __slots__ = ("_epoll", "_listening")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._listening: dict[int, tuple[Callable[[], None], Callable[[float], bool], Task]] = {}

    @classmethod
    def where_possible(cls) -> Self | None:
        """One, if the system has epoll."""
        return cls() if hasattr(select, "epoll") else None

    async def listen(self, number: int, listener: Listener) -> bool:
        """Has `listener` called for the socket of this file descriptor until it wants no more; what it raises is raised
        here. Says whether that could be: the system watches so many and no more.

        One task listens to a socket at a time, and the socket is not closed meanwhile.
        """

        def abort(_: RaiseCancelT) -> Abort:
            self._forget(number)
            return Abort.SUCCEEDED

        try:
            self._epoll.register(number, select.EPOLLIN)
        except (OSError, ValueError):  # it is full, or closed
            return False
        self._listening[number] = (listener.hear, listener.say, current_task())
        await wait_task_rescheduled(abort)
        return True

    async def run(self) -> NoReturn:
        """Calls those who listen, until it is cancelled."""
        epoll = self._epoll
        try:
            while True:
                await wait_readable(epoll.fileno())
                spoke = [number for number, _ in epoll.poll(0, MOST_AT_ONCE)]
                self._hear(spoke)
                self._say(spoke)
        finally:
            epoll.close()

    def _hear(self, spoke: list[int]) -> None:
        listening = self._listening
        for number in spoke:
            if number in listening:  # else another listener has ended this one
                try:
                    listening[number][0]()
                except Exception as error:
                    self._end(number, outcome.Error(error))

    def _say(self, spoke: list[int]) -> None:
        listening, now = self._listening, trio.current_time()
        for number in spoke:
            if number in listening:
                try:
                    if listening[number][1](now):
                        continue
                except Exception as error:
                    self._end(number, outcome.Error(error))
                else:
                    self._end(number, outcome.Value(None))

    def _end(self, number: int, end: outcome.Outcome[None]) -> None:
        reschedule(self._forget(number), end)

    def _forget(self, number: int) -> Task:
        if not self._epoll.closed:
            self._epoll.unregister(number)
        return self._listening.pop(number)[2]
