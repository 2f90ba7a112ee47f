"""What a node has used, and what it tells of itself, at one moment; and what happened between two of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import trio

from observer.simulation.child_node import ChildNode

SAMPLES = "observertc_sources_observed_client_samples_total"
CLIENTS = 'observertc_repository_entries{storage="clients"}'
ENTRIES = "observertc_repository_entries"
WAITING = "observertc_sources_waiting_samples"
COMMANDS = "observertc_cluster_commit_index"
LOG = "observertc_cluster_log_bytes"
SENT = "observertc_cluster_sent_bytes_total"
BYTES = "observertc_sources_received_message_bytes_total"
REPORTS = "observertc_sinks_reports_total"
REFUSED = ("observertc_sources_refused_total", "observertc_sources_rejected_total", "observertc_sinks_dropped_reports")
LEADER = "observertc_cluster_is_leader"

OF_CLIENTS = ("clients", "peer_connections", "inbound_tracks", "outbound_tracks")

PATIENCE = 60.0
"""How long a node may take to have seen what it was sent. (s)"""

_VALUE = re.compile(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """Of one node: when (trio's clock), processor time (s), resident memory (bytes), and its metrics by their names."""

    at: float
    cpu: float
    memory: int
    metrics: dict[str, float]

    def __getitem__(self, name: str) -> float:
        """A metric, or the sum of all that begin like this and have labels; 0 if there is none."""
        if name in self.metrics:
            return self.metrics[name]
        return sum(value for key, value in self.metrics.items() if key.startswith(name + "{"))

    @property
    def rows(self) -> float:
        """Clients, peer connections and tracks that the registry holds."""
        return sum(self[f'{ENTRIES}{{storage="{storage}"}}'] for storage in OF_CLIENTS)

    @property
    def trouble(self) -> float:
        """How much was refused, rejected or dropped."""
        return sum(value for key, value in self.metrics.items() if key.startswith(REFUSED))


@dataclass(frozen=True)
class Window:
    """What happened at a node between two readings."""

    before: Reading
    after: Reading

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.after.at - self.before.at

    @property
    def cpu(self) -> float:
        """Processor time. (s)"""
        return self.after.cpu - self.before.cpu

    @property
    def share(self) -> float:
        """Of a core."""
        return self.cpu / self.seconds

    def gain(self, name: str) -> float:
        """How much a metric rose."""
        return self.after[name] - self.before[name]

    def rate(self, name: str) -> float:
        """How much it rose in a second."""
        return self.gain(name) / self.seconds


def metrics_of(text: str) -> dict[str, float]:
    """The values of Prometheus's text, by name and labels."""
    return {name: float(value) for name, value in _VALUE.findall(text)}


async def read(node: ChildNode, *, begins: bool = False) -> Reading:
    """A reading of now, that of a window which `begins` or ends: its processor time does not count the asking."""
    cpu, memory, at = node.cpu(), node.memory(), trio.current_time()
    metrics = metrics_of(await node.metrics())
    if begins:
        cpu, at = node.cpu(), trio.current_time()
    return Reading(at, cpu, memory, metrics)


async def watch(nodes: Sequence[ChildNode], seconds: float) -> list[Window]:
    """What happens at each of the nodes within so many seconds."""
    before = [await read(node, begins=True) for node in nodes]
    await trio.sleep_until(before[-1].at + seconds)
    return [Window(early, await read(node)) for early, node in zip(before, nodes, strict=True)]


async def until(nodes: Sequence[ChildNode], name: str, least: float, most: float = float("inf")) -> list[Reading]:
    """Waits until a metric lies between these at each of the nodes, and they are at rest; their readings of then."""
    with trio.fail_after(PATIENCE):
        while True:
            readings = [await read(node) for node in nodes]
            if all(least <= reading[name] <= most and not reading[WAITING] for reading in readings):
                return readings
            await trio.sleep(0.1)


async def calm(nodes: Sequence[ChildNode], share: float = 0.06) -> None:
    """Waits until no node uses more than this share of a core for a second, at most half a minute."""
    with trio.move_on_after(30):
        while True:
            before = [node.cpu() for node in nodes]
            await trio.sleep(1)
            if all(node.cpu() - early <= share for node, early in zip(nodes, before, strict=True)):
                return
