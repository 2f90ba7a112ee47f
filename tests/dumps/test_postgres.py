"""The tables of a real PostgreSQL: the original's, one of ours, and those of others."""

from datetime import UTC, datetime
from typing import LiteralString

import pytest
import trio

from dumps.formats import Kind
from tests.dumps.entries_for_tests import PLACE, entry
from tests.dumps.postgres_database import ORIGINAL, Database

DISK = "file:///dumps/stored/"


async def test_the_table_of_the_original_tells_of_a_dump_as_the_original_would(originals: Database) -> None:
    async with originals.opened(host_identifier="host-a") as catalogue:
        await catalogue.enter(entry("d1", started_ms=1_700_000_000_468, ended_ms=1_700_000_060_856))

    assert originals.rows(
        "session_start, session_end, blob_url, rtcstats_user, rtcstats_session, rtcstats_conference, host_identifier"
    ) == [
        (
            *(datetime.fromtimestamp(1_700_000_000.468, UTC), datetime.fromtimestamp(1_700_000_060.856, UTC)),
            *(f"{PLACE}d1.gz", "alice", "sess-1", "room-1", "host-a"),
        )
    ]


async def test_who_computes_features_takes_the_dumps_of_rtcstats_only(originals: Database) -> None:
    async with originals.opened() as catalogue:
        await catalogue.enter(entry("d1"))
        await catalogue.enter(entry("d2", kind=Kind.JITSI))

    waits = "features_processing_start is null and features_processing_stop is null"
    assert originals.asked('select blob_url from "rtcstats-server" where ' + waits) == [(f"{PLACE}d1.gz",)]


async def test_a_session_of_the_original_outlasts_its_dump(originals: Database) -> None:
    async with originals.opened() as catalogue:
        await catalogue.enter(entry("d1"))
        await catalogue.forget((await catalogue.oldest(PLACE, 9)).filed)

    assert originals.rows("blob_url, rtcstats_user") == [(None, "alice")]


async def test_columns_of_ours_are_written_where_the_original_was_given_them(originals: Database) -> None:
    originals.asked('alter table "rtcstats-server" add blob_size integer, add identity jsonb, add "kind" text')
    async with originals.opened() as catalogue:
        await catalogue.enter(entry("d1", size=2**40, identity={"user": "bob"}))
        assert (await catalogue.oldest(PLACE, 9)).size == 2**31 - 1

    assert originals.rows("blob_size, identity, kind") == [(2**31 - 1, {"user": "bob"}, "rtcstats")]


async def test_types_are_as_they_are(empty: Database) -> None:
    empty.asked(
        """
        create table "rtcstats-server" (id serial, session_start timestamp, session_end timestamp, blob_url varchar,
            rtcstats_user varchar(3), rtcstats_conference char(4), rtcstats_session uuid, host_identifier varchar(2),
            lines smallint, raw_size numeric, identity text, recovered text, kind text generated always as ('x') stored)
        """
    )
    async with empty.opened(host_identifier="machine") as catalogue:
        await catalogue.enter(entry("d1", DISK, started_ms=0, lines=10**6))
        assert (await catalogue.oldest(DISK, 9)).number == 1

    told = "session_start, rtcstats_user, rtcstats_conference, rtcstats_session, lines, raw_size, recovered"
    assert empty.rows(told) == [(datetime(1970, 1, 1), "ali", "room", None, 32767, 1000, None)]


async def test_nothing_is_known_of_sizes_where_no_column_is_for_them(originals: Database) -> None:
    async with originals.opened() as catalogue:
        await catalogue.enter(entry("d1", size=77))

        assert (await catalogue.oldest(PLACE, 9)).filed[0].size == 0


async def test_two_who_enter_the_same_at_once_enter_it_once(originals: Database) -> None:
    async with originals.opened() as one, originals.opened() as another, trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(one.enter, entry(f"d{number}"))
            nursery.start_soon(another.enter, entry(f"d{number}"))

    assert len(originals.rows()) == 20


async def test_nodes_that_begin_at_once_make_one_table(empty: Database) -> None:
    async def enter(number: int) -> None:
        async with empty.opened(create_table=True) as catalogue:
            await catalogue.enter(entry(f"d{number}"))

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(enter, number)

    assert len(empty.rows()) == 5


async def test_the_same_file_on_two_machines_is_two_dumps(originals: Database) -> None:
    async with originals.opened(host_identifier="a") as one, originals.opened(host_identifier="b") as another:
        await one.enter(entry("d1", DISK))
        await another.enter(entry("d1", DISK))

        await one.forget((await one.oldest(DISK, 9)).filed)

        assert (await another.oldest(DISK, 9)).number == 1


async def test_a_dump_in_a_bucket_is_one_whoever_enters_it(originals: Database) -> None:
    async with originals.opened(host_identifier="a") as one, originals.opened(host_identifier="b") as another:
        await one.enter(entry("d1"))
        await another.enter(entry("d1"))

    assert len(originals.rows()) == 1


async def test_a_table_in_a_schema_is_found_by_its_name_exactly(empty: Database) -> None:
    empty.asked('create schema "My.Schema"')
    name = {"schema": "My.Schema", "table": "t; drop\"'"}

    async with empty.opened(**name, create_table=True) as catalogue:
        await catalogue.enter(entry("d1"))

    assert empty.asked('select blob_url from "My.Schema"."t; drop""\'"') == [(f"{PLACE}d1.gz",)]


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("select 1", "no such table"),
        ('create table "rtcstats-server" (session_end timestamptz)', "no column blob_url"),
        ('create table "rtcstats-server" (blob_url text, session_end text)', "no column session_end for a time"),
        ('create table "rtcstats-server" (blob_url varchar(9), session_end timestamptz)', "no text of any length"),
    ],
)
async def test_a_table_that_cannot_be_used_is_told(empty: Database, statement: LiteralString, text: str) -> None:
    empty.asked(statement)
    async with empty.opened() as catalogue:
        with pytest.raises(OSError, match=text):
            await catalogue.enter(entry("d1"))


async def test_a_table_that_is_mended_is_used_at_once(empty: Database) -> None:
    async with empty.opened() as catalogue:
        with pytest.raises(OSError, match="no such table"):
            await catalogue.enter(entry("d1"))
        empty.asked(ORIGINAL)

        await catalogue.enter(entry("d1"))

    assert len(empty.rows()) == 1


async def test_a_refusal_tells_nothing_of_what_a_client_said(originals: Database) -> None:
    originals.asked("alter table \"rtcstats-server\" add check (rtcstats_user <> 'secret-name')")
    async with originals.opened() as catalogue:
        with pytest.raises(OSError, match="CheckViolation") as raised:
            await catalogue.enter(entry("d1", identity={"user": "secret-name"}))

    assert "secret-name" not in str(raised.value)


async def test_a_refused_dump_does_not_keep_others_out(originals: Database) -> None:
    originals.asked("alter table \"rtcstats-server\" add check (rtcstats_user <> 'mallory')")
    async with originals.opened() as catalogue:
        with pytest.raises(OSError, match="CheckViolation"):
            await catalogue.enter(entry("d1", identity={"user": "mallory"}))

        await catalogue.enter(entry("d2"))

    assert originals.rows() == [(f"{PLACE}d2.gz",)]
