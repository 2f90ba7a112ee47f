"""A WebSocket server in the test's own process, and a WebsocketSink that sends to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, Request, TextMessage

from sinks.dialing import Stream
from sinks.sink import Send
from sinks.websocket import WebsocketSink
from tests.sinks.listening import HOST, listening


class Wire:
    """The server's end of one WebSocket."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.protocol = WSConnection(ConnectionType.SERVER)
        self.heard = 0
        """How many messages a test has heard, if it counts them."""

    async def send(self, event: Event) -> None:
        await self.stream.send_all(self.protocol.send(event))

    async def receive(self) -> list[Event]:
        """What the client says next; nothing when it is gone."""
        data = await self.stream.receive_some(65_536)
        if not data:
            return []
        self.protocol.receive_data(bytes(data))
        return [*self.protocol.events()] or await self.receive()


@dataclass
class WebsocketReceiver:
    """A server that takes messages and answers pings, but for what `hear` takes over by returning True."""

    hear: Callable[[Wire, Event], Awaitable[bool]] | None = None
    requests: list[Request] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    async def __call__(self, stream: Stream) -> None:
        wire, parts = Wire(stream), list[str]()
        while events := await wire.receive():
            for event in events:
                self.events.append(event)
                if self.hear is None or not await self.hear(wire, event):
                    await self._take(wire, event, parts)

    async def _take(self, wire: Wire, event: Event, parts: list[str]) -> None:
        match event:
            case Request():
                self.requests.append(event)
                await wire.send(AcceptConnection())
            case Ping() | CloseConnection():
                await wire.send(event.response())
            case TextMessage():
                parts.append(event.data)
                if event.message_finished:
                    self.messages.append("".join(parts).encode())
                    parts.clear()


def sink(port: int, **keys: object) -> WebsocketSink:
    return WebsocketSink(f"ws://{HOST}:{port}/reports", **keys)  # type: ignore[arg-type]


@asynccontextmanager
async def opened(receiver: WebsocketReceiver, **keys: object) -> AsyncIterator[Send]:
    async with listening(receiver) as port, sink(port, **keys).opened("mySink") as send:
        yield send
