"""The rows that tell what a message costs: against the peer, in a cluster, over REST."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from benchmarks.capacity_bench.stage import stage
from benchmarks.table.rounds import Way, figure, in_turn, ratio
from benchmarks.table.servers import PeerMissing, one_node, ours, ours_at_rest, peer
from benchmarks.table.targets import Measured

_FLAT = 1.0
"""How long a load that goes as fast as it is taken lasts. (s)"""

_WAYS = {
    "8k": Way("8k", 20, _FLAT),
    "8k-rated": Way("8k", 200, 3.0, rate=1000),
    "real": Way("real", 20, _FLAT),
    "1k": Way("1k", 20, _FLAT),
    "20k": Way("20k", 20, _FLAT),
}

Measure = Callable[[int], Awaitable[Measured]]


def against_peer(key: str) -> Measure:
    """A row that is compared with the peer, or tells only our own figures where that cannot be run."""

    async def measure(rounds: int) -> Measured:
        way = _WAYS[key]
        missing = ""
        async with AsyncExitStack() as stack:
            servers = [(ours(await stack.enter_async_context(one_node())), way)]
            try:
                servers.append((await stack.enter_async_context(peer()), way))
            except PeerMissing as problem:
                missing = str(problem)
            costs, *of_peer = await in_turn(servers, rounds)
        measured = Measured({"us": figure(costs, 1e6)}, missing=missing)
        for other in of_peer:
            measured.figures["ratio"] = ratio(costs, other)
            measured.also["observer-js us"] = figure(other, 1e6).middle
        return measured

    return measure


async def in_cluster(rounds: int) -> Measured:
    """A node that leads two others, and one that follows, against one that is alone; the dearer of the two counts."""
    way = Way("8k", 20, _FLAT, calls_of=4)
    async with one_node() as alone, stage(3) as nodes:
        names = ("alone", "leader", "follower")
        servers = [ours(node, name, name) for node, name in zip((alone, *nodes[:2]), names, strict=True)]
        costs = await in_turn([(server, way) for server in servers], rounds)
    ratios = [ratio(one, costs[0]) for one in costs[1:]]
    measured = Measured({"ratio": max(ratios, key=lambda one: one.middle)})
    measured.also = {f"{name} us": figure(one, 1e6).middle for name, one in zip(names, costs, strict=True)}
    return measured


async def over_rest(rounds: int) -> Measured:
    """Ten connections that post one message after the other, against as many WebSockets of the same node."""
    way = Way("8k", 10, _FLAT)
    async with one_node() as node:
        posted, sent = await in_turn([(ours_at_rest(node, "rest"), way), (ours(node), way)], rounds)
    also = {"REST us": figure(posted, 1e6).middle, "WebSocket us": figure(sent, 1e6).middle}
    return Measured({"ratio": ratio(posted, sent)}, also)


ALONE: dict[str, Measure] = {key: against_peer(key) for key in _WAYS} | {"cluster": in_cluster, "rest": over_rest}
"""How each of these rows is measured, by its key."""
