"""The folder of the dumps that are being written and completed: of each one its lines, and a note of what it is.

The lines have the form of the dump, so a dump can be read while it is written. The names are ours: random, and nothing
of a client is in them. The folder belongs to one process at a time, by a lock. All calls block, belong in a thread, and
raise OSError; those of different dumps may be made at once.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson

from dumps.formats import Kind, kind_of, lost_close
from sinks.folders import locked, synced

FILE_MODE = 0o640
FOLDER_MODE = 0o750
"""What clients send tells about people: the world does not read it."""
_AT_ONCE = 1_048_576


@dataclass
class Note:
    """What is known of a dump beside its lines."""

    kind: Kind
    base_id: str
    client: str
    started_ms: int
    identity: dict[str, Any] = field(default_factory=dict)
    ended_ms: int | None = None
    """None as long as it is open."""
    recovered: bool = False


class Work:
    """An open folder."""

    def __init__(self, folder: Path, *, sync: bool) -> None:
        make_folder(folder)
        self._folder = folder
        self._sync = sync
        self._lock = locked(folder / "lock")

    def lines(self, name: str) -> Path:
        """The file of the lines of a dump."""
        return self._folder / f"{name}.lines"

    def packed(self, name: str) -> Path:
        """The file that a dump is packed into."""
        return self._folder / f"{name}.gz"

    def write_note(self, name: str, note: Note) -> None:
        """Write down what is known of a dump; the note from before is there until this one is."""
        path, fresh = self._note(name), self._folder / f"{name}.fresh"
        with open(fresh, "wb", opener=_opener) as file:
            file.write(orjson.dumps(asdict(note)))
            if self._sync:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
        if self._sync:
            synced(self._folder)

    def append(self, name: str, size: int, lines: Sequence[bytes]) -> int:
        """Append lines to those of a dump, which take `size` so far; return what they take then. [bytes]

        After an error the file is as long as before, unless even that fails.
        """
        fd = os.open(self.lines(name), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            text = memoryview(b"\n".join((*lines, b"")))
            written = 0
            try:
                while written < len(text):
                    written += os.write(fd, text[written:])
                if self._sync:
                    os.fdatasync(fd)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(fd, size)
                raise
        finally:
            os.close(fd)
        if self._sync and not size:
            synced(self._folder)
        return size + len(text)

    def note(self, name: str) -> Note:
        """What is known of a dump. Where there is no note, or a damaged one, the first line tells the most of it."""
        try:
            told = orjson.loads(self._note(name).read_bytes())
            note = Note(**{one.name: told[one.name] for one in fields(Note)})
            note.kind = Kind(note.kind)
        except (FileNotFoundError, ValueError, TypeError, LookupError):
            with open(self.lines(name), "rb") as file:
                kind = kind_of(file.readline().rstrip(b"\n"))
            return Note(kind, name, "unknown", int(self.lines(name).stat().st_ctime * 1000))
        return note

    def found(self) -> list[str]:
        """The dumps that are there, the oldest first. What else an earlier process left is removed."""
        names = {path.stem for path in self._folder.glob("*.lines")}
        for path in self._folder.iterdir():
            if path.suffix == ".fresh" or (path.suffix in (".json", ".gz") and path.stem not in names):
                path.unlink()
        return sorted(names, key=lambda name: self.lines(name).stat().st_mtime)

    def finish(self, name: str) -> int:
        """End a dump that an earlier process left: close it if it is open; return how long it is. [bytes]"""
        note, path = self.note(name), self.lines(name)
        ended_ms = int(path.stat().st_mtime * 1000)
        size = _cut_half_line(path)
        if note.ended_ms is None:
            last = lost_close(note.kind)
            if last is not None and not _ends_with(path, size, last):
                size = self.append(name, size, [last])
            note.ended_ms, note.recovered = ended_ms, True
            self.write_note(name, note)
        return size

    def remove(self, name: str) -> None:
        """Remove all of a dump; its lines go first, so that what a crash leaves is taken for none any more."""
        for path in (self.lines(name), self._note(name), self.packed(name)):
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the folder to others."""
        os.close(self._lock)

    def _note(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, unless it is there; nobody else reads in those that are made."""
    for path in (*reversed(folder.parents), folder):
        with suppress(FileExistsError):
            path.mkdir(FOLDER_MODE)


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, FILE_MODE)


def _cut_half_line(path: Path) -> int:
    """Cut what stands behind the last newline of a file; return how long it is then."""
    with open(path, "r+b") as file:
        end = size = file.seek(0, os.SEEK_END)
        while end:
            begin = max(end - _AT_ONCE, 0)
            file.seek(begin)
            newline = file.read(end - begin).rfind(b"\n")
            if newline >= 0:
                end = begin + newline + 1
                break
            end = begin
        if end < size:
            file.truncate(end)
    return end


def _ends_with(path: Path, size: int, line: bytes) -> bool:
    with open(path, "rb") as file:
        file.seek(max(size - len(line) - 2, 0))
        return file.read().endswith(b"\n" + line + b"\n")
