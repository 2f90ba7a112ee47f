"""Dumps of sessions: what each guest sent, line after line, into a file of its own.

One thread writes for all; a session only hands over lines. They wait in memory for a moment, and no more of them than
a bound allows: sessions wait then. A dump that is closed, or that a killed process left, is completed (see
`dumps.completion`). Whatever goes wrong with a dump is counted, and no concern of its session.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import trio

from dumps.figures import DumpFigures
from dumps.formats import Kind
from dumps.settings import Dumps


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


class Dump:
    """A dump that is open. Its methods may be called from trio's thread only."""

    id: str
    """After what it is named; unique where it was ours to choose."""
    kept: bool
    """Whether anything of it is kept: not, when there are too many dumps, or no room."""
    durable: int
    """The largest `mark` up to which all lines are settled: in the file, or never going to be. 0 before the first."""

    def write(self, line: bytes, mark: int = 0) -> Awaitable[None] | None:
        """Take a line, without its newline: a message as it came.

        It is always taken. None: go on. Otherwise wait for what is returned before reading more of the session. A
        larger `mark` than before (a sequence number) is shown by `durable` once the line is settled.
        """
        raise NotImplementedError

    def tell(self, **identity: Any) -> None:
        """More is known of who takes part; the last word on each member counts, a None none."""
        raise NotImplementedError

    def close(self, last_line: bytes | None, ended_ms: int) -> None:
        """The session has ended. A dump without a line but its first and last ones leaves nothing. Once only counts."""
        raise NotImplementedError


@dataclass(frozen=True)
class Completed:
    """A dump that is stored, for the catalogue. After a crash the same may be told once more."""

    id: str
    """Its name, which no other has where it is stored: `baseId`, or that with `_1`, `_2` and so on."""
    base_id: str
    kind: Kind
    client: str
    started_ms: int
    ended_ms: int
    identity: Mapping[str, Any]
    key: str
    """By what it is known to the storage that has it: its id and a suffix."""
    location: str
    """Where it is, for a person or program: an URL."""
    size: int
    """As it is stored. [bytes]"""
    raw_size: int
    """Before it was packed. [bytes]"""
    lines: int
    recovered: bool
    """Whether a killed process left it: then its end is that of its last line."""


class Recorder:
    """Keeps dumps for as long as it runs."""

    def __init__(
        self,
        settings: Dumps,
        figures: DumpFigures,
        completed: Callable[[Completed], Awaitable[None]],
        now_ms: Callable[[], int],
    ) -> None:
        """`completed` enters a dump into the catalogue; whatever it raises, it is called again later."""
        self.figures = figures

    def opened(self, head: Head) -> Dump:
        """A dump for a session that begins. Never raises, and costs nothing but memory."""
        raise NotImplementedError

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write, and complete what is closed or was left by an earlier process, until `stop` and a while after.

        Lines may be handed over before it runs.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """Let `run` end when all lines are written; what is not completed by then is after the next start."""
        raise NotImplementedError
