"""How the cost of a message grows with connections, with entities and with nodes.

    python -m benchmarks.growth [--only connections,entities,nodes] [--rounds 3] [--json FILE]

connections   clients of calls of four send 1000 messages of 8 kB a second together: ever more clients
entities      100 clients send 1000 messages a second together, while ever more others are there and silent
nodes         one of 1, 3 and 5 nodes, with mutual TLS, takes 1000 messages a second: what it costs that node, and the
              others together

Processor time is that of `benchmarks.table`; the first round of each point warms up.
"""

import argparse
import statistics
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import trio

from benchmarks.capacity_bench.readings import ENTRIES
from benchmarks.capacity_bench.stage import stage
from benchmarks.table.crowd import CALLS_OF, RATE, all_there, joined
from benchmarks.table.results import Results
from benchmarks.table.rounds import Loaded, Way, rounds_of
from benchmarks.table.servers import cpu, load, one_node, ours, quiet

CONNECTIONS = (10, 100, 1000, 3000, 10_000)
SILENT = (0, 2500, 5000, 9900)
NODES = (1, 3, 5)
SPEAKING = 100
SECONDS = 2.0

Points = list[dict[str, float]]


def _way(connections: int) -> Way:
    return Way("8k", connections, SECONDS, RATE, CALLS_OF)


async def connections(rounds: int) -> Points:
    """``connections``, ``us`` a message and ``mb`` of memory."""
    points: Points = []
    async with one_node() as node, load(ours(node), "8k", CALLS_OF) as made:
        one = Loaded(ours(node), made)
        for count in CONNECTIONS:
            await joined(node, one, count)
            us = await _cost(one, _way(count), rounds)
            points.append({"connections": count, "us": us, "mb": round(node.memory() / 1e6, 1)})
            print(points[-1], flush=True)
    return points


async def entities(rounds: int) -> Points:
    """``entities`` that the node knows, ``us`` a message of the same 100 clients, and ``mb`` of memory."""
    points: Points = []
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(one_node())
        servers = [ours(node, service=service) for service in ("speaking", "silent")]
        speaking, silent = [
            Loaded(server, await stack.enter_async_context(load(server, "8k", CALLS_OF))) for server in servers
        ]
        await joined(node, speaking, SPEAKING)
        for count in SILENT:
            await silent.load.do("open", count, RATE)
            if count:
                await silent.load.do("once", RATE)
            reading = await all_there(node, SPEAKING + count)
            us = await _cost(speaking, _way(SPEAKING), rounds)
            points.append({"entities": reading[ENTRIES], "us": us, "mb": round(node.memory() / 1e6, 1)})
            print(points[-1], flush=True)
    return points


async def nodes(rounds: int) -> Points:
    """``nodes``, ``us`` a message of the one that takes it, and ``others``: µs of all others for one message."""
    points: Points = []
    for count in NODES:
        async with stage(count) as all_nodes, load(ours(all_nodes[-1]), "8k", CALLS_OF) as made:
            one = Loaded(ours(all_nodes[-1]), made)
            await joined(all_nodes[-1], one, SPEAKING)
            await quiet(*(node.process.pid for node in all_nodes))
            us = await _cost(one, _way(SPEAKING), rounds)
            pids = [node.process.pid for node in all_nodes[:-1]]
            before = sum(map(cpu, pids))
            told = await made.do(*_way(SPEAKING).command)
            others = (sum(map(cpu, pids)) - before) / told["sent"] * 1e6
            points.append({"nodes": count, "us": us, "others": round(others, 1)})
            print(points[-1], flush=True)
    return points


async def _cost(one: Loaded, way: Way, rounds: int) -> float:
    one.costs.clear()
    await rounds_of([one], [way], rounds)
    return round(statistics.median(one.costs) * 1e6, 1)


CURVES: dict[str, Callable[[int], Awaitable[Points]]] = {
    "connections": connections,
    "entities": entities,
    "nodes": nodes,
}


async def grow(wanted: list[str], rounds: int) -> dict[str, Points]:
    """The curves that are wanted."""
    return {name: await CURVES[name](rounds) for name in wanted}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CURVES), metavar="CURVE,...")
    parser.add_argument("--rounds", type=int, default=3, help="of each point, besides that which warms up")
    parser.add_argument("--json", type=Path, metavar="FILE", help="puts the curves into FILE; others stay")
    o = parser.parse_args()
    curves = trio.run(grow, o.only.split(","), o.rounds)
    if o.json:
        kept = Results.of(o.json)
        kept.having("growth", kept.growth | curves).write(o.json)


if __name__ == "__main__":
    main()
