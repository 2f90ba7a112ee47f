"""The head of a request, read from bytes (RFC 9112). Pure; as strict as the standard lets a server be.

What two readers could understand differently is refused: that is how a request is smuggled past a proxy. So there are
no bare line feeds, no folded lines, no space before a colon, no control characters, one Host, and one length at most.
"""

import re
from functools import lru_cache
from typing import NamedTuple, Self

import msgspec

from web.requests import Malformed, tokens

_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_FIELDS = rb"(?:%b:[\t -~\x80-\xff]*+\r\n)*+" % _NAME
_HEAD = re.compile(rb"(%b [!-~]++ HTTP/[0-9]\.[0-9])\r\n(%b)\r\n" % (_NAME, _FIELDS))
TRAILERS = re.compile(rb"%b\r\n" % _FIELDS)
"""What may stand behind a body in chunks."""

_BEGINNING = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]")
_HOST = re.compile(r"[0-9A-Za-z._~!$&'()*+,;=:%\[\]-]*")
_MOST_DIGITS = 20
_ONCE = {"host": 400, "content-length": 400, "transfer-encoding": 501}
_LINES_KEPT = 1024
_LONGEST_KEPT = 512
_LONGEST_HEAD_KEPT = 1024

_LENGTH = re.compile(rb"\r\ncontent-length:[\t ]*([0-9]++)[\t ]*\r\n", re.IGNORECASE)


class Received:
    """Bytes that were received; those before `at` are done with."""

    __slots__ = ("at", "data")

    def __init__(self) -> None:
        self.data = b""
        self.at = 0

    def __len__(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        """The next bytes, at most `count`."""
        data, at = self.data, self.at
        self.at = min(at + count, len(data))
        return data[at : self.at]

    def add(self, data: bytes) -> None:
        """Puts `data` behind what is left."""
        self.data = self.data[self.at :] + data
        self.at = 0

    def forget(self) -> None:
        """Lets go of the bytes that are done with."""
        self.data = self.data[self.at :]
        self.at = 0


class Head(msgspec.Struct):
    """What a head says. Names of `headers` are in lower case; a header that was repeated has its values joined by
    commas. `length` is that of the body in bytes, ``None`` for one in chunks. `keeps` says whether another request may
    follow on the connection, `waits` whether the peer waits to be told to go on."""

    method: str
    target: str
    headers: dict[str, str]
    length: int | None
    keeps: bool
    waits: bool


class Known(NamedTuple):
    """A head that was taken, and its bytes around the digits of its length: who sends again mostly sends the same."""

    before: bytes
    digits: bytes
    behind: bytes
    head: Head

    @classmethod
    def of(cls, head: Head, data: bytes, longest: int) -> Self | None:
        """Of a head and its bytes; ``None`` if it has no length, or waits, which changes while it is answered, or is
        long: a head holds at most `longest` bytes."""
        most = min(longest - _MOST_DIGITS, _LONGEST_HEAD_KEPT)
        is_plain = head.length is not None and not head.waits and len(data) <= most
        found = _LENGTH.search(data) if is_plain else None
        if found is None:
            return None
        start, end = found.span(1)
        return cls(data[:start], data[start:end], data[end:], head)

    def take(self, received: Received) -> Head | None:
        """Takes the next head out of `received` if it differs from this one by its length at most."""
        before, known, behind, head = self
        data, at = received.data, received.at
        if not data.startswith(before, at):
            return None
        start = at + len(before)
        end = data.find(b"\r", start, start + _MOST_DIGITS + 1)
        digits = data[start:end]
        if end < 0 or not digits.isdigit() or not data.startswith(behind, end):
            return None
        received.at = end + len(behind)
        headers = head.headers
        if digits != known:
            headers = {**headers, "content-length": digits.decode()}
        return Head(head.method, head.target, headers, int(digits), head.keeps, waits=False)


def take_head(received: Received, longest: int) -> Head | None:
    """Takes the next head out of `received`; ``None`` while there is only the beginning of one.

    Raises `Malformed`: 431 for more than `longest` bytes, 501 for a transfer coding that is not chunked, 505 for
    another version than 1.x, 400 for whatever else is wrong.
    """
    data, at = received.data, received.at
    match = _HEAD.match(data, at)
    if match is None:
        _check_beginning(data, at, longest)
        return None
    received.at = end = match.end()
    if end - at > longest:
        raise Malformed(431)
    opening, lines = match.groups()
    method, target, is_1_1 = _opening_again(opening) if len(opening) <= _LONGEST_KEPT else _opening(opening)
    return _head(method, target, is_1_1, _headers(lines.decode("latin-1")))


def _opening(line: bytes) -> tuple[str, str, bool]:
    """The method, the target, and whether the version is 1.1 or a later 1.x."""
    method, target, version = line.decode("ascii").split(" ")
    if not version.startswith("HTTP/1."):
        raise Malformed(505)
    return method, target, version != "HTTP/1.0"


def _field(line: str) -> tuple[str, str]:
    """The name of a header, in lower case, and its value."""
    name, _, value = line.partition(":")
    return name.lower(), value.strip(" \t")


# Who sends again mostly sends the same lines, so what was read last is kept.
_opening_again = lru_cache(_LINES_KEPT)(_opening)
_field_again = lru_cache(_LINES_KEPT)(_field)


def _head(method: str, target: str, is_1_1: bool, headers: dict[str, str]) -> Head:
    host = headers.get("host")
    if is_1_1 if host is None else not _HOST.fullmatch(host):
        raise Malformed(400)
    keeps = is_1_1 and ("connection" not in headers or "close" not in tokens(headers["connection"]))
    waits = is_1_1 and "expect" in headers and "100-continue" in tokens(headers["expect"])
    return Head(method, target, headers, _length(headers, is_1_1), keeps, waits)


def _headers(lines: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines.split("\r\n")[:-1]:
        name, value = _field_again(line) if len(line) <= _LONGEST_KEPT else _field(line)
        if name in headers:
            if name in _ONCE:
                raise Malformed(_ONCE[name])
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _length(headers: dict[str, str], is_1_1: bool) -> int | None:
    length = headers.get("content-length")
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise Malformed(501)
        if length is not None or not is_1_1:
            raise Malformed(400)
        return None
    if length is None:
        return 0
    # `isdecimal` alone would let through digits of other scripts, but a header is Latin-1, which has none.
    if not length.isdecimal() or len(length) > _MOST_DIGITS:
        raise Malformed(400)
    return int(length)


def _check_beginning(data: bytes, at: int, longest: int) -> None:
    """Raises `Malformed` if what is there is not the beginning of a head that may still come."""
    if data.find(b"\r\n\r\n", at, at + longest) >= 0:
        raise Malformed(400)
    if len(data) - at >= longest:
        raise Malformed(431)
    if len(data) > at and (not _BEGINNING.match(data, at) or data.count(b"\n", at) > data.count(b"\r\n", at)):
        raise Malformed(400)
