"""One WebSocket session. The framing is trio-websocket's and wsproto's; nothing outside this file knows of them."""

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, cast

import trio
import trio_websocket
import wsproto

from web.limits import Limits, SessionLimits
from web.statistics import Ended, Statistics
from web.streams import RECEIVE_SIZE, Stream, Wire, close_gently

logger = logging.getLogger(__name__)

LONGEST_REASON = 123
"""What a close frame holds of a reason. (bytes)"""

_NORMAL, _GOING_AWAY, _ABNORMAL, _TOO_LARGE = 1000, 1001, 1006, 1009
_WATCH_INTERVAL = 1.0
_QUEUED_MESSAGES = 1


class Refusal(Exception):
    """Raised by who serves a session to end it: `code` and `reason` go to the peer in a close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Disconnected(Exception):
    """The session is over, whoever ended it. `code` is that of the close frame, 1006 when there was none."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Stopped(Disconnected):
    """The session is over because the server stops."""


Serve = Callable[["WebSocket"], Awaitable[None]]


class WebSocket:
    """One open session, as who serves it sees it. Between two calls of `receive` nothing more than one message ahead
    is read, so a sender that is faster than we are feels it."""

    def __init__(
        self,
        connection: trio_websocket.WebSocketConnection,
        wire: Wire,
        stream: Stream,
        nursery: trio.Nursery,
        session_limits: SessionLimits,
        limits: Limits,
        statistics: Statistics,
    ) -> None:
        self._connection = connection
        self._wire = wire
        self._stream = stream
        self._nursery = nursery
        self._session_limits = session_limits
        self._limits = limits
        self._statistics = statistics
        self.parted = False
        """Whether both sides have said all: nothing more comes, so nothing need be waited for."""
        self.received_text = False
        """Whether the last message that was received was text."""
        self._receiving_since = math.inf
        self._ping_waits = False
        self._ending = False
        self._closing = False
        self._closed = trio.Event()
        self._stopping = False

    async def receive(self) -> bytes:
        """The next message, text or binary, as bytes. Raises `Disconnected` when the session is over."""
        self._receiving_since = trio.current_time()
        try:
            message = await self._connection.get_message()
        except trio_websocket.ConnectionClosed as closed:
            raise self._disconnected(closed) from None
        finally:
            self._receiving_since = math.inf
        self._wire.message_completed()
        self.received_text = isinstance(message, str)
        data = message if isinstance(message, bytes) else message.encode()
        if len(data) > self._session_limits.max_message_size:
            # Text was measured in characters until here.
            self._statistics.ended[Ended.MESSAGE_TOO_LARGE] += 1
            raise Refusal(_TOO_LARGE, "The message is too large")
        return data

    async def send_text(self, text: str) -> None:
        """Sends a text message. Raises `Disconnected` when the session is over."""
        try:
            await self._connection.send_message(text)
        except trio_websocket.ConnectionClosed as closed:
            raise self._disconnected(closed) from None

    async def close(self, code: int, reason: str) -> None:
        """Closes with a close frame, and waits for the peer's for a limited time. Closes only once."""
        self._ending = True
        if self._closing:
            # Who closed first waits for the peer's answer; the session may not end under its feet.
            await self._closed.wait()
            return
        self._closing = True
        try:
            with trio.move_on_after(self._limits.close_timeout_in_s):
                await self._connection.aclose(code, cut(reason))
                self.parted = True
            if not self.parted:
                await self.abort()
        finally:
            self._closed.set()

    async def stop(self) -> None:
        """Closes because the server stops."""
        self._stopping = True
        await self.close(_GOING_AWAY, "The server stops")

    async def abort(self) -> None:
        """Cuts the connection without a word."""
        self._ending = True
        await trio.aclose_forcefully(self._stream)

    def check(self, now: float) -> None:
        """Ends the session if its peer no longer reads, lives or speaks; pings it when it is silent. Never waits."""
        if self._ending:
            return
        sending_since = self._wire.sending_since
        if sending_since is not None and now - sending_since > self._limits.write_timeout_in_s:
            self._end(Ended.WRITE_TIMEOUT, self.abort)
        elif self._receiving_since is not math.inf:
            # While a message is worked on nothing is read, and silence says nothing.
            self._check_peer(now)

    def _check_peer(self, now: float) -> None:
        limits = self._session_limits
        silence = now - max(self._wire.heard_at, self._receiving_since)
        if limits.ping_interval_in_s and silence > limits.ping_interval_in_s + limits.ping_timeout_in_s:
            self._end(Ended.PING_TIMEOUT, self.abort)
        elif now - self._receiving_since > limits.idle_timeout_in_s:
            self._end(Ended.IDLE_TIMEOUT, self._close_idle)
        elif limits.ping_interval_in_s and silence > limits.ping_interval_in_s and not self._ping_waits:
            self._ping_waits = True
            self._nursery.start_soon(self._ping)

    def _end(self, reason: Ended, end: Callable[[], Awaitable[None]]) -> None:
        self._ending = True
        self._statistics.ended[reason] += 1
        self._nursery.start_soon(end)

    async def _close_idle(self) -> None:
        await self.close(_GOING_AWAY, "Nothing was sent for too long")

    async def _ping(self) -> None:
        try:
            await self._connection.ping()
        except (trio_websocket.ConnectionClosed, wsproto.utilities.LocalProtocolError):
            # It was closed meanwhile.
            return
        finally:
            self._ping_waits = False

    def _disconnected(self, closed: trio_websocket.ConnectionClosed) -> Disconnected:
        code = closed.reason.code if closed.reason else _ABNORMAL
        if self._stopping:
            return Stopped(code)
        if code == _TOO_LARGE and not self._ending:
            self._ending = True
            self._statistics.ended[Ended.MESSAGE_TOO_LARGE] += 1
        return Disconnected(code)


async def serve_session(
    stream: Stream,
    key: str,
    early: bytes,
    serve: Serve,
    failure: Refusal,
    session_limits: SessionLimits,
    limits: Limits,
    statistics: Statistics,
    open_sessions: set[WebSocket],
) -> None:
    """Upgrades, lets `serve` serve, closes, and closes the stream; raises nothing.

    `key` is what the peer sent as ``Sec-WebSocket-Key``, `early` what it sent behind its head. The session stands in
    `open_sessions` while it is served.
    """
    # Frames have heads, so bytes may be more than what they carry; more than this is no honest message.
    longest = 4 * session_limits.max_message_size + RECEIVE_SIZE
    wire = Wire(stream, _handshake(key), early, longest, statistics)
    websocket: WebSocket | None = None
    try:
        async with trio.open_nursery() as nursery:
            request = await trio_websocket.wrap_server_stream(
                cast(trio.Nursery, _Containing(nursery, stream)),
                wire,
                message_queue_size=_QUEUED_MESSAGES,
                max_message_size=session_limits.max_message_size,
                receive_buffer_size=RECEIVE_SIZE,
            )
            with trio.move_on_after(limits.write_timeout_in_s):
                connection = await request.accept()
                wire.open.set()
                websocket = WebSocket(connection, wire, stream, nursery, session_limits, limits, statistics)
            if websocket is not None:
                await _serve_open(websocket, serve, failure, statistics, open_sessions)
            else:
                statistics.ended[Ended.WRITE_TIMEOUT] += 1
            nursery.cancel_scope.cancel()
    except* trio_websocket.ConnectionClosed:
        pass
    except* Exception:
        logger.exception("A WebSocket session failed")
        statistics.failures += 1
    finally:
        await close_gently(stream, 0 if websocket is not None and websocket.parted else limits.close_timeout_in_s)


async def watch(open_sessions: set[WebSocket]) -> NoReturn:
    """Checks all open sessions once a second: one clock for all costs less than one for each."""
    while True:
        await trio.sleep(_WATCH_INTERVAL)
        now = trio.current_time()
        for session in tuple(open_sessions):
            session.check(now)


def cut(reason: str) -> str:
    """As much of `reason` as fits a close frame, cut between characters."""
    return reason.encode("utf-8", "replace")[:LONGEST_REASON].decode("utf-8", "ignore")


async def _serve_open(
    websocket: WebSocket, serve: Serve, failure: Refusal, statistics: Statistics, open_sessions: set[WebSocket]
) -> None:
    statistics.opened_websockets += 1
    statistics.open_websockets += 1
    open_sessions.add(websocket)
    code, reason = _NORMAL, ""
    try:
        await serve(websocket)
    except Disconnected:
        pass
    except Refusal as refusal:
        code, reason = refusal.code, refusal.reason
    except Exception:
        logger.exception("Serving a WebSocket session failed")
        statistics.failures += 1
        statistics.ended[Ended.FAILED] += 1
        code, reason = failure.code, failure.reason
    finally:
        open_sessions.discard(websocket)
        statistics.open_websockets -= 1
        statistics.closed_websockets += 1
    await websocket.close(code, reason)


def _handshake(key: str) -> bytes:
    """A handshake's head as trio-websocket wants to read it. The peer's own was read before; without its extensions and
    subprotocols none are agreed on."""
    return (
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode("ascii")


class _Containing:
    """Stands for a nursery and keeps what its tasks raise: such a task's failure cuts the stream, no more.

    trio-websocket's reader raises for some things a peer can provoke, such as a ping behind our close frame.
    """

    def __init__(self, nursery: trio.Nursery, stream: Stream) -> None:
        self._nursery = nursery
        self._stream = stream

    def start_soon(self, task: Callable[..., Awaitable[Any]], *args: Any) -> None:
        self._nursery.start_soon(self._contain, task, *args)

    async def _contain(self, task: Callable[..., Awaitable[Any]], *args: Any) -> None:
        try:
            await task(*args)
        except Exception:
            logger.debug("The reader of a WebSocket failed", exc_info=True)
            await trio.aclose_forcefully(self._stream)
