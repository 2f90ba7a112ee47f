"""One WebSocket session: how it is opened, what it may take, how it ends."""

import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

import trio
from trio_websocket import ConnectionClosed
from wsproto.utilities import generate_accept_token

from web.limits import Limits, SessionLimits
from web.statistics import Ended, Statistics
from web.streams import Stream, TcpStream, close_gently
from web.watching import Watch
from web.wire import Take, Wire

logger = logging.getLogger(__name__)

LONGEST_REASON = 123
"""What a close frame holds of a reason. (bytes)"""

_NORMAL, _GOING_AWAY, _ABNORMAL = 1000, 1001, 1006
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
        "_ending",
        "_limits",
        "_pinged_at",
        "_session_limits",
        "_statistics",
        "_stopping",
        "_stream",
        "_wire",
        "subprotocol",
    )

    def __init__(
        self,
        stream: Stream,
        early: bytes,
        session_limits: SessionLimits,
        limits: Limits,
        statistics: Statistics,
        watch: Watch,
    ) -> None:
        self._wire = Wire(stream, early, session_limits.max_message_size, statistics, watch)
        self._stream = stream
        self._session_limits = session_limits
        self._limits = limits
        self._statistics = statistics
        self._pinged_at = -math.inf
        """When the peer was pinged last; in trio's time. What is heard after that counts as heard later."""
        self._ending = False
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
            await self._wire.send_text(text)
        except ConnectionClosed as closed:
            code = closed.reason.code if closed.reason else _ABNORMAL
            raise (Stopped(code) if self._stopping else Disconnected(code)) from None

    @property
    def spoken_at(self) -> float:
        """When the last message came: within a second, and never before; in trio's time."""
        return self._wire.spoken_at

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

    @property
    def number(self) -> int:
        """That which the watch knows it by."""
        return self._wire.number

    def look(self, now: float, nursery: trio.Nursery) -> float | None:
        """Ends the session if its peer no longer lives or speaks, pings it when it is silent; see `Watched`."""
        if self._ending:
            return None
        wire, limits = self._wire, self._session_limits
        if not wire.listening:
            # While a message is worked on nothing is read, and silence says nothing.
            wire.heard_at = wire.spoken_at = now
        interval = limits.ping_interval_in_s or math.inf
        silent_at = wire.heard_at + interval
        dead_at = self._pinged_at + limits.ping_timeout_in_s
        idle_at = wire.spoken_at + limits.idle_timeout_in_s
        # Not for its silence alone: it may be that we stood still.
        pinged = self._pinged_at > wire.heard_at
        if pinged and now >= dead_at:
            self._end(Ended.PING_TIMEOUT, self.abort, nursery)
            return None
        if now >= idle_at:
            self._end(Ended.IDLE_TIMEOUT, self._close_idle, nursery)
            return None
        if pinged:
            return min(dead_at, now + interval, idle_at)
        if now < silent_at:
            return min(silent_at, idle_at)
        self._pinged_at = now
        if not wire.ping_now():
            nursery.start_soon(self._contain, wire.send_ping)
        return min(now + limits.ping_timeout_in_s, now + interval, idle_at)  # it may answer, and be silent again

    def end_unread(self, nursery: trio.Nursery) -> None:
        """Ends the session because its peer does not read; see `Watched`."""
        if not self._ending:
            self._end(Ended.WRITE_TIMEOUT, self.abort, nursery)

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
    watch: Watch,
) -> None:
    """Upgrades, lets `serve` serve, closes, and closes the stream; raises nothing.

    `key` is what the peer sent as ``Sec-WebSocket-Key``, `subprotocol` what is agreed on of that which it offers, and
    `early` what it sent behind its head. `watch` looks after the session while it is served.
    """
    websocket = WebSocket(stream, early, session_limits, limits, statistics, watch)
    try:
        if await websocket.accept(key, subprotocol):
            served = serve(websocket)
            # Nothing of what opened it is held while it is open.
            del serve, key, subprotocol, early
            await _serve_open(websocket, served, failure, statistics, watch)
    except Exception:
        logger.exception("A WebSocket session failed")
        statistics.failures += 1
    finally:
        await close_gently(stream, 0 if websocket.parted else limits.close_timeout_in_s)


def cut(reason: str) -> str:
    """As much of `reason` as fits a close frame, cut between characters."""
    return reason.encode("utf-8", "replace")[:LONGEST_REASON].decode("utf-8", "ignore")


async def _serve_open(
    websocket: WebSocket,
    served: Awaitable[None],
    failure: Refusal,
    statistics: Statistics,
    watch: Watch,
) -> None:
    statistics.opened_websockets += 1
    statistics.open_websockets += 1
    watch.add(websocket.number, websocket)
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
        watch.remove(websocket.number)
        statistics.open_websockets -= 1
        statistics.closed_websockets += 1
    await websocket.part(code, reason)


def _ignore(data: bytes, text: bool) -> None:
    """Takes what comes behind our close frame, which says nothing any more."""
