from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
import pytest
import trio

from cluster.status import Role, Status
from observer.config.settings import Endpoint, Endpoints
from observer.ops import STUCK_AFTER_S, Health, Info, ops_routes
from sinks.statistics import Circuit, SinkStatistics, SpoolStatistics
from tests.web_client import HOST, Answer, request
from web import Server

HEALTH = ["/health", "/health/liveness", "/health/readiness"]
FOLLOWER = Status(
    member="b:2#01",
    cluster="a:1#f0",
    role=Role.FOLLOWER,
    term=3,
    leader="a:1#f0",
    members=("c:3#02", "a:1#f0", "b:2#01"),
    connected=("a:1#f0",),
    commit_index=11,
    applied_index=10,
    log_entries=7,
    log_bytes=700,
    ready=True,
    quorum=True,
    leads=False,
    waits_for=None,
)
TEXT = b"# HELP observertc_x Something.\n"


@dataclass
class Ops:
    """The port for operators, as an operator meets it."""

    port: int

    async def get(self, path: str) -> Answer:
        return await request(self.port, "GET", path)

    async def ask(self, path: str) -> Any:
        """What is answered as JSON."""
        return orjson.loads((await self.get(path)).body)


@asynccontextmanager
async def ops(
    *,
    round_age: float | None = 0.1,
    waiting: float | None = None,
    unready: str | None = None,
    sinks: Sequence[SinkStatistics] = (),
    endpoints: Endpoints | None = None,
    open_sessions: Mapping[str, int] | None = None,
    standing: Status | None = None,
) -> AsyncIterator[Ops]:
    async def metrics() -> bytes:
        return TEXT

    routes = ops_routes(
        health=Health(lambda: round_age, lambda: waiting, lambda: unready, lambda: sinks, lambda: standing),
        info=Info(lambda: "node-1", 1_700_000_000_123, lambda: open_sessions or {}, lambda: standing),
        metrics=metrics,
        endpoints=endpoints,
    )
    async with trio.open_nursery() as nursery:
        (port,) = await nursery.start(partial(Server(routes).serve, HOST, 0))
        yield Ops(port)
        nursery.cancel_scope.cancel()


def sink(failing_for_s: float | None = None) -> SinkStatistics:
    return SinkStatistics("archive", "FileSink", 9, 1, 5, 70, 3, 3, {}, 1, 0, 0.5, failing_for_s)


@pytest.mark.parametrize("path", HEALTH)
async def test_a_node_that_works_is_up(path: str) -> None:
    async with ops() as port:
        answer = await port.get(path)

    assert answer.status == 200
    assert orjson.loads(answer.body)["status"] == "UP"


async def test_health_is_told_as_json_that_nobody_keeps() -> None:
    async with ops() as port:
        answer = await port.get("/health")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_stuck_pipeline_is_not_alive() -> None:
    async with ops(round_age=STUCK_AFTER_S + 1) as port:
        answer = await port.get("/health/liveness")

    assert answer.status == 503
    assert orjson.loads(answer.body) == {"status": "DOWN", "secondsSinceLastRound": 31.0}


async def test_a_slow_pipeline_is_alive() -> None:
    async with ops(round_age=STUCK_AFTER_S) as port:
        answer = await port.get("/health/liveness")

    assert answer.status == 200


async def test_a_node_whose_pipeline_has_not_started_is_alive() -> None:
    async with ops(round_age=None) as port:
        answer = await port.get("/health/liveness")

    assert answer.status == 200
    assert orjson.loads(answer.body) == {"status": "UP"}


async def test_a_pipeline_that_waits_for_the_cluster_is_alive_and_tells_for_how_long() -> None:
    async with ops(round_age=STUCK_AFTER_S + 1, waiting=STUCK_AFTER_S) as port:
        answer = await port.get("/health/liveness")

    assert answer.status == 200
    assert orjson.loads(answer.body) == {
        "status": "UP",
        "secondsSinceLastRound": 31.0,
        "secondsWaitingForCommit": 30.0,
    }


@pytest.mark.parametrize("path", ["/health/readiness", "/info"])
async def test_a_member_tells_how_it_stands_to_its_cluster(path: str) -> None:
    async with ops(standing=FOLLOWER) as port:
        told = await port.ask(path)

    assert told["cluster"] == {
        "clusterId": "a:1#f0",
        "member": "b:2#01",
        "role": "follower",
        "term": 3,
        "leader": "a:1#f0",
        "members": ["a:1#f0", "b:2#01", "c:3#02"],
        "connected": ["a:1#f0"],
        "quorum": True,
        "commitIndex": 11,
        "appliedIndex": 10,
    }


@pytest.mark.parametrize("path", ["/health/readiness", "/info"])
async def test_a_node_that_is_alone_tells_of_no_cluster(path: str) -> None:
    async with ops() as port:
        told = await port.ask(path)

    assert "cluster" not in told


async def test_a_node_that_is_not_ready_says_why() -> None:
    async with ops(unready="It drains") as port:
        answer = await port.get("/health/readiness")

    assert answer.status == 503
    assert orjson.loads(answer.body) == {"status": "DOWN", "reason": "It drains"}


async def test_a_node_that_is_not_ready_is_alive() -> None:
    async with ops(unready="It drains") as port:
        answer = await port.get("/health/liveness")

    assert answer.status == 200


@pytest.mark.parametrize(("round_age", "unready"), [(31.0, None), (0.1, "It drains")])
async def test_a_node_is_down_when_a_part_of_it_is(round_age: float, unready: str | None) -> None:
    async with ops(round_age=round_age, unready=unready) as port:
        answer = await port.get("/health")

    assert answer.status == 503
    assert orjson.loads(answer.body)["status"] == "DOWN"


async def test_health_tells_each_part() -> None:
    async with ops(unready="It drains", sinks=[sink()]) as port:
        told = await port.ask("/health")

    assert told["details"] == {
        "liveness": {"status": "UP", "secondsSinceLastRound": 0.1},
        "readiness": {"status": "DOWN", "reason": "It drains"},
        "sinks": {"archive": {"status": "UP", "type": "FileSink", "circuit": "closed", "queuedReports": 5}},
    }


async def test_a_sink_that_fails_is_told() -> None:
    async with ops(sinks=[sink(failing_for_s=12.5)]) as port:
        told = await port.ask("/health")

    assert told["details"]["sinks"]["archive"]["status"] == "FAILING"
    assert told["details"]["sinks"]["archive"]["failingForSeconds"] == 12.5


async def test_a_sink_that_is_left_alone_tells_when_it_is_tried_again() -> None:
    some = replace(sink(failing_for_s=12.5), circuit=Circuit.OPEN, failures=7, next_try_in_s=3.25)
    async with ops(sinks=[some]) as port:
        told = (await port.ask("/health"))["details"]["sinks"]["archive"]

    assert (told["circuit"], told["failures"], told["nextTryInSeconds"]) == ("open", 7, 3.25)


async def test_a_sink_that_spools_tells_what_waits_on_disk() -> None:
    spool = SpoolStatistics(spooled=42, spooled_bytes=1, spooled_bytes_limit=100, spool_failing=True)
    some = replace(sink(), spool=spool)
    async with ops(sinks=[some]) as port:
        told = (await port.ask("/health"))["details"]["sinks"]["archive"]

    assert (told["spooledReports"], told["spool"]) == (42, "FAILING")


async def test_a_sink_that_fails_does_not_make_the_node_down() -> None:
    async with ops(sinks=[sink(failing_for_s=12.5)]) as port:
        answers = [await port.get(path) for path in HEALTH]

    assert [answer.status for answer in answers] == [200, 200, 200]


@pytest.mark.parametrize("path", ["/metrics", "/prometheus"])
async def test_metrics_are_told_as_prometheus_reads_them(path: str) -> None:
    async with ops() as port:
        answer = await port.get(path)

    assert (answer.status, answer.body) == (200, TEXT)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_the_node_says_which_it_is() -> None:
    async with ops(open_sessions={"websockets": 3}) as port:
        told = await port.ask("/info")

    assert told["name"] == "webrtc-observer"
    assert told["version"]
    assert told["nodeId"] == "node-1"
    assert told["startedAt"] == "2023-11-14T22:13:20.123+00:00"
    assert told["openSessions"] == {"websockets": 3}


async def test_the_node_says_which_schema_versions_it_takes_and_gives() -> None:
    async with ops() as port:
        told = await port.ask("/info")

    assert told["schemaVersions"] == {"samples": ["2.0.x", "2.1.x", "2.2.x", "3.x"], "reports": ["2.2.0"]}


@pytest.mark.parametrize("path", [*HEALTH, "/metrics", "/prometheus", "/info"])
async def test_a_head_request_gets_the_head_alone(path: str) -> None:
    async with ops() as port:
        answer = await request(port.port, "HEAD", path)

    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/nothing", "/health/nothing", "/samples/s/m"])
async def test_other_paths_are_not_there(path: str) -> None:
    async with ops() as port:
        answer = await port.get(path)

    assert answer.status == 404


async def test_nothing_is_taken() -> None:
    async with ops() as port:
        answer = await request(port.port, "POST", "/health")

    assert answer.status == 405


@pytest.mark.parametrize(
    ("endpoints", "gone"),
    [
        (Endpoints(health=Endpoint(enabled=False)), HEALTH),
        (Endpoints(prometheus=Endpoint(enabled=False)), ["/metrics", "/prometheus"]),
        (Endpoints(info=Endpoint(enabled=False)), ["/info"]),
    ],
)
async def test_an_endpoint_that_is_switched_off_is_not_there(endpoints: Endpoints, gone: list[str]) -> None:
    paths = [*HEALTH, "/metrics", "/prometheus", "/info"]

    async with ops(endpoints=endpoints) as port:
        answers = {path: await port.get(path) for path in paths}

    assert [path for path, answer in answers.items() if answer.status == 404] == gone
