"""The other side of one HTTP/1.1 connection: heads and bodies from it, answers to it, each in limited time."""

import math
from collections.abc import Iterator
from enum import Enum, auto

import trio

from web import answers
from web.bodies import Body
from web.chunks import Chunks
from web.heads import Head, Received, take_head
from web.limits import Limits
from web.requests import Malformed, Response, text_response
from web.statistics import Ended, Statistics
from web.streams import RECEIVE_SIZE, Stream

_PIECES_PER_TURN = 64


class Phase(Enum):
    """What an exchange is at."""

    RESTING = auto()
    HEAD = auto()
    BODY = auto()
    ANSWERING = auto()
    WRITING = auto()


class Peer:
    """Who has opened the connection.

    Everything is awaited within `scope`, which is cancelled when `phase` takes longer than its limit.
    """

    __slots__ = (
        "_chunks",
        "_head",
        "_left",
        "_limits",
        "_received",
        "_rest_timeout",
        "_seconds",
        "_statistics",
        "_stream",
        "phase",
        "scope",
    )

    def __init__(self, stream: Stream, limits: Limits, statistics: Statistics) -> None:
        self.scope = trio.CancelScope()
        self.phase = Phase.RESTING
        self._stream = stream
        self._limits = limits
        self._statistics = statistics
        self._received = Received()
        self._head: Head | None = None
        self._left = 0
        self._chunks: Chunks | None = None
        self._rest_timeout = limits.head_timeout_in_s
        self._seconds: float | None = None

    @property
    def early(self) -> bytes:
        """What was received behind the request in hand."""
        return self._received.data[self._received.at :]

    @property
    def request_is_whole(self) -> bool:
        """Whether all of the request is here; what is left of its body is thrown away as far as it is here."""
        if self._head is None:
            return False
        try:
            for _ in self._pieces():
                pass
        except Malformed:
            return False
        return self._body_is_whole

    async def receive_head(self) -> Head | None:
        """The head of the next request; ``None`` when the peer sends no more. Raises `Malformed`."""
        self._head = None
        if self._received:
            self._enter(Phase.HEAD, self._limits.head_timeout_in_s)
            await self._pause()
        else:
            self._enter(Phase.RESTING, self._rest_timeout)
        head = self._take_head()
        while head is None:
            if not await self._receive():
                if self._received:
                    raise Malformed(400)
                return None
            head = self._take_head()
            if head is None and self.phase is Phase.RESTING:
                self._enter(Phase.HEAD, self._limits.head_timeout_in_s)
        self._head = head
        self._chunks = Chunks(self._limits.max_head_size) if head.length is None else None
        self._left = head.length or 0
        return head

    async def receive_body(self, body: Body) -> bytes:
        """The body of the request, inflated. Raises `Malformed`, and what `Body` raises."""
        self._enter(Phase.BODY, self._limits.body_timeout_in_s)
        if self._chunks is None and self._left <= len(self._received):
            # Most bodies have come with their heads.
            length, self._left = self._left, 0
            body.feed(self._received.take(length))
            return body.finish()
        pieces = 0
        while True:
            for piece in self._pieces():
                body.feed(piece)
                pieces += 1
                if not pieces % _PIECES_PER_TURN:
                    await self._pause()
            if self._body_is_whole:
                return body.finish()
            if not pieces and self._head is not None and self._head.waits:
                self._head.waits = False
                self._limit_time()
                await self._stream.send_all(answers.GO_ON)
            if not await self._receive():
                raise Malformed(400)

    def answering(self) -> None:
        """The request is being answered: that takes as long as it takes."""
        self._enter(Phase.ANSWERING, math.inf)
        self._limit_time()

    async def send(self, response: Response, more: answers.Headers, *, without_body: bool, last: bool) -> bool:
        """Sends the answer, with the headers `more`; says whether another request may follow.

        `last` says that none may, and is told the peer. Raises `ValueError` for headers that cannot be sent.
        """
        last = last or self._head is None or not self._head.keeps or not self.request_is_whole
        data = answers.encode(response, more, without_body=without_body, last=last)
        self._enter(Phase.WRITING, self._limits.write_timeout_in_s)
        self._limit_time()
        await self._stream.send_all(data)
        self._statistics.requests[response.status] += 1
        self._rest_timeout = self._limits.keep_alive_timeout_in_s
        return not last

    async def end_slow(self) -> None:
        """Ends the exchange whose phase took too long: with 408 where the peer waits for an answer."""
        match self.phase:
            case Phase.HEAD | Phase.BODY:
                slow = Ended.HEAD_TIMEOUT if self.phase is Phase.HEAD else Ended.BODY_TIMEOUT
                self._statistics.ended[slow] += 1
                response = text_response(408, "The request took too long")
                with trio.move_on_after(self._limits.close_timeout_in_s):
                    await self.send(response, (), without_body=False, last=True)
            case Phase.WRITING:
                self._statistics.ended[Ended.WRITE_TIMEOUT] += 1
                await trio.aclose_forcefully(self._stream)
            case _:
                pass

    @property
    def _body_is_whole(self) -> bool:
        return self._left == 0 if self._chunks is None else self._chunks.complete

    def _take_head(self) -> Head | None:
        return take_head(self._received, self._limits.max_head_size) if self._received else None

    def _pieces(self) -> Iterator[bytes]:
        """Takes what is here of the body. Raises `Malformed`."""
        if self._chunks is not None:
            yield from self._chunks.pieces(self._received)
        elif self._left and (piece := self._received.take(self._left)):
            self._left -= len(piece)
            yield piece

    def _enter(self, phase: Phase, seconds: float) -> None:
        self.phase = phase
        self._seconds = seconds

    def _limit_time(self) -> None:
        """Lets the phase take as long as it may, from now on; said before each wait, it counts from the first."""
        if self._seconds is not None:
            # One scope for the whole connection costs less than one for each phase, and most phases wait for nothing.
            self.scope.relative_deadline = self._seconds
            self._seconds = None

    async def _pause(self) -> None:
        """Lets others have their turn: neither many requests nor many chunks in one read may keep them waiting."""
        self._limit_time()
        await trio.lowlevel.checkpoint()

    async def _receive(self) -> bool:
        """Receives more; says whether anything came."""
        self._limit_time()
        # What was read last is not held while nothing comes.
        self._received.forget()
        data = await self._stream.receive_some(RECEIVE_SIZE)
        self._statistics.received_bytes += len(data)
        self._received.add(bytes(data))
        return len(data) > 0
