"""Whole lines into what is no regular file: standard output, a named pipe, a device.

Where the other end may be slow (a pipe, a terminal) we ask for room before each write, so that nothing blocks and a
time-out can end it. Lines of up to `select.PIPE_BUF` bytes with their end (4096 on Linux) are never cut, not even then.
"""

import os
import select
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trio

from sinks.lines import Batch

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

    async def write(self, batch: Batch) -> None:
        """Write all lines. Raises OSError, for instance when nobody reads any more."""
        if not self._may_be_full:
            await trio.to_thread.run_sync(self._write_now, batch)
            return
        number = 0
        for piece in batch.pieces:
            for text in _texts(piece.text):
                if number % _AT_A_STRETCH == 0:
                    await trio.lowlevel.checkpoint()
                number += 1
                await self._write_text(text)

    async def _write_text(self, text: bytes) -> None:
        left = memoryview(text)
        while left:
            if not self._room.poll(0):
                await trio.lowlevel.wait_writable(self._fd)
            with suppress(BlockingIOError):
                left = left[os.write(self._fd, left[: select.PIPE_BUF]) :]

    def _write_now(self, batch: Batch) -> None:
        for piece in batch.pieces:
            left = memoryview(piece.text)
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


def _texts(text: bytes) -> Iterator[bytes]:
    """The lines, as many to a text as a pipe takes at once or not at all; a longer line has a text of its own."""
    start = 0
    while start < len(text):
        end = text.rfind(b"\n", start, start + select.PIPE_BUF) + 1 or text.index(b"\n", start) + 1
        yield text[start:end]
        start = end
