"""One connection to a receiver, whose end is noticed at once, also while nothing is sent.

One task reads; whoever sends a batch has the turn meanwhile. What the receiver says is for others to understand.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from sinks.dialing import Stream, told

RECEIVE_SIZE = 65_536
"""How much is read at once. (bytes)"""

SEND_SIZE = 262_144
"""How much is written at once, and has to be taken in time. (bytes)"""


class Session:
    """A connection to `receiver`, as the log calls it. `patience_s` bounds each wait for it, in seconds.

    Whatever ends it is a ConnectionError, fit for the log. It is raised once: by whoever has the turn, else by `read`.
    """

    def __init__(self, stream: Stream, receiver: object, patience_s: float) -> None:
        self.stream = stream
        self.receiver = receiver
        self.failure: ConnectionError | None = None
        """Why it is over."""
        self.whole = True
        """Whether all that was to be put was put, so that more may follow."""
        self._patience_s = patience_s
        self._turn = trio.Lock()
        self._writing = trio.Lock()
        self._waiting = trio.lowlevel.ParkingLot()
        self._raised = False

    async def read(self, hear: Callable[[bytes | bytearray], None]) -> None:
        """Give `hear` all that comes, until the connection is over; raise why as soon as nobody has the turn.

        `hear` gets nothing at first, for what may have come before. It calls `stir` when others wait for what it
        heard, and raises ConnectionError, or calls `end`, when that is the end.
        """
        try:
            hear(b"")
            while self.failure is None:
                data = await self.stream.receive_some(RECEIVE_SIZE)
                if not data:
                    raise ConnectionError(f"{self.receiver} has closed the connection")
                hear(data)
        except trio.BrokenResourceError as error:
            self.ended(told(error), error)
        except ConnectionError as error:
            self.end(error)
        await self.tell()

    async def tell(self) -> None:
        """Raise why it is over, unless whoever has the turn does."""
        async with self._turn:
            if self.failure and not self._raised:
                self._raised = True
                raise self.failure

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """While it lasts nobody else sends a batch. Raises why the connection is over."""
        async with self._turn:
            try:
                if self.failure:
                    raise self.failure
                yield
            except ConnectionError:
                self._raised = True
                raise

    async def put(self, data: bytes) -> None:
        """Write all of it, once nobody else writes. Raises ConnectionError, also when the receiver does not read."""
        async with self._writing:
            self.whole = False
            for start in range(0, len(data), SEND_SIZE):
                await self._put(memoryview(data)[start : start + SEND_SIZE])
            self.whole = True

    async def wait(self, come: Callable[[], bool]) -> None:
        """Wait until the receiver has come so far. Raises ConnectionError when that takes too long."""
        with trio.move_on_after(self._patience_s):
            while not come() and self.failure is None:
                await self._waiting.park()
        if not come():
            raise self.ended(f"it did not answer within {self._patience_s:g} s")

    def stir(self) -> None:
        """Let those who wait look whether the receiver has come so far."""
        self._waiting.unpark_all()

    def end(self, failure: ConnectionError) -> None:
        """It is over; the first reason stays."""
        self.failure = self.failure or failure
        self.stir()

    def ended(self, why: str, cause: BaseException | None = None) -> ConnectionError:
        """It is over for a reason that is known already, or else for this one."""
        failure = ConnectionError(f"{self.receiver}: {why}")
        failure.__cause__ = cause
        self.end(failure)
        return self.failure or failure

    async def _put(self, data: memoryview) -> None:
        with trio.move_on_after(self._patience_s) as scope:
            try:
                await self.stream.send_all(data)
            except trio.BrokenResourceError as error:
                await self._hear_last_words()
                raise self.ended(told(error), error) from error
        if scope.cancelled_caught:
            raise self.ended(f"it did not take {len(data)} bytes within {self._patience_s:g} s")

    async def _hear_last_words(self) -> None:
        """What the receiver said before it closed tells more than that a pipe is broken."""
        with trio.move_on_after(min(1.0, self._patience_s)):
            while self.failure is None:
                await self._waiting.park()
