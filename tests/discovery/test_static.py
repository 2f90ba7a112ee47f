import pytest

from discovery import Discovery, Found
from discovery.static import StaticDiscovery

OWN = "a:5601"


@pytest.mark.parametrize("listed", [["b:5601", "c:5601"], ["a:5601", "b:5601", "c:5601"]])
async def test_all_who_are_listed_are_found_and_so_is_oneself(listed: list[str]) -> None:
    discovery: Discovery = StaticDiscovery(listed, OWN)

    found = await discovery.found()

    assert found.addresses == {"a:5601", "b:5601", "c:5601"}


async def test_all_who_are_listed_are_founders_and_so_is_oneself() -> None:
    found = await StaticDiscovery(["b:5601"], OWN).found()

    assert found.founders == {"a:5601", "b:5601"}


async def test_who_lists_nobody_finds_only_oneself() -> None:
    assert await StaticDiscovery([], OWN).found() == Found(frozenset({OWN}), frozenset({OWN}))


async def test_what_is_found_stays_the_same() -> None:
    discovery = StaticDiscovery(["b:5601"], OWN)

    assert await discovery.found() == await discovery.found()
