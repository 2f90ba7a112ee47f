"""The other side of one HTTP/1.1 connection: heads and bodies from it, answers to it, each in limited time."""

from email.utils import formatdate
from enum import Enum, auto

import h11
import trio

from web.bodies import Body
from web.limits import Limits
from web.requests import HttpError, Request, Response, request_of, text_response
from web.statistics import Ended, Statistics
from web.streams import RECEIVE_SIZE, Stream

_EVENTS_PER_TURN = 64


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

    def __init__(self, stream: Stream, limits: Limits, statistics: Statistics) -> None:
        self.scope = trio.CancelScope()
        self.phase = Phase.RESTING
        self._stream = stream
        self._limits = limits
        self._statistics = statistics
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.max_head_size)
        self._rest_timeout = limits.head_timeout_in_s

    @property
    def early(self) -> bytes:
        """What was received behind the request in hand."""
        return bytes(self._h11.trailing_data[0])

    @property
    def request_is_whole(self) -> bool:
        """Whether all of the request is here; what is left of its body is thrown away as far as it is here."""
        try:
            while self._h11.their_state is h11.SEND_BODY:
                if self._h11.next_event() is h11.NEED_DATA:
                    return False
        except h11.RemoteProtocolError:
            return False
        return self._h11.their_state not in (h11.IDLE, h11.ERROR)

    async def receive_head(self) -> Request | None:
        """The next request without its body; ``None`` when the peer sends no more. Raises `HttpError`."""
        received = len(self.early)
        if received:
            self._enter(Phase.HEAD, self._limits.head_timeout_in_s)
        else:
            self._enter(Phase.RESTING, self._rest_timeout)
        while (event := self._next_event()) is h11.NEED_DATA:
            count = await self._receive()
            received += count
            if count and self.phase is Phase.RESTING:
                self._enter(Phase.HEAD, self._limits.head_timeout_in_s)
        if not isinstance(event, h11.Request):
            return None
        # The parser holds its bound only while a head is incomplete.
        if received - len(self.early) > self._limits.max_head_size:
            raise self._malformed(431)
        try:
            return request_of(event)
        except HttpError:
            self._statistics.ended[Ended.MALFORMED] += 1
            raise

    async def receive_body(self, body: Body) -> bytes:
        """The body of the request, inflated. Raises `HttpError`, and what `Body` raises."""
        self._enter(Phase.BODY, self._limits.body_timeout_in_s)
        events = 0
        while True:
            event = self._next_event()
            if event is h11.NEED_DATA:
                if self._h11.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                    await self._stream.send_all(self._h11.send(go_on) or b"")
                await self._receive()
            elif isinstance(event, h11.Data):
                body.feed(event.data)
                events += 1
                if not events % _EVENTS_PER_TURN:
                    # A body in tiny chunks must not keep the others waiting.
                    await trio.lowlevel.checkpoint()
            else:
                return body.finish()

    def answering(self) -> None:
        """The request is being answered: that takes as long as it takes."""
        self._enter(Phase.ANSWERING, float("inf"))

    async def send(self, response: Response, *, without_body: bool, last: bool) -> bool:
        """Sends the answer; says whether another request may follow. `last` is said to the peer."""
        if self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return False
        headers = [("Date", formatdate(usegmt=True)), *response.headers]
        if response.status != 204:
            headers.append(("Content-Length", str(len(response.body))))
        if last:
            headers.append(("Connection", "close"))
        data = self._h11.send(h11.Response(status_code=response.status, headers=headers)) or b""
        if response.body and not without_body:
            data += self._h11.send(h11.Data(data=response.body)) or b""
        data += self._h11.send(h11.EndOfMessage()) or b""
        self._enter(Phase.WRITING, self._limits.write_timeout_in_s)
        await self._stream.send_all(data)
        self._statistics.requests[response.status] += 1
        if {self._h11.our_state, self._h11.their_state} != {h11.DONE}:
            return False
        self._h11.start_next_cycle()
        self._rest_timeout = self._limits.keep_alive_timeout_in_s
        return True

    async def end_slow(self) -> None:
        """Ends the exchange whose phase took too long: with 408 where the peer waits for an answer."""
        match self.phase:
            case Phase.HEAD | Phase.BODY:
                slow = Ended.HEAD_TIMEOUT if self.phase is Phase.HEAD else Ended.BODY_TIMEOUT
                self._statistics.ended[slow] += 1
                with trio.move_on_after(self._limits.close_timeout_in_s):
                    await self.send(text_response(408, "The request took too long"), without_body=False, last=True)
            case Phase.WRITING:
                self._statistics.ended[Ended.WRITE_TIMEOUT] += 1
                await trio.aclose_forcefully(self._stream)
            case _:
                pass

    def _enter(self, phase: Phase, seconds: float) -> None:
        # One scope for the whole connection costs less than one for each phase.
        self.phase = phase
        self.scope.relative_deadline = seconds

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            return self._h11.next_event()
        except h11.RemoteProtocolError as error:
            raise self._malformed(error.error_status_hint) from None

    def _malformed(self, status: int) -> HttpError:
        self._statistics.ended[Ended.HEAD_TOO_LARGE if status == 431 else Ended.MALFORMED] += 1
        texts = {431: "The head is too long", 501: "The transfer encoding is not known here"}
        return HttpError(status, texts.get(status, "This is no HTTP request"))

    async def _receive(self) -> int:
        data = await self._stream.receive_some(RECEIVE_SIZE)
        self._statistics.received_bytes += len(data)
        self._h11.receive_data(bytes(data))
        return len(data)
