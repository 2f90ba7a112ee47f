"""Guests whose sockets are lost go on at another node of a cluster: their call stays one, and nothing of it is lost."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.guests.dump_reader import Read, stored
from tests.guests.recorded import JITSI, RTCSTATS, SECRET, SHARED, RecordedCall, recorded
from tests.guests.visits import LOST, Visit, send, seq_of
from tests.nodes import Node, Told, cluster
from tests.recordings.judge import faults

pytestmark = pytest.mark.skipif(not (SHARED / f"{JITSI}.jsonl.gz").exists(), reason="the recording is not at hand")

LONGER_THAN_ANY_LIMIT_S = 400
AWAY_S = 3.0
"""How long a page is away: clients of Jitsi's wait for 1 s at least."""


@pytest.fixture
def clock() -> MockClock:
    """Runs as real time does, and can be moved on."""
    return MockClock(rate=1.0)


@asynccontextmanager
async def three_nodes(folder: Path, call: RecordedCall) -> AsyncIterator[Sequence[Node]]:
    """Nodes that take guests, with a folder of dumps of each."""

    def guests(number: int) -> dict[str, Any]:
        dumps = {"path": str(folder / f"dumps-{number}"), "obfuscateAddresses": False}
        return {"rtcstats": {"jwtSecret": SECRET}, "jitsi": {}, "dumps": dumps}

    async with cluster(folder, epoch=call.judged.started_at, guests=guests) as nodes:
        nodes[0].others = [other.file for other in nodes[1:]]
        yield nodes


async def moved(call: RecordedCall, nodes: Sequence[Node]) -> tuple[list[Told], list[Visit]]:
    """What is told of a call whose pages each lose their node halfway and go on at the next one."""
    async with trio.open_nursery() as nursery:
        visits = [Visit(page, nursery) for page in call.pages]
        for number, visit in enumerate(visits):
            await visit.come(nodes[number % 3].port)
        await send(visits, lambda of: (0, of // 2), nodes[0].pass_time)
        reports = await nodes[0].reports()
        await nodes[0].pass_time(AWAY_S)  # in which all nodes are told how far each is
        for visit in visits:
            await visit.go(LOST)
        await nodes[0].pass_time(AWAY_S)
        for number, visit in enumerate(visits):
            await visit.come(nodes[(number + 1) % 3].port)
        await send(visits, lambda of: (of // 2, of), nodes[0].pass_time)
        reports += await nodes[0].reports()
        for visit in visits:
            await visit.go(visit.page.code)
        await nodes[0].pass_time(LONGER_THAN_ANY_LIMIT_S)
        reports += await nodes[0].reports_until("CALL_ENDED")
        nursery.cancel_scope.cancel()
    for node in nodes:
        await node.stop_and_wait()
    return reports, visits


def dumps_of(folder: Path) -> list[Read]:
    return [dump for number in range(3) for dump in stored(folder / f"dumps-{number}" / "stored")]


def told_twice(reports: Sequence[Told]) -> list[Any]:
    """The reports of one stream at one time that were told more than once."""
    names = ("clientId", "peerConnectionId", "ssrc", "timestamp")
    told = Counter(
        tuple(it.payload[name] for name in names)
        for it in reports
        if it.type.endswith(("_AUDIO_TRACK", "_VIDEO_TRACK"))
    )
    return [stream for stream, times in told.items() if times > 1]


async def test_clients_of_jitsi_go_on_at_another_node_where_they_stopped(tmp_path: Path, clock: MockClock) -> None:
    call = recorded(JITSI)
    async with three_nodes(tmp_path, call) as nodes:
        reports, visits = await moved(call, nodes)
    dumps = dumps_of(tmp_path)

    assert faults([it.envelope for it in reports], [call.judged], ordered=False) == []
    assert told_twice(reports) == []
    for visit in visits:
        numbers = [seq_of(text) for _, text in visit.page.messages if seq_of(text)]
        before = max(seq_of(text) for text in visit.sent[: len(visit.sent) // 2])
        assert visit.kept == [0, before]
        own = [dump for dump in dumps if visit.page.id in dump.head["path"]]
        assert len(own) == 2
        assert sorted(json.loads(line)[4] for dump in own for line in dump.lines) == numbers


async def test_pages_with_rtcstats_go_on_at_another_node(tmp_path: Path, clock: MockClock) -> None:
    call = recorded(RTCSTATS)
    async with three_nodes(tmp_path, call) as nodes:
        reports, visits = await moved(call, nodes)
    dumps = dumps_of(tmp_path)

    assert faults([it.envelope for it in reports], [call.judged], ordered=False) == []
    assert told_twice(reports) == []
    assert len(dumps) == 2 * len(visits)
    written = Counter(line for dump in dumps for line in dump.lines[:-1])
    assert written == Counter(text for visit in visits for text in visit.sent)
