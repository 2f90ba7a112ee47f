"""The wire between members: frames, and the hello that opens every connection.

A frame is its length (4 bytes, little-endian) and that many bytes; the empty frame is a sign of life and nothing else.
The first frame of a connection is a hello in MessagePack: a `LinkHello` asks for a link between two members and is
answered by a sign of life once it is accepted; a `Question` is answered by one frame. Nothing here is ever executed or
instantiated by name: what is no hello of exactly these shapes is refused.
"""

import struct

import msgspec

_LENGTH = struct.Struct("<I")
_FEW_PARTS = 64
_LEAST_MEAN_PART = 1024

PING = _LENGTH.pack(0)
"""The sign of life."""

HEAD_SIZE = _LENGTH.size
"""Bytes that every frame has beside its own."""


class FrameTooLarge(ValueError):
    """A peer announced a frame beyond the limit."""


class MalformedHello(ValueError):
    """The first frame of a connection was no hello."""


class LinkHello(msgspec.Struct, frozen=True, tag="link"):
    """Asks for a link from the member `me` to the member `you`."""

    me: str
    you: str


class Question(msgspec.Struct, frozen=True, tag="question"):
    """Asks anything of whoever listens there."""

    data: bytes


Hello = LinkHello | Question

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Hello] = msgspec.msgpack.Decoder(Hello)


def head(size: int) -> bytes:
    """What stands before a frame of that many bytes."""
    return _LENGTH.pack(size)


def framed(body: bytes) -> bytes:
    """The frame of a body."""
    return _LENGTH.pack(len(body)) + body


def encode_hello(hello: Hello) -> bytes:
    """The body of a hello."""
    return _ENCODER.encode(hello)


def decode_hello(body: bytes) -> Hello:
    """The hello of a body; raises `MalformedHello` for anything else."""
    try:
        return _DECODER.decode(body)
    except (ValueError, RecursionError) as error:
        raise MalformedHello(str(error)) from error


class FrameReader:
    """Cuts what a peer sends into frames, of at most `limit` bytes each.

    What it holds of an unfinished frame is in proportion to what has arrived of it, however small the pieces were,
    never to what was announced. `limit` may be raised at any time.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._head = b""
        self._parts: list[bytes] = []
        self._held = 0
        self._missing = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The bodies that `chunk` completes, in order; raises `FrameTooLarge` as soon as one is announced."""
        if self._missing > len(chunk):
            self._hold(chunk)
            return []
        frames = []
        start = 0
        if self._missing:
            start = self._missing
            frames.append(b"".join((*self._parts, chunk[:start])))
            self._parts, self._held, self._missing = [], 0, 0
        elif self._head:
            chunk = self._head + chunk
        end = len(chunk)
        while end - start >= HEAD_SIZE:
            (size,) = _LENGTH.unpack_from(chunk, start)
            if size > self.limit:
                raise FrameTooLarge(f"{size} bytes")
            start += HEAD_SIZE
            if size > end - start:
                self._head, self._missing = b"", size
                self._hold(chunk[start:])
                return frames
            frames.append(chunk[start : start + size])
            start += size
        self._head = chunk[start:]
        return frames

    def _hold(self, part: bytes) -> None:
        self._parts.append(part)
        self._held += len(part)
        self._missing -= len(part)
        # Objects of a few bytes each would take many times the room of what they hold.
        if len(self._parts) > _FEW_PARTS + self._held // _LEAST_MEAN_PART:
            self._parts = [b"".join(self._parts)]
