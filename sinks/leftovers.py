"""Reports on disk that no sink sends: those of a block that has another name now, or is used no more."""

import fcntl
import logging
import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from sinks.journal import SEGMENTS
from sinks.threads import in_thread, threads_of

log = logging.getLogger(__name__)


class Leftover(NamedTuple):
    """A folder with reports, the name of the block that it belongs to, and how much they take. (bytes)"""

    folder: Path
    key: str
    size: int


def folder_name(key: str) -> str:
    """The name of a sink's folder: that of its block, with all that a folder's name may not hold written ``%XX``."""
    return quote(key, safe="").replace(".", "%2E")


async def tell_leftovers(paths: Iterable[str], used: Container[str]) -> None:
    """Log which reports wait below these paths for none of the blocks `used`."""
    for path in paths:
        try:
            found = await in_thread(threads_of(1), lambda: list(leftovers(Path(path), used)))  # noqa: B023
        except OSError:
            continue  # a spool that cannot be opened tells of that itself
        for folder, key, size in found:
            log.warning("%s has %d bytes of reports that nobody sends: it waits for a sink named %r", folder, size, key)


def leftovers(path: Path, used: Container[str]) -> Iterator[Leftover]:
    """The spools below a path that hold reports, that are none of the blocks `used`, and that nobody has open.

    Blocks. Raises OSError.
    """
    for folder in sorted(path.iterdir()):
        key = unquote(folder.name)
        if key not in used and folder_name(key) == folder.name and folder.is_dir():
            size = sum(segment.stat().st_size for segment in folder.glob(SEGMENTS))
            if size and not _is_locked(folder / "lock"):
                yield Leftover(folder, key, size)


def _is_locked(path: Path) -> bool:
    """Whether a process has the folder. It is asked for a moment only: whoever opens it just then tries again."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
