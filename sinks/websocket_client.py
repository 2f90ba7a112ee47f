"""The client's end of one WebSocket: what it sends and hears, on top of a session.

wsproto does the handshake and understands the server; `sinks.websocket_frames` makes what is sent in bulk. What the
server sends is not kept.
"""

import struct
from collections.abc import Sequence

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import RemoteProtocolError

from sinks.counts import Counts
from sinks.dialing import Destination, Stream, told
from sinks.lines import Line
from sinks.session import RECEIVE_SIZE, Session
from sinks.sink import NotDelivered
from sinks.websocket_frames import framed

TOO_BIG = 1009
"""The code that a server closes with for a message that is longer than it takes."""

ASK_EVERY = 262_144
"""A ping follows whenever so much was put. (bytes)"""

MOST_UNANSWERED = 3
"""How many of those pings may be without an answer before more is put."""

_NORMAL = 1000
_number = struct.Struct("!Q")


async def shaken(destination: Destination, request: Request) -> tuple[Stream, WSConnection]:
    """A connection whose opening handshake was answered. Whoever calls closes it.

    Raises ConnectionError, and NotDelivered when the server answers with something else than a WebSocket.
    """
    stream = await destination.dialed()
    try:
        return stream, await _shaken(stream, destination, request)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise


async def _shaken(stream: Stream, destination: Destination, request: Request) -> WSConnection:
    protocol = WSConnection(ConnectionType.CLIENT)
    try:
        await stream.send_all(protocol.send(request))
        while data := await stream.receive_some(RECEIVE_SIZE):
            protocol.receive_data(bytes(data))
            for event in protocol.events():
                if isinstance(event, RejectConnection):
                    raise NotDelivered(f"{destination}: it answered the handshake with {event.status_code}")
                if isinstance(event, AcceptConnection):
                    return protocol
    except trio.BrokenResourceError as error:
        raise ConnectionError(f"{destination}: {told(error)}") from error
    except RemoteProtocolError as error:
        raise ConnectionError(f"{destination}: it did not answer as a WebSocket server does") from error
    raise ConnectionError(f"{destination}: it closed the connection during the handshake")


class Client:
    """A WebSocket after its handshake. `counts` understands the server's messages; without it they are ignored."""

    def __init__(self, protocol: WSConnection, session: Session, counts: Counts | None) -> None:
        self.session = session
        self.counts = counts
        self.too_big = False
        """Whether the server has closed because a message was longer than it takes."""
        self._protocol = protocol
        self._pings = 0
        self._pongs = 0
        self._unasked = 0
        self._owed = b""
        self._owes = trio.Event()

    async def put(self, lines: Sequence[Line]) -> None:
        """Send each line as a text message. Without `counts` the server is asked with pings how far it has come."""
        if self.session.failure:
            raise self.session.failure
        frames = framed(lines)
        if self.counts:
            self.counts.sent += len(lines)
        await self.session.put(frames)
        self._unasked += len(frames)
        if self._unasked >= ASK_EVERY and not self.counts:
            await self._ask()
            await self._wait_pong(self._pings - MOST_UNANSWERED)

    async def confirmed(self) -> None:
        """Wait until the server has read all that was put; with `counts`, until it says that it has stored it."""
        if self.counts:
            await self.session.wait(self.counts.complete)
        else:
            if self._unasked:
                await self._ask()
            await self._wait_pong(self._pings)

    async def keep_alive(self, every_s: float) -> None:
        """Ask the server now and then whether it is there. Raises ConnectionError when it is not."""
        while True:
            await trio.sleep(every_s)
            async with self.session.turn():
                await self._ask()
                await self._wait_pong(self._pings)

    async def answer(self) -> None:
        """Answer the server's pings: the last of those that came while others were answered."""
        while True:
            await self._owes.wait()
            self._owes = trio.Event()
            try:
                await self.session.put(self._owed)
            except ConnectionError:
                await self.session.tell()

    def hear(self, data: bytes | bytearray) -> None:
        """Understand what the server sent. Raises ConnectionError for what no server should say."""
        try:
            self._protocol.receive_data(bytes(data))
            for event in self._protocol.events():
                self._hear(event)
        except RemoteProtocolError as error:
            raise self._breach() from error

    async def part(self) -> None:
        """Say that we close, or answer that the server does, and wait until both have said so. Needs no other task."""
        open_still = self.session.failure is None
        if not self.session.whole or not (open_still or self._protocol.state is ConnectionState.REMOTE_CLOSING):
            return
        try:
            await self.session.stream.send_all(self._protocol.send(CloseConnection(_NORMAL)))
            while self._protocol.state is not ConnectionState.CLOSED:
                data = await self.session.stream.receive_some(RECEIVE_SIZE)
                if not data:
                    return
                self._protocol.receive_data(bytes(data))
                for _ in self._protocol.events():
                    pass
        except (trio.BrokenResourceError, RemoteProtocolError):
            return

    def _hear(self, event: Event) -> None:
        match event:
            case Pong():
                self._hear_pong(bytes(event.payload))
            case Ping():
                self._owed = self._protocol.send(event.response())
                self._owes.set()
            case CloseConnection():
                if self._protocol.state is ConnectionState.OPEN:
                    raise self._breach()
                self.too_big = event.code == TOO_BIG
                raise ConnectionError(f"{self.session.receiver} has closed with code {event.code}")
            case TextMessage() | BytesMessage() if self.counts:
                self.counts.hear(event.data.encode() if isinstance(event.data, str) else bytes(event.data))
                if event.message_finished:
                    self.counts.hear(b"\n")
                self.session.stir()

    def _hear_pong(self, payload: bytes) -> None:
        if len(payload) == _number.size:
            number: int = _number.unpack(payload)[0]
            if self._pongs < number <= self._pings:
                self._pongs = number
                self.session.stir()

    async def _ask(self) -> None:
        """Send a ping. The server answers it once it has read all that was put before."""
        if self.session.failure:
            raise self.session.failure
        self._pings += 1
        self._unasked = 0
        await self.session.put(self._protocol.send(Ping(_number.pack(self._pings))))

    async def _wait_pong(self, number: int) -> None:
        await self.session.wait(lambda: self._pongs >= number)

    def _breach(self) -> ConnectionError:
        return ConnectionError(f"{self.session.receiver}: it broke the protocol of WebSockets")
