"""What sessions of guests remember together: there is one bound for all of them."""

import orjson
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ingest import Jitsi, Rtcstats
from tests.ingest.visiting import SECRET, Visited, envelope, identity, signed, visiting

NOW = 1_700_000_000_000
BOUND = 100_000
ALL = 200
MOST = BOUND // 2000
"""How many of the reports below fit into the bound."""


def reports(number: int) -> dict[str, object]:
    """So many reports of more than 2000 bytes each."""
    stream = {"type": "inbound-rtp", "kind": "video", "label": "x" * 2000}
    return {f"I{at}": {**stream, "ssrc": at, "trackIdentifier": f"t{at}"} for at in range(1, number + 1)}


def page_said(number: int) -> str:
    return orjson.dumps(["getStats", "PC_0", reports(number), NOW]).decode()


def browser_said(id_: str, number: int) -> str:
    value = {"timestamp": NOW, **reports(number)}
    return envelope(id_, "stats-entry", orjson.dumps(["getstats", "PC_0", value, NOW, 2]).decode())


def told(visited: Visited) -> int:
    """How many streams all samples tell."""
    return sum(len(client.tracks) for samples in visited.pipeline.taken for client in samples.clients)


def left(visited: Visited) -> int:
    guests = visited.guests.rtcstats or visited.guests.jitsi
    assert guests is not None
    return guests.receiving.remembered.left


async def test_pages_together_remember_no_more_than_the_bound() -> None:
    async with visiting(max_remembered_size=BOUND) as visited:
        for number in range(10):
            await (await visited.page(f"/rtcstats/room-{number}")).send_message(page_said(ALL // 10))
        await wait_all_tasks_blocked()

        assert 0 <= left(visited) < BOUND / 10
        assert 0 < told(visited) <= MOST
        assert visited.skipped("too_much_remembered") == ALL - told(visited)


async def test_clients_of_jitsi_together_remember_no_more_than_the_bound() -> None:
    async with visiting(max_remembered_size=BOUND) as visited:
        for number in range(10):
            browser, _ = await visited.browser(f"s-{number}")
            await browser.send_message(browser_said(f"s-{number}", ALL // 10))
        await wait_all_tasks_blocked()

        assert 0 <= left(visited) < BOUND / 10
        assert 0 < told(visited) <= MOST


async def test_a_page_without_a_name_gives_back_what_it_had_remembered() -> None:
    async with visiting(max_remembered_size=BOUND) as visited:
        page = await visited.page()
        await page.send_message(page_said(10))
        await wait_all_tasks_blocked()
        taken = BOUND - left(visited)
        await page.aclose()
        await wait_all_tasks_blocked()

        assert taken > 20_000
        assert left(visited) == BOUND


async def test_a_page_gives_back_what_it_had_remembered_once_it_is_forgotten(autojump_clock: MockClock) -> None:
    async with visiting(Rtcstats(jwt_secret=SECRET, remember_in_s=100), max_remembered_size=BOUND) as visited:
        page = await visited.page(f"/rtcstats?rtcstats-token={signed()}")
        await page.send_message(page_said(10))
        await page.aclose()
        await wait_all_tasks_blocked()
        remembered = BOUND - left(visited)
        await trio.sleep(102)

        assert remembered > 20_000
        assert left(visited) == BOUND


async def test_a_page_of_another_room_gives_back_what_was_remembered_of_its_session() -> None:
    async with visiting(Rtcstats(jwt_secret=SECRET), max_remembered_size=BOUND) as visited:
        page = await visited.page(f"/rtcstats?rtcstats-token={signed()}")
        await page.send_message(page_said(10))
        await wait_all_tasks_blocked()
        taken = BOUND - left(visited)
        elsewhere = signed({"session": "sess-1", "conference": "room-2"})
        await visited.page(f"/rtcstats?rtcstats-token={elsewhere}")
        await wait_all_tasks_blocked()

        assert taken > 20_000
        assert left(visited) == BOUND


@pytest.mark.parametrize("code", [1000, 3001])
async def test_a_client_of_jitsi_gives_back_what_it_had_remembered(code: int, autojump_clock: MockClock) -> None:
    async with visiting(jitsi=Jitsi(remember_in_s=100), max_remembered_size=BOUND) as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await browser.send_message(browser_said("s-1", 10))
        await wait_all_tasks_blocked()
        taken = BOUND - left(visited)
        await browser.aclose(code)
        await trio.sleep(102)

        assert taken > 20_000
        assert left(visited) == BOUND


async def test_what_one_gave_back_another_may_have_remembered() -> None:
    async with visiting(max_remembered_size=BOUND) as visited:
        first = await visited.page()
        await first.send_message(page_said(ALL))
        await first.aclose()
        await wait_all_tasks_blocked()
        before = told(visited)
        await (await visited.page()).send_message(page_said(ALL))
        await wait_all_tasks_blocked()

        assert before > 0
        assert told(visited) == 2 * before
