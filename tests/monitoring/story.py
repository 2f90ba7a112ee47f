"""Three real nodes under load, watched by a real Prometheus: while they are well, when they are not, and what is left.

All of it is played once, and what Prometheus said is kept for the tests.
"""

import math
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
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

SCRAPES = 8
"""How often each node is scraped before it is asked how all is."""

SHORT_CALLS = {
    "security": {"printConfigs": False},
    "sources": {"websocket": {"leaveGraceInS": 0}},
    "repository": {"callMaxIdleTimeInS": 1},
}
"""A call ends soon after its last client left, so that its duration is known soon."""

KNOCKS = 8
PATIENCE = 45.0
"""How long alerts may take to fire, and to cease. (s)"""

LOOK = 0.3

SINK = "archive"
JOB = "calls"

OF_THIS_MACHINE = {"WebrtcObserverLoopLags", "WebrtcObserverProcessorBusy", "WebrtcObserverCommitsSlow"}
"""What may fire when other programs want the processors: nothing has to hold for long here."""

IN_PASSING = {
    *OF_THIS_MACHINE,
    "WebrtcObserverSendersTurnedAway",
    "WebrtcObserverElectionsOften",
    "WebrtcObserverLeaderChangesOften",
}
"""What may fire besides for a moment while a node comes or goes."""

KNOCKED = {"WebrtcObserverStrangersRefused"}
"""What fires when strangers came to the cluster port."""

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
    """What was seen.

    `answers` are those to queries of the dashboard, `counts` to selectors of alerts, `figures` what alerts calculate.
    """

    text: str = ""
    rules: Sequence[Mapping[str, Any]] = ()
    well: Alerts = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Sequence[float]] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    figures: dict[str, Sequence[float]] = field(default_factory=dict)
    choices: dict[str, int] = field(default_factory=dict)
    updated: Alerts = field(default_factory=dict)
    knocked: Alerts = field(default_factory=dict)
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

            await update(nodes[2])
            story.updated = await see(watching, set(), IN_PASSING)

            await knock(nodes[0])
            story.knocked = await see(watching, KNOCKED, IN_PASSING)

            (folder / "reports").rename(folder / "moved")
            await nodes[2].kill()
            story.without_one = await see(watching, LOST_ONE, KNOCKED | IN_PASSING)

            await nodes[1].kill()
            story.without_two = await see(watching, LOST_TWO)

            await nodes[0].kill()
            story.without_all = await see(watching, LOST_ALL)
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
        results = await watching.query(rules.figures(alert.expression))
        story.figures[alert.name] = [float(result["value"][1]) for result in results]
    for name, variable in dashboard.variables().items():
        if variable["type"] == "query":
            story.choices[name] = len(await watching.query(chosen_from(variable["query"]["query"])))


def chosen_from(query: str) -> str:
    """What Grafana shows as choices for ``label_values(selector, label)``, as an expression."""
    selector, _, label = query.removeprefix("label_values(").removesuffix(")").rpartition(", ")
    return f"group by ({label}) ({dashboard.asked(selector)})"


async def update(node: ChildNode) -> None:
    """Stops a node in order and starts it anew, as an update does."""
    await node.stop()
    await node.start()
    await node.wait_ready()


async def knock(node: ChildNode) -> None:
    """Some who do not speak TLS come to the cluster port."""
    assert node.cluster_port is not None
    for _ in range(KNOCKS):
        async with await trio.open_tcp_stream(LOOPBACK, node.cluster_port) as stream:
            await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
            with suppress(trio.BrokenResourceError):
                await stream.receive_some()


async def see(watching: Prometheus, must: Set[str], may: Set[str] | None = None) -> Alerts:
    """Waits until all fire that must, and none but those and those that may; without the latter, whatever else.

    What fires then, or in the end: that is for a test to judge.
    """
    with trio.move_on_after(PATIENCE):
        while True:
            firing = await watching.firing()
            if set(firing) >= must and (may is None or set(firing) <= must | may):
                break
            await trio.sleep(LOOK)
    return firing


def has_data(values: Sequence[float]) -> bool:
    """Whether there is anything to be drawn."""
    return any(math.isfinite(value) for value in values)
