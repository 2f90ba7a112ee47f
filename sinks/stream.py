"""Whole lines into what is no regular file: standard output, a named pipe, a device.

Where the other end may be slow (a pipe, a terminal) we ask for room before each write, so that nothing blocks and a
time-out can end it. Lines of up to `select.PIPE_BUF` bytes with their end (4096 on Linux) are never cut, not even then.
"""

import os
import select
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import trio

from sinks.encoding import AT_ONCE, joined
from sinks.sink import Line

STANDARD_OUTPUT_FD = 1

_AT_A_STRETCH = 100
"""After how many writes to a reader who keeps up the rest of the observer runs."""


class Stream:
    """An open descriptor that lines are written to."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        mode = os.fstat(fd).st_mode
        self._may_be_full = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)
        self._room = select.poll()
        self._room.register(fd, select.POLLOUT)

    async def write(self, lines: Sequence[Line]) -> None:
        """Write all lines, and an end to each. Raises OSError, for instance when nobody reads any more."""
        if not self._may_be_full:
            await trio.to_thread.run_sync(self._write_now, lines)
            return
        for number, piece in enumerate(_pieces(lines)):
            if number % _AT_A_STRETCH == 0:
                await trio.lowlevel.checkpoint()
            await self._write_piece(piece)

    async def _write_piece(self, piece: bytes) -> None:
        left = memoryview(piece)
        while left:
            if not self._room.poll(0):
                await trio.lowlevel.wait_writable(self._fd)
            with suppress(BlockingIOError):
                left = left[os.write(self._fd, left[: select.PIPE_BUF]) :]

    def _write_now(self, lines: Sequence[Line]) -> None:
        for start in range(0, len(lines), AT_ONCE):
            left = memoryview(joined(lines[start : start + AT_ONCE]))
            while left:
                left = left[os.write(self._fd, left) :]


def is_stream(path: str) -> bool:
    """Whether something stands at the path that is no regular file."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


@contextmanager
def opened_stream(path: str | None) -> Iterator[Stream]:
    """The stream at a path, or standard output for None, which stays open. Raises OSError if nobody reads a pipe."""
    if path is None:
        # A descriptor of our own: two sinks may wait for standard output at the same time.
        fd = os.dup(STANDARD_OUTPUT_FD)
    else:
        fd = os.open(Path(path), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        yield Stream(fd)
    finally:
        os.close(fd)


def _pieces(lines: Sequence[Line]) -> Iterator[bytes]:
    """The lines in pieces that a pipe takes at once or not at all; a longer line is a piece of its own."""
    piece: list[Line] = []
    size = 0
    for line in lines:
        if piece and size + len(line) >= select.PIPE_BUF:
            yield joined(piece)
            piece, size = [], 0
        piece.append(line)
        size += len(line) + 1
    if piece:
        yield joined(piece)
