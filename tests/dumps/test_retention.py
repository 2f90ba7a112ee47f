"""When dumps are deleted, in which order, and what becomes of what cannot be."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from dumps.catalogue import Catalogue
from dumps.entries import Entry, Filed, Oldest
from dumps.retention import MOST_AT_ONCE, MOST_FAILURES, Due, Reason, Retention, due
from dumps.settings import Dumps, Keep
from dumps.sqlite import SqliteCatalogue
from dumps.storage import Place
from dumps.storage_s3 import S3Storage
from tests.dumps.entries_for_tests import PLACE, entry

DAY_MS = 86_400_000
NOW_MS = 100 * DAY_MS

DISK = "file:///dumps/"


def filed(name: str, days_old: float = 0, size: int = 0) -> Filed:
    return Filed(f"{PLACE}{name}.gz", int(NOW_MS - days_old * DAY_MS), size)


def oldest(*some: Filed) -> Oldest:
    return Oldest(some, len(some), sum(one.size for one in some))


def test_what_is_older_than_it_may_be_is_due() -> None:
    old, young = filed("old", days_old=8), filed("young", days_old=6)

    assert due(Keep(max_age_in_days=7), oldest(old, young), NOW_MS) == [Due(old, Reason.AGE)]


def test_the_oldest_are_due_as_long_as_all_take_too_much() -> None:
    a, b, c = filed("a", 3, size=50), filed("b", 2, size=50), filed("c", 1, size=50)

    assert due(Keep(max_age_in_days=None, max_bytes=100), oldest(a, b, c), NOW_MS) == [Due(a, Reason.SIZE)]


def test_what_goes_for_its_age_makes_room() -> None:
    old, young = filed("old", days_old=8, size=50), filed("young", days_old=6, size=100)

    assert due(Keep(max_age_in_days=7, max_bytes=100), oldest(old, young), NOW_MS) == [Due(old, Reason.AGE)]


def test_nothing_is_due_without_a_bound() -> None:
    assert due(Keep(max_age_in_days=None), oldest(filed("a", 5000, size=10**15)), NOW_MS) == []


@given(
    st.lists(st.tuples(st.floats(0, 60), st.integers(0, 1000)), max_size=20),
    st.none() | st.floats(0.1, 50),
    st.none() | st.integers(1, 5000),
)
def test_what_is_left_keeps_to_both_bounds_and_nothing_more_is_deleted(
    dumps: list[tuple[float, int]], days: float | None, most: int | None
) -> None:
    some = [filed(str(number), old, size) for number, (old, size) in enumerate(sorted(dumps, reverse=True))]
    keep = Keep(max_age_in_days=days, max_bytes=most)

    deleted = [one.filed for one in due(keep, oldest(*some), NOW_MS)]

    left = some[len(deleted) :]
    assert deleted == some[: len(deleted)]
    assert not due(keep, oldest(*left), NOW_MS)
    if deleted:
        assert due(keep, oldest(deleted[-1], *left), NOW_MS) != []


class Storage:
    """What was removed; it fails for the keys in `broken`."""

    def __init__(self, *broken: str) -> None:
        self.removed: list[str] = []
        self.broken = set(broken)
        self.calls = 0

    def place(self) -> Place:
        return Place(PLACE, "dumps/")

    async def remove(self, name: str) -> None:
        key = name.removeprefix("dumps/")
        assert key != name
        self.calls += 1
        if key in self.broken or "*" in self.broken:
            raise OSError("the storage is away")
        self.removed.append(key)


class World:
    """A real catalogue of some dumps, and their storage."""

    def __init__(self, catalogue: Catalogue, storage: Storage, keep: Keep) -> None:
        self.catalogue = catalogue
        self.storage = storage
        self.retention = Retention(keep, catalogue, storage, lambda: NOW_MS)

    async def left(self) -> list[str]:
        found = (await self.catalogue.oldest(PLACE, 10_000)).filed
        return [one.location.removeprefix(PLACE).removesuffix(".gz") for one in found]


@asynccontextmanager
async def world(
    tmp_path: Path, *entries: Entry, broken: tuple[str, ...] = (), **keep: int | None
) -> AsyncIterator[World]:
    async with SqliteCatalogue(str(tmp_path / "c")).opened() as catalogue:
        for one in entries:
            await catalogue.enter(one)
        yield World(catalogue, Storage(*broken), Keep(**{"max_age_in_days": 7, **keep}))


def aged(name: str, days_old: float, place: str = PLACE, size: int = 100) -> Entry:
    ended_ms = int(NOW_MS - days_old * DAY_MS)
    return entry(name, place, started_ms=ended_ms - 1000, ended_ms=ended_ms, size=size)


async def test_the_file_and_the_entry_of_a_dump_that_is_due_are_gone(tmp_path: Path) -> None:
    async with world(tmp_path, aged("old", 8), aged("young", 6)) as here:
        await here.retention.delete_some()

        assert (here.storage.removed, await here.left()) == (["old.gz"], ["young"])


async def test_dumps_of_another_storage_stay(tmp_path: Path) -> None:
    async with world(tmp_path, aged("old", 8, DISK)) as here:
        await here.retention.delete_some()

        assert here.storage.calls == 0


async def test_an_entry_stays_as_long_as_its_file_cannot_be_removed(tmp_path: Path) -> None:
    async with world(tmp_path, aged("a", 10), aged("b", 9), aged("c", 8), broken=("b.gz",)) as here:
        await here.retention.delete_some()
        assert (sorted(here.storage.removed), await here.left()) == (["a.gz", "c.gz"], ["b"])
        assert here.retention.figures.errors == {"storage": 1}

        here.storage.broken.clear()
        await here.retention.delete_some()

        assert await here.left() == []


async def test_a_storage_that_is_away_is_not_asked_for_every_dump(tmp_path: Path) -> None:
    entries = [aged(f"d{number}", 8) for number in range(20)]
    async with world(tmp_path, *entries, broken=("*",)) as here:
        assert not await here.retention.delete_some()

        assert here.storage.calls == MOST_FAILURES


async def test_files_that_can_never_be_removed_do_not_keep_the_others(tmp_path: Path) -> None:
    stuck = [aged(f"stuck{number}", 20) for number in range(MOST_FAILURES)]
    others = [aged(f"d{number}", 8) for number in range(50)]
    async with world(tmp_path, *stuck, *others, broken=tuple(f"{one.id}.gz" for one in stuck)) as here:
        for _ in range(5):
            await here.retention.delete_some()

        assert await here.left() == [one.id for one in stuck]


async def test_one_look_deletes_no_more_than_a_bound_and_then_there_is_more_to_do(tmp_path: Path) -> None:
    entries = [aged(f"d{number}", 8) for number in range(MOST_AT_ONCE + 1)]
    async with world(tmp_path, *entries) as here:
        assert await here.retention.delete_some()
        assert len(here.storage.removed) == MOST_AT_ONCE

        assert not await here.retention.delete_some()
        assert await here.left() == []


async def test_what_is_deleted_and_what_is_left_is_counted(tmp_path: Path) -> None:
    entries = [aged("a", 8, size=1), aged("b", 3, size=10), aged("c", 2, size=100), aged("d", 1, size=1000)]
    async with world(tmp_path, *entries, max_bytes=1_100) as here:
        await here.retention.delete_some()

        figures = here.retention.figures
        assert figures.deleted == {Reason.AGE: 1, Reason.SIZE: 1}
        assert (figures.deleted_bytes, figures.kept, figures.kept_bytes) == (11, 2, 1_100)


class Broken:
    """A catalogue that is away."""

    async def enter(self, entry: Entry) -> None:
        raise OSError("the catalogue is away")

    async def oldest(self, place: str, limit: int) -> Oldest:
        raise OSError("the catalogue is away")

    async def forget(self, filed: object) -> None:
        raise OSError("the catalogue is away")


class CannotForget(Broken):
    """A catalogue that goes away in between."""

    async def oldest(self, place: str, limit: int) -> Oldest:
        return oldest(filed("d1", days_old=8))


@pytest.mark.parametrize("catalogue", [Broken(), CannotForget()])
async def test_a_catalogue_that_is_away_is_told_once_and_asked_again_later(
    catalogue: Catalogue, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    retention = Retention(Keep(max_age_in_days=7), catalogue, Storage(), lambda: NOW_MS)

    with trio.move_on_after(3600):
        await retention.run()

    assert 5 <= retention.figures.errors["catalogue"] <= 9
    assert retention.figures.deleted == {}
    assert len(caplog.records) == 1


async def test_files_on_a_disk_go_by_the_real_storage(tmp_path: Path) -> None:
    settings = Dumps(str(tmp_path), keep=Keep(max_age_in_days=7))
    place = (tmp_path / "stored").as_uri() + "/"
    (tmp_path / "stored").mkdir()
    for name in ("old", "young"):
        (tmp_path / "stored" / f"{name}.gz").touch()

    async with AsyncExitStack() as stack:
        catalogue = await stack.enter_async_context(settings.chosen_catalogue().opened())
        await catalogue.enter(aged("old", 8, place))
        await catalogue.enter(aged("young", 6, place))
        storage = settings.chosen_storage()
        await Retention(settings.keep, catalogue, storage, lambda: NOW_MS).delete_some()

    assert [path.name for path in (tmp_path / "stored").glob("*")] == ["young.gz"]


def test_the_dumps_of_a_bucket_are_those_below_its_prefix() -> None:
    here = S3Storage("b", "eu-west-1", prefix="dumps/").place()

    assert here == Place("https://b.s3.eu-west-1.amazonaws.com/dumps/", "dumps/")
