"""One port: it accepts connections, serves each in a task of its own, and stops in good order."""

import logging
from collections.abc import Coroutine, Sequence
from typing import Any

import trio

from web.bodies import ByteBudget
from web.connection import Connection
from web.gathering import Gathering, Pause
from web.limits import Limits
from web.listeners import accept_from, listeners
from web.routing import Routes
from web.shared import Shared
from web.statistics import Ended, Statistics
from web.streams import Stream, close_gently
from web.turns import bound_turns

logger = logging.getLogger(__name__)

_TURNED_AWAY_AT_ONCE = 64
_TURN_AWAY_TIMEOUT = 1.0
_CLOSE_INTERVAL = 1.0
_FULL = b"Too many connections"
_TURNED_AWAY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s" % (len(_FULL), _FULL)
)


class Server:
    """Serves `routes` within `limits`.

    To stop in good order: `stop_accepting`, then `close`; `serve` returns when no connection is left.
    Cancelling `serve` cuts everything at once.
    """

    def __init__(self, routes: Routes, limits: Limits | None = None, pause: Pause = lambda: None) -> None:
        """What `pause` gives is awaited before more of WebSockets is read, if not for long: see `Gathering`."""
        self.statistics = Statistics()
        limits = limits or Limits()
        self._shared = Shared(routes, limits, self.statistics, ByteBudget(limits.max_bodies_size))
        self._shared.gathering = Gathering.where_possible(pause)
        self._accepting = trio.CancelScope()
        self._serving = trio.CancelScope()
        self._ended = trio.Event()
        self._turned_away = 0

    async def serve(
        self,
        host: str | None,
        port: int,
        *,
        task_status: trio.TaskStatus[list[int]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listens on `host` (``None``: on all addresses, IPv4 and IPv6) and `port` (0: any free one), and serves.

        Starts with the ports that are bound. Raises `OSError`, which names the address, when it cannot be bound.
        Running out of file descriptors is survived: what waits is accepted when there are some again.
        """
        bound_turns()
        opened = await listeners(host, port)
        task_status.started([listener.port for listener in opened])
        await self.serve_listeners(opened)

    async def serve_listeners(self, listeners: Sequence[trio.abc.Listener[Stream]]) -> None:
        """Serves what the listeners accept, and closes them. To be called once."""
        try:
            async with trio.open_nursery() as watching:
                self._shared.watch.begin(watching)
                for together in (self._shared.attending, self._shared.gathering):
                    if together is not None:
                        watching.start_soon(together.run)
                with self._serving:
                    async with trio.open_nursery() as connections:
                        with self._accepting:
                            async with trio.open_nursery() as accepting:
                                for listener in listeners:
                                    accepting.start_soon(accept_from, listener, connections, self._serve_connection)
                watching.cancel_scope.cancel()
        finally:
            self._ended.set()

    def stop_accepting(self) -> None:
        """Accepts no more connections; those that are open go on."""
        self._accepting.cancel()

    async def close(self, grace_in_s: float) -> None:
        """Ends all connections and returns when none is left.

        Requests in hand are answered, and WebSockets closed with 1001, as far as that takes no more than
        `grace_in_s`; then what is left is cut.
        """
        self.stop_accepting()
        self._shared.stopping = True
        with trio.move_on_after(grace_in_s):
            for stop in tuple(self._shared.connections):
                stop()
            if self._shared.gathering is not None:
                # What has come before we close was sent in good faith.
                await self._shared.gathering.catch_up()
            while not self._ended.is_set():
                async with trio.open_nursery() as nursery:
                    for session in tuple(self._shared.watch.sessions.values()):
                        nursery.start_soon(session.stop)
                # A session may just have been opening.
                with trio.move_on_after(_CLOSE_INTERVAL):
                    await self._ended.wait()
        self._serving.cancel()
        await self._ended.wait()

    def _serve_connection(self, stream: Stream) -> Coroutine[Any, Any, None]:
        """Serves one connection, or turns it away; raises nothing. It is counted at once: who came first is served."""
        statistics = self.statistics
        if statistics.open_connections >= self._shared.limits.max_connections:
            return self._turn_away(stream)
        statistics.open_connections += 1
        statistics.opened_connections += 1
        return self._serve_counted(stream)

    async def _serve_counted(self, stream: Stream) -> None:
        try:
            await Connection(stream, self._shared).serve()
        except* Exception:
            logger.exception("Serving a connection failed")
            self.statistics.failures += 1
        finally:
            self.statistics.open_connections -= 1

    async def _turn_away(self, stream: Stream) -> None:
        self.statistics.ended[Ended.TOO_MANY_CONNECTIONS] += 1
        if self._turned_away >= _TURNED_AWAY_AT_ONCE:
            await trio.aclose_forcefully(stream)
            return
        self._turned_away += 1
        self.statistics.requests[503] += 1
        try:
            with trio.move_on_after(_TURN_AWAY_TIMEOUT):
                await stream.send_all(_TURNED_AWAY)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            # The peer is gone.
            pass
        finally:
            await close_gently(stream, _TURN_AWAY_TIMEOUT)
            self._turned_away -= 1
