"""From the bytes of one WebSocket to its messages, without a socket.

Most messages are one frame. Such a frame is cut from the buffer here, and its mask, the dear part, is taken off in C.
All others go to wsproto, frame by frame, and so does what is no frame at all: wsproto says what is wrong with it.
"""

import struct
from collections.abc import Iterator

from websockets.speedups import apply_mask
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Event, TextMessage

INVALID_TEXT, TOO_LARGE = 1007, 1009

_TEXT, _BINARY = 0x81, 0x82
_WHOLE = (_BINARY, _TEXT)
"""How a frame begins that is a whole message."""

_PONG = 0x8A
"""How a pong begins. It may be ignored by who waits for none (RFC 6455, 5.5.3)."""

_KNOWN = frozenset({0x00, 0x01, 0x02, _TEXT, _BINARY, 0x80, 0x88, 0x89, _PONG})
"""How any frame may begin: no reserved bit, no unknown opcode, no control frame in fragments (RFC 6455, 5)."""

_MASKED, _OF_TWO_BYTES, _OF_EIGHT_BYTES = 0x80, 0xFE, 0xFF
"""How the length of a masked frame begins; the last two say that it follows in so many bytes."""

MOST_AT_ONCE = 128
"""How many frames `Frames.received` reads before it ends: a frame of six bytes takes some microseconds."""

_CONTROL = 0x08
_LEAST_OF_TWO, _LEAST_OF_EIGHT = 126, 65_536
_SHORTEST = 2

_head = struct.Struct("!BBH").unpack_from
_eight_bytes = struct.Struct("!Q").unpack_from


class Frames(WSConnection):
    """What a client sends behind its handshake, when no extension was agreed on.

    No message is longer than `longest`, in bytes: a frame that would make it so is not waited for. To be read by
    `receive_data` and `received`, not by `events`. When all that came was received, nothing of it is held.
    """

    def __init__(self, longest: int) -> None:
        # Not that of WSConnection: it makes a parser for the handshake, which was read before.
        self.client = False
        self.connection = self._connection = Connection(ConnectionType.SERVER)
        self.text = False
        """Whether the last message that was received was text."""
        self.unread = False
        """Whether more had come than `received` read, when it ended."""
        self._longest = longest
        self._data: bytes | bytearray = b""
        self._at = 0
        self._needed = _SHORTEST
        self._fragments: bytearray | None = None
        self._broken = False
        self._over = False

    def receive_data(self, data: bytes | bytearray | None) -> None:
        """Takes what the peer has sent."""
        if not data or self._over:
            return
        if self._broken:
            self._connection.receive_data(bytes(data))
        elif self._data:
            # One array that grows in place: a frame may come in a million pieces.
            array = self._data if isinstance(self._data, bytearray) else bytearray(self._data)
            array += data
            self._data = array
        else:
            self._data = data

    def received(self) -> Iterator[bytes | Event]:
        """What has come so far: whole messages as bytes, and other events but pongs as wsproto tells them.

        Text is UTF-8. For a peer that breaks the protocol there is a `CloseConnection` with the code for that, while
        the state stays as it is. Nothing follows a `CloseConnection`. May be given up at any time, and be begun again:
        it must be when it left something unread, so that others can have their turn between.
        """
        data, at, needed, longest = self._data, self._at, self._needed, self._longest
        size, self._needed = len(data), _SHORTEST
        # Of an array there is none: it must be free to grow.
        view = memoryview(data) if isinstance(data, bytes) else data
        event: bytes | Event | None
        for _ in range(0 if self._over else MOST_AT_ONCE):
            if size - at < needed:
                self._needed = needed
                break
            # Nearly all messages are as long as two bytes tell.
            if size - at >= 4:
                first, second, length = _head(data, at)
            else:
                first, second, length = data[at], data[at + 1], 0
            if second == _OF_TWO_BYTES:
                start, least = at + 8, _LEAST_OF_TWO
                if start > size:
                    length = least
            elif second == _OF_EIGHT_BYTES:
                start, least = at + 14, _LEAST_OF_EIGHT
                length = least if start > size else _eight_bytes(data, at + 2)[0]
            else:
                start, least = at + 6, 0
                length = second - _MASKED
            end = start + length
            if end <= size and least <= length <= longest and first in _WHOLE and self._fragments is None:
                self._at = at = end
                needed = _SHORTEST
                message = apply_mask(view[start:end], data[start - 4 : start])
                self.text = first == _TEXT
                if not self.text:
                    yield message
                    continue
                event = self._checked(message)
            else:
                event = self._unusual(first, start, length, least)
                at, needed, self._needed = self._at, self._needed, _SHORTEST
            if event is not None:
                yield event
            if self._over:
                break
        else:
            self._needed = needed
        if self._broken and not self._over:
            event = self._told()
            if event is not None:
                yield event
        # Only what was not received yet is kept: nearly always that is nothing.
        if at == len(self._data) or self._over:
            self._data, self._at, self.unread = b"", 0, False
        else:
            self._keep_rest()

    def _keep_rest(self) -> None:
        if self._at:
            self._data, self._at = self._data[self._at :], 0
        self.unread = len(self._data) >= self._needed

    def _checked(self, text: bytes) -> bytes | Event:
        if not text.isascii():
            try:
                text.decode()
            except UnicodeDecodeError as error:
                return self._end(INVALID_TEXT, str(error))
        return text

    def _unusual(self, first: int, start: int, length: int, least: int) -> bytes | Event | None:
        """What comes of a frame that is no whole message, or not all here, or no frame at all."""
        size, control = len(self._data), first & _CONTROL
        if first not in _KNOWN or length < least or length >> 63 or (control and least):
            self._broken = True
            self._connection.receive_data(bytes(self._data[self._at :]))
            self._at = size
            return None
        begun = 0 if self._fragments is None else len(self._fragments)
        if not control and begun + length > self._longest:
            return self._end(TOO_LARGE, f"A message holds at most {self._longest} bytes")
        end = start if start > size else start + length
        if end > size:
            self._needed = end - self._at
            return None
        frame_at, self._at, self._needed = self._at, end, _SHORTEST
        if first == _PONG:
            return None
        self._connection.receive_data(bytes(self._data[frame_at:end]))
        return self._told()

    def _told(self) -> bytes | Event | None:
        """What wsproto makes of the one frame it was given."""
        for event in self._connection.events():
            if isinstance(event, CloseConnection):
                self._over = True
            if isinstance(event, TextMessage):
                return self._joined(event.data.encode(), event)
            if isinstance(event, BytesMessage):
                return self._joined(bytes(event.data), event)
            return event
        return None

    def _joined(self, data: bytes, event: TextMessage | BytesMessage) -> bytes | None:
        """The message that this fragment ends."""
        if self._fragments is None:
            self._fragments = bytearray()
        self._fragments += data
        if not event.message_finished:
            return None
        message, self._fragments = bytes(self._fragments), None
        self.text = isinstance(event, TextMessage)
        return message

    def _end(self, code: int, reason: str) -> CloseConnection:
        self._over = True
        return CloseConnection(code, reason)
