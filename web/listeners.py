"""Where connections come in: sockets that listen, and the loop that accepts."""

import errno
import logging
import socket
from collections.abc import Awaitable, Callable

import trio
from trio.lowlevel import checkpoint, notify_closing, wait_readable

from web.streams import Stream, TcpStream

logger = logging.getLogger(__name__)

_BACKLOG = 65_535
"""How many connections may wait to be accepted; the system has a bound of its own, such as ``net.core.somaxconn``."""

_ACCEPTED_IN_A_ROW = 32
_PAUSE = 0.1
_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
_OF_ONE_CONNECTION = frozenset(
    {
        errno.EPERM,
        errno.ECONNABORTED,
        errno.ECONNRESET,
        errno.EPROTO,
        errno.ENETDOWN,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
    }
)
"""What `accept` tells of a connection that is gone already: see its manual page."""


class TcpListener(trio.abc.Listener[TcpStream]):
    """A socket that listens."""

    def __init__(self, listening: socket.socket) -> None:
        """`listening` must not block; it is closed with the listener."""
        self._socket = listening
        self._closed = False
        self._in_a_row = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._socket.getsockname()[1]
        return port

    async def accept(self) -> TcpStream:
        """The next connection. Raises `OSError`.

        Of many that wait a few are accepted in a row, then other tasks have their turn: those that were accepted
        before do not wait for all that come behind them.
        """
        if self._in_a_row >= _ACCEPTED_IN_A_ROW:
            self._in_a_row = 0
            await checkpoint()
        while True:
            if self._closed:
                raise trio.ClosedResourceError("The listener is closed")
            try:
                connected, _ = self._socket.accept()
            except BlockingIOError:
                self._in_a_row = 0
                await wait_readable(self._socket)
            else:
                self._in_a_row += 1
                connected.setblocking(False)
                return TcpStream(connected)

    async def aclose(self) -> None:
        """Listens no more."""
        if not self._closed:
            self._closed = True
            notify_closing(self._socket)
            self._socket.close()
        await checkpoint()


async def listeners(host: str | None, port: int) -> list[TcpListener]:
    """Sockets that listen on `host` (``None``: on all addresses, IPv4 and IPv6) and `port` (0: any free one).

    Raises `OSError`, which names the address.
    """
    try:
        opened = await trio.open_tcp_listeners(port, host=host, backlog=_BACKLOG)
    except OSError as error:
        raise OSError(error.errno, f"{host or '*'}:{port}: {error.strerror}") from error
    plain = [socket.socket(fileno=listener.socket.detach()) for listener in opened]
    for listening in plain:
        listening.setblocking(False)
        # Whoever is accepted has it from here.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return [TcpListener(listening) for listening in plain]


async def accept_from(
    listener: trio.abc.Listener[Stream], nursery: trio.Nursery, serve: Callable[[Stream], Awaitable[None]]
) -> None:
    """Accepts until it is cancelled, and serves each connection in a task of `nursery`; closes the listener.

    Running out of file descriptors is survived: what waits is accepted when there are some again.
    """
    async with listener:
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    logger.error("No connection can be accepted now: %s", error)
                    await trio.sleep(_PAUSE)
                elif error.errno not in _OF_ONE_CONNECTION:
                    raise
            else:
                nursery.start_soon(serve, stream, name="connection")
