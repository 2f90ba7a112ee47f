"""Reports on disk, in the order in which they came, until they are through: the files behind a spool.

A journal is a folder of segments, files of whole lines that are appended to and deleted when all of their lines are
through, and of a small file `position` that says up to where the oldest of them is. What a killed process had written
is there when the next one opens the folder; half a line at an end, which only a loss of power leaves, is cut off. A
line that is no JSON, or begins like no report, is left out and counted. The folder belongs to one process at a time, by
a lock.

All calls block, and belong in one thread, one after the other. All of them raise OSError.
"""

import os
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from sinks.folders import locked, synced
from sinks.lines import Piece
from sinks.rotation import MODE, write_head

_FOLDER_MODE = 0o750
_PARTS = 16
"""A segment takes this part of the journal: so coarse is what is dropped at once, and what the bound is held by."""
_LARGEST_SEGMENT = 67_108_864
SEGMENTS = f"{'[0-9]' * 16}.jsonl"
"""The names of segments, as a pattern; other files in the folder are none of ours."""
_HEAD = b'{"type":"'
_AT_ONCE = 1_048_576
"""How much is read at once when lines are counted. (bytes)"""


@dataclass
class Segment:
    """A file of lines: its number, how long it is, and how many of its lines are not through yet.

    One that was `found` may have been damaged since it was written: a loss of power leaves zeros where lines were.
    """

    number: int
    path: Path
    size: int = 0
    lines: int = 0
    found: bool = False


class Journal:
    """An open journal.

    `lines` are not through yet, those last read included; `bytes` is how much the segments take. Since it was opened,
    `stored` counts the lines that were appended, `refused` and `forgotten` those dropped because it was full, the
    newest and the oldest, and `damaged` those left out because they read like none or are not there any more.
    """

    def __init__(self, folder: Path, max_bytes: int, *, drop_oldest: bool = False, sync: bool = False) -> None:
        folder.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
        self.stored = self.refused = self.forgotten = self.damaged = 0
        self._folder = folder
        self._max_bytes = max_bytes
        self._drop_oldest = drop_oldest
        self._sync = sync
        self._segment_bytes = min(max_bytes // _PARTS, _LARGEST_SEGMENT)
        self._taken = Piece(0, b"")
        self._taken_from: Segment | None = None
        self._current: int | None = None
        self._segments: deque[Segment] = deque()
        self._offset = 0
        with ExitStack() as opened:
            self._lock = locked(folder / "lock")
            opened.callback(os.close, self._lock)
            self._position = os.open(folder / "position", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
            opened.callback(os.close, self._position)
            self._find(folder)
            opened.pop_all()
        self.bytes = sum(segment.size for segment in self._segments)
        self.lines = sum(segment.lines for segment in self._segments)

    def append(self, texts: deque[bytes]) -> None:
        """Write texts, each of them whole lines, and take them from `texts`; what has no room is dropped and counted.

        After an error, what was not written is still in `texts`.
        """
        while texts:
            segment = self._segment_for(texts[0])
            end = self._end(segment, texts[0])
            if end:
                self._write(segment, end, texts)
            elif self._drop_oldest and len(self._segments) > 1:
                self._forget_oldest()
            else:
                self._drop(texts)
        if self._sync and self._current is not None:
            os.fdatasync(self._current)

    def read(self, most: int, most_bytes: int) -> Piece:
        """The first lines that are not through; none if there are none.

        They are at most so many, and take at most so much, unless the first alone takes more.
        """
        while self._segments:
            segment = self._segments[0]
            found = Piece(0, b"")
            if self._offset < segment.size:
                found = _lines_at(segment, self._offset, most, most_bytes)
            if not found.number:
                self.damaged += segment.lines
                self._delete_oldest()
                continue
            self._taken, self._taken_from = found, segment
            sound = _sound(found, each=segment.found)
            self.damaged += found.number - sound.number
            if sound.number:
                return sound
            self.acknowledge()
        return Piece(0, b"")

    def acknowledge(self) -> None:
        """What was last read is through."""
        taken, segment = self._taken, self._taken_from
        self._taken, self._taken_from = Piece(0, b""), None
        if segment is None or not self._segments or self._segments[0] is not segment:
            return
        segment.lines -= taken.number
        self.lines -= taken.number
        self._offset += len(taken.text)
        if self._offset >= segment.size:
            self._delete_oldest()
        else:
            os.pwrite(self._position, _written_position(segment.number, self._offset), 0)

    def close(self) -> None:
        """Leave the folder to others. What was read and not acknowledged will be read again."""
        with ExitStack() as closing:
            closing.callback(os.close, self._lock)
            closing.callback(os.close, self._position)
            self._close_current()

    def _find(self, folder: Path) -> None:
        """Take over what an earlier process left."""
        number, offset = _read_position(self._position)
        self._segments.extend(_found(path) for path in sorted(folder.glob(SEGMENTS)))
        self._last_number = max([number, *(segment.number for segment in self._segments)])
        if self._segments and self._segments[0].number == number and 0 < offset <= self._segments[0].size:
            self._offset = offset
            self._segments[0].lines -= _lines_before(self._segments[0].path, offset)

    def _segment_for(self, text: bytes) -> Segment:
        """The segment that is written to: the last one, or a new one if it is full or not ours to write to."""
        if self._current is not None and self._segments:
            last = self._segments[-1]
            if not last.size or last.size + text.index(b"\n") < self._segment_bytes:
                return last
            self._close_current()
        number = self._last_number + 1
        path = self._folder / f"{number:016d}.jsonl"
        self._current = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        self._last_number = number
        if self._sync:
            synced(self._folder)
        self._segments.append(Segment(number, path))
        return self._segments[-1]

    def _end(self, segment: Segment, text: bytes) -> int:
        """How much of the text, in whole lines, there is room for."""
        room = self._max_bytes - self.bytes
        end = text.rfind(b"\n", 0, max(min(room, self._segment_bytes - segment.size), 0)) + 1
        if not end and not segment.size:
            first = text.index(b"\n") + 1
            end = first if first <= room else 0
        return end

    def _drop(self, texts: deque[bytes]) -> None:
        """Drop what there is no room for; of the newest, only a line that alone is longer than the journal may be."""
        if not self._drop_oldest:
            self.refused += sum(text.count(b"\n") for text in texts)
            texts.clear()
            return
        self.refused += 1
        rest = texts.popleft().partition(b"\n")[2]
        if rest:
            texts.appendleft(rest)

    def _write(self, segment: Segment, end: int, texts: deque[bytes]) -> None:
        text, before = texts[0], len(texts)
        assert self._current is not None  # noqa: S101 - `_segment_for` opened it
        try:
            write_head(self._current, segment.size, end, texts)
        except OSError:
            self._take_in(segment, text, texts, before)
            self._close_current()  # what stands at its end is not known: nothing is appended to it any more
            raise
        self._take_in(segment, text, texts, before)

    def _take_in(self, segment: Segment, text: bytes, texts: deque[bytes], before: int) -> None:
        left = len(texts[0]) if len(texts) == before else 0
        written = text[: len(text) - left]
        number = written.count(b"\n")
        segment.size += len(written)
        segment.lines += number
        self.bytes += len(written)
        self.lines += number
        self.stored += number

    def _forget_oldest(self) -> None:
        """Make room; what is on its way from there is not lost, and so not counted."""
        segment = self._segments[0]
        on_its_way = self._taken.number if self._taken_from is segment else 0
        self.forgotten += segment.lines - on_its_way
        self._delete_oldest()

    def _delete_oldest(self) -> None:
        segment = self._segments.popleft()
        self.bytes -= segment.size
        self.lines -= segment.lines
        self._offset = 0
        if not self._segments:
            self._close_current()
        with suppress(FileNotFoundError):
            segment.path.unlink()

    def _close_current(self) -> None:
        if self._current is not None:
            current, self._current = self._current, None
            try:
                if self._sync:
                    os.fdatasync(current)
            finally:
                os.close(current)


def _found(path: Path) -> Segment:
    """A segment that an earlier process left; half a line at its end is cut off. It is only read from now on."""
    size = lines = read = 0
    with open(path, "r+b") as file:
        while chunk := file.read(_AT_ONCE):
            lines += chunk.count(b"\n")
            if (newline := chunk.rfind(b"\n")) >= 0:
                size = read + newline + 1
            read += len(chunk)
        if size < read:
            file.truncate(size)
    return Segment(int(path.stem), path, size, lines, found=True)


def _lines_before(path: Path, offset: int) -> int:
    lines = 0
    with open(path, "rb") as file:
        while offset > 0 and (chunk := file.read(min(_AT_ONCE, offset))):
            lines += chunk.count(b"\n")
            offset -= len(chunk)
    return lines


def _lines_at(segment: Segment, offset: int, most: int, most_bytes: int) -> Piece:
    """Lines from an offset on; none if the file is gone or shorter than it was."""
    try:
        with open(segment.path, "rb") as file:
            file.seek(offset)
            text = file.read(min(most_bytes, segment.size - offset))
            if b"\n" not in text:
                text += file.readline(segment.size - offset - len(text))
    except FileNotFoundError:
        return Piece(0, b"")
    text = text[: text.rfind(b"\n") + 1]
    head, _ = Piece(text.count(b"\n"), text).cut(most, len(text))
    return head


def _sound(piece: Piece, *, each: bool) -> Piece:
    """The lines that look like reports: a file that was damaged costs what is damaged. `each`: every line is read."""
    text = piece.text
    if not each and text.startswith(_HEAD) and text.endswith(b"}\n") and text.count(b"}\n" + _HEAD) == piece.number - 1:
        return piece
    lines = [line for line in text[:-1].split(b"\n") if _is_sound(line)]
    return Piece(len(lines), b"".join(line + b"\n" for line in lines))


def _is_sound(line: bytes) -> bool:
    try:
        return line.startswith(_HEAD) and isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _written_position(number: int, offset: int) -> bytes:
    return b"%016d %020d\n" % (number, offset)


def _read_position(fd: int) -> tuple[int, int]:
    """The number of a segment and an offset in it; zeros where none is written, or nothing that can be read."""
    try:
        number, offset = os.pread(fd, 64, 0).split()
        return int(number), int(offset)
    except ValueError:
        return 0, 0
