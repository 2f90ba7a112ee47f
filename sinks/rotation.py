"""Whole lines into a file that rotates.

The file is opened by its name for every batch, which costs some 20 microseconds and spares all book-keeping: whoever
moves, deletes or truncates it is followed, and no descriptor outlives a call. All calls block: they belong in a thread.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODE = 0o640
"""Reports tell about people: the world does not read them."""


def append(path: str, texts: deque[bytes], max_bytes: int, max_files: int) -> None:
    """Append texts, each of them whole lines; what is written is taken from `texts`, also when an error ends it.

    The file is made unless it exists. It is rotated before a line that would take it beyond `max_bytes`, so only a
    single line that is longer than that makes a longer file. A link is followed and the file behind it is rotated.
    Raises OSError.
    """
    target = Path(path).resolve()
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(target.parent))
    while True:
        with _opened(target) as fd:
            full = _fill(fd, texts, max_bytes)
        if not full:
            return
        _rotate(target, max_files)


def _fill(fd: int, texts: deque[bytes], max_bytes: int) -> bool:
    """Write lines as long as they fit; return whether the file is full before all are written."""
    size = os.fstat(fd).st_size
    if texts and not _ends_whole(fd, size) and size < max_bytes:
        size += os.write(fd, b"\n")
    while texts:
        text = texts[0]
        end = len(text) if size + len(text) <= max_bytes else text.rfind(b"\n", 0, max(max_bytes - size, 0)) + 1
        if not end and not size:
            end = text.index(b"\n") + 1
        if not end:
            return True
        size += write_head(fd, size, end, texts)
    return False


def write_head(fd: int, size: int, end: int, texts: deque[bytes]) -> int:
    """Append the first of the texts up to its `end` to a file of `size` bytes; return how many bytes that were.

    What is there in whole lines is taken from the texts; an error leaves no half. Raises OSError.
    """
    text, written = texts[0], 0
    try:
        while written < end:
            written += os.write(fd, memoryview(text)[written:end])
    finally:
        whole = text.rfind(b"\n", 0, written) + 1
        texts.popleft()
        if whole < len(text):
            texts.appendleft(text[whole:])
        # Nobody else appends, but if somebody did, nothing of theirs is cut off.
        if whole < written and os.fstat(fd).st_size == size + written:
            os.ftruncate(fd, size + whole)
    return written


def _ends_whole(fd: int, size: int) -> bool:
    """Whether the file ends with a line end: a crash or a full disk may have left half a line."""
    return size == 0 or os.pread(fd, 1, size - 1) == b"\n"


def _rotate(path: Path, max_files: int) -> None:
    """Move ``path`` to ``path.1``, that to ``path.2`` and so on, up to the first gap or the last file that is kept."""
    if max_files == 1:
        path.unlink()
        return
    numbered = [path.with_name(f"{path.name}.{number}") for number in range(1, max_files)]
    last = next((i for i, older in enumerate(numbered) if not older.exists()), len(numbered) - 1)
    for i in range(last, 0, -1):
        numbered[i - 1].replace(numbered[i])
    path.replace(numbered[0])


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, MODE)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file any more", str(path))
        yield fd
    finally:
        os.close(fd)
