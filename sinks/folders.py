"""Folders that belong to one process at a time, and whose names are to outlast a loss of power. All calls block."""

import errno
import fcntl
import os
from pathlib import Path

from sinks.rotation import MODE


def locked(path: Path) -> int:
    """Take the lock of the folder that a file is in, by that file; who closes the descriptor gives it back.

    Raises OSError, also when another process has it.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise OSError(errno.EBUSY, "another process uses this folder", str(path.parent)) from error
    return fd


def synced(folder: Path) -> None:
    """The names in a folder are on the disk. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
