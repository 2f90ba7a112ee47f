"""Some observers that are to be one cluster, on ports of this machine or in networks of their own."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.faults.node import PATIENCE, Node

_POLL = 0.02

Block = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a node runs: its address, what stands before its command, and its certificates if it has any."""

    host: str = LOOPBACK
    prefix: Sequence[str] = ()
    tls: Mapping[str, str] | None = None


class Nodes(list[Node]):
    """The nodes, in order of their names."""

    def running(self) -> list[Node]:
        """Those that have a process."""
        return [node for node in self if node.runs()]

    def besides(self, *some: Node) -> "Nodes":
        """All others."""
        return Nodes(node for node in self if node not in some)

    async def start(self) -> None:
        """Starts those that do not run, and waits until all are ready and all agree who is there."""
        for node in self:
            if not node.runs():
                await node.start()
        await self.wait_whole()
        for node in self:
            assert node.runs(), f"{node.name} ended:\n{node.last_words()}"

    async def wait_whole(self, patience: float = PATIENCE) -> float:
        """Waits until those that run are ready, name each other as members, and have a leader; when they were.

        Raises `AssertionError` that tells how each stands when it takes too long.
        """
        addresses = {node.address for node in self.running()}
        with trio.move_on_after(patience):
            while True:
                if all([_is_whole(await node.standing(), addresses) for node in self.running()]) and all(
                    [await node.is_ready() for node in self.running()]
                ):
                    return trio.current_time()
                await trio.sleep(_POLL)
        told = [f"{node.name}: {await node.standing()} {await node.readiness()}" for node in self.running()]
        raise AssertionError("\n".join(["the nodes do not come together:", *told]))

    async def leader(self, patience: float = PATIENCE) -> Node:
        """The one that leads, by its own word and that of all the others that run."""
        with trio.move_on_after(patience):
            while True:
                told = [await node.standing() for node in self.running()]
                named = {one.get("leader") for one in told}
                leading = [
                    node
                    for node, one in zip(self.running(), told, strict=True)
                    if one.get("role") == "leader" and one["quorum"] and {one["member"]} == named
                ]
                if leading:
                    return leading[0]
                await trio.sleep(_POLL)
        raise AssertionError(f"nobody leads: {told}")

    async def follower(self) -> Node:
        """One that does not lead."""
        leader = await self.leader()
        return next(node for node in self.running() if node is not leader)


def _is_whole(standing: Mapping[str, Any], addresses: Iterable[str]) -> bool:
    """Whether a node knows exactly these members, a leader, and has links to all others."""
    members = standing.get("members", ())
    return (
        sorted(name.partition("#")[0] for name in members) == sorted(addresses)
        and standing["leader"] in members
        and standing["quorum"]
        and len(standing["connected"]) == len(members) - 1
    )


@asynccontextmanager
async def nodes(
    folder: Path,
    places: Sequence[Place] = (Place(),) * 3,
    *,
    reports_every: int = 10,
    start: bool = True,
    listed: Mapping[str, Sequence[str]] | None = None,
    **blocks: Any,
) -> AsyncIterator[Nodes]:
    """Nodes called ``n1``, ``n2``, ..., with one list of peers; the `blocks` are laid into ``observer``.

    With `start` they are one cluster when the block begins. None of them runs after it. Reports wait for others for
    `reports_every` (ms). A node that is in `listed` has only those names in its list of peers. A block that is a
    function gives that of each node, by its name.
    """
    free = free_ports(3 * len(places))
    ports = [free[3 * n : 3 * n + 3] for n in range(len(places))]
    names = [f"n{n}" for n in range(1, len(places) + 1)]
    peers = {name: {"host": place.host, "port": own[2]} for name, place, own in zip(names, places, ports, strict=True)}
    all_nodes = Nodes()
    for name, place, own in zip(names, places, ports, strict=True):
        endpoint = {"serverHost": place.host, "serverPort": own[2]} | ({"tls": place.tls} if place.tls else {})
        own_peers = {other: peers[other] for other in (listed or {}).get(name, names)}
        observer: dict[str, Any] = {
            "hamok": {
                "endpoint": {"type": "WebsocketEndpoint", "config": endpoint},
                "discovery": {"type": "StaticDiscovery", "config": {"peers": own_peers}},
            },
            "buffers": {"reportsCollector": {"maxTimeInMs": reports_every}},
            "sinks": {
                "file": {"type": "FileSink", "config": {"path": str(folder / f"{name}.jsonl"), "maxBytes": 10**11}}
            },
        }
        config = {
            "micronaut": {"server": {"host": place.host, "port": own[0]}},
            "endpoints": {"all": {"host": place.host, "port": own[1]}},
            "observer": observer | {key: block(name) if callable(block) else block for key, block in blocks.items()},
        }
        all_nodes.append(Node(name, folder, place.host, own, config, place.prefix))
    try:
        if start:
            await all_nodes.start()
        yield all_nodes
    finally:
        with trio.CancelScope(shield=True):
            for node in all_nodes:
                await node.end()
