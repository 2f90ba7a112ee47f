"""Dumps from their first line to their end: stored, in a real catalogue, and deleted when they are due."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from dumps.catalogue import CatalogueChoice
from dumps.formats import rtcstats_close
from dumps.keeping import Keeping
from dumps.postgres import PostgresCatalogue
from dumps.settings import Dumps, Keep
from dumps.sqlite import SqliteCatalogue
from tests.dumps.postgres_server import PostgresServer
from tests.dumps.recording import STARTED_MS, rtcstats, settled, write

DAY_MS = 86_400_000


@asynccontextmanager
async def keeping(folder: Path, now_ms: int = STARTED_MS, **settings: Any) -> AsyncIterator[Keeping]:
    """At the end all that is closed is completed, or was tried once more."""
    made = Keeping(Dumps(str(folder), write_every_in_ms=1, **settings), lambda: now_ms)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        yield made
        made.recorder.stop()


async def dump(it: Keeping, user: str) -> None:
    """A whole session."""
    one = it.recorder.opened(rtcstats(identity={"user": user}))
    await write(one, b'["create",null,{},1]')
    one.close(rtcstats_close(1000, 5), STARTED_MS + 5)


async def sqlite_number(folder: Path) -> int:
    async with SqliteCatalogue(str(folder / "catalogue.sqlite")).opened() as catalogue:
        return (await catalogue.oldest((folder / "stored").as_uri(), 9)).number


def stored(folder: Path) -> int:
    return len(list((folder / "stored").glob("*.gz")))


async def test_a_session_ends_in_the_storage_and_in_the_catalogue(tmp_path: Path) -> None:
    async with keeping(tmp_path) as it:
        await dump(it, "alice")

    assert (stored(tmp_path), await sqlite_number(tmp_path)) == (1, 1)
    assert (it.filing.durations.sum, it.recorder.figures.files) == (5, 1)


async def test_what_is_due_is_deleted_after_the_next_start(tmp_path: Path) -> None:
    async with keeping(tmp_path) as it:
        await dump(it, "alice")

    async with keeping(tmp_path, STARTED_MS + 8 * DAY_MS, keep=Keep(max_age_in_days=7)) as it:
        retention = it.retention
        await settled(lambda: retention.deleted.total() == 1)

    assert (stored(tmp_path), await sqlite_number(tmp_path)) == (0, 0)


async def test_what_is_not_due_stays(tmp_path: Path) -> None:
    async with keeping(tmp_path) as it:
        await dump(it, "alice")

    async with keeping(tmp_path, STARTED_MS + 6 * DAY_MS, keep=Keep(max_age_in_days=7)) as it:
        retention = it.retention
        await settled(lambda: retention.kept == 1)

    assert (stored(tmp_path), await sqlite_number(tmp_path)) == (1, 1)


async def test_a_postgres_that_is_killed_keeps_no_session_waiting_and_gets_each_dump_once(tmp_path: Path) -> None:
    with PostgresServer() as server:
        server.create("d")
        config = PostgresCatalogue(server.uri("d"), create_table=True)
        async with keeping(tmp_path, catalogue=CatalogueChoice("postgres", config)) as it:
            figures = it.recorder.figures
            await dump(it, "alice")
            await settled(lambda: figures.files == 1)
            await trio.to_thread.run_sync(server.kill)

            await dump(it, "bob")
            await dump(it, "carol")
            await settled(lambda: figures.errors["catalogue"] >= 2)
            assert (figures.waiting, figures.dropped.total(), figures.refused.total()) == (2, 0, 0)

            await trio.to_thread.run_sync(server.start)
            await settled(lambda: figures.files == 3)
        found = server.asked("d", 'select rtcstats_user from "rtcstats-server" order by 1')

    assert found == [("alice",), ("bob",), ("carol",)]
    assert stored(tmp_path) == 3


async def test_a_dump_that_waits_when_the_node_ends_is_entered_after_the_next_start(tmp_path: Path) -> None:
    with PostgresServer() as server:
        server.create("d")
        choice = CatalogueChoice("postgres", PostgresCatalogue(server.uri("d"), create_table=True))
        server.kill()
        async with keeping(tmp_path, catalogue=choice) as it:
            await dump(it, "alice")
        assert it.recorder.figures.files == 0
        await trio.to_thread.run_sync(server.start)

        async with keeping(tmp_path, catalogue=choice) as it:
            figures = it.recorder.figures
            await settled(lambda: figures.files == 1)
        found = server.asked("d", 'select rtcstats_user, recovered from "rtcstats-server"')

    assert found == [("alice", False)]
    assert stored(tmp_path) == 1
