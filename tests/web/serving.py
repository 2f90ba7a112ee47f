"""A server over memory streams or sockets, and a client that speaks bytes to it."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import pytest
import trio
import trio_websocket
import wsproto
from trio.testing import memory_stream_pair

from web import Limits, Request, Response, Route, Routes, Server, SessionLimits, WebSocket, WebSocketRoute
from web.streams import Stream, TcpStream

Wire = Callable[[], tuple[Stream, Stream]]
"""Makes the two ends of a connection."""

WIRE = ContextVar[Wire]("wire", default=memory_stream_pair)
"""How clients are connected; see the fixture `wires`."""


def socket_pair() -> tuple[TcpStream, TcpStream]:
    """Two ends that the operating system connects."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    return TcpStream(near), TcpStream(far)


class Narrow(socket.socket):
    """A socket that takes one byte at a time."""

    def send(self, data: Any, flags: int = 0, /) -> int:
        return super().send(data[:1], flags)


def narrow_pair() -> tuple[TcpStream, TcpStream]:
    """Two ends, the first of which sends one byte at a time."""
    near, far = socket.socketpair()
    narrow = Narrow(fileno=near.detach())
    narrow.setblocking(False)
    far.setblocking(False)
    return TcpStream(narrow), TcpStream(far)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """The other end of a connection."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._received = b""

    async def ask(self, data: bytes, *, has_body: bool = True) -> Answer:
        await self.stream.send_all(data)
        return await self.answer(has_body=has_body)

    async def answer(self, *, has_body: bool = True) -> Answer:
        head, self._received = (await self._receive_until(b"\r\n\r\n")).split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", 0)) if has_body else 0
        while len(self._received) < length:
            self._received += await self.stream.receive_some()
        body, self._received = self._received[:length], self._received[length:]
        return Answer(int(lines[0].split()[1]), headers, body)

    async def ended(self) -> bool:
        """Waits for the server to end the connection; says whether it did so without another word."""
        return not self._received and not await self.stream.receive_some()

    async def _receive_until(self, mark: bytes) -> bytes:
        while mark not in self._received:
            data = await self.stream.receive_some()
            assert data, f"the connection ended behind {self._received!r}"
            self._received += data
        return self._received


class RawSession:
    """A client that sends what frames it likes."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.protocol = wsproto.connection.Connection(wsproto.ConnectionType.CLIENT)

    async def open(self, path: str = "/session") -> "RawSession":
        assert (await self.client.ask(handshake(path))).status == 101
        return self

    async def send(self, *events: wsproto.events.Event) -> None:
        await self.client.stream.send_all(b"".join(self.protocol.send(event) for event in events))

    async def event(self) -> wsproto.events.Event:
        while True:
            for event in self.protocol.events():
                return event
            data = await self.client.stream.receive_some()
            assert data, "the connection ended"
            self.protocol.receive_data(bytes(data))


async def closed_with(websocket: trio_websocket.WebSocketConnection) -> tuple[int, str | None]:
    """The code and the reason with which the session is closed."""
    with pytest.raises(trio_websocket.ConnectionClosed) as raised:
        await websocket.get_message()
    reason = raised.value.reason
    assert reason is not None
    return reason.code, reason.reason


class Door(trio.abc.Listener[Stream]):
    """A listener without a network."""

    def __init__(self) -> None:
        self._knocking, self._waiting = trio.open_memory_channel[Stream](100)
        self._ends: list[Stream] = []

    async def accept(self) -> Stream:
        """Like that of a socket, it lets nobody else run while somebody waits at the door."""
        try:
            return self._waiting.receive_nowait()
        except trio.WouldBlock:
            return await self._waiting.receive()

    async def aclose(self) -> None:
        self._waiting.close()
        await trio.lowlevel.checkpoint()

    def connect(self) -> Stream:
        ours, theirs = WIRE.get()()
        self._ends.append(ours)
        self._knocking.send_nowait(theirs)
        return ours

    async def leave(self) -> None:
        """Ends what was connected and has not ended."""
        for end in self._ends:
            await trio.aclose_forcefully(end)

    def hand(self, stream: Stream) -> None:
        self._knocking.send_nowait(stream)


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    server: Server
    door: Door
    nursery: trio.Nursery

    def client(self) -> Client:
        return Client(self.door.connect())

    async def websocket(self, path: str = "/session") -> trio_websocket.WebSocketConnection:
        return await trio_websocket.wrap_client_stream(
            self.nursery,
            self.door.connect(),  # type: ignore[arg-type]  # any stream will do
            "localhost",
            path,
        )


@asynccontextmanager
async def serving(routes: Routes, limits: Limits | None = None) -> AsyncIterator[Served]:
    server = Server(routes, limits)
    door = Door()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve_listeners, [door])
        yield Served(server, door, nursery)
        nursery.cancel_scope.cancel()
    await door.leave()


async def echo(request: Request) -> Response:
    return Response(body=request.body)


async def echo_messages(request: Request, websocket: WebSocket) -> None:
    await websocket.listen(lambda message, text: websocket.send_text(message.decode(errors="replace")))


def ignore(message: bytes, text: bool) -> None:
    """Takes a message and does nothing with it."""


def echo_at_once(request: Request) -> Response:
    return Response(body=request.body)


ECHO = Routes(
    http=[
        Route("GET", "/", echo_at_once),
        Route("POST", "/echo", echo_at_once),
        Route("POST", "/later", echo),
    ]
)


def session(
    serve: Callable[[Request, WebSocket], Awaitable[None]] = echo_messages, limits: SessionLimits | None = None
) -> Routes:
    return Routes(websockets=[WebSocketRoute("/session", serve, limits or SessionLimits())])


def post(body: bytes, *headers: str, path: str = "/echo") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str = "/", *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers]).encode() + b"\r\n\r\n"


def handshake(path: str = "/session", *headers: str) -> bytes:
    return get(
        path,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    )
