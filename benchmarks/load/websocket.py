"""One WebSocket of the load: what it has to write, and what came in."""

import selectors
import socket
import struct
from dataclasses import dataclass, field

from benchmarks.load.frames import BINARY, CLOSE, PING, PONG, frame, take_frame
from benchmarks.load.texts import Script
from benchmarks.load.wire import Wire

CHUNK = 65536
"""What a connection that sends as fast as it goes hands to the system at a time, at least. (bytes)"""


@dataclass
class Connection:
    """A session. `out` waits to be written; frames of a whole chunk follow it while it sends as fast as it goes."""

    socket: socket.socket
    script: Script | None = None
    out: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    sent: int = 0
    """Messages."""
    sent_bytes: int = 0
    answered: bool = True
    """Whether the server answered the ping that was sent last by `ask`, so has read all that was sent before."""
    closed: int | None = None
    """With what the server closed it, 1006 if it just ended."""
    flat: bool = False
    """Whether it sends as fast as the server takes it."""

    _chunks: list[tuple[bytes, int]] = field(default_factory=list)
    _next: int = 0
    _rest: memoryview = field(default_factory=lambda: memoryview(b""))

    def say(self) -> None:
        """The next message waits to be written."""
        assert self.script is not None
        text = self.script.next()
        self.out += frame(BINARY, text)
        self.sent += 1
        self.sent_bytes += len(text)

    def ask(self) -> None:
        """A ping waits to be written, behind all messages."""
        self.answered = False
        self.out += frame(PING, b"all")

    def prepare(self) -> None:
        """Makes all that it will say while it is `flat`."""
        if self._chunks or self.script is None:
            return
        frames: list[bytes] = []
        size = 0
        for text in self.script.whole():
            frames.append(frame(BINARY, text))
            size += len(frames[-1])
            if size >= CHUNK:
                self._chunks.append((b"".join(frames), len(frames)))
                frames, size = [], 0
        if frames:
            self._chunks.append((b"".join(frames), len(frames)))

    @property
    def wants_to_write(self) -> bool:
        """Whether there is something to write."""
        return self.flat or bool(self._rest) or bool(self.out)

    def write(self) -> None:
        """Writes what the system takes now."""
        try:
            if self._rest:
                self._rest = self._rest[self.socket.send(self._rest) :]
            if not self._rest and self.out:
                del self.out[: self.socket.send(self.out)]
            if self.flat and not self._rest and not self.out:
                self._begin_chunk()
        except BlockingIOError:
            return
        except OSError:
            self.closed = self.closed or 1006

    def _begin_chunk(self) -> None:
        chunk, messages = self._chunks[self._next % len(self._chunks)]
        self._next += 1
        self._rest = memoryview(chunk)
        self.sent += messages
        self.sent_bytes += len(chunk)
        self._rest = self._rest[self.socket.send(self._rest) :]

    def read(self) -> None:
        """Answers pings, notes pongs and the server's closing; drops the rest."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.closed = self.closed or 1006
        self.received += data
        while (parsed := take_frame(self.received)) is not None:
            opcode, payload = parsed
            if opcode == PING:
                self.out += frame(PONG, payload)
            elif opcode == PONG:
                self.answered = True
            elif opcode == CLOSE:
                self.closed = int.from_bytes(payload[:2], "big") or 1005

    def leave(self) -> None:
        """Leaves as clients do. Raises OSError when the server does not take it."""
        self.socket.setblocking(True)
        self.socket.settimeout(5)
        self.socket.sendall(frame(CLOSE, struct.pack("!H", 1000)))
        self.socket.close()


def watch(selector: selectors.BaseSelector, one: Wire) -> None:
    """Waits for room only where something is to be written, and no longer for one that is closed."""
    if one.closed is not None:
        if one.socket.fileno() >= 0:
            selector.unregister(one.socket)
            one.socket.close()
        return
    wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if one.wants_to_write else 0)
    if selector.get_key(one.socket).events != wanted:
        selector.modify(one.socket, wanted, one)
