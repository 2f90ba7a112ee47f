"""Three real nodes under load, watched by a real Prometheus: while they are well, when they are not, and what is left.

All of it is played once, and what Prometheus said is kept for the tests.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio
import yaml

from cluster.certificates import new_authority
from cluster.settings import TlsFiles
from observer.simulate import Options, simulate
from observer.simulation.child_cluster import child_cluster, leading
from observer.simulation.child_node import ChildNode
from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.monitoring import dashboard, rules
from tests.monitoring.prometheus import Prometheus, Refused, prometheus

SCRAPES = 12
"""How often each node is scraped before it is asked how all is."""

SHORT_CALLS = {
    "security": {"printConfigs": False},
    "sources": {"websocket": {"leaveGraceInS": 0}},
    "repository": {"callMaxIdleTimeInS": 1},
}
"""A call ends soon after its last client left, so that its duration is known soon."""

SINK = "archive"
JOB = "calls"

LOST_ONE = {
    "WebrtcObserverNodeDown",
    "WebrtcObserverMemberEvicted",
    "WebrtcObserverTooFewMembers",
    "WebrtcObserverSinkFailing",
    "WebrtcObserverReportsDropped",
}
"""What fires when one of three nodes is killed, and a sink of another fails."""

LOST_TWO = {
    "WebrtcObserverNoMajority",
    "WebrtcObserverNodeNotReady",
    "WebrtcObserverNoLeader",
    "WebrtcObserverLinkMissing",
    "WebrtcObserverSendersTurnedAway",
}
"""What fires besides when a second one is killed."""

LOST_ALL = {"WebrtcObserverDown"}
"""What fires besides when all are killed."""

Alerts = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass
class Story:
    """What was seen. `answers` are those to queries of the dashboard, `counts` to selectors of alerts."""

    text: str = ""
    rules: Sequence[Mapping[str, Any]] = ()
    well: Alerts = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Sequence[float]] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    choices: dict[str, int] = field(default_factory=dict)
    without_one: Alerts = field(default_factory=dict)
    without_two: Alerts = field(default_factory=dict)
    without_all: Alerts = field(default_factory=dict)


async def play(folder: Path) -> Story:
    """Plays it. Raises `AssertionError` when something does not come to pass in time."""
    story = Story()
    files = certificates(folder)
    (folder / "reports").mkdir()
    async with child_cluster(SHORT_CALLS, tls=lambda _: files, extra=lambda name: sink_of(folder, name)) as nodes:
        jobs = {JOB: [node.ops_port for node in nodes], "of_others": free_ports(1)}
        async with prometheus(folder, jobs, impatient_rules()) as watching, trio.open_nursery() as nursery:
            nursery.start_soon(simulate, load(nodes))
            nursery.start_soon(simulate, replace(load(nodes), rest=True))
            # A node observes calls that it heard of first and ends itself, as the leader does.
            nursery.start_soon(simulate, load([await leading(nodes)]))
            await watching.wait_until(f'min(count_over_time(up{{job="{JOB}"}}[5m])) >= {SCRAPES}')
            await watching.wait_until("sum(rate(observertc_reports_call_durations_seconds_count[30s])) > 0")
            await see_all_well(watching, story)
            story.text = await nodes[0].metrics()

            (folder / "reports").rename(folder / "moved")
            await nodes[2].kill()
            story.without_one = await see_firing(watching, LOST_ONE)

            await nodes[1].kill()
            story.without_two = await see_firing(watching, LOST_TWO)

            await nodes[0].kill()
            story.without_all = await see_firing(watching, LOST_ALL)
            nursery.cancel_scope.cancel()
    return story


def certificates(folder: Path) -> TlsFiles:
    """Of a node on loopback, for long enough."""
    now = datetime.now(UTC)
    authority = new_authority(400, now)
    pair = authority.issue(LOOPBACK, 365, now)
    (folder / "ca.pem").write_bytes(authority.pair().certificate)
    (folder / "cert.pem").write_bytes(pair.certificate)
    (folder / "key.pem").touch(mode=0o600)
    (folder / "key.pem").write_bytes(pair.key)
    return TlsFiles(*(str(folder / name) for name in ("ca.pem", "cert.pem", "key.pem")))


def sink_of(folder: Path, name: str) -> Mapping[str, Any]:
    """The first node writes to a folder that will go, and gives reports up soon; the others write to nowhere."""
    path = str(folder / "reports" / "n1.jsonl") if name == "n1" else "/dev/null"
    retry = {"giveUpAfterInS": 2, "maxInMs": 500}
    return {"sinks": {SINK: {"type": "FileSink", "config": {"path": path}, "retry": retry}}}


def load(nodes: Sequence[ChildNode]) -> Options:
    """Short calls, one after the other."""
    return Options(
        [node.url for node in nodes],
        calls=1,
        participants=2,
        seconds=300,
        period=0.5,
        ramp=0,
        call_seconds=3,
        seed=1,
        longest_wait=1,
    )


def impatient_rules() -> str:
    """The rules, without the time for which they have to hold."""
    groups = [
        {**group, "rules": [{key: value for key, value in rule.items() if key != "for"} for rule in group["rules"]]}
        for group in rules.document()["groups"]
    ]
    return yaml.safe_dump({"groups": groups})


async def see_all_well(watching: Prometheus, story: Story) -> None:
    """Asks all that alerts and the dashboard ask."""
    story.well = await watching.firing()
    story.rules = await watching.rules()
    for query in dashboard.queries():
        try:
            results = await watching.query(dashboard.asked(query.expression))
        except Refused as refused:
            story.refused[query.expression] = str(refused)
        else:
            story.answers[query.expression] = [float(result["value"][1]) for result in results]
    for alert in rules.alerts().values():
        for selector in [*rules.narrowed(alert.expression), *rules.metrics_of(alert.expression)]:
            story.counts[selector] = await watching.number(f"count({selector})")
    for name, variable in dashboard.variables().items():
        if variable["type"] == "query":
            story.choices[name] = len(await watching.query(chosen_from(variable["query"]["query"])))


def chosen_from(query: str) -> str:
    """What Grafana shows as choices for ``label_values(selector, label)``, as an expression."""
    selector, _, label = query.removeprefix("label_values(").removesuffix(")").rpartition(", ")
    return f"group by ({label}) ({dashboard.asked(selector)})"


async def see_firing(watching: Prometheus, names: set[str]) -> Alerts:
    """Waits until all of these fire, and tells all that do."""
    wanted = " and ".join(f'on () ALERTS{{alertname="{name}", alertstate="firing"}}' for name in sorted(names))
    await watching.wait_until(wanted.removeprefix("on () "))
    return await watching.firing()


def has_data(values: Sequence[float]) -> bool:
    """Whether there is anything to be drawn."""
    return any(math.isfinite(value) for value in values)
