"""A body that comes in chunks (RFC 9112, 7.1), cut out of what is received. Pure."""

import re
from collections.abc import Iterator

from web.heads import TRAILERS, Received
from web.requests import Malformed

_SIZE = rb"([0-9A-Fa-f]{1,16})(?:;[\t -~\x80-\xff]*+|[ \t]*+)\r\n"
_FIRST = re.compile(_SIZE)
_NEXT = re.compile(rb"\r\n" + _SIZE)


class Chunks:
    """One body. Extensions of chunks and trailers must be well formed, no longer than `longest` bytes each, and
    say nothing to us."""

    def __init__(self, longest: int) -> None:
        self.complete = False
        """Whether the end of the body was seen."""
        self._longest = longest
        self._opening = _FIRST
        self._left = 0
        self._ending = False

    def pieces(self, received: Received) -> Iterator[bytes]:
        """Takes from `received` what is there of the body, piece by piece. Raises `Malformed`."""
        while not self.complete:
            if self._left:
                piece = received.take(self._left)
                if not piece:
                    return
                self._left -= len(piece)
                yield piece
            elif not (self._take_trailers(received) if self._ending else self._take_size(received)):
                return

    def _take_size(self, received: Received) -> bool:
        """Takes the line that opens the next chunk; says whether it was there."""
        match = self._opening.match(received.data, received.at)
        if match is None:
            self._check_size(received)
            return False
        self._check_length(match, received)
        received.at = match.end()
        self._left = int(match[1], 16)
        self._ending = not self._left
        self._opening = _NEXT
        return True

    def _check_size(self, received: Received) -> None:
        """Raises `Malformed` if what is there cannot become the line that opens a chunk."""
        begin = received.at
        if self._opening is _NEXT:
            if not b"\r\n".startswith(received.data[begin : begin + 2]):
                raise Malformed(400)
            begin += 2
        if len(received) >= self._longest or received.data.find(b"\n", begin) >= 0:
            raise Malformed(400)

    def _check_length(self, match: re.Match[bytes], received: Received) -> None:
        if match.end() - received.at > self._longest:
            raise Malformed(400)

    def _take_trailers(self, received: Received) -> bool:
        """Takes what stands behind the last chunk; says whether all of it was there."""
        match = TRAILERS.match(received.data, received.at)
        if match is not None:
            self._check_length(match, received)
            received.at = match.end()
            self.complete = True
        elif len(received) >= self._longest or received.data.find(b"\r\n\r\n", received.at) >= 0:
            raise Malformed(400)
        return self.complete
