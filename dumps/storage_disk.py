"""DiskStorage: completed dumps in a folder, which several nodes may share.

A dump comes there whole: under its name by a link, which fails where the name is taken, from a file beside it. Where
the file system has no links, an empty file takes the name first.
"""

import errno
import filecmp
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from dumps.packing import Packed
from dumps.storage import SUFFIX, Place, Stored, ids
from dumps.work import FILE_MODE, make_folder
from sinks.folders import synced
from sinks.threads import in_thread, threads

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


@dataclass(frozen=True)
class DiskStorage:
    """Keeps each dump as a file ``<id>.gz``."""

    path: str | None = None
    """The folder, made if need be; `stored` in the folder `path` of the dumps when absent. Several nodes may share it.
    """
    _threads: trio.CapacityLimiter = threads(4)

    def __post_init__(self) -> None:
        if self.path is not None and (not self.path or "\0" in self.path):
            raise ValueError("path must name a folder")

    async def put(self, base_id: str, name: str, packed: Packed) -> Stored:
        """As `dumps.storage.Storage` says."""
        return await in_thread(self._threads, lambda: self._put(base_id, name, packed.path))

    async def remove(self, key: str) -> None:
        """As `dumps.storage.Storage` says."""
        await in_thread(self._threads, lambda: (self._folder() / Path(key).name).unlink(missing_ok=True))

    def place(self) -> Place:
        """As `dumps.storage.Storage` says."""
        return Place(f"{self._folder().resolve().as_uri()}/", "")

    def _put(self, base_id: str, name: str, packed: Path) -> Stored:
        folder = self._folder()
        make_folder(folder)
        beside = _beside(packed, folder, name)
        try:
            for id_ in ids(base_id, name):
                target = folder / f"{id_}{SUFFIX}"
                if _placed(beside, target) or _same(packed, target):
                    break
            else:
                raise FileExistsError(errno.EEXIST, "all names of a dump are taken", str(folder))
        finally:
            if beside != packed:
                beside.unlink(missing_ok=True)
        synced(folder)
        return Stored(id_, target.name, self.place().location + target.name)

    def _folder(self) -> Path:
        return Path(self.path or ".")


def _beside(packed: Path, folder: Path, name: str) -> Path:
    """The file itself, if it stands on the file system of the folder; otherwise a copy there, which is on the disk."""
    if packed.stat().st_dev == folder.stat().st_dev:
        return packed
    copy = folder / f".{name}.part"
    with packed.open("rb") as source, open(copy, "wb", opener=_opener) as target:
        shutil.copyfileobj(source, target, 1_048_576)
        target.flush()
        os.fsync(target.fileno())
    return copy


def _placed(file: Path, target: Path) -> bool:
    """Whether the file could take a name."""
    try:
        os.link(file, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return placed_without_links(file, target)
    return True


def placed_without_links(file: Path, target: Path) -> bool:
    """Whether the file could take a name where the file system has no links. Raises OSError."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
    except FileExistsError:
        return False
    part = target.with_name(f".{target.name}.part")
    shutil.copyfile(file, part)
    part.chmod(FILE_MODE)
    part.replace(target)
    return True


def _same(file: Path, target: Path) -> bool:
    """Whether what stands there is the very dump: an attempt before put it there."""
    with suppress(FileNotFoundError):
        return filecmp.cmp(file, target, shallow=False)
    return False


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, FILE_MODE)
