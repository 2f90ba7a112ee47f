"""Client metrics on three real nodes: pushed to any of them, told by each, also when one dies, until they are over."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.ingest.metrics_served import CHROME, JSON, pushed
from tests.nodes import Node, cluster
from tests.web_client import request

GUESTS = {"clientMetrics": {"metricsExpirationInS": 60}}
PATIENCE_S = 20.0


@pytest.fixture
def mock_clock() -> MockClock:
    """Time runs as it does, and can be moved on."""
    return MockClock(rate=1.0)


async def push(node: Node, participant: str, value: float) -> None:
    """Pushes for a participant; again, while there is no majority."""
    body = json.dumps(pushed(participant=participant, metrics={"bitrate_upload": {"value": value}})).encode()
    with trio.fail_after(PATIENCE_S):
        while True:
            answer = await request(node.port, "POST", "/metrics/push", [JSON, ("User-Agent", CHROME)], body)
            if answer.status != 503:
                break
            await trio.sleep(0.05)
    assert (answer.status, answer.text) == (200, "OK")


async def told(node: Node) -> dict[str, str]:
    """What a node tells: the values by participants."""
    answer = await request(node.port, "GET", "/metrics")
    if answer.status == 503:
        return {"nobody": answer.text}
    assert answer.status == 200
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if line.startswith("jitsi_jcmc_")]
    return {name.partition('participant_id="')[2].partition('"')[0]: value for name, _, value in lines}


async def wait_told(nodes: Sequence[Node], awaited: dict[str, str]) -> None:
    """Waits until each of these nodes tells exactly this."""
    with trio.fail_after(PATIENCE_S):
        for node in nodes:
            while await told(node) != awaited:  # noqa: ASYNC110 - what a node tells is known when it is asked
                await trio.sleep(0.05)


async def test_what_is_pushed_to_any_node_is_told_by_each_until_it_is_over(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with cluster(tmp_path, 3, guests=GUESTS) as nodes:
        for number, node in enumerate(nodes):
            await push(node, f"p{number}", number)
        await wait_told(nodes, {"p0": "0", "p1": "1", "p2": "2"})

        await push(nodes[0], "p2", 7)
        await wait_told(nodes, {"p0": "0", "p1": "1", "p2": "7"})

        nodes[0].scope.cancel()
        await nodes[0].stopped.wait()
        rest = nodes[1:]
        await push(nodes[2], "p1", 8)
        await wait_told(rest, {"p0": "0", "p1": "8", "p2": "7"})

        await nodes[1].pass_time(45)
        await push(nodes[2], "p1", 9)
        await wait_told(rest, {"p0": "0", "p1": "9", "p2": "7"})
        await nodes[1].pass_time(35)

        await wait_told(rest, {"p1": "9"})


async def test_nothing_is_served_unless_it_is_configured(tmp_path: Path) -> None:
    async with cluster(tmp_path, 1) as (node,):
        answers = [await request(node.port, "GET", path) for path in ("/metrics", "/client-file")]

    assert [answer.status for answer in answers] == [404, 404]
