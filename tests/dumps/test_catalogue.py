"""What every catalogue promises, and how the configuration chooses one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from dumps.catalogue import CATALOGUES, Catalogue, CatalogueType
from dumps.entries import Filed, Oldest
from dumps.formats import Kind
from dumps.postgres import PostgresCatalogue
from dumps.settings import Dumps
from dumps.sqlite import SqliteCatalogue
from observer.config.binding import bind
from observer.config.problems import ConfigError
from tests.dumps.entries_for_tests import PLACE, entry

DISK = "file:///dumps/stored/"
NOTHING = Oldest((), 0, 0)


@pytest.fixture(params=sorted(CATALOGUES))
def catalogue_type(request: pytest.FixtureRequest, tmp_path: Path) -> CatalogueType:
    if request.param == "sqlite":
        return SqliteCatalogue(str(tmp_path / "dumps" / "catalogue.sqlite"))
    server = request.getfixturevalue("postgres")
    database = f"test-{uuid4().hex}"
    server.create(database)
    return PostgresCatalogue(server.uri(database), table="dumps", create_table=True)


@pytest.fixture
async def catalogue(catalogue_type: CatalogueType) -> AsyncIterator[Catalogue]:
    async with catalogue_type.opened() as catalogue:
        yield catalogue


@asynccontextmanager
async def opened_again(catalogue_type: CatalogueType) -> AsyncIterator[Catalogue]:
    async with catalogue_type.opened() as catalogue:
        yield catalogue


async def names(catalogue: Catalogue, place: str = PLACE) -> list[str]:
    oldest = await catalogue.oldest(place, 100)
    return [filed.location.removeprefix(place).removesuffix(".gz") for filed in oldest.filed]


async def test_a_dump_that_is_entered_is_found(catalogue: Catalogue) -> None:
    await catalogue.enter(entry("d1", ended_ms=1_700_000_060_500, size=100))

    assert await catalogue.oldest(PLACE, 9) == Oldest((Filed(f"{PLACE}d1.gz", 1_700_000_060_500, 100),), 1, 100)


async def test_an_empty_catalogue_has_no_dumps(catalogue: Catalogue) -> None:
    assert await catalogue.oldest(PLACE, 9) == NOTHING


async def test_a_dump_that_is_entered_again_is_there_once(catalogue: Catalogue) -> None:
    await catalogue.enter(entry("d1"))

    await catalogue.enter(entry("d1"))

    assert await names(catalogue) == ["d1"]


async def test_what_was_entered_first_stays_as_it_was(catalogue: Catalogue) -> None:
    await catalogue.enter(entry("d1", size=100))

    await catalogue.enter(entry("d1", size=200))

    assert (await catalogue.oldest(PLACE, 9)).size == 100


async def test_what_was_entered_outlasts_the_connection(catalogue_type: CatalogueType) -> None:
    async with opened_again(catalogue_type) as catalogue:
        await catalogue.enter(entry("d1"))

    async with opened_again(catalogue_type) as catalogue:
        assert await names(catalogue) == ["d1"]


async def test_the_oldest_are_told_first_and_all_are_counted(catalogue: Catalogue) -> None:
    for name, ended_s in (("b", 3), ("a", 9), ("c", 1)):
        await catalogue.enter(entry(name, started_ms=0, ended_ms=ended_s * 1000, size=10))

    oldest = await catalogue.oldest(PLACE, 2)

    assert [filed.ended_ms for filed in oldest.filed] == [1000, 3000]
    assert (oldest.number, oldest.size) == (3, 30)


async def test_dumps_of_another_place_are_no_concern(catalogue: Catalogue) -> None:
    await catalogue.enter(entry("d1", "https://other.example/"))
    await catalogue.enter(entry("d2", PLACE.upper()))
    await catalogue.enter(entry("d3"))

    assert await names(catalogue) == ["d3"]


async def test_what_is_forgotten_is_gone_and_the_rest_is_not(catalogue: Catalogue) -> None:
    for name in ("d1", "d2", "d3"):
        await catalogue.enter(entry(name))
    found = (await catalogue.oldest(PLACE, 2)).filed

    await catalogue.forget(found)
    await catalogue.forget(found)

    assert await names(catalogue) == ["d3"]


async def test_a_local_dump_is_entered_found_and_forgotten(catalogue: Catalogue) -> None:
    await catalogue.enter(entry("d1", DISK))
    found = await catalogue.oldest(DISK, 9)

    await catalogue.forget(found.filed)

    assert found.number == 1
    assert await catalogue.oldest(DISK, 9) == NOTHING


@pytest.mark.parametrize(
    "text",
    ["x'; drop table dumps; --", '"', "%s %(a)s {}", "nul\0nul", "half \ud800", "ひ🎥", "\\", "u" * 1024],
)
async def test_whatever_clients_say_is_only_a_value(catalogue: Catalogue, text: str) -> None:
    said = {"user": text, "session": text, "conference": text, text: [text, {text: 2**70}]}

    await catalogue.enter(entry("d1", identity=said))

    assert await names(catalogue) == ["d1"]


def test_the_members_of_jitsi_say_who_took_part() -> None:
    said = {"confName": "My Room", "displayName": "Alice", "meetingUniqueId": "m1", "isBreakoutRoom": True}

    found = entry("d1", kind=Kind.JITSI, identity=said)

    assert (found.conference, found.user, found.session) == ("my room", "Alice", "m1")
    assert orjson.loads(found.identity) == said


def test_who_is_not_known_is_nobody() -> None:
    found = entry("d1", identity={})

    assert (found.conference, found.user, found.session, found.identity) == (None, None, None, b"{}")


def test_a_user_that_is_no_text_is_shown_as_json() -> None:
    assert entry("d1", identity={"user": {"name": "alice"}}).user == '{"name":"alice"}'


@pytest.mark.parametrize("said", [{"a": float("inf")}, {"a": -(2**64)}, {"a": 10**400}, {"a": object()}])
def test_an_identity_is_always_json(said: dict[str, object]) -> None:
    assert orjson.loads(entry("d1", identity=said).identity).keys() == {"a"}


def test_what_lies_too_deep_is_left_out() -> None:
    deep: list[object] = []
    for _ in range(3_000):
        deep = [deep]

    assert orjson.loads(entry("d1", identity={"a": deep, "b": [[1]]}).identity)["b"] == [[1]]


def test_times_that_no_calendar_has_are_cut() -> None:
    found = entry("d1", started_ms=-5, ended_ms=10**18)

    assert (found.started_ms, found.ended_ms) == (0, 253_402_300_799_000)


def test_a_dump_does_not_end_before_it_begins() -> None:
    assert entry("d1", started_ms=5_000, ended_ms=4_000).ended_ms == 5_000


def test_a_file_of_the_folder_is_the_catalogue_by_default() -> None:
    assert bind(Dumps, {"path": "/d"}).chosen_catalogue() == SqliteCatalogue("/d/catalogue.sqlite")


def test_the_type_decides_what_config_may_hold() -> None:
    written = {"path": "/d", "catalogue": {"type": "POSTGRES", "config": {"connectionString": "postgresql://h/d"}}}

    assert bind(Dumps, written).chosen_catalogue() == PostgresCatalogue("postgresql://h/d")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ({"type": "postgre"}, "did you mean postgres?"),
        ({"type": "zzz"}, "known are postgres, sqlite"),
        ({"config": {"connectionString": "postgresql://h/d"}}, "catalogue.config.connectionString"),
        ({"config": {"path": ""}}, "path must name a file"),
    ],
)
def test_a_catalogue_that_makes_no_sense_is_told(written: object, text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        bind(Dumps, {"path": "/d", "catalogue": written})

    assert text in str(raised.value)
