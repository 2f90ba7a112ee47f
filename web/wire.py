"""One WebSocket as trio-websocket has it, but read in another way.

trio-websocket reads in a task of its own and hands each message to another task. Here whoever serves the session reads,
and each message goes to a plain function: that is much less work, and an open session needs one task. That sleeps while
peers are heard together with others (`web.gathering`), until something is to be waited for.

What trio-websocket does not publish is used in this file only, and `tests/web/test_private_names.py` fails when it
becomes something else.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial

import trio
from trio_websocket import CloseReason, ConnectionClosed, WebSocketConnection
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Event, Ping

from web.frames import TOO_LARGE, Frames
from web.gathering import Hear
from web.statistics import Ended, Statistics
from web.streams import RECEIVE_SIZE, Stream, TcpStream
from web.watching import Watch

Take = Callable[[bytes, bool], Awaitable[None] | None]
"""Takes a message, and whether it was text. What it returns is awaited before anything else is read."""

_PING = b"\x89\x00"
"""The frame of a ping that carries nothing."""

_TEXT, _SHORT = b"\x81%c%b", 125
"""The frame of a text message that is no longer than this, in bytes: the length, and the text."""

_NO_CHANNEL = trio.open_memory_channel[str | bytes](0)
_NO_CHANNEL[0].close()
_NO_CHANNEL[1].close()
_NOBODY_WAITS = trio.Event()
_NO_PINGS = OrderedDict[bytes, trio.Event]()
"""Our pings carry nothing, and no answer is waited for: whatever a peer says shows that it lives."""


class Wire(WebSocketConnection):
    """A session whose handshake was answered. It sets no limits in time, and leaves its stream open at the end.

    `heard_at` and `spoken_at` tell when something, and when a message, was received, as `Watch.next_look` tells time.
    """

    __slots__ = (
        "_cut",
        "_frames",
        "_most_unfinished",
        "_pending",
        "_sends",
        "_statistics",
        "_unfinished",
        "_watch",
        "heard_at",
        "listening",
        "number",
        "over",
        "spoken_at",
    )

    def __init__(self, stream: Stream, early: bytes, longest: int, statistics: Statistics, watch: Watch) -> None:
        """`early` came before; no message is longer than `longest`, in bytes."""
        self._frames = Frames(longest)
        super().__init__(stream, self._frames)
        # What only the handshake and trio-websocket's own reader need is half of what it holds.
        self._send_channel, self._recv_channel = _NO_CHANNEL
        self._open_handshake = self._for_testing_peer_closed_connection = _NOBODY_WAITS
        self._connection_proposal = None
        self._pings = _NO_PINGS
        self._frames.receive_data(early)
        self._statistics = statistics
        # Frames have heads, so bytes may be more than what they carry; more than this is no honest message.
        self._most_unfinished = 4 * longest + RECEIVE_SIZE
        self._unfinished = len(early)
        self._pending: Event | Awaitable[None] | None = None
        """What was heard and is to be seen to."""
        self._sends = 0
        self._watch = watch
        self.number = watch.new_number()
        self.listening = False
        """Whether it is being read. While a message is worked on it is not."""
        self.heard_at = self.spoken_at = watch.next_look
        self.over = False
        """Whether nothing more comes, whoever ended it."""
        self._cut = False

    @property
    def parted(self) -> bool:
        """Whether the stream can be closed at once: both sides have said that they close, or the peer is to be cut."""
        return self._cut or (self.over and self._frames.state is ConnectionState.CLOSED)

    async def read(self, take: Take) -> None:
        """Gives `take` each message until the session is over. Raises what `take`, or what it returned, raises.

        May be begun again after that, and when it was cancelled: nothing that was received is lost. A peer that breaks
        the protocol, or sends too much, is told so and counted. Once either side closes, no message is given.
        """
        frames, stream = self._frames, self._stream
        listen = partial(stream.listen, self._hearing(stream, take)) if isinstance(stream, TcpStream) else None
        self._listen()
        try:
            while not self.over:
                pending, self._pending = self._pending or self._take_all(take), None
                if pending is not None:
                    await self._see_to(pending)
                elif frames.unread:
                    await trio.lowlevel.checkpoint()
                else:
                    try:
                        if listen is None or not await listen():
                            self._feed(await stream.receive_some(RECEIVE_SIZE))
                    except (trio.BrokenResourceError, trio.ClosedResourceError):
                        self.over = True
                        await self._abort_web_socket()
        finally:
            self.listening = False

    def _hearing(self, stream: TcpStream, take: Take) -> Hear:
        """What hears the peer while the task that reads sleeps, until something must be seen to."""

        def hear() -> bool:
            data = stream.receive_now()
            if data is None:
                return True
            self._feed(data)
            self._pending = self._take_all(take)
            return self._pending is None and not self._frames.unread

        return hear

    def _take_all(self, take: Take) -> Event | Awaitable[None] | None:
        """Gives `take` each message that is here, up to what must be seen to before the next one; ``None`` if nothing
        must. While nothing more comes, nothing of what came is held."""
        frames, watch = self._frames, self._watch
        for message in frames.received():
            if not isinstance(message, bytes):
                return message
            self._unfinished = 0
            self.spoken_at = watch.next_look
            if self._close_reason is None and (rest := take(message, frames.text)) is not None:
                return rest
        return None

    async def _see_to(self, pending: Event | Awaitable[None]) -> None:
        """Hears of what is no message, or awaits what is left to do for one."""
        if isinstance(pending, Event):
            await self._hear(pending)
            return
        self.listening = False
        await pending
        self._listen()

    async def part(self, code: int, reason: str) -> None:
        """Says that we close, unless one side has said so before. Raises `ConnectionClosed`."""
        if self._close_reason is None:
            self._close_reason = CloseReason(code, reason)
            await self._send(CloseConnection(code, reason))

    async def wait_parted(self) -> None:
        """Waits until the peer has closed too, or is gone. Somebody must read meanwhile."""
        await self._close_handshake.wait()

    async def send_ping(self) -> None:
        """Sends a ping, unless one side closes. Raises `ConnectionClosed`."""
        if self._close_reason is None:
            await self._send(Ping())

    def ping_now(self) -> bool:
        """Sends a ping if nothing is in its way; says whether it did. If not, `send_ping` does what is to be done."""
        return self._begin(_PING) == len(_PING)

    async def send_text(self, text: str) -> None:
        """Sends a text message; a short one at once if nothing is in its way. Raises `ConnectionClosed`."""
        data = text.encode()
        frame = _TEXT % (len(data), data) if len(data) <= _SHORT else b""
        sent = self._begin(frame) if frame else 0
        if not sent:
            await self.send_message(text)
        elif sent < len(frame):
            # A ping takes the rest along.
            await self.send_ping()

    def _begin(self, frame: bytes) -> int:
        """Sends what can be sent of a frame at once; says how many bytes that were. The rest comes before all else."""
        stream = self._stream
        if self._close_reason is not None or self._sends or not isinstance(stream, TcpStream):
            return 0
        try:
            return stream.begin(frame)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return 0

    def _listen(self) -> None:
        """Reads, or reads on. While the peer was not read, its silence said nothing."""
        self.listening = True
        self.heard_at = self.spoken_at = self._watch.next_look

    def _feed(self, data: bytes | bytearray) -> None:
        if not data:
            raise trio.BrokenResourceError("The peer said no more")
        self.heard_at = self._watch.next_look
        self._statistics.received_bytes += len(data)
        self._unfinished += len(data)
        if self._unfinished > self._most_unfinished:
            self._statistics.ended[Ended.MESSAGE_UNFINISHED] += 1
            self._cut = True
            raise trio.BrokenResourceError("Too much was received without a message")
        self._frames.receive_data(data)

    async def _hear(self, event: Event) -> None:
        try:
            if isinstance(event, CloseConnection):
                await self._hear_close(event)
            elif isinstance(event, Ping) and self._close_reason is None:
                await self._handle_ping_event(event)
        except ConnectionClosed:
            self.over = True

    async def _hear_close(self, event: CloseConnection) -> None:
        if self._frames.state is not ConnectionState.OPEN:
            await self._handle_close_connection_event(event)
        elif self._close_reason is None:
            # The peer did not close: this is how wsproto tells that it broke the protocol.
            self._statistics.ended[Ended.MESSAGE_TOO_LARGE if event.code == TOO_LARGE else Ended.MALFORMED] += 1
            await self.part(event.code, event.reason or "")
        self.over = True
        self._close_handshake.set()

    async def _send(self, event: Event) -> None:
        sending = self._watch.sending
        if not self._sends:
            sending[self.number] = trio.current_time()
        self._sends += 1
        try:
            await super()._send(event)
        finally:
            self._sends -= 1
            if self._sends:
                sending[self.number] = trio.current_time()
            else:
                del sending[self.number]

    async def _close_stream(self) -> None:
        """Does nothing: the stream is closed by its owner, who also sees to it that our last words are read."""
