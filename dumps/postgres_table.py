"""The table of PostgreSQL in which dumps are entered: statements, made once of the columns that it has.

All calls are within a transaction of the caller's, block, and raise what psycopg raises.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier

from dumps.entries import Entry, Filed, Oldest, is_local
from dumps.postgres_columns import CREATE, ENDED, HOST, LOCATION, SIZE, Column, row, usable

_COLUMNS = """
    select a.attname, t.typname,
        case when t.typname in ('varchar', 'bpchar') and a.atttypmod > 4 then a.atttypmod - 4 end
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
"""
_ENTER = """
    insert into {table} ({columns}) select {values} where not exists (select from {table} where {same})
"""
_OLDEST = """
    select {location}, floor(extract(epoch from {ended}) * 1000)::bigint, coalesce({size}, 0)::bigint,
        count(*) over (), (sum(coalesce({size}, 0)) over ())::bigint
    from {table} where starts_with({location}, %s) and {ended} is not null and {mine}
    order by {ended}, {location} limit %s
"""


@dataclass(frozen=True)
class Table:
    """What is done with the table."""

    name: Identifier
    columns: Sequence[Column]
    host: str
    is_ours: bool
    """Whether rows are there for dumps alone: in the original's a row tells of a session, also without a dump."""

    def enter(self, cursor: Cursor[Any], entry: Entry, now_ms: int) -> None:
        """Insert a row, unless there is one of the same location. Two that try at once wait for each other."""
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (entry.location,))
        same, values = self._mine(entry.location)
        values_of = SQL(", ").join(
            SQL("%s::{}").format(Identifier("pg_catalog", column.type)) for column in self.columns
        )
        names = SQL(", ").join(Identifier(column.name) for column in self.columns)
        statement = SQL(_ENTER).format(
            table=self.name, columns=names, values=values_of, same=SQL("{} = %s and {}").format(_LOCATION, same)
        )
        cursor.execute(statement, [*row(self.columns, entry, self.host, now_ms), entry.location, *values])

    def oldest(self, cursor: Cursor[Any], place: str, limit: int) -> Oldest:
        """As `dumps.catalogue.Catalogue` says."""
        mine, values = self._mine(place)
        size = Identifier(SIZE) if self._has(SIZE) else SQL("null::bigint")
        statement = SQL(_OLDEST).format(
            table=self.name, location=_LOCATION, ended=Identifier(ENDED), size=size, mine=mine
        )
        rows = cursor.execute(statement, [place, *values, limit]).fetchall()
        number, total = (rows[0][3], rows[0][4]) if rows else (0, 0)
        return Oldest(tuple(Filed(*one[:3]) for one in rows), number, total)

    def forget(self, cursor: Cursor[Any], locations: Sequence[str]) -> None:
        """Delete rows of a table of ours; in the original's a session stays, which has no dump any more."""
        if self.is_ours:
            action = SQL("delete from {}").format(self.name)
        else:
            action = SQL("update {} set {} = null").format(self.name, _LOCATION)
        for local in (False, True):
            found = [location for location in locations if is_local(location) is local]
            if found:
                mine, values = self._mine(found[0])
                statement = SQL("{} where {} = any(%s) and {}").format(action, _LOCATION, mine)
                cursor.execute(statement, [found, *values])

    def _mine(self, location: str) -> tuple[Composed | SQL, list[str]]:
        """The condition that a row of such a location is of this machine, if that matters, and its values."""
        if is_local(location) and self._has(HOST):
            return SQL("{} = %s").format(Identifier(HOST)), [self.host]
        return SQL("true"), []

    def _has(self, name: str) -> bool:
        return any(column.name == name for column in self.columns)


_LOCATION = Identifier(LOCATION)


def table_of(cursor: Cursor[Any], schema: str | None, name: str, host: str, *, creates: bool) -> Table:
    """The table, made if need be and if told to. Raises ValueError, with a text for the operator."""
    table = Identifier(name) if schema is None else Identifier(schema, name)
    columns = _columns_of(cursor, table)
    if not columns and creates:
        _create(cursor, table, name)
        columns = _columns_of(cursor, table)
    if not columns:
        raise ValueError("there is no such table; it is made with createTable")
    found = usable(columns)
    width = next((column.width for column in found if column.name == HOST), None)
    # Where the features of dumps are computed, other tables point to the rows.
    is_ours = not any(column.name == "features_processing_start" for column in columns)
    return Table(table, found, host[:width], is_ours)


def _columns_of(cursor: Cursor[Any], table: Identifier) -> list[Column]:
    return [Column(*one) for one in cursor.execute(_COLUMNS, (table.as_string(cursor),)).fetchall()]


def _create(cursor: Cursor[Any], table: Identifier, name: str) -> None:
    cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 1))", (name,))
    names = {"by_location": Identifier(f"{name[:40]} by location"), "by_end": Identifier(f"{name[:40]} by end")}
    for statement in CREATE:
        cursor.execute(SQL(statement).format(table=table, **names))
