"""PostgresCatalogue: which dumps there are, in a table that many nodes share: the original's, or one of ours.

One connection, which is made when it is first needed and anew after a failure, in a thread. A server that does not
answer holds up nothing for longer than its time-outs, and is left alone for a while.
"""

import logging
import math
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
import trio
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dumps.entries import Entry, Filed, Oldest
from dumps.postgres_table import Table, table_of
from sinks.retry import Retry, pause_s
from sinks.threads import in_thread

T = TypeVar("T")

CLOSING_S = 2
"""How long PostgreSQL has to take a good-bye. (s)"""
PAUSES = Retry(initial_in_ms=500, max_in_ms=30_000)
"""How long a server that cannot be reached is left alone: what is asked meanwhile fails at once."""

Work = Callable[[Table, psycopg.Cursor[Any]], T]

_SCHEMES = ("postgresql://", "postgres://")
_LIMIT = "select set_config(name, %s, true) from unnest(array['statement_timeout', 'lock_timeout']) name"

# It tells of connections that break, with the texts of servers, while we tell the same in our words.
logging.getLogger("psycopg").setLevel(logging.ERROR)


@dataclass(frozen=True)
class PostgresCatalogue:
    """Keeps a row for each dump in a table of PostgreSQL."""

    connection_string: str = field(repr=False)
    """Where PostgreSQL is: `postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=/path`. What
    libpq understands may stand there, several hosts too. With `sslmode=verify-full` the server proves who it is."""
    table: str = "rtcstats-server"
    """The table, of this name exactly. As the migrations of rtcstats.com make it, or with other columns of the names
    that this observer knows."""
    schema: str | None = None
    """The schema of the table; wherever PostgreSQL looks for tables when absent."""
    create_table: bool = False
    """Whether to make the table if there is none: a table of ours, with the columns of the original and more."""
    host_identifier: str | None = None
    """What stands in the column `host_identifier`: who stored the dump; the name of the machine when absent."""
    connect_timeout_in_ms: int = field(default=5_000, metadata={"minimum": 2_000, "maximum": 600_000})
    """How long a connection may take to come about. (ms)"""
    timeout_in_ms: int = field(default=10_000, metadata={"minimum": 1, "maximum": 600_000})
    """How long an answer may take. (ms)"""

    def __post_init__(self) -> None:
        _checked(self.connection_string)
        for key, name in (("table", self.table), ("schema", self.schema)):
            if name is not None and (not name or "\0" in name or len(name.encode()) > 63):
                raise ValueError(f"{key} must be a name of up to 63 bytes")
        if self.host_identifier is not None and (not self.host_identifier or "\0" in self.host_identifier):
            raise ValueError("hostIdentifier must not be empty")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["_Open"]:
        """As `dumps.catalogue.CatalogueType` says."""
        opened = _Open(self)
        try:
            yield opened
        finally:
            with trio.move_on_after(CLOSING_S, shield=True):
                await opened.aclose()

    @property
    def host(self) -> str:
        """Who we are."""
        return self.host_identifier or socket.gethostname()


class _Open:
    def __init__(self, settings: PostgresCatalogue) -> None:
        self._settings = settings
        self._turn = trio.Lock()
        self._thread = trio.CapacityLimiter(1)
        self._session: _Session | None = None
        self._failures = 0
        self._rests_until = 0.0
        self._reason = ""

    async def enter(self, entry: Entry) -> None:
        now_ms = time.time_ns() // 1_000_000
        await self._do(lambda table, cursor: table.enter(cursor, entry, now_ms))

    async def oldest(self, place: str, limit: int) -> Oldest:
        return await self._do(lambda table, cursor: table.oldest(cursor, place, limit))

    async def forget(self, filed: Sequence[Filed]) -> None:
        await self._do(lambda table, cursor: table.forget(cursor, [one.location for one in filed]))

    async def aclose(self) -> None:
        async with self._turn:
            session, self._session = self._session, None
            if session is not None:
                await in_thread(self._thread, session.close)

    async def _do(self, work: Work[T]) -> T:
        """Do something in a transaction, over a new connection if there is none, or the one there is was lost."""
        async with self._turn:
            if trio.current_time() < self._rests_until:
                raise OSError(self._reason)
            if self._session is not None:
                with suppress(_Lost):
                    return await self._asked(self._session, work)
            self._session = await self._connected()
            try:
                return await self._asked(self._session, work)
            except _Lost as lost:
                raise self._fails(lost) from lost

    async def _connected(self) -> "_Session":
        session = _Session(self._settings)
        try:
            # The time for an answer is for looking at the table.
            longest_ms = self._settings.connect_timeout_in_ms * session.hosts + self._settings.timeout_in_ms
            await self._in_time(session, longest_ms, session.connect)
        except _Lost as lost:
            raise self._fails(lost) from lost
        self._failures = 0
        return session

    async def _asked(self, session: "_Session", work: Work[T]) -> T:
        """After any failure the next call has a new connection: there may be another server, or another table."""
        self._session = None
        result = await self._in_time(session, self._settings.timeout_in_ms, lambda: session.do(work))
        self._session = session
        return result

    async def _in_time(self, session: "_Session", limit_ms: int, work: Callable[[], T]) -> T:
        """Run in the thread; a session that takes longer, or is abandoned, is torn off. Raises _Lost and OSError."""
        waiting = True
        try:
            with trio.move_on_after(limit_ms / 1000):
                try:
                    result = await in_thread(self._thread, work)
                except Exception:
                    waiting = False
                    raise
                waiting = False
                return result
        finally:
            if waiting:
                session.tear()
        raise _Lost(f"PostgreSQL did not answer within {limit_ms} ms")

    def _fails(self, lost: "_Lost") -> OSError:
        self._failures += 1
        self._rests_until = trio.current_time() + pause_s(PAUSES, self._failures, random.uniform(0.5, 1))  # noqa: S311
        self._reason = str(lost)
        return ConnectionError(self._reason)


class _Lost(Exception):
    """There is no connection any more. The text is for the operator."""


class _Session:
    """A connection and the table. All but `tear` block, and belong in a thread."""

    def __init__(self, settings: PostgresCatalogue) -> None:
        self._settings = settings
        self._conninfo = _conninfo(settings)
        self.hosts = str(self._conninfo.get("host") or self._conninfo.get("hostaddr") or "").count(",") + 1
        self._connection: psycopg.Connection[Any] | None = None
        self._table: Table | None = None
        self._is_torn = False

    def connect(self) -> None:
        """Connect, and look at the table. Raises _Lost and OSError."""
        settings = self._settings
        with self._errors():
            # Poolers of connections know no prepared statements.
            self._connection = psycopg.connect(make_conninfo(**self._conninfo), prepare_threshold=None)
            if self._is_torn:
                raise _Lost("PostgreSQL: the connection came too late")
            with self._cursor() as cursor:
                self._table = table_of(
                    cursor, settings.schema, settings.table, settings.host, creates=settings.create_table
                )

    def do(self, work: Work[T]) -> T:
        """Do something in a transaction. Raises _Lost and OSError; then the connection is closed."""
        table = self._table
        assert table is not None  # noqa: S101 - it is connected
        with self._errors(), self._cursor() as cursor:
            return work(table, cursor)

    def close(self) -> None:
        """Good-bye."""
        if self._connection is not None:
            self._connection.close()

    def tear(self) -> None:
        """From another thread: whoever waits for an answer gets none, and the connection ends. Does not block."""
        self._is_torn = True
        if self._connection is not None:
            with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as copy:
                copy.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[Any]]:
        """Within a transaction, in which the server keeps to the limit as well."""
        assert self._connection is not None  # noqa: S101 - it is connected
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(_LIMIT, (f"{self._settings.timeout_in_ms}ms",))
            yield cursor

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with _told():
                yield
        except BaseException:
            self.close()
            raise


@contextmanager
def _told() -> Iterator[None]:
    """What the server says of rows may have texts of clients in it: only its code and names of the table are told."""
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise OSError("PostgreSQL: it took longer than timeoutInMs") from error
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction) as error:
        raise _Lost(f"PostgreSQL: {_named(error) if error.sqlstate else _first_line(error)}") from error
    except psycopg.Error as error:
        raise OSError(f"PostgreSQL: {_named(error)}") from error
    except ValueError as error:
        raise OSError(f"PostgreSQL: {error}") from error


def _named(error: psycopg.Error) -> str:
    names = (error.diag.table_name, error.diag.column_name, error.diag.constraint_name)
    return " ".join((f"{type(error).__name__} ({error.sqlstate})", *filter(None, names)))


def _first_line(error: psycopg.Error) -> str:
    """It is from the client's side, or from a server that knows us not yet."""
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__


def _checked(text: str) -> Mapping[str, Any]:
    """What a connection string says. Raises ValueError, without anything of it."""
    if not text.startswith(_SCHEMES):
        raise ValueError("connectionString must begin with postgresql://")
    try:
        return conninfo_to_dict(text)
    except psycopg.Error:
        raise ValueError("connectionString is none that libpq understands") from None


def _conninfo(settings: PostgresCatalogue) -> dict[str, Any]:
    """What the connection string says goes before what we prefer."""
    preferred = {
        "application_name": "webrtc-observer",
        "client_encoding": "utf8",
        "connect_timeout": str(math.ceil(settings.connect_timeout_in_ms / 1000)),
        "tcp_user_timeout": str(settings.timeout_in_ms),
        "keepalives_idle": "60",
        "keepalives_interval": "10",
    }
    return preferred | dict(_checked(settings.connection_string))
