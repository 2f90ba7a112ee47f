"""Reading many sockets together, a few times a second, instead of each when something comes.

A thousand senders that speak now and then would wake the process a thousand times a second, each time for one message
and from a cold start: that costs more than all the work on the message. Nobody waits for an answer to samples, so what
comes within a moment is read at its end, all in a row.

Nor is more read than can be worked on: what waits in the kernel costs nothing, and what is worked on as soon as it was
read is still in the caches of the processor.
"""

import errno
import select
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn, Self

import outcome
import trio
from trio.lowlevel import (
    Abort,
    RaiseCancelT,
    Task,
    checkpoint,
    current_task,
    reschedule,
    wait_readable,
    wait_task_rescheduled,
)

SHORTEST, LONGEST = 0.005, 0.05
"""How long what came first may wait for what comes with it: the more so the more comes together. (s)"""

MOST_AT_ONCE, FEW_AT_ONCE = 16, 2
"""How many sockets are read before all other tasks have their turn: a millisecond of work. They are few while senders
are faster than they are read, so that each read brings as much as it can."""

Pause = Callable[[], Awaitable[None] | None]
"""What is to be awaited before more is read; ``None`` if there is nothing."""

Hear = Callable[[], bool]
"""Hears what has come, without waiting; whether to go on listening."""

_MOST_PASSED_OVER = 256
"""Behind how many sockets that have something, but that nobody waits for, it is looked on within one moment."""


class Gathering:
    """Tells those who wait for sockets that there is something to read, at most once a moment.

    Who listens is called, and its task sleeps on: with ten thousand of them, to wake it up would cost more than to hear
    what was said, for all that it is made of has left the caches of the processor since the last time.

    Moments grow to `LONGEST` while several sockets speak within one, and shrink to `SHORTEST` while not, so that one
    who speaks alone hardly waits; nor does anybody while there is more to read than one read takes.

    What `pause` gives is awaited before more is read, but no longer than for the longest moment: peers that only want
    to know whether we live are sockets among the others.

    A socket that is added is watched until it is removed, which must happen before it is closed.
    """

    def __init__(self, pause: Pause = lambda: None) -> None:
        self._pause = pause
        self._epoll = select.epoll()
        self._waiting: dict[int, Task] = {}
        self._listeners: dict[int, Hear] = {}
        """Of those who wait, who is called instead of woken up."""
        self._aborts: dict[int, Callable[[RaiseCancelT], Abort]] = {}
        """For each socket that is watched, how its waiting ends when it is cancelled."""
        self._moment = SHORTEST
        self._hastened = False

    @classmethod
    def where_possible(cls, pause: Pause) -> Self | None:
        """One, if the system has epoll; otherwise each socket is waited for alone, and read whenever it can be."""
        return cls(pause) if hasattr(select, "epoll") else None

    def add(self, number: int) -> None:
        """Watches the socket of this file descriptor. Raises `OSError` if the system watches no more."""
        if self._epoll.closed:
            raise OSError(errno.EBADF, "Nothing is watched any more")
        self._epoll.register(number, select.EPOLLIN)
        self._aborts[number] = partial(self._abort, number)

    def remove(self, number: int) -> None:
        """Watches it no more; who waits for it is told by `trio.ClosedResourceError`."""
        if not self._epoll.closed:
            self._epoll.unregister(number)
        self._aborts.pop(number, None)
        self._end(number, outcome.Error(trio.ClosedResourceError("The stream is closed")))

    def wait_readable(self, number: int) -> Awaitable[None]:
        """Waits until there is something to read, or the peer is gone; to be awaited at once. One task waits for a
        socket at a time.

        What is made here lives as long as a peer is silent. With ten thousand of them it is cold whenever it is touched
        again, by Python's collector of cycles too: so it is little.
        """
        self._waiting[number] = current_task()
        return wait_task_rescheduled(self._aborts[number])  # noqa: ASYNC105 - who asked awaits it

    def listen(self, number: int, hear: Hear) -> Awaitable[None]:
        """Has `hear` called whenever there is something to read, or the peer is gone, until it listens no more; to be
        awaited at once. What it raises is raised here."""
        self._listeners[number] = hear
        return self.wait_readable(number)

    def hasten(self) -> None:
        """Somebody sends faster than he is read: nobody is waited for before the next look."""
        self._hastened = True

    async def catch_up(self) -> None:
        """Returns when all have been told once of what had come by now, and had their turn to read it."""
        for _ in range(len(self._aborts) // MOST_AT_ONCE + 1):
            events = self._epoll.poll(0, MOST_AT_ONCE)
            if not events:
                break
            self._tell(events)
            await checkpoint()
        await checkpoint()

    async def run(self) -> NoReturn:
        """Tells those who wait, until it is cancelled."""
        try:
            while True:
                await wait_readable(self._epoll.fileno())
                passed_over, most = 0, MOST_AT_ONCE
                while events := self._epoll.poll(0, most):
                    told = self._tell(events)
                    if not told and len(events) == most and passed_over < _MOST_PASSED_OVER:
                        passed_over += most
                        continue
                    passed_over = 0
                    await checkpoint()
                    if not self._hastened:
                        await checkpoint()  # now at the latest all of them had their turn
                    await self._make_way()
                    if self._hastened:
                        self._hastened, self._moment, most = False, SHORTEST, FEW_AT_ONCE
                    elif not told or len(events) < most:
                        self._moment = min(2 * self._moment, LONGEST) if told > 1 else max(self._moment / 2, SHORTEST)
                        await trio.sleep(self._moment)
                        most = MOST_AT_ONCE
        finally:
            self._epoll.close()

    async def _make_way(self) -> None:
        """Waits until there is room for more, as far as `pause` says so within the longest moment."""
        rest = self._pause()
        if rest is not None:
            with trio.move_on_after(LONGEST):
                await rest

    def _abort(self, number: int, _: RaiseCancelT) -> Abort:
        self._forget(number)
        return Abort.SUCCEEDED

    def _forget(self, number: int) -> Task | None:
        """Nobody waits for it any more; who did."""
        self._listeners.pop(number, None)
        return self._waiting.pop(number, None)

    def _tell(self, events: list[tuple[int, int]]) -> int:
        """How many of these sockets somebody waits for: nobody does while a message of theirs is still worked on."""
        told = 0
        for number, _ in events:
            if number not in self._waiting:
                continue
            told += 1
            hear = self._listeners.get(number)
            try:
                if hear is not None and hear():
                    continue
            except Exception as error:
                self._end(number, outcome.Error(error))  # held by nothing here: that would be a cycle
            else:
                self._end(number, outcome.Value(None))
        return told

    def _end(self, number: int, end: outcome.Outcome[None]) -> None:
        task = self._forget(number)
        if task is not None:  # else what was heard has ended its waiting
            reschedule(task, end)
