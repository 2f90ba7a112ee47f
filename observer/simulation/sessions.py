"""How a simulated client reaches a server: a WebSocket session or a series of POSTs.

A session is an async context manager that gives ``send(body)``. Entering, sending and leaving raise

    Refused    the server takes no samples now and may later (close code 4226, status 503)
    Lost       any other failure: no connection, another close code or status, nothing taken in time
"""

import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache, partial
from typing import Any
from urllib.parse import SplitResult, urlsplit

import h11
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, HandshakeError, wrap_client_stream

NOT_NOW = 4226
"""Close code of a server that takes no sessions at the moment."""

TcpStream = trio.SocketStream | trio.SSLStream[trio.SocketStream]
Send = Callable[[bytes], Awaitable[None]]
Session = Callable[[], AbstractAsyncContextManager[Send]]


class Refused(Exception):
    """The server takes no samples now and may later."""


class Lost(Exception):
    """The connection could not be made, or ended before the client did."""


@asynccontextmanager
async def websocket_session(url: str, *, patience: float = 30.0) -> AsyncIterator[Send]:
    """A WebSocket on which each body is one binary message; no step takes longer than `patience` (s).

    What the server says is read and dropped.
    """
    place = urlsplit(url)
    try:
        async with trio.open_nursery() as nursery:
            stream = await _connect(place, patience)
            try:
                with trio.fail_after(patience):
                    socket = await wrap_client_stream(nursery, stream, place.netloc, f"{place.path}?{place.query}")
                nursery.start_soon(_hear, socket)
                yield partial(_send_message, socket, patience)
                with trio.fail_after(patience):
                    await socket.aclose()
            finally:
                # trio-websocket leaves the stream open when the other side closes.
                await trio.aclose_forcefully(stream)
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise _only_failure(group) from None


async def _send_message(socket: Any, patience: float, body: bytes) -> None:
    try:
        with trio.fail_after(patience):
            await socket.send_message(body)
    except ConnectionClosed as closed:
        raise _ended(closed) from None
    except trio.TooSlowError:
        raise Lost(f"nothing was taken for {patience:g} s") from None


async def _hear(socket: Any) -> None:
    try:
        while True:
            await socket.get_message()
    except ConnectionClosed:
        return


def _ended(closed: ConnectionClosed) -> Refused | Lost:
    reason = closed.reason
    if reason is None:
        return Lost("the connection broke")
    if reason.code == NOT_NOW:
        return Refused(reason.reason)
    return Lost(f"closed with {reason.code} {reason.reason or reason.name}")


def _only_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What the session's nursery wrapped, when it is one of the failures that are told; else the group."""
    failures, others = group.split((Refused, Lost, HandshakeError, trio.TooSlowError))
    if failures is None or (others is not None and others.split(trio.Cancelled)[1] is not None):
        return group
    failure = _first(failures)
    if isinstance(failure, (Refused, Lost)):
        return failure
    return Lost(f"no WebSocket handshake: {why(failure)}")


@asynccontextmanager
async def rest_session(url: str, *, patience: float = 30.0) -> AsyncIterator[Send]:
    """POSTs over a connection that is kept while the server keeps it; no POST takes longer than `patience` (s)."""
    posts = _Posts(urlsplit(url), patience)

    async def send(body: bytes) -> None:
        try:
            with trio.fail_after(patience):
                status = await posts.post(body)
        except trio.TooSlowError:
            raise Lost(f"no answer for {patience:g} s") from None
        except (OSError, trio.BrokenResourceError, h11.ProtocolError) as error:
            raise Lost(f"the connection broke: {error}") from None
        if status == 503:
            raise Refused
        if not 200 <= status < 300:
            raise Lost(f"status {status}")

    try:
        yield send
    finally:
        await posts.aclose()


class _Posts:
    def __init__(self, place: SplitResult, patience: float) -> None:
        self.place, self.patience = place, patience
        self.stream: TcpStream | None = None
        self.http = h11.Connection(h11.CLIENT)

    async def post(self, body: bytes) -> int:
        """The status of one POST. One that fails on a kept connection is tried again on a fresh one."""
        if self.stream is not None and self.http.our_state is self.http.their_state is h11.DONE:
            self.http.start_next_cycle()
            try:
                return await self._exchange(self.stream, body)
            except (trio.BrokenResourceError, h11.RemoteProtocolError):
                pass
        await self.aclose()
        self.stream = await _connect(self.place, self.patience)
        self.http = h11.Connection(h11.CLIENT)
        return await self._exchange(self.stream, body)

    async def _exchange(self, stream: TcpStream, body: bytes) -> int:
        place, http = self.place, self.http
        headers = [("Host", place.netloc), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        request = h11.Request(method="POST", target=f"{place.path}?{place.query}", headers=headers)
        parts = (http.send(request), http.send(h11.Data(data=body)), http.send(h11.EndOfMessage()))
        await stream.send_all(b"".join(part for part in parts if part))
        status = 0
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(bytes(await stream.receive_some(65536)))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.EndOfMessage):
                return status
            elif isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("the server closed the connection")

    async def aclose(self) -> None:
        if self.stream is not None:
            await trio.aclose_forcefully(self.stream)
            self.stream = None


async def _connect(place: SplitResult, patience: float) -> TcpStream:
    tls, host = place.scheme in ("wss", "https"), place.hostname or ""
    try:
        with trio.fail_after(patience):
            stream = await trio.open_tcp_stream(host, place.port or (443 if tls else 80))
    except (OSError, trio.TooSlowError) as error:
        raise Lost(f"no connection: {why(error)}") from None
    return await _secured(stream, host, patience) if tls else stream


async def _secured(stream: trio.SocketStream, host: str, patience: float) -> TcpStream:
    # Without a handshake of its own, a server without TLS would be told as one that is silent.
    secured = trio.SSLStream(stream, _tls(), server_hostname=host)
    try:
        with trio.fail_after(patience):
            await secured.do_handshake()
    except (trio.BrokenResourceError, trio.TooSlowError) as error:
        await trio.aclose_forcefully(stream)
        raise Lost(f"no TLS: {why(error)}") from None
    return secured


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates of the system takes tens of ms: too much for every session."""
    return ssl.create_default_context()


def why(error: BaseException) -> str:
    """The first cause of a failure in a few words, such as ``Connection refused``."""
    error = _first(error.__cause__ or error)
    if isinstance(error, ConnectionRejected):
        return f"status {error.status_code}"
    if isinstance(error, trio.TooSlowError):
        return "it took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or "unknown").lower().replace("_", " ")
    if isinstance(error, OSError) and (error.errno or 0) > 0:
        return os.strerror(error.errno or 0)
    return str(error) or type(error).__name__


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
