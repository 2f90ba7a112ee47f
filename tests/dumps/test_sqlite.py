"""The file of a node: what it looks like to others, and what it survives."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import trio

from dumps.sqlite import VERSIONS, SqliteCatalogue
from tests.dumps.entries_for_tests import PLACE, entry
from tests.services import ROOT


def rows(path: Path, statement: str = "select location from dumps") -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


async def entered(path: Path, *names: str) -> None:
    async with SqliteCatalogue(str(path)).opened() as catalogue:
        for name in names:
            await catalogue.enter(entry(name))


async def test_any_tool_reads_what_a_dump_was(tmp_path: Path) -> None:
    await entered(tmp_path / "c", "d1")

    known = 'id, conference, "user", session, client, identity, ended_ms - started_ms, size, raw_size'
    assert rows(tmp_path / "c", f"select {known} from dumps") == [
        *[("d1", "room-1", "alice", "sess-1", "rtcstats", *_IDENTITY, 60_500, 100, 1000)]
    ]


_IDENTITY = ('{"user":"alice","session":"sess-1","conference":"room-1"}',)


async def test_it_is_read_while_the_observer_runs(tmp_path: Path) -> None:
    async with SqliteCatalogue(str(tmp_path / "c")).opened() as catalogue:
        await catalogue.enter(entry("d1"))
        with closing(sqlite3.connect(tmp_path / "c")) as reader:
            reader.execute("begin")
            reader.execute("select * from dumps").fetchall()

            await catalogue.enter(entry("d2"))

    assert len(rows(tmp_path / "c")) == 2


async def test_nobody_else_reads_the_file(tmp_path: Path) -> None:
    await entered(tmp_path / "new" / "c", "d1")

    assert (tmp_path / "new" / "c").stat().st_mode & 0o007 == 0


async def test_a_catalogue_that_is_never_used_makes_no_file(tmp_path: Path) -> None:
    async with SqliteCatalogue(str(tmp_path / "c")).opened():
        pass

    assert os.listdir(tmp_path) == []


async def test_what_another_program_holds_is_told_in_time_and_waited_for_later(tmp_path: Path) -> None:
    path = tmp_path / "c"
    await entered(path, "d1")
    async with SqliteCatalogue(str(path), timeout_in_ms=50).opened() as catalogue:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("begin immediate")
            with pytest.raises(OSError, match="locked"):
                await catalogue.enter(entry("d2"))

        await catalogue.enter(entry("d2"))

    assert len(rows(path)) == 2


async def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"no database at all" * 99)

    with pytest.raises(OSError, match="not a database"):
        await entered(tmp_path / "c", "d1")

    assert (tmp_path / "c").read_bytes() == b"no database at all" * 99


async def test_a_file_of_a_newer_observer_is_left_as_it_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "c")) as connection:
        connection.execute(f"pragma user_version = {len(VERSIONS) + 1}")

    with pytest.raises(OSError, match="newer observer"):
        await entered(tmp_path / "c", "d1")

    assert rows(tmp_path / "c", "select name from sqlite_master") == []


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match="file"):
        await entered(tmp_path / "file" / "c", "d1")


async def test_many_who_enter_at_once_take_turns(tmp_path: Path) -> None:
    async with SqliteCatalogue(str(tmp_path / "c")).opened() as catalogue, trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(catalogue.enter, entry(f"d{number % 25}"))

    assert len(rows(tmp_path / "c")) == 25


_ENTERS = """
import sys, trio
from dumps.sqlite import SqliteCatalogue
from tests.dumps.entries_for_tests import entry

async def main():
    async with SqliteCatalogue(sys.argv[1]).opened() as catalogue:
        for number in range(1_000_000):
            await catalogue.enter(entry(f"d{number}"))
            print(number, flush=True)

trio.run(main)
"""


@pytest.mark.processes
async def test_all_that_was_entered_outlasts_a_kill_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "c"
    for round_ in range(3):
        told = await trio.to_thread.run_sync(_killed_after(path, 20 + 7 * round_))

        async with SqliteCatalogue(str(path)).opened() as catalogue:
            assert (await catalogue.oldest(PLACE, 1)).number >= told + 1
        assert rows(path, "pragma integrity_check") == [("ok",)]


def _killed_after(path: Path, told: int) -> Callable[[], int]:
    """Enter dumps in another process, which is killed right after it has told of so many; return the last number."""

    def run() -> int:
        command = [sys.executable, "-c", _ENTERS, str(path)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
            assert process.stdout is not None
            last = -1
            for line in process.stdout:
                last = int(line)
                if last == told:
                    process.kill()
            process.wait()
        assert last >= told
        return last

    return run
