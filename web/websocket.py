"""One WebSocket session: how it is opened, what it may take, how it ends."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

import trio
from trio_websocket import ConnectionClosed
from wsproto.utilities import generate_accept_token

from web.limits import Limits, SessionLimits
from web.statistics import Ended, Statistics
from web.streams import Stream, TcpStream, close_gently
from web.wire import Take, Wire

logger = logging.getLogger(__name__)

LONGEST_REASON = 123
"""What a close frame holds of a reason. (bytes)"""

_NORMAL, _GOING_AWAY, _ABNORMAL = 1000, 1001, 1006
_WATCH_INTERVAL = 1.0
_ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n%s\r\n"
)
_AGREED = b"Sec-WebSocket-Protocol: %s\r\n"


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
    """One open session, as who serves it sees it."""

    __slots__ = (
        "_closing",
        "_due",
        "_ending",
        "_heard_at",
        "_limits",
        "_pinged",
        "_session_limits",
        "_spoken_at",
        "_statistics",
        "_stopping",
        "_stream",
        "_wire",
        "subprotocol",
    )

    def __init__(
        self, stream: Stream, early: bytes, session_limits: SessionLimits, limits: Limits, statistics: Statistics
    ) -> None:
        self._wire = Wire(stream, early, session_limits.max_message_size, statistics)
        self._stream = stream
        self._session_limits = session_limits
        self._limits = limits
        self._statistics = statistics
        self._heard_at = self._spoken_at = trio.current_time()
        self._due = self._heard_at
        """Until then there is nothing to do for a peer that says nothing."""
        self._pinged = False
        self._ending = False
        self._closing = False
        self._stopping = False
        self.subprotocol: str | None = None
        """What is spoken, if something was agreed on."""

    async def listen(self, take: Take) -> NoReturn:
        """Gives `take` each message, text or binary, as bytes, until the session is over; then raises `Disconnected`.

        `take` is a plain function. If it has to wait, it returns what is awaited before the peer is read again, so
        that a sender that is faster than we are feels it. What `take`, or what it returned, raises comes through;
        after that, or when it was cancelled, it may be called again and goes on with the next message.
        """
        await self._wire.read(take)
        code = self._wire.closed.code if self._wire.closed else _ABNORMAL
        raise Stopped(code) if self._stopping else Disconnected(code)

    async def send_text(self, text: str) -> None:
        """Sends a text message. Raises `Disconnected` when the session is over."""
        try:
            await self._wire.send_message(text)
        except ConnectionClosed as closed:
            code = closed.reason.code if closed.reason else _ABNORMAL
            raise (Stopped(code) if self._stopping else Disconnected(code)) from None

    @property
    def peer_address(self) -> str | None:
        """The address that the session comes from, which may be that of a proxy; ``None`` if it has none any more."""
        return self._stream.peer_address if isinstance(self._stream, TcpStream) else None

    async def accept(self, key: str, subprotocol: str | None = None) -> bool:
        """Answers the handshake; says whether the peer has taken the answer, in limited time.

        `subprotocol` is one that the peer has offered, if there is one to agree on.
        """
        agreed = b"" if subprotocol is None else _AGREED % subprotocol.encode("ascii")
        try:
            with trio.move_on_after(self._limits.write_timeout_in_s):
                await self._stream.send_all(_ACCEPTED % (generate_accept_token(key.encode("ascii")), agreed))
                self.subprotocol = subprotocol
                return True
            self._statistics.ended[Ended.WRITE_TIMEOUT] += 1
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            # The peer is gone.
            pass
        return False

    async def part(self, code: int, reason: str) -> None:
        """Closes with a close frame, and reads what the peer still says until it closes too, for a limited time.

        For who has served the session and listens no more; does nothing when the session is over.
        """
        self._ending = True
        if not self._wire.over:
            with trio.move_on_after(self._limits.close_timeout_in_s), suppress(ConnectionClosed):
                await self._wire.part(code, cut(reason))
                await self._wire.read(_ignore)

    @property
    def parted(self) -> bool:
        """Whether both sides have said all: nothing more comes, so nothing need be waited for."""
        return self._wire.parted

    async def close(self, code: int, reason: str) -> None:
        """Closes with a close frame, and waits for the peer's for a limited time.

        For all but who serves the session and listens to it: that task hears the peer's.
        """
        self._ending = True
        with trio.move_on_after(self._limits.close_timeout_in_s), suppress(ConnectionClosed):
            await self._wire.part(code, cut(reason))
            await self._wire.wait_parted()
        if not self._wire.over:
            await self.abort()

    async def stop(self) -> None:
        """Closes because the server stops."""
        self._stopping = True
        await self.close(_GOING_AWAY, "The server stops")

    async def abort(self) -> None:
        """Cuts the connection without a word."""
        self._ending = True
        await trio.aclose_forcefully(self._stream)

    def check(self, now: float, nursery: trio.Nursery) -> None:
        """Ends the session if its peer no longer reads, lives or speaks; pings it when it is silent.

        Never waits: what takes time is done in `nursery`. What was heard counts as heard `now`.
        """
        wire = self._wire
        if now < self._due and wire.listening and not wire.heard and wire.sending_since is None:
            return  # So it is with nearly all of ten thousand, each second.
        if self._ending:
            return
        if wire.heard or not wire.listening:
            # While a message is worked on nothing is read, and silence says nothing.
            self._heard_at, self._pinged, wire.heard = now, False, False
        if wire.spoken or not wire.listening:
            self._spoken_at, wire.spoken = now, False
        if wire.sending_since is not None and now - wire.sending_since > self._limits.write_timeout_in_s:
            self._end(Ended.WRITE_TIMEOUT, self.abort, nursery)
        else:
            self._check_peer(now, nursery)

    def _check_peer(self, now: float, nursery: trio.Nursery) -> None:
        limits = self._session_limits
        silence = now - self._heard_at
        if limits.ping_interval_in_s and silence > limits.ping_interval_in_s + limits.ping_timeout_in_s:
            self._end(Ended.PING_TIMEOUT, self.abort, nursery)
        elif now - self._spoken_at > limits.idle_timeout_in_s:
            self._end(Ended.IDLE_TIMEOUT, self._close_idle, nursery)
        elif limits.ping_interval_in_s and silence > limits.ping_interval_in_s and not self._pinged:
            self._pinged = True
            nursery.start_soon(self._contain, self._wire.send_ping)
        self._due = self._spoken_at + limits.idle_timeout_in_s
        if limits.ping_interval_in_s:
            self._due = min(self._due, self._heard_at + limits.ping_interval_in_s)

    def _end(self, reason: Ended, end: Callable[[], Awaitable[None]], nursery: trio.Nursery) -> None:
        self._ending = True
        self._statistics.ended[reason] += 1
        nursery.start_soon(self._contain, end)

    async def _close_idle(self) -> None:
        await self.close(_GOING_AWAY, "Nothing was sent for too long")

    async def _contain(self, act: Callable[[], Awaitable[None]]) -> None:
        """Acts on this session; what goes wrong ends no other."""
        try:
            await act()
        except ConnectionClosed:
            # It was closed meanwhile.
            pass
        except Exception:
            logger.exception("Watching a WebSocket session failed")
            self._statistics.failures += 1


async def serve_session(
    stream: Stream,
    key: str,
    subprotocol: str | None,
    early: bytes,
    serve: Serve,
    failure: Refusal,
    session_limits: SessionLimits,
    limits: Limits,
    statistics: Statistics,
    open_sessions: set[WebSocket],
) -> None:
    """Upgrades, lets `serve` serve, closes, and closes the stream; raises nothing.

    `key` is what the peer sent as ``Sec-WebSocket-Key``, `subprotocol` what is agreed on of that which it offers, and
    `early` what it sent behind its head. The session stands in `open_sessions` while it is served.
    """
    websocket = WebSocket(stream, early, session_limits, limits, statistics)
    try:
        if await websocket.accept(key, subprotocol):
            served = serve(websocket)
            # Nothing of what opened it is held while it is open.
            del serve, key, subprotocol, early
            await _serve_open(websocket, served, failure, statistics, open_sessions)
    except Exception:
        logger.exception("A WebSocket session failed")
        statistics.failures += 1
    finally:
        await close_gently(stream, 0 if websocket.parted else limits.close_timeout_in_s)


async def watch(open_sessions: set[WebSocket]) -> NoReturn:
    """Checks all open sessions once a second: one clock for all costs less than one for each."""
    async with trio.open_nursery() as nursery:
        while True:
            await trio.sleep(_WATCH_INTERVAL)
            now = trio.current_time()
            for session in tuple(open_sessions):
                session.check(now, nursery)


def cut(reason: str) -> str:
    """As much of `reason` as fits a close frame, cut between characters."""
    return reason.encode("utf-8", "replace")[:LONGEST_REASON].decode("utf-8", "ignore")


async def _serve_open(
    websocket: WebSocket,
    served: Awaitable[None],
    failure: Refusal,
    statistics: Statistics,
    open_sessions: set[WebSocket],
) -> None:
    statistics.opened_websockets += 1
    statistics.open_websockets += 1
    open_sessions.add(websocket)
    code, reason = _NORMAL, ""
    try:
        await served
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
    await websocket.part(code, reason)


def _ignore(data: bytes, text: bool) -> None:
    """Takes what comes behind our close frame, which says nothing any more."""
