"""A node is killed while guests speak to it: their calls go on at the others, and so do their dumps."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.faults.standing import Nodes, nodes
from tests.guests.dump_reader import Read, stored
from tests.guests.recorded import JITSI, RTCSTATS, SECRET, SHARED, RecordedCall, recorded
from tests.guests.visits import LOST, Visit, send, seq_of
from tests.recordings.judge import faults

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not (SHARED / f"{JITSI}.jsonl.gz").exists(), reason="the recording is not at hand"),
]

LEFT = 3001
PATIENCE_S = 30.0
AT_ONCE = {"samplesCollector": {"maxTimeInMs": 10}, "reportsCollector": {"maxTimeInMs": 10}}
LONG_ENOUGH_S = 2.5
"""Within this what came is on the disk, and all nodes know what a session needs to go on: they are told once a second,
and what they are told gathers for a second."""
LATE = 5
"""How many messages each page sends right before its node is killed."""


async def test_calls_and_dumps_go_on_when_their_node_is_killed(tmp_path: Path) -> None:
    def guests(name: str) -> dict[str, Any]:
        dumps = {"path": str(tmp_path / f"dumps-{name}"), "obfuscateAddresses": False}
        return {"rtcstats": {"jwtSecret": SECRET}, "jitsi": {"acknowledgeEveryInS": 0.1}, "dumps": dumps}

    calls = [recorded(JITSI), recorded(RTCSTATS)]
    async with nodes(tmp_path, guests=guests, buffers=AT_ONCE) as cluster, trio.open_nursery() as nursery:
        victim = await cluster.follower()
        visits = [Visit(page, nursery) for call in calls for page in call.pages]
        for visit in visits:
            await visit.come(victim.port)
        await send(visits, lambda of: (0, until_kill(of)), faster)
        await trio.sleep(LONG_ENOUGH_S)
        await send(visits, lambda of: (until_kill(of), until_kill(of) + LATE), faster)
        await victim.kill()
        for number, visit in enumerate(visits):
            await visit.go(LOST)
            await visit.come(cluster.besides(victim)[number % 2].port)
        await send(visits, lambda of: (until_kill(of) + LATE, of), faster)
        await victim.start()
        await cluster.wait_whole()
        for visit in visits:
            await visit.go(LEFT if visit.page.subprotocol.startswith("3.1") else visit.page.code)
        killed = await kept(tmp_path / f"dumps-{victim.name}", len(visits))
        for node in cluster:
            await node.stop()
        dumps = [*killed, *await kept(tmp_path / f"dumps-{cluster.besides(victim)[0].name}", 3)]
        dumps += await kept(tmp_path / f"dumps-{cluster.besides(victim)[1].name}", 3)
        reports = told(cluster)

    for call in calls:
        assert faults(in_room(reports, call), [call.judged], ended=False, ordered=False) == []
    for visit in visits[:3]:
        own = [dump for dump in dumps if visit.page.id in dump.head.get("path", "")]
        assert {json.loads(line)[4] for dump in own for line in dump.lines} == {*map(seq_of, visit.sent)} - {0}
        assert visit.kept[1] > 0
    written = {line for dump in dumps for line in dump.lines}
    for visit in visits[3:]:
        begin = until_kill(len(visit.sent))
        assert {*visit.sent} - written <= {*visit.sent[begin : begin + LATE]}
    assert [json.loads(dump.lines[-1])[2] for dump in killed if "fileFormat" in dump.head] == [1006] * 3


def until_kill(messages: int) -> int:
    """How many of so many messages a page has sent when what is sent last begins: all connections are there."""
    return messages * 2 // 3


async def faster(seconds: float) -> None:
    """Plays twenty times as fast: each sample still comes by itself."""
    await trio.sleep(seconds / 20)


async def kept(folder: Path, number: int) -> list[Read]:
    """The dumps of a node, once there are so many."""
    with trio.move_on_after(PATIENCE_S):
        while len(stored(folder / "stored")) < number:  # noqa: ASYNC110 - another process makes them
            await trio.sleep(0.05)
    return stored(folder / "stored")


def told(cluster: Nodes) -> list[Any]:
    """What all nodes told, by the time of each."""
    return [json.loads(line) for node in cluster for line in node.reports.read_text().splitlines()]


def in_room(reports: Iterable[Any], call: RecordedCall) -> list[Any]:
    return [report for report in reports if report["payload"].get("roomId") == call.room_id]
