"""What clients say: the messages of a file, and those of many more clients made of them.

A file has one JSON message a line and may be gzipped. The lines of one client are what a connection plays over and
over. Where there are more connections than clients in the file, copies of them follow, under ids of their own.
"""

import gzip
import re
from functools import cached_property
from pathlib import Path

import orjson

_GOLDEN = 0x9E3779B1
"""Odd, so that its multiples differ from each other for 2^32 copies. (2^32 divided by the golden ratio)"""

_CLIENT = re.compile(rb'"clientId":"([0-9a-f]{8})')
_CALL = re.compile(rb'"callId":"([0-9a-f]{8})')
_ROOM = re.compile(rb'"roomId":"[^"]*()"')
_SSRC = re.compile(rb'"ssrc":(\d+)')
_UUID = re.compile(rb"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Line:
    """A message and what in it says who sent it."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def of(self, copy: int, calls_of: int = 0) -> bytes:
        """The message of a copy.

        `calls_of` 0: all copies are in the call of the file and differ by their client ids alone; copy 0 says what the
        file says. Otherwise so many
        copies each share a call and a room, and all else that has an id is each one's own: peer connections, tracks
        and SSRCs.
        """
        if not copy and not calls_of:
            return self.text
        parts = list(self._parts[bool(calls_of)])
        for at, (kind, own) in self._ids[bool(calls_of)]:
            parts[at] = _renamed(kind, own, copy // calls_of if calls_of and kind in "cr" else copy)
        return b"".join(parts)

    @cached_property
    def _cuts(self) -> tuple[list[tuple[int, int, str]], list[tuple[int, int, str]]]:
        clients = _spans(self.text, _CLIENT, "i")
        calls = _spans(self.text, _CALL, "c")
        known = {span[0] for span in calls}
        others = [span for span in _spans(self.text, _UUID, "i") if span[0] not in known]
        everything = calls + others + _spans(self.text, _ROOM, "r") + _spans(self.text, _SSRC, "s")
        return clients, sorted(everything)

    @cached_property
    def _parts(self) -> tuple[list[bytes], list[bytes]]:
        return tuple([part for part, _ in _cut(self.text, cuts)] for cuts in self._cuts)  # type: ignore[return-value]

    @cached_property
    def _ids(self) -> tuple[list[tuple[int, tuple[str, bytes]]], list[tuple[int, tuple[str, bytes]]]]:
        return tuple(  # type: ignore[return-value]
            [(at, (kind, part)) for at, (part, kind) in enumerate(_cut(self.text, cuts)) if kind] for cuts in self._cuts
        )


def _spans(text: bytes, pattern: re.Pattern[bytes], kind: str) -> list[tuple[int, int, str]]:
    return [(*match.span(1), kind) for match in pattern.finditer(text)]


def _cut(text: bytes, cuts: list[tuple[int, int, str]]) -> list[tuple[bytes, str]]:
    """The text in pieces: those that say who sent it with their kind, those between with none."""
    pieces, at = [], 0
    for start, end, kind in cuts:
        pieces += [(text[at:start], ""), (text[start:end], kind)]
        at = end
    return [*pieces, (text[at:], "")]


def _renamed(kind: str, own: bytes, number: int) -> bytes:
    if kind == "r":
        return b"-%d" % number
    if kind == "s":
        return b"%d" % ((int(own) + number * _GOLDEN) % 2**32)
    return b"%08x" % ((int(own, 16) + number * _GOLDEN) % 2**32)


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
