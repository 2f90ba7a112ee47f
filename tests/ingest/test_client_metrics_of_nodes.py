"""What is pushed to any node of a cluster is scraped from each, and goes from each; recorded pages are no exception."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

from ingest.client_metrics import ClientMetrics
from schemas.client_metrics import FAMILIES
from tests.ingest.metrics_served import CHROME, collecting, pushed, rtt
from tests.replicas import Replicas
from tests.web_client import request

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
SETTINGS = ClientMetrics(metrics_expiration_in_s=30)


class Cluster:
    """Nodes that share their values; the first leads."""

    def __init__(self, *names: str) -> None:
        self.replicas = Replicas(*names)

    def push(self, name: str, *bodies: object, agent: str = CHROME) -> list[int]:
        """Pushes to a node; the statuses of its answers."""

        async def answers() -> list[int]:
            async with collecting(SETTINGS, self.replicas[name].pipeline.keeping) as it:
                return [(await it.push(body, agent=agent)).status for body in bodies]

        return trio.run(answers)

    def series(self) -> dict[str, str]:
        """What each node tells, which must be the same."""
        first, *others = [trio.run(self._scrape, name) for name in self.replicas.nodes]
        assert all(other == first for other in others)
        return first

    def pass_time(self, seconds: float) -> None:
        """Lets time pass for all."""
        self.replicas.pass_time(int(seconds * 1000))

    async def _scrape(self, name: str) -> dict[str, str]:
        async with collecting(SETTINGS, self.replicas[name].pipeline.keeping) as it:
            return await it.series()


def test_every_node_tells_what_any_was_told() -> None:
    cluster = Cluster("a", "b", "c")
    cluster.push("a", pushed(participant="p1"))
    cluster.push("b", pushed(participant="p2"))

    cluster.pass_time(1)

    assert len(cluster.series()) == 2


def test_a_participant_that_goes_from_node_to_node_is_told_once_with_its_latest_value() -> None:
    cluster = Cluster("a", "b", "c")
    for number, name in enumerate("abcab"):
        cluster.push(name, pushed(metrics={"transport_rtt": [rtt(number, f"192.0.2.{number}")]}))
        cluster.pass_time(1)

    assert [*cluster.series().values()] == ["4"]


def test_who_pushes_to_two_nodes_within_a_second_is_told_as_it_was_last() -> None:
    cluster = Cluster("a", "b")
    cluster.push("b", pushed(metrics={"bitrate_upload": {"value": 1}}))
    for world in cluster.replicas.nodes.values():
        world.now += 300
    cluster.push("a", pushed(metrics={"bitrate_upload": {"value": 2}}))

    cluster.pass_time(1)

    assert [*cluster.series().values()] == ["2"]


@pytest.mark.parametrize(("seconds", "told"), [(30, 2), (35, 0)])
def test_metrics_go_from_all_nodes_with_the_last_push(seconds: float, told: int) -> None:
    cluster = Cluster("a", "b", "c")
    metrics = {"bitrate_upload": {"value": 1}, "bitrate_download": {"value": 1}}
    for name in "abc":
        cluster.push(name, pushed(metrics=metrics))
        cluster.pass_time(10)

    cluster.pass_time(seconds - 10)

    assert len(cluster.series()) == told


def test_a_node_that_dies_takes_nothing_along() -> None:
    cluster = Cluster("a", "b", "c")
    cluster.push("a", pushed())
    cluster.pass_time(1)

    cluster.replicas.lose("a", heir="b")
    cluster.replicas.join("d")

    assert len(cluster.series()) == 1


@pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not at hand")
def test_recorded_pages_are_told_as_they_pushed_last() -> None:
    pushes = recorded_pushes()
    truth = json.loads((RECORDINGS / "jcmc-2party.truth.json").read_text())
    cluster = Cluster("a", "b", "c")
    last: dict[str, dict[str, Any]] = {}
    time = pushes[0][0]
    for number, (at, agent, body) in enumerate(pushes):
        cluster.pass_time((at - time) // 1000)
        time += (at - time) // 1000 * 1000
        assert cluster.push("abc"[number % 3], body, agent=agent) == [200]
        last[body["default_labels"]["client_id"]] = body
    cluster.pass_time(1)

    told = cluster.series()

    assert (len(pushes), len(last)) == (24, len(truth["participants"]))
    for body in last.values():
        client_id = body["default_labels"]["client_id"]
        assert [it for it in told.items() if client_id in it[0]] == named(body)
    cluster.pass_time(36)
    assert cluster.series() == {}


@pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not at hand")
async def test_what_recorded_browsers_ask_beforehand_lets_them_push() -> None:
    (origin,) = {event["headers"]["origin"] for event in recorded("OPTIONS")}
    async with collecting() as it:
        asked = [("Origin", origin), ("Access-Control-Request-Method", "POST")]
        answer = await request(it.port, "OPTIONS", "/metrics/push", asked)

    assert answer.headers["access-control-allow-origin"] in ("*", origin)


def recorded(method: str) -> Sequence[Any]:
    """The recorded requests of a method."""
    with gzip.open(RECORDINGS / "jcmc-2party.jsonl.gz", "rt") as lines:
        events = [json.loads(line) for line in lines]
    return [event for event in events if event["ev"] == "http" and event["method"] == method]


def recorded_pushes() -> list[tuple[float, str, Any]]:
    """The time (ms), browser and body of each recorded push."""
    return [(event["t"], event["headers"]["user-agent"], json.loads(event["text"])) for event in recorded("POST")]


def named(body: Any) -> list[tuple[str, str]]:
    """The series that a recorded push must become, with their values."""
    ids, found = body["default_labels"], []
    device = {"browser_name": "Chrome Headless", "browser_version": "156.0.0.0"}
    device |= {"os_name": "Linux", "os_version": "undefined"}
    for family, told in body["metrics"].items():
        for row in told if isinstance(told, list) else [told]:
            if row.get("value") is not None:
                more = device if family == "connectionquality" else {}
                labels = {**ids, **row.get("labels", {}), **more}
                written = ",".join(f'{name}="{"null" if text is None else text}"' for name, text in labels.items())
                found.append((f"{family}{{{written}}}", str(row["value"])))
    return sorted(found, key=lambda it: [*FAMILIES].index(it[0].partition("{")[0]))
