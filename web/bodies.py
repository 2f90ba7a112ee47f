"""The body of one request while it arrives: inflated, and never larger than allowed."""

import zlib
from collections.abc import Mapping

from web.requests import HttpError

_ENCODINGS = {
    "identity": 0,
    "gzip": 16 + zlib.MAX_WBITS,
    "x-gzip": 16 + zlib.MAX_WBITS,
    "deflate": zlib.MAX_WBITS,
}
_INFLATER_SIZE = 65_536


class BodyTooLarge(HttpError):
    """A body that is larger than its route takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body is larger than {limit} bytes")


class BodiesFull(HttpError):
    """All bodies together are larger than the server takes."""

    def __init__(self) -> None:
        super().__init__(503, "Too much is being received at once", ("Retry-After", "1"))


class ByteBudget:
    """What all bodies in hand may hold together. (bytes)"""

    __slots__ = ("free",)

    def __init__(self, size: int) -> None:
        self.free = size

    def take(self, count: int) -> None:
        """Takes `count` bytes; raises `BodiesFull`, and takes none, when there are less."""
        if count > self.free:
            raise BodiesFull
        self.free -= count

    def give(self, count: int) -> None:
        """Gives back `count` bytes that were taken."""
        self.free += count


class WholeBody:
    """A body that came at once and as it is: it holds at most `limit` bytes, and takes these from `budget`.

    Whoever makes one calls `release` when its bytes are no longer needed. Raises `BodyTooLarge` and `BodiesFull`.
    """

    __slots__ = ("_budget", "_size")

    def __init__(self, data: bytes, limit: int, budget: ByteBudget) -> None:
        size = len(data)
        if size > limit:
            raise BodyTooLarge(limit)
        budget.take(size)
        self._budget = budget
        self._size = size

    def release(self) -> None:
        """Gives back to the budget what was taken."""
        self._budget.give(self._size)
        self._size = 0


class Body:
    """Takes the body that `headers` announce, bit by bit, up to `limit` bytes, inflated and as sent.

    Whoever makes one calls `release` when its bytes are no longer needed. A compressed body is one gzip member
    or one zlib stream.
    Raises `BodyTooLarge`, `BodiesFull`, and `HttpError` with 400 for a bad compression, 415 for an unknown one.
    """

    __slots__ = ("_budget", "_data", "_inflater", "_limit", "_received", "_taken")

    def __init__(self, headers: Mapping[str, str], limit: int, budget: ByteBudget) -> None:
        encoding = headers.get("content-encoding")
        window = _ENCODINGS.get(encoding.strip().lower()) if encoding else 0
        if window is None:
            accepted = ("Accept-Encoding", "gzip, deflate, identity")
            raise HttpError(415, "The content encoding is not taken; taken are gzip and deflate", accepted)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > limit:
            raise BodyTooLarge(limit)
        self._limit = limit
        self._budget = budget
        self._taken = 0
        self._received = 0
        self._data: bytes | bytearray = b""
        self._inflater: zlib._Decompress | None = None
        if window:
            # An inflater holds its window even for a body that never comes.
            budget.take(_INFLATER_SIZE)
            self._taken = _INFLATER_SIZE
            self._inflater = zlib.decompressobj(window)

    def feed(self, data: bytes) -> None:
        """Takes the next bytes as they were sent."""
        if self._inflater is not None:
            data = self._inflated(self._inflater, data)
        size = len(data)
        if len(self._data) + size > self._limit:
            raise BodyTooLarge(self._limit)
        self._budget.take(size)
        self._taken += size
        if not self._data:
            # What comes in one piece is handed on as it is.
            self._data = data
        elif isinstance(self._data, bytearray):
            self._data += data
        else:
            self._data = bytearray(self._data) + data

    def finish(self) -> bytes:
        """The whole body, inflated."""
        if self._inflater is not None and not self._inflater.eof and self._received:
            raise HttpError(400, "The compressed body is cut short")
        return bytes(self._data)

    def release(self) -> None:
        """Gives back to the budget what was taken."""
        self._budget.give(self._taken)
        self._taken = 0
        self._data = b""

    def _inflated(self, inflater: "zlib._Decompress", data: bytes) -> bytes:
        self._received += len(data)
        if self._received > self._limit:
            raise BodyTooLarge(self._limit)
        try:
            # One byte more than fits tells that it does not fit.
            inflated = inflater.decompress(data, self._limit - len(self._data) + 1)
        except zlib.error:
            raise HttpError(400, "The compressed body cannot be inflated") from None
        if inflater.unused_data:
            raise HttpError(400, "The compressed body does not end where it should")
        return inflated
