"""A dump that is open, as a session sees it: lines go in, and how far they are on disk comes out."""

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from dumps.formats import Kind, remark
from dumps.work import Note

_PART_OF_A_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_LONGEST_TEXT = 1_024
_LONGEST_JSON = 8_192
_MOST_MEMBERS = 64
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Head:
    """A session of which a dump is to be kept."""

    kind: Kind
    started_ms: int
    lines: tuple[bytes, ...]
    """With what the dump begins: see `dumps.formats`. They are written with the first line that follows, or never."""
    id: str | None = None
    """What the dump is named after, as ``statsSessionId``; a new one of ours if it is None, or nothing that may be part
    of a name."""
    client: str = "rtcstats"
    """The kind of client: `rtcstats`, `jvb`, `jicofo`, `jibri`, `jigasi` or `unknown`."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    """Who is known to take part, for the catalogue: members that are JSON. `Dump.tell` adds to them."""


@dataclass
class Job:
    """What is to be written of one dump, in this order."""

    dump: "Dump"
    note: Note | None
    lines: list[bytes]
    last_note: Note | None
    """The note of a dump that is closed: nothing comes behind it."""
    size: int
    """What the lines take that are written: before, and then with these. [bytes]"""
    mark: int
    written: int = 0
    """Of the size, what these lines are. [bytes]"""
    written_lines: int = 0
    error: OSError | None = None


class Writing(Protocol):
    """What a dump needs of who writes for all."""

    def refusal(self) -> str | None:
        """Why a line cannot be taken now; None if it can."""
        ...

    def room(self) -> Awaitable[None] | None:
        """What is to be waited for before more lines come; None for nothing."""
        ...

    def changed(self, dump: "Dump", size: int) -> None:
        """There is something to write: of its lines so much more. [bytes]"""
        ...

    def lost(self, reason: str, lines: int) -> None:
        """So many lines are lost."""
        ...

    def left(self, dump: "Dump") -> None:
        """A dump ended of which there is nothing."""
        ...


class Dump:
    """A dump that is open. Its methods may be called from trio's thread only."""

    def __init__(self, head: Head, writing: Writing, max_bytes: int, now_ms: Callable[[], int], *, kept: bool) -> None:
        self.name = uuid.uuid4().hex
        self.id = head.id if head.id and _PART_OF_A_NAME.fullmatch(head.id) else str(uuid.uuid4())
        """After what it is named; unique where it was ours to choose."""
        self.kept = kept
        """Whether anything of it is kept: not, when there are too many dumps, or no room."""
        self.durable = 0
        """The largest `mark` up to which all lines are settled: in the file, or never going to be. 0 before the first.
        """
        self._head = head
        self._writing = writing
        self._max_bytes = max_bytes
        self._now_ms = now_ms
        self._identity = told(head.identity)
        self._is_noted = False
        self._lines: list[bytes] = []
        self._taken = 0
        self._written = 0
        self._mark = 0
        self._in_flight = False
        self._last_at_ms = head.started_ms
        self._is_full = False
        self._lost = [0, 0]
        self._ended_ms: int | None = None

    def write(self, line: bytes, mark: int = 0) -> Awaitable[None] | None:
        """Take a line, without its newline: a message as it came.

        It is always taken. None: go on. Otherwise wait for what is returned before reading more of the session. A
        larger `mark` than before (a sequence number) is shown by `durable` once the line is settled.
        """
        if self._ended_ms is not None:
            return None
        self._mark = max(self._mark, mark)
        if not self.kept or self._refused(len(line) + 1):
            self._settle()
            return None
        if not self._taken:
            self._put(*self._head.lines)
        self._put(line)
        self._last_at_ms = self._now_ms()
        return self._writing.room()

    def tell(self, **identity: Any) -> None:
        """More is known of who takes part; the last word on each member counts, a None none."""
        fresh = self._identity | told(identity)
        if fresh != self._identity and len(fresh) <= _MOST_MEMBERS and self._ended_ms is None:
            self._identity, self._is_noted = fresh, False
            if self._taken:
                self._writing.changed(self, 0)

    def close(self, last_line: bytes | None, ended_ms: int) -> None:
        """The session has ended. A dump without a line but its first and last ones leaves nothing. Once only counts."""
        if self._ended_ms is not None:
            return
        self._ended_ms = ended_ms
        if not self.kept:
            return
        if not self._taken:
            self._writing.left(self)
            return
        lines, size = self._lost
        if lines:
            self._remark("linesLost", {"lines": lines, "bytes": size})
        self._put(*(() if last_line is None else (last_line,)))

    @property
    def waits(self) -> bool:
        """Whether there is something to write."""
        return bool(self._lines) or not self._is_noted or self._ended_ms is not None

    def take(self) -> Job:
        """What there is to write; none is taken again before `done`."""
        lines, self._lines = self._lines, []
        note = None if self._is_noted else self._note(None)
        last_note = None if self._ended_ms is None else self._note(self._ended_ms)
        self._is_noted = self._in_flight = True
        return Job(self, note, lines, last_note, self._written, self._mark)

    def done(self, job: Job) -> None:
        """A job is written, but for what it still has in it if there was an error."""
        self._in_flight = False
        self._written = job.size
        if job.lines:
            self._lines = job.lines + self._lines
        else:
            self.durable = max(self.durable, job.mark)
        if job.error is not None:
            self._is_noted = False
        self._settle()

    def give_up(self) -> int:
        """Lose the lines that wait, because they cannot be written; return what they take. [bytes]

        Nothing is kept of a dump that would have no beginning.
        """
        size = sum(map(len, self._lines)) + len(self._lines)
        self._lose("error", len(self._lines), size)
        self._lines = []
        self.kept = self._written > 0
        self._settle()
        return size

    def _refused(self, size: int) -> bool:
        """Whether there is no room for a line; then it is lost."""
        reason = "size" if self._is_full else self._writing.refusal()
        if reason is None and self._taken + size > self._max_bytes and self._taken:
            self._is_full, reason = True, "size"
            self._remark("dumpFull", {"maxDumpBytes": self._max_bytes})
        if reason is not None:
            self._lose(reason, 1, size)
        return reason is not None

    def _lose(self, reason: str, lines: int, size: int) -> None:
        self._lost[0] += lines
        self._lost[1] += size
        self._writing.lost(reason, lines)

    def _remark(self, name: str, said: Mapping[str, Any]) -> None:
        now = self._now_ms()
        self._put(remark(self._head.kind, name, said, now - self._last_at_ms, now))
        self._last_at_ms = now

    def _put(self, *lines: bytes) -> None:
        size = sum(map(len, lines)) + len(lines)
        self._lines += lines
        self._taken += size
        self._writing.changed(self, size)

    def _settle(self) -> None:
        if not self._lines and not self._in_flight:
            self.durable = self._mark

    def _note(self, ended_ms: int | None) -> Note:
        head = self._head
        return Note(head.kind, self.id, head.client, head.started_ms, self._identity, ended_ms)


def told(identity: Mapping[str, Any]) -> dict[str, Any]:
    """What of an identity is kept: members that are not None, that are JSON, and that are not long."""
    return {name: short for name, value in identity.items() if (short := _short(name, value)) is not None}


def _short(name: str, value: Any) -> Any:
    value = value[:_LONGEST_TEXT] if isinstance(value, str) else value
    try:
        size = len(orjson.dumps({name: value}))
    except TypeError:  # half a surrogate pair in a text, among others
        return None
    return value if size <= _LONGEST_JSON and len(name) <= _LONGEST_NAME else None
