"""Which columns of a table of PostgreSQL say what of a dump, and how a value fits into the column that is there.

Pure. The names are a fixed list: those of the original, as its migrations make them, and a few of ours. Only columns
that a table has are written; their widths may be any.
Source: rtcstats-server of rtcstats.com and its migrations of 2026-08.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, LiteralString, NamedTuple

from dumps.entries import Entry
from dumps.formats import Kind

LOCATION = "blob_url"
HOST = "host_identifier"
ENDED = "session_end"
SIZE = "blob_size"

_RANGES = {"int2": 1 << 15, "int4": 1 << 31, "int8": 1 << 63}


class Sort(Enum):
    """Of what sort a value is, with the types of columns that take it."""

    TEXT = ("text", "varchar", "bpchar")
    TIME = ("timestamptz", "timestamp")
    NUMBER = ("int8", "int4", "int2", "numeric", "float8")
    FLAG = ("bool",)
    JSON = ("jsonb", "json", "text")


class Column(NamedTuple):
    """A column that a table has."""

    name: str
    type: str
    """As ``pg_type`` calls it."""
    width: int | None
    """How many characters it takes; any number if None."""


class _Known(NamedTuple):
    sort: Sort
    value: Callable[[Entry, str, int], Any]
    """Of an entry, the host and the time as it is. [ms]"""


def _processed(entry: Entry, _host: str, now_ms: int) -> datetime | None:
    # Whoever computes the features of the original takes each row for a dump of its own form, and stumbles over others.
    return None if entry.kind is Kind.RTCSTATS else _time(now_ms)


COLUMNS: Mapping[str, _Known] = {
    "session_start": _Known(Sort.TIME, lambda entry, _host, _now: _time(entry.started_ms)),
    ENDED: _Known(Sort.TIME, lambda entry, _host, _now: _time(entry.ended_ms)),
    LOCATION: _Known(Sort.TEXT, lambda entry, _host, _now: entry.location),
    "rtcstats_user": _Known(Sort.TEXT, lambda entry, _host, _now: entry.user),
    "rtcstats_conference": _Known(Sort.TEXT, lambda entry, _host, _now: entry.conference),
    "rtcstats_session": _Known(Sort.TEXT, lambda entry, _host, _now: entry.session),
    HOST: _Known(Sort.TEXT, lambda _entry, host, _now: host),
    "features_processing_start": _Known(Sort.TIME, _processed),
    "features_processing_stop": _Known(Sort.TIME, _processed),
    # Ours: a table of the original may get them by `alter table`.
    "dump_id": _Known(Sort.TEXT, lambda entry, _host, _now: entry.id),
    "base_dump_id": _Known(Sort.TEXT, lambda entry, _host, _now: entry.base_id),
    "kind": _Known(Sort.TEXT, lambda entry, _host, _now: entry.kind.value),
    "client": _Known(Sort.TEXT, lambda entry, _host, _now: entry.client),
    "identity": _Known(Sort.JSON, lambda entry, _host, _now: entry.identity.decode()),
    SIZE: _Known(Sort.NUMBER, lambda entry, _host, _now: entry.size),
    "raw_size": _Known(Sort.NUMBER, lambda entry, _host, _now: entry.raw_size),
    "lines": _Known(Sort.NUMBER, lambda entry, _host, _now: entry.lines),
    "recovered": _Known(Sort.FLAG, lambda entry, _host, _now: entry.recovered),
}
"""What we may write, by the names of columns."""

CREATE: Sequence[LiteralString] = (
    """
    create table if not exists {table} (
        id bigint generated always as identity primary key,
        created_at timestamptz not null default now(),
        session_start timestamptz,
        session_end timestamptz,
        blob_url text not null,
        rtcstats_user text,
        rtcstats_conference text,
        rtcstats_session text,
        host_identifier text,
        dump_id text,
        base_dump_id text,
        kind text,
        client text,
        identity jsonb,
        blob_size bigint,
        raw_size bigint,
        lines bigint,
        recovered boolean
    )
    """,
    "create index if not exists {by_location} on {table} (blob_url)",
    "create index if not exists {by_end} on {table} (session_end)",
)
"""A table of ours: the columns of the original that its server writes, and ours."""


def usable(columns: Sequence[Column]) -> list[Column]:
    """Of the columns of a table those that we write, in an order of ours. Raises ValueError if one that we need is not
    there, with a text for the operator."""
    there = {column.name: column for column in columns}
    found = [there[name] for name, known in COLUMNS.items() if name in there and there[name].type in known.sort.value]
    missing = {LOCATION, ENDED} - {column.name for column in found}
    if missing:
        raise ValueError(f"it has no column {min(missing)} for a {COLUMNS[min(missing)].sort.name.lower()}")
    location = there[LOCATION]
    if location.width is not None:
        raise ValueError(f"its column {location.name} is no text of any length")
    return found


def row(columns: Sequence[Column], entry: Entry, host: str, now_ms: int) -> list[Any]:
    """What stands in each of these columns for an entry."""
    return [_fitting(column, COLUMNS[column.name].value(entry, host, now_ms)) for column in columns]


def _fitting(column: Column, value: Any) -> Any:
    """As much of a value as a column holds."""
    if isinstance(value, str) and column.width is not None:
        return value[: column.width]
    if column.type in _RANGES and isinstance(value, int):
        return min(value, _RANGES[column.type] - 1)
    if column.type == "timestamp" and isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return value


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
