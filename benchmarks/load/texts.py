"""What clients say: the messages of a file, and those of many more clients made of them.

A file has one JSON message a line and may be gzipped. The lines of one client are what a connection plays over and
over. Where there are more connections than clients in the file, copies of them follow, under ids of their own.
"""

import gzip
import re
from enum import Enum
from pathlib import Path

import orjson

_GOLDEN = 0x9E3779B1
"""Odd, so that its multiples differ from each other for 2^32 copies. (2^32 divided by the golden ratio)"""

_CLIENT = re.compile(rb'"clientId":"([0-9a-f]{8})')
_CALL = re.compile(rb'"callId":"([0-9a-f]{8})')
_ROOM = re.compile(rb'"roomId":"[^"]*()"')
_SSRC = re.compile(rb'"ssrc":(\d+)')
_UUID = re.compile(rb"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Kind(Enum):
    """What a piece of a message names, so what is to be renamed in a copy."""

    NOTHING = 0
    OWN = 1
    """The begin of a UUID of the client's own: itself, its peer connections, its tracks."""
    CALL = 2
    """The begin of the UUID of its call."""
    ROOM = 3
    """The end of the name of its room."""
    SSRC = 4


class Line:
    """A message, and what in it says who sent it."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._pieces: dict[bool, list[tuple[bytes, Kind]]] = {}

    def of(self, copy: int, calls_of: int = 0) -> bytes:
        """The message of a copy.

        `calls_of` 0: all copies are in the call of the file and differ by their client ids alone; copy 0 says what the
        file says. Otherwise so many copies each share a call and a room, and all else that has an id is each one's own:
        peer connections, tracks and SSRCs.
        """
        if not copy and not calls_of:
            return self.text
        call = copy // calls_of if calls_of else 0
        return b"".join(_renamed(piece, kind, copy, call) for piece, kind in self._pieces_of(bool(calls_of)))

    def _pieces_of(self, everything: bool) -> list[tuple[bytes, Kind]]:
        if everything not in self._pieces:
            self._pieces[everything] = _cut(self.text, _names(self.text, everything))
        return self._pieces[everything]


def _names(text: bytes, everything: bool) -> dict[tuple[int, int], Kind]:
    """Where in the text something is named: the client alone, or everything."""
    if not everything:
        return dict.fromkeys(_spans(text, _CLIENT), Kind.OWN)
    # A call is named by a UUID as well: what is said last of a place counts.
    return {
        **dict.fromkeys(_spans(text, _UUID), Kind.OWN),
        **dict.fromkeys(_spans(text, _CALL), Kind.CALL),
        **dict.fromkeys(_spans(text, _ROOM), Kind.ROOM),
        **dict.fromkeys(_spans(text, _SSRC), Kind.SSRC),
    }


def _spans(text: bytes, pattern: re.Pattern[bytes]) -> list[tuple[int, int]]:
    return [match.span(1) for match in pattern.finditer(text)]


def _cut(text: bytes, names: dict[tuple[int, int], Kind]) -> list[tuple[bytes, Kind]]:
    """The text in pieces: names, and what stands between them."""
    pieces, at = [], 0
    for (start, end), kind in sorted(names.items(), key=lambda name: name[0]):
        pieces += [(text[at:start], Kind.NOTHING), (text[start:end], kind)]
        at = end
    return [*pieces, (text[at:], Kind.NOTHING)]


def _renamed(piece: bytes, kind: Kind, copy: int, call: int) -> bytes:
    match kind:
        case Kind.OWN:
            return b"%08x" % ((int(piece, 16) + copy * _GOLDEN) % 2**32)
        case Kind.CALL:
            return b"%08x" % ((int(piece, 16) + call * _GOLDEN) % 2**32)
        case Kind.ROOM:
            return b"-%d" % call
        case Kind.SSRC:
            return b"%d" % ((int(piece) + copy * _GOLDEN) % 2**32)
        case _:
            return piece


def clients_of(path: Path) -> list[list[Line]]:
    """The lines of each client of the file, in the file's order."""
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    clients: dict[str, list[Line]] = {}
    for line in text.splitlines():
        samples = orjson.loads(line).get("clientSamples") or [{}]
        clients.setdefault(str(samples[0].get("clientId")), []).append(Line(line))
    return list(clients.values())


class Script:
    """What one connection says, from its first message on, over and over."""

    def __init__(self, clients: list[list[Line]], number: int, calls_of: int = 0) -> None:
        self._lines = clients[number % len(clients)]
        self._copy = number // len(clients)
        self._calls_of = calls_of
        # Connections that begin at different lines do not all send their longest message at the same time.
        self._at = number if len(clients) == 1 else 0

    def next(self) -> bytes:
        """The next message."""
        line = self._lines[self._at % len(self._lines)]
        self._at += 1
        return line.of(self._copy, self._calls_of)

    def whole(self) -> list[bytes]:
        """All messages once, from the next on."""
        return [self.next() for _ in self._lines]
