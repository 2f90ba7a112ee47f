"""Dumps on their way: what fails is tried again, and holds up nobody."""

import logging
from itertools import pairwise
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from dumps.formats import rtcstats_close
from dumps.packing import Packed
from dumps.recorder import Dump
from dumps.storage import StorageChoice, Stored
from tests.dumps.recording import STARTED_MS, Recording, jitsi, rtcstats, running, settled, write

CLOSED = rtcstats_close(1000, 5)


async def recorded(it: Recording, *, id_: str | None = None) -> Dump:
    dump = it.recorder.opened(jitsi(id_) if id_ else rtcstats())
    await write(dump, b"[1]")
    dump.close(None if id_ else CLOSED, STARTED_MS)
    return dump


class Refusing:
    """A storage that does not take dumps of one id."""

    def __init__(self, id_: str, error: Exception) -> None:
        self.id = id_
        self.error = error
        self.tried: list[float] = []
        self.taken: list[str] = []

    async def put(self, base_id: str, name: str, packed: Packed) -> Stored:
        if base_id == self.id:
            self.tried.append(trio.current_time())
            raise self.error
        self.taken.append(base_id)
        return Stored(base_id, base_id, "test:")

    async def remove(self, key: str) -> None:
        raise AssertionError("nothing is to be removed")


class Hanging(Refusing):
    """A storage that never ends."""

    async def put(self, base_id: str, name: str, packed: Packed) -> Stored:
        await trio.sleep_forever()
        raise AssertionError


async def test_a_catalogue_that_refuses_is_asked_again(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(tmp_path) as it:
        it.fails = 5
        dump = await recorded(it)
        await settled(lambda: it.figures.files == 1)

    assert [row.id for row in it.rows] == [dump.id]
    assert it.figures.errors == {"catalogue": 5}
    assert it.work() == []


@pytest.mark.parametrize("error", [OSError("full"), ConnectionError("away"), RuntimeError("a bug"), ValueError()])
async def test_a_dump_that_fails_holds_up_no_other(tmp_path: Path, autojump_clock: MockClock, error: Exception) -> None:
    storage = Refusing("bad", error)
    async with running(tmp_path, storage=StorageChoice("test", storage), parallelism=1) as it:
        for id_ in ("bad", "good1", "bad", "good2"):
            await recorded(it, id_=id_)
        await settled(lambda: it.figures.files == 2)

        assert storage.taken == ["good1", "good2"]
        assert (it.figures.waiting, it.figures.errors["storage"]) == (2, len(storage.tried))

    assert it.work() == [".gz", ".gz", ".json", ".json", ".lines", ".lines"]


async def test_what_fails_is_left_alone_for_longer_each_time(tmp_path: Path, autojump_clock: MockClock) -> None:
    storage = Refusing("bad", OSError("full"))
    async with running(tmp_path, storage=StorageChoice("test", storage)) as it:
        await recorded(it, id_="bad")
        await settled(lambda: len(storage.tried) == 7)

    pauses = [b - a for a, b in pairwise(storage.tried[:7])]
    assert all(pause >= 2**number for number, pause in enumerate(pauses))


async def test_a_storage_that_hangs_is_tried_again(tmp_path: Path, autojump_clock: MockClock) -> None:
    choice = StorageChoice("test", Hanging("", OSError()))
    async with running(tmp_path, storage=choice, store_timeout_in_s=10) as it:
        await recorded(it)
        await settled(lambda: it.figures.errors["storage"] == 1)

    assert it.rows == []


async def test_what_fails_is_told_once_and_without_a_word_of_a_client(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    storage = Refusing("secret-id", RuntimeError("secret words"))
    with caplog.at_level(logging.INFO):
        async with running(tmp_path, storage=StorageChoice("test", storage)) as it:
            await recorded(it, id_="secret-id")
            await settled(lambda: it.figures.errors["storage"] >= 3)

    assert [record.getMessage() for record in caplog.records] == [
        "Dumps cannot be completed and are tried again (storage): unexpectedly (RuntimeError)"
    ]


async def test_each_dump_is_tried_once_more_when_the_recorder_stops(tmp_path: Path) -> None:
    storage = Refusing("bad", OSError("full"))
    with trio.fail_after(5):
        async with running(tmp_path, storage=StorageChoice("test", storage)) as it:
            await recorded(it, id_="bad")
            await settled(lambda: len(storage.tried) == 1)

    assert len(storage.tried) == 2


async def test_the_sizes_of_dumps_are_counted_by_kind_of_client(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        for client in ("jvb", "jicofo", "jvb"):
            dump = it.recorder.opened(jitsi(client, client=client))
            await write(dump, *[b"[%d]" % it.figures.files] * 100)
            dump.close(None, STARTED_MS)
            await settled(lambda: it.figures.waiting == it.figures.open == 0)

    (first, second, third), sizes = (row.size for row in it.rows), it.figures.sizes
    assert {name: list(size.recent) for name, size in sizes.items()} == {"jvb": [first, third], "jicofo": [second]}
    assert (sizes["jvb"].number, sizes["jvb"].sum, it.figures.files) == (2, first + third, 3)
