"""SqliteCatalogue: which dumps there are, in a file of this node, which any tool for SQLite reads at any time.

What was entered is on the disk. A kill at any moment leaves the file whole.
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import trio

from dumps.entries import Entry, Filed, Oldest
from dumps.work import FILE_MODE, make_folder
from sinks.threads import in_thread

T = TypeVar("T")

VERSIONS: Sequence[Sequence[str]] = (
    (
        """
        create table dumps (
            location text primary key,
            id text not null,
            base_id text not null,
            kind text not null,
            client text not null,
            conference text,
            user text,
            session text,
            identity text not null,
            started_ms integer not null,
            ended_ms integer not null,
            size integer not null,
            raw_size integer not null,
            lines integer not null,
            recovered integer not null
        )
        """,
        "create index dumps_by_end on dumps (ended_ms)",
        "create index dumps_by_conference on dumps (conference, started_ms)",
    ),
)
"""How a file of each version becomes one of the next; ``user_version`` tells how many of these it has behind it."""

_ENTER = f"insert or ignore into dumps ({', '.join(Entry._fields)}) values ({', '.join('?' * len(Entry._fields))})"  # noqa: S608 - our own names
_OLDEST = """
    select location, ended_ms, size from dumps
    where substr(location, 1, length(?1)) = ?1 order by ended_ms, location limit ?2
"""
_ALL = "select count(*), total(size) from dumps where substr(location, 1, length(?1)) = ?1"


@dataclass(frozen=True)
class SqliteCatalogue:
    """Keeps a row for each dump in the table ``dumps`` of a file."""

    path: str | None = None
    """The file; `catalogue.sqlite` in the folder `path` of the dumps when absent. Each node needs one of its own."""
    timeout_in_ms: int = field(default=5_000, metadata={"minimum": 1, "maximum": 600_000})
    """How long to wait while another program writes to the file. (ms)"""

    def __post_init__(self) -> None:
        if self.path is not None and (not self.path or "\0" in self.path):
            raise ValueError("path must name a file")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["_Open"]:
        """As `dumps.catalogue.CatalogueType` says."""
        opened = _Open(Path(self.path or "catalogue.sqlite"), self.timeout_in_ms / 1000)
        try:
            yield opened
        finally:
            with trio.CancelScope(shield=True):
                await opened.aclose()


class _Open:
    """One thread at a time has the connection, which is made when it is first asked for."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._thread = trio.CapacityLimiter(1)
        self._connection: sqlite3.Connection | None = None

    async def enter(self, entry: Entry) -> None:
        row = (*entry[:8], entry.identity.decode(), *entry[9:])
        await self._do(lambda connection: connection.execute(_ENTER, row))

    async def oldest(self, place: str, limit: int) -> Oldest:
        def read(connection: sqlite3.Connection) -> Oldest:
            filed = tuple(Filed(*row) for row in connection.execute(_OLDEST, (place, limit)))
            number, size = connection.execute(_ALL, (place,)).fetchone()
            return Oldest(filed, number, int(size))

        return await self._do(read)

    async def forget(self, filed: Sequence[Filed]) -> None:
        rows = [(one.location,) for one in filed]
        await self._do(lambda connection: connection.executemany("delete from dumps where location = ?", rows))

    async def aclose(self) -> None:
        await in_thread(self._thread, self._close)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in a transaction."""
        return await in_thread(self._thread, lambda: self._done(work))

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = _connected(self._path, self._timeout_s)
            with self._connection as connection:
                connection.execute("begin immediate")
                return work(connection)
        except sqlite3.Error as error:
            self._close()
            raise OSError(f"the catalogue {self._path}: {error}") from error

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _connected(path: Path, timeout_s: float) -> sqlite3.Connection:
    """The file, made if need be, in the newest version. Raises OSError and sqlite3.Error."""
    make_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")  # what is entered is taken from the folder of work
        _bring_up(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_up(connection: sqlite3.Connection) -> None:
    with connection:
        connection.execute("begin immediate")
        with closing(connection.execute("pragma user_version")) as asked:
            (version,) = asked.fetchone()
        if version > len(VERSIONS):
            raise sqlite3.DatabaseError("it was written by a newer observer")
        for statements in VERSIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"pragma user_version = {len(VERSIONS)}")
