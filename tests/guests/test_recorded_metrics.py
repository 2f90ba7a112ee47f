"""Recorded pages with Jitsi's client metrics push to three nodes in turn: each tells the same, until it is over."""

import json
from pathlib import Path

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock

from tests.guests.recorded import SHARED
from tests.nodes import Node, cluster
from tests.recordings.recording import load
from tests.recordings.replay import play
from tests.web_client import request

RECORDING = SHARED / "jcmc-2party.jsonl.gz"
GUESTS = {"clientMetrics": {"metricsExpirationInS": 60}}
PATIENCE_S = 20.0

pytestmark = pytest.mark.skipif(not RECORDING.exists(), reason="the recording is not at hand")


@pytest.fixture
def clock() -> MockClock:
    """Runs as real time does, and can be moved on."""
    return MockClock(rate=1.0)


async def told(node: Node) -> dict[tuple[str, str, str], float]:
    """What a node tells: values by the name, the participant and the transport."""
    answer = await request(node.port, "GET", "/metrics")
    if answer.status != 200:
        return {("no answer", "", ""): answer.status}
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, sample.labels["participant_id"], sample.labels.get("dst_ip", "")): sample.value
        for family in families
        for sample in family.samples
    }


async def wait_told(node: Node, awaited: dict[tuple[str, str, str], float]) -> None:
    with trio.move_on_after(PATIENCE_S):
        while await told(node) != awaited:  # noqa: ASYNC110 - what a node tells is known when it is asked
            await trio.sleep(0.05)
    assert await told(node) == awaited


async def test_recorded_metrics_are_told_by_each_node_until_they_are_over(tmp_path: Path, clock: MockClock) -> None:
    recording = load(RECORDING)
    bodies = [json.loads(step.body) for step in recording.steps if step.method == "POST"]
    last = {body["default_labels"]["participant_id"]: body["metrics"] for body in bodies}
    awaited = {
        (f"jitsi_jcmc_{name}", participant, (one.get("labels") or {}).get("dst_ip") or ""): float(one["value"])
        for participant, metrics in last.items()
        for name, what in metrics.items()
        for one in (what if isinstance(what, list) else [what])
        if one.get("value") is not None
    }

    async with cluster(tmp_path, 3, guests=GUESTS) as nodes:
        played = await play([recording], [node.port for node in nodes], nodes[0].pass_time)
        for node in nodes:
            await wait_told(node, awaited)
        await nodes[0].pass_time(70)
        for node in nodes:
            await wait_told(node, {})

    assert played.statuses == {200: len(bodies), 204: 2}
    assert len(last) == len(recording.truth["participants"])
    assert len(awaited) > 10
