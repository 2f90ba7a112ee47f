"""What is no message of a guest, or a message made to hurt: it costs only itself, and not much time."""

import random
import time
from collections.abc import Iterator

import orjson
import pytest
from trio.testing import wait_all_tasks_blocked

from ingest import Kind
from tests.ingest.visiting import created, entry, envelope, identity, visiting

pytestmark = pytest.mark.hostile

SEEDS = range(20)
LONG = 4.0
"""What nothing may take, on a machine that is busy. (s)"""


def spoilt(texts: list[str], chance: random.Random) -> Iterator[bytes]:
    """Messages of which bytes are missing, twice there, or others."""
    for _ in range(100):
        data = bytearray(chance.choice(texts).encode())
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(3):
                case 0:
                    del data[at : at + chance.randint(1, 20)]
                case 1:
                    data[at:at] = data[at : at + chance.randint(1, 50)]
                case _:
                    data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
        yield bytes(data)


PAGE = [
    created(),
    '[39,"PC_0",{"iceServers":[]},1700000000000]',
    '["g","PC_0",{"0":{"11":"video","10":77,"type":1,"14":5},"t":1700000000100},100]',
    '[20,"PC_0",{"candidate":"candidate:1 1 udp 1 10.0.0.1 9 typ host","sdpMid":"0"},5]',
    '[60,null,{"audio":true},"60-0",88]',
]
BROWSER = [
    identity(),
    entry(2),
    envelope("s-1", "stats-entry", '["create","PC_0",{"iceServers":[]},1700000000002,3]'),
    envelope("s-1", "stats-entry", '["getstats","PC_0",{"timestamp":1,"I1":{"type":"inbound-rtp"}},1700000000003,4]'),
    envelope("s-1", "keepalive"),
]


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_page_is_heard_after_whatever_it_sent(seed: int) -> None:
    async with visiting() as visited:
        page = await visited.page()
        for data in spoilt(PAGE, random.Random(seed)):
            await page.send_message(data)
        await page.send_message(created())
        await wait_all_tasks_blocked()

        assert visited.dumps[0].lines[-1] == created().encode()
        assert visited.served.server.statistics.failures == 0
        assert visited.statistics.open_sockets[Kind.RTCSTATS] == 1


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_page_leaves_a_dump_that_can_be_read(seed: int) -> None:
    async with visiting() as visited:
        page = await visited.page()
        for data in spoilt(PAGE, random.Random(seed)):
            await page.send_message(data)
        await page.aclose()
        await wait_all_tasks_blocked()

        for line in visited.dumps[0].lines:
            orjson.loads(line)
        assert not any(b"\n" in line or b"\r" in line for line in visited.dumps[0].lines)


@pytest.mark.parametrize("subprotocol", ["3.1_STANDARD", "3.0_JVB"])
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_client_of_jitsi_is_heard_after_whatever_it_sent(seed: int, subprotocol: str) -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser(subprotocol=subprotocol)
        for data in spoilt(BROWSER, random.Random(seed)):
            await browser.send_message(data)
        for number in (10**9, 10**9 + 1):
            await browser.send_message(entry(number, "other"))
        await wait_all_tasks_blocked()

        assert visited.served.server.statistics.failures == 0
        other = next(dump for dump in visited.dumps if dump.began.id == "other")
        assert b"1000000001" in other.lines[-1]
        lines = [line for dump in visited.dumps for line in dump.lines]
        for line in lines:
            orjson.loads(line)
        assert not any(b"\n" in line or b"\r" in line for line in lines)


@pytest.mark.parametrize(
    "frame",
    [
        "\n" * 3_900_000,
        "1\n" * 1_900_000,
        "[" * 3_900_000,
        '{"a":' * 700_000,
        "[" + "[],\n" * 900_000 + "[]]",
        "\r\n".join(created() for _ in range(50_000)),
        '{"statsSessionId":"s-1","type":"keepalive"}' * 80_000,
    ],
    ids=["breaks", "lines", "lists", "objects", "list", "messages", "envelopes"],
)
async def test_a_frame_as_long_as_may_be_is_soon_done_with(frame: str) -> None:
    async with visiting() as visited:
        page, (browser, _) = await visited.page(), await visited.browser()
        started = time.perf_counter()
        await page.send_message(frame)
        await browser.send_message(frame)
        await wait_all_tasks_blocked()
        took = time.perf_counter() - started
        await page.send_message(created())
        await browser.send_message(entry(1))
        await wait_all_tasks_blocked()

        assert took < LONG
        assert visited.statistics.messages == {Kind.RTCSTATS: 2, Kind.JITSI: 2}
        assert visited.served.server.statistics.failures == 0


async def test_a_message_in_parts_that_is_too_long_is_given_up() -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message('{"statsSessionId":"s-1","data":"')
        for _ in range(30):
            await browser.send_message("x" * 40_000)
        await browser.send_message('"}')
        await browser.send_message(entry(1))
        await wait_all_tasks_blocked()

        assert len(visited.dumps[0].lines) == 1
        assert visited.skipped("malformed") > 0
