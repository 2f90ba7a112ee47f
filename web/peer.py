"""The other side of one HTTP/1.1 connection: heads and bodies from it, answers to it, and how long each may take.

No sockets and no waiting: what is needed is yielded, and whoever runs the steps sees to it.
"""

import math
from collections.abc import Awaitable, Generator, Iterator
from enum import Enum, auto
from typing import Any, NamedTuple, TypeVar

from web import answers
from web.bodies import Body
from web.chunks import Chunks
from web.heads import Head, Known, Received, take_head
from web.limits import Limits
from web.requests import Malformed, Request, Response
from web.statistics import Statistics

_PIECES_PER_TURN = 64

T = TypeVar("T")


class Phase(Enum):
    """What an exchange is at."""

    RESTING = auto()
    HEAD = auto()
    BODY = auto()
    ANSWERING = auto()
    WRITING = auto()


class Wait(Enum):
    """What is to be waited for."""

    MORE = auto()
    """More bytes, which are sent into the steps; none when the peer sends no more."""
    TURN = auto()
    """Others, who are to have their turn."""


class End(NamedTuple):
    """Nothing more is needed: the connection ends, or becomes the WebSocket that `session` asks for."""

    session: Request | None


Need = Wait | bytes | Awaitable[Response] | End
"""Bytes are to be sent to the peer; what an answer is to be awaited from is awaited, and the answer sent in."""

Steps = Generator[Need, Any, T]


class Peer:
    """Who has opened the connection. `phase` is what the exchange with it is at."""

    __slots__ = (
        "_again",
        "_chunks",
        "_head",
        "_known",
        "_left",
        "_limits",
        "_received",
        "_seconds",
        "_statistics",
        "phase",
        "rest_timeout",
    )

    def __init__(self, limits: Limits, statistics: Statistics) -> None:
        self.phase = Phase.RESTING
        self.rest_timeout = limits.head_timeout_in_s
        """How long it may rest from now on. (s)"""
        self._limits = limits
        self._statistics = statistics
        self._received = Received()
        self._head: Head | None = None
        self._known: Known | None = None
        self._again = False
        """Whether a head was taken before."""
        self._left = 0
        self._chunks: Chunks | None = None
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
        if self._chunks is None and not self._left:
            return True
        try:
            for _ in self._pieces():
                pass
        except Malformed:
            return False
        return self._body_is_whole

    def time_limit(self) -> float | None:
        """How long the phase may take from its first wait on; ``None`` once that was told."""
        seconds, self._seconds = self._seconds, None
        return seconds

    def receive_head(self) -> Steps[Head | None]:
        """The head of the next request; ``None`` when the peer sends no more. Raises `Malformed`."""
        self._head = head = None
        if self._received:
            self._enter(Phase.HEAD, self._limits.head_timeout_in_s)
            # Neither many requests nor many chunks in one read may keep others waiting.
            yield Wait.TURN
            head = self._take_head()
        else:
            self.phase = Phase.RESTING
        while head is None:
            if not (yield from self._receive()):
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

    def _take_head(self) -> Head | None:
        """The next head, if it is here; from the second on it is remembered, if it is short. Raises `Malformed`."""
        received, known, longest = self._received, self._known, self._limits.max_head_size
        if known is not None and (head := known.take(received)) is not None:
            return head
        at = received.at
        head = take_head(received, longest)
        if head is not None:
            self._known = Known.of(head, received.data[at : received.at], longest) if self._again else None
            self._again = True
        return head

    def whole_body(self) -> bytes | None:
        """The body of the request as it was sent, if all of it has come with the head, in one piece; most have."""
        if self._chunks is not None or self._left > len(self._received):
            return None
        length, self._left = self._left, 0
        return self._received.take(length)

    def receive_body(self, body: Body) -> Steps[None]:
        """Feeds `body` with that of the request. Raises `Malformed`, and what `Body` raises."""
        self._enter(Phase.BODY, self._limits.body_timeout_in_s)
        pieces = 0
        while True:
            for piece in self._pieces():
                body.feed(piece)
                pieces += 1
                if not pieces % _PIECES_PER_TURN:
                    yield Wait.TURN
            if self._body_is_whole:
                return
            if not pieces and self._head is not None and self._head.waits:
                self._head.waits = False
                yield answers.GO_ON
            if not (yield from self._receive()):
                raise Malformed(400)

    def answering(self) -> None:
        """The request is being answered: that takes as long as it takes."""
        self._enter(Phase.ANSWERING, math.inf)

    def send(self, response: Response, more: answers.Headers, *, without_body: bool, last: bool) -> Steps[bool]:
        """Sends the answer, with the headers `more`; says whether another request may follow.

        `last` says that none may, and is told the peer. Raises `ValueError` for headers that cannot be sent.
        """
        last = last or self._head is None or not self._head.keeps or not self.request_is_whole
        data = answers.encode(response, more, without_body=without_body, last=last)
        self._enter(Phase.WRITING, self._limits.write_timeout_in_s)
        yield data
        self._statistics.requests[response.status] += 1
        self.rest_timeout = self._limits.keep_alive_timeout_in_s
        return not last

    @property
    def _body_is_whole(self) -> bool:
        return self._left == 0 if self._chunks is None else self._chunks.complete

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

    def _receive(self) -> Steps[bool]:
        """Receives more; says whether anything came."""
        received = self._received
        # What was read last is not held while nothing comes.
        received.forget()
        data = yield Wait.MORE
        self._statistics.received_bytes += len(data)
        received.add(data)
        return len(data) > 0
