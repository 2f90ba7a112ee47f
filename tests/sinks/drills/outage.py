"""An outage: the services behind a real observer are killed under load, and come back. What have they, in the end?

All sinks of a drill belong to one observer, and their services are down at the same time. A file beside them says what
the observer made, and in which order.
"""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.faults.node import Node
from tests.sinks.drills.destinations import DESTINATIONS, Destination, Killable
from tests.sinks.drills.judging import Verdict, judge, reports
from tests.sinks.drills.speakers import Said, Speakers, now

LAST_MOMENTS_S = 1.0
"""What was made so shortly before the observer is killed may be lost with it. (s)"""

_CALM_S = 1.0
_STEP_S = 0.1
_PATIENCE_S = 120.0
_LEDGER = "ledger"
_MB = 1_000_000
_FIGURES = re.compile(r'^(observertc_sinks_\w+|process_\w+)(?:{(?:.*?,)?sink="(\w+)".*})? (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Plan:
    """What a drill does: for how long the services are down, and so on."""

    seconds: float
    """How long the services are down. (s)"""
    rate: float = 200
    """Reports that are made a second."""
    kill_observer: bool = False
    """Whether the observer is killed in the middle of it, and started again. It has a spool then."""
    spool: bool = False
    """Whether reports wait on disk."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else stands in the block of each sink."""


@dataclass
class Outcome:
    """What came of it."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """By the type of the sink."""
    unmade: list[Said] = field(default_factory=list)
    """Samples of which the observer made no report, though it had the time."""
    made: int = 0
    """Reports that it made."""
    calm_mb: float = 0.0
    """Its memory before the outage. (MB)"""
    most_mb: float = 0.0
    """The most of it until all was delivered. (MB)"""
    caught_up_s: float = 0.0
    """From the return of the services until nothing waited any more, though reports were made all the time. (s)"""
    exit_code: int = 0

    @property
    def wrong(self) -> dict[str, str]:
        """The sinks that are not clean, and how."""
        return {name: str(verdict) for name, verdict in self.verdicts.items() if not verdict.clean}


async def outage(folder: Path, names: Iterable[str], plan: Plan) -> Outcome:
    """Plays it through for these types of sinks. Raises `AssertionError` when something does not start."""
    destinations = {name: DESTINATIONS[name](_made(folder / name)) for name in names}
    services = [one.service for one in destinations.values()]
    outcome = Outcome()
    node = _node(folder, destinations, plan)
    try:
        await _started(services)
        await node.start()
        await node.wait_ready()
        speakers = Speakers(node.url, plan.rate)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(speakers.run)
            await trio.sleep(_CALM_S)
            outcome.calm_mb = outcome.most_mb = await _memory_mb(node)
            async with _watched(node, outcome):
                for service in services:
                    service.kill()
                unsure = await _down(node, plan)
                await _started(services)
                back = trio.current_time()
                await _settled(node, plan.rate)
                outcome.caught_up_s = trio.current_time() - back
            speakers.stop()
        await _settled(node)
        outcome.exit_code = await node.stop()
        _judge(outcome, node, destinations, speakers.said, unsure)
    finally:
        with trio.CancelScope(shield=True):
            await node.end()
            for service in services:
                service.close()
    return outcome


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _node(folder: Path, destinations: Mapping[str, Destination], plan: Plan) -> Node:
    ports = free_ports(3)
    spool = {"spool": {"path": str(folder / "spool")}} if plan.spool else {}
    ledger = {"path": str(folder / f"{_LEDGER}.jsonl"), "maxBytes": 10**11}
    sinks: dict[str, Any] = {name: {**one.block, **plan.settings, **spool} for name, one in destinations.items()}
    config = {
        "micronaut": {"server": {"host": LOOPBACK, "port": ports[0]}},
        "endpoints": {"all": {"host": LOOPBACK, "port": ports[1]}},
        "observer": {
            "buffers": {"reportsCollector": {"maxTimeInMs": 20}},
            "sinks": {_LEDGER: {"type": "FileSink", "config": ledger}, **sinks},
        },
    }
    return Node(_LEDGER, folder, LOOPBACK, ports, config)


async def _started(services: Sequence[Killable]) -> None:
    async with trio.open_nursery() as nursery:
        for service in services:
            nursery.start_soon(trio.to_thread.run_sync, service.start)


@dataclass(frozen=True)
class Unsure:
    """When nothing was sure, on the clock of samples (ms) and on trio's, there until the observer was back."""

    stamps: range = range(0)
    since: float = 0.0
    until: float = 0.0


async def _down(node: Node, plan: Plan) -> Unsure:
    if not plan.kill_observer:
        await trio.sleep(plan.seconds)
        return Unsure()
    await trio.sleep(plan.seconds / 2 - LAST_MOMENTS_S)
    begin, since = now(), trio.current_time()
    await trio.sleep(LAST_MOMENTS_S)
    await node.kill()
    end = now()
    await node.start()
    until = await node.wait_ready()
    await trio.sleep(plan.seconds / 2)
    return Unsure(range(begin, end + 1), since, until)


@asynccontextmanager
async def _watched(node: Node, outcome: Outcome) -> AsyncIterator[None]:
    """Notes the most memory that the observer has meanwhile."""

    async def watch() -> None:
        while True:
            await trio.sleep(_STEP_S)
            if node.runs() and await node.is_ready():
                outcome.most_mb = max(outcome.most_mb, await _memory_mb(node))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        yield
        nursery.cancel_scope.cancel()


async def _settled(node: Node, most: float = 0) -> None:
    """Waits until no sink fails, and no more reports than these wait for any."""
    waiting = dict[str, float]()
    with trio.move_on_after(_PATIENCE_S):
        while True:
            figures = await _figures(node)
            names = ("queued_reports", "spooled_reports", "failing")
            waiting = {
                f"{name} of {sink}": figure
                for name in names
                for sink, figure in figures.get(f"observertc_sinks_{name}", {}).items()
                if figure > (most if name != "failing" else 0)
            }
            if not waiting:
                return
            await trio.sleep(_STEP_S)
    raise AssertionError(f"this is not delivered: {waiting}\n{node.last_words()}")


async def _memory_mb(node: Node) -> float:
    return (await _figures(node))["process_resident_memory_bytes"][""] / _MB


async def _figures(node: Node) -> dict[str, dict[str, float]]:
    """Figures of its metrics, by name and sink."""
    found: dict[str, dict[str, float]] = {}
    for name, sink, figure in _FIGURES.findall((await node.get("/metrics"))[1].decode()):
        found.setdefault(name, {})[sink] = float(figure)
    return found


def _judge(
    outcome: Outcome, node: Node, destinations: Mapping[str, Destination], said: Sequence[Said], unsure: Unsure
) -> None:
    made = reports(node.reports.read_bytes().splitlines())
    outcome.made = len(made)
    for name, destination in destinations.items():
        outcome.verdicts[name] = judge(made, destination.arrived(), unsure.stamps)
    told = {(one["payload"].get("roomId"), one["payload"].get("sampleSeq")) for one in made}
    outcome.unmade = [one for one in said if one[:2] not in told and not unsure.since <= one.at <= unsure.until]
