"""Whole lines into what is no regular file: standard output, a named pipe, a device.

Where the other end may be slow (a pipe, a terminal) we wait for room before each write, so that nothing blocks and a
time-out can end it. Lines of up to `select.PIPE_BUF` bytes (4096 on Linux) are never cut, not even then.
"""

import os
import select
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trio

STANDARD_OUTPUT_FD = 1


class Stream:
    """An open descriptor that lines are written to."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        mode = os.fstat(fd).st_mode
        self._may_be_full = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)

    async def write(self, lines: Iterable[bytes]) -> None:
        """Write all lines. Raises OSError, for instance when nobody reads any more."""
        if self._may_be_full:
            for piece in _pieces(lines):
                await self._write_piece(piece)
        else:
            await trio.to_thread.run_sync(self._write_now, b"".join(lines))

    async def _write_piece(self, piece: bytes) -> None:
        left = memoryview(piece)
        while left:
            await trio.lowlevel.wait_writable(self._fd)
            with suppress(BlockingIOError):
                left = left[os.write(self._fd, left[: select.PIPE_BUF]) :]

    def _write_now(self, data: bytes) -> None:
        left = memoryview(data)
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


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines in pieces that a pipe takes at once or not at all; a longer line is a piece of its own."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        if piece and size + len(line) > select.PIPE_BUF:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    if piece:
        yield b"".join(piece)
