"""The ops port: health and metrics."""

import json
from pathlib import Path

import pytest

from tests.conformance.bodies import client
from tests.nodes import BARRIERS, running


@pytest.mark.parametrize("path", ["/health", "/health/liveness", "/health/readiness"])
async def test_a_node_that_stands_alone_is_ready(tmp_path: Path, path: str) -> None:
    """C50."""
    async with running(tmp_path) as node:
        answer = await node.get(path)

    assert answer.status == 200
    assert json.loads(answer.body)["status"] == "UP"


@pytest.mark.parametrize("path", ["/metrics", "/prometheus"])
async def test_metrics_count_what_was_received(tmp_path: Path, path: str) -> None:
    """C50."""
    async with running(tmp_path) as node:
        await node.post(client("A"), client("B"))
        text = (await node.get(path)).text

    assert "observertc_sources_received_samples_total 1.0" in text.splitlines()


async def test_client_samples_are_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(client("A"), client("B"))
        await node.post(client("A", 2000))
        await node.reports()
        observed = await node.metric("observertc_sources_observed_client_samples_total")

    assert observed == 3 + BARRIERS


async def test_every_metric_says_what_it_is(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        lines = (await node.get("/metrics")).text.splitlines()

    kinds = {line.split()[2] for line in lines if line.startswith("# TYPE observertc")}
    helped = {line.split()[2] for line in lines if line.startswith("# HELP observertc") and len(line.split()) > 3}
    assert kinds
    assert kinds == helped


async def test_the_node_tells_its_version(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        answer = await node.get("/info")

    assert answer.status == 200
    assert "version" in answer.text


async def test_samples_are_not_taken_on_the_ops_port(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        answer = await node.get("/samples/svc/mu")

    assert answer.status == 404


async def test_a_node_that_stops_is_no_longer_ready(tmp_path: Path) -> None:
    nowhere = {"config": {"path": str(tmp_path / "nowhere" / "reports.jsonl")}}
    async with running(tmp_path, sink=nowhere, shutdownGraceInS=5) as node:
        await node.post({"clientId": "c", "roomId": "r", "timestamp": 1})
        node.stop.set()
        answer = await node.get("/health/readiness")

    assert answer.status == 503
    assert "stopping" in answer.text
