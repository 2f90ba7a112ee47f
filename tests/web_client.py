"""A plain HTTP/1.1 and WebSocket client on trio, for tests that talk to a real port of 127.0.0.1."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import h11
import trio
from trio_websocket import ConnectionClosed, wrap_client_stream
from wsproto.frame_protocol import CloseReason

HOST = "127.0.0.1"
_READ = 65536
_MESSAGES_UNREAD = 1000
_PATIENCE_S = 10.0
_NOT_A_CLOSE = 1006


@dataclass(frozen=True)
class Answer:
    """What a server answered: status, headers by their lower-case names, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


async def request(
    port: int, method: str, target: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
) -> Answer:
    """Sends one request over a connection of its own and reads the whole answer."""
    head = [("Host", f"{HOST}:{port}"), *headers]
    if not any(name.lower() == "connection" for name, _ in head):
        head.append(("Connection", "close"))
    if body or method == "POST":
        head.append(("Content-Length", str(len(body))))
    parser = h11.Connection(h11.CLIENT)
    asked = parser.send(h11.Request(method=method, target=target, headers=head)) or b""
    with trio.fail_after(_PATIENCE_S):
        async with await trio.open_tcp_stream(HOST, port) as stream:
            await stream.send_all(asked + (parser.send(h11.Data(data=body)) or b""))
            parser.send(h11.EndOfMessage())
            return await _answer(parser, stream)


async def _answer(parser: h11.Connection, stream: trio.abc.ReceiveStream) -> Answer:
    response: h11.Response | None = None
    body = bytearray()
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            parser.receive_data(bytes(await stream.receive_some(_READ)))
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert response is not None
            named = {name.decode(): value.decode() for name, value in response.headers}
            return Answer(response.status_code, named, bytes(body))


class Session:
    """One WebSocket as its client sees it."""

    def __init__(self, socket: Any, stream: trio.SocketStream) -> None:
        self._socket = socket
        self._stream = stream

    async def send(self, message: str | bytes) -> None:
        """Sends one message: text as a text frame, bytes as a binary frame."""
        await self._socket.send_message(message)

    async def receive(self) -> str | bytes:
        """The next message of the server. Raises `ConnectionClosed` of trio_websocket."""
        with trio.fail_after(_PATIENCE_S):
            message: str | bytes = await self._socket.get_message()
            return message

    async def wait_closed(self) -> tuple[int, str]:
        """Reads until the server closes; its close code and reason, 1006 when it went without a word."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed as closed:
            if closed.reason is None:
                return _NOT_A_CLOSE, ""
            return int(closed.reason.code), closed.reason.reason or ""

    async def receive_until_closed(self) -> list[str | bytes]:
        """All messages of the server until it closes."""
        received = []
        try:
            while True:
                received.append(await self.receive())
        except ConnectionClosed:
            return received

    @property
    def is_open(self) -> bool:
        return not self._socket.closed

    async def close(self, code: int = 1000) -> None:
        """Closes with this code; 1005 is an empty close frame, 1006 no close frame at all."""
        with trio.fail_after(_PATIENCE_S):
            if code != CloseReason.ABNORMAL_CLOSURE:
                await self._socket.aclose(CloseReason.NO_STATUS_RCVD if code == 1005 else code)
            await self._stream.aclose()


@asynccontextmanager
async def websocket(port: int, target: str, headers: Iterable[tuple[str, str]] = ()) -> AsyncIterator[Session]:
    """A WebSocket session; closed with 1000 at the end of the block, unless it is closed already."""
    async with trio.open_nursery() as nursery:
        session = await connect(nursery, port, target, headers)
        try:
            yield session
        finally:
            with trio.move_on_after(_PATIENCE_S, shield=True):
                await session.close()
        nursery.cancel_scope.cancel()


async def connect(
    nursery: trio.Nursery,
    port: int,
    target: str,
    headers: Iterable[tuple[str, str]] = (),
    subprotocol: str | None = None,
) -> Session:
    """Opens a WebSocket whose background task lives in `nursery`. Raises what trio_websocket raises when refused."""
    with trio.fail_after(_PATIENCE_S):
        stream = await trio.open_tcp_stream(HOST, port)
        socket = await wrap_client_stream(
            nursery,
            stream,
            f"{HOST}:{port}",
            target,
            extra_headers=[(name.encode(), value.encode()) for name, value in headers],
            subprotocols=[subprotocol] if subprotocol else None,
            message_queue_size=_MESSAGES_UNREAD,
        )
    return Session(socket, stream)
