"""Very many: connections, sessions, clients, items, characters."""

import json
from itertools import cycle, islice
from pathlib import Path

import pytest
import trio

from tests.hostile.standing import TEXT, Standing, frame, post, reset, standing, statuses, upgrade
from tests.world import outbound, sample

pytestmark = pytest.mark.hostile

AT_ONCE = 50
OPENINGS = (b"", b"GET / HTTP/1.1\r\nHo", upgrade()[:-4], upgrade(), post(b"{}"), upgrade() + frame(TEXT, b"{}"))
LONG = "x" * 900_000


async def test_a_storm_of_connections_passes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(tmp_path, caplog) as it:
        free = trio.CapacityLimiter(AT_ONCE)
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for number, opening in enumerate(islice(cycle(OPENINGS), 3000)):
                    nursery.start_soon(_visit, it, opening, number % 4 == 0, free)
        await it.check()
        it.check_memory()

        assert await it.node.metric("observertc_sources_opened_connections_total") >= 3000


async def _visit(it: Standing, opening: bytes, rudely: bool, free: trio.CapacityLimiter) -> None:
    async with free:
        stream = await it.connect()
        try:
            await stream.send_all(opening)
        except trio.BrokenResourceError:
            pass
        finally:
            if rudely:
                reset(stream)
            else:
                await trio.aclose_forcefully(stream)


async def test_clients_of_sessions_that_come_and_go_all_leave(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each session is a client of its own with a track."""
    sessions = 300
    blocks = {"sources": {"websocket": {"leaveGraceInS": 0.2}}}
    async with standing(tmp_path, caplog, **blocks) as it:
        free = trio.CapacityLimiter(AT_ONCE)
        async with trio.open_nursery() as nursery:
            for number in range(sessions):
                told = sample(f"guest {number}", room="storm", **outbound("mic", number))
                opening = upgrade() + frame(TEXT, json.dumps(told).encode())
                nursery.start_soon(_visit_and_hear, it, opening, free)
        reports = await it.node.reports_until(*["CLIENT_LEFT"] * sessions)

        names = [report.name for report in reports if report["roomId"] == "storm"]
        assert names.count("CLIENT_JOINED") == names.count("CLIENT_LEFT") == sessions
        assert names.count("MEDIA_TRACK_ADDED") == names.count("MEDIA_TRACK_REMOVED") == sessions
        assert await it.node.metric("observertc_repository_waiting_departures") == 0


async def _visit_and_hear(it: Standing, opening: bytes, free: trio.CapacityLimiter) -> None:
    """Opens a session, says something, and closes when it was heard."""
    async with free, await it.connect() as stream:
        await stream.send_all(opening + frame(9, b"heard?"))
        received = b""
        with trio.fail_after(10):
            while not received.endswith(b"heard?"):
                received += await stream.receive_some()


LARGE = {
    "long ids": (sample("a" * 600), "id_too_long", 1),
    "a very long room": (sample(room=LONG), "id_too_long", 1),
    "a long track id": (sample(**outbound("x" * 600)), "id_too_long", 1),
    "a long marker": (sample(marker=LONG), "id_too_long", 1),
    "many tracks": (sample(outboundAudioTracks=[{}] * 12_000), "too_many_items", 7001),
    "many of each": (
        sample(codecs=[{}] * 3000, certificates=[{}] * 3000, mediaDevices=[{}] * 3000, pcTransports=[{}] * 3000),
        "too_many_items",
        7001,
    ),
    "a time before the epoch": (sample(at=-1), "timestamp_invalid", 1),
    "a time in the far future": (sample(at=2**60), "timestamp_invalid", 1),
    "meta data that is deep": ('{"a":' * 900 + "1" + "}" * 900, "field_invalid", 1),
}


async def test_what_is_too_large_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(tmp_path, caplog) as it:
        for name, (large, reason, count) in LARGE.items():
            inner = _with_meta(large) if isinstance(large, str) else json.dumps(large)
            before = await it.rejected(reason)
            body = f'{{"clientSamples":[{inner}]}}'.encode()
            assert statuses(await it.tell(post(body))) == [200], name
            await it.check()
            assert await it.rejected(reason) - before == count, name
        it.check_memory()


def _with_meta(deep: str) -> str:
    return json.dumps(sample()).removesuffix("}") + f', "os": {deep}}}'


async def test_thousands_of_clients_in_one_message_are_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    crowd = [sample(f"one of many {number}", room="stadium") for number in range(5001)]
    async with standing(tmp_path, caplog) as it:
        assert statuses(await it.tell(post(json.dumps({"clientSamples": crowd}).encode()))) == [200]
        reports = await it.node.reports()
        it.check_memory()

        assert sum(report.name == "CLIENT_JOINED" and report["roomId"] == "stadium" for report in reports) == 5000
