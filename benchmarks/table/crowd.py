"""The rows about ten thousand clients: what a message costs, memory, pauses, and what it takes when all come back."""

import re
from collections.abc import Sequence
from contextlib import AsyncExitStack

import trio

from benchmarks.capacity_bench.readings import CLIENTS, Reading, read
from benchmarks.table.rounds import Loaded, Trouble, Way, figure, ratio_at_once, rounds_of
from benchmarks.table.servers import cpu, load, one_node, ours, quiet
from benchmarks.table.steady import Steady, steadily
from benchmarks.table.targets import Figure, Measured
from observer.simulation.child_node import ChildNode

KEYS = ("connected", "memory", "storm", "gc")

MANY, FEW = 10_000, 100
CALLS_OF = 4
RATE = 1000.0
"""Messages a second in all, of many as of few."""

_WARM_UP = 20.0
"""So long that each of many has spoken twice at their steady pace. (s)"""

WINDOW = 30.0
"""As long as it takes until the signs of life of all clients have been committed once: shorter ones have those of some,
or of none. (s)
"""

_BURST = 3.0
"""How long they send in turn, while the others are silent. (s)"""

_PATIENCE = 60.0
_LAG = "observertc_event_loop_lag_seconds"
_CLASS = re.compile(r'observertc_garbage_collection_pause_seconds_bucket\{le="([^"]+)"\}')


async def measure(rounds: int) -> dict[str, Measured]:
    """All of these rows, on one node with many clients, and another with few. Raises `Trouble`."""
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(one_node()) for _ in range(2)]
        before = nodes[1].memory()
        loaded = []
        for node, count in zip(nodes, (FEW, MANY), strict=True):
            server = ours(node)
            loaded.append(Loaded(server, await stack.enter_async_context(load(server, "8k", CALLS_OF))))
            await joined(node, loaded[-1], count)
        connected = await _connected(nodes, loaded, rounds)
        held = (nodes[1].memory() - before) / MANY
        storm = await stormed(nodes[1], loaded[1])
        return {
            "connected": connected,
            "memory": Measured({"kb": _once(held / 1000)}),
            "storm": storm,
            "gc": await _paused(nodes[1]),
        }


async def _connected(nodes: Sequence[ChildNode], loaded: Sequence[Loaded], rounds: int) -> Measured:
    """Both are spoken to all the time, at once; also what a message costs where they are in turn, with silence between.

    Raises `Trouble`.
    """
    few, many = await steadily(nodes, [one.load for one in loaded], Steady(RATE, _WARM_UP, WINDOW, rounds))
    in_turn = await rounds_of(loaded, [Way("8k", count, _BURST, RATE, CALLS_OF) for count in (FEW, MANY)], rounds)
    also = _us("", few, many) | _us(" silent between bursts", *in_turn)
    return Measured({"ratio": ratio_at_once(many, few)}, also)


def _us(how: str, few: Sequence[float], many: Sequence[float]) -> dict[str, float]:
    """What a message cost, few and many, by how that is told."""
    return {f"us at {count}{how}": figure(costs, 1e6).middle for count, costs in ((FEW, few), (MANY, many))}


async def joined(node: ChildNode, one: Loaded, count: int, rate: float = RATE) -> None:
    """Opens sessions until there are `count`, each of which sends a sample; all are clients then. Raises `Trouble`."""
    told = await one.load.do("open", count, rate)
    if told["failed"]:
        raise Trouble(f"not all connections opened: {told}")
    await one.load.do("once", rate)
    await all_there(node, count)


async def all_there(node: ChildNode, count: int) -> Reading:
    """Waits until there are so many clients and nothing is to be done; a reading of then. Raises `Trouble`."""
    with trio.move_on_after(_PATIENCE):
        while True:
            await quiet(node.process.pid, patience=_PATIENCE)
            reading = await read(node)
            if reading[CLIENTS] == count:
                return reading
    raise Trouble(f"there are not {count} clients")


async def stormed(node: ChildNode, one: Loaded) -> Measured:
    """All sessions break at once and come back as fast as the node takes them; then each client speaks again."""
    pid = node.process.pid
    began = cpu(pid)
    await one.load.do("reset")
    await quiet(pid, patience=_PATIENCE)
    broken = cpu(pid)
    breaking = (await read(node))[_LAG]
    told = await one.load.do("open", MANY)
    await quiet(pid, patience=_PATIENCE)
    back = cpu(pid)
    lag = (await read(node))[_LAG]
    spoken = await one.load.do("once", RATE)
    after = await all_there(node, MANY)
    if after.trouble or spoken["closed"]:
        raise Trouble(f"after the storm {after.trouble:g} was not taken: {spoken}")
    figures = {"cpu": _once(back - broken), "failed": _once(told["failed"]), "blocked": _once(lag * 1000)}
    also = {
        "s of CPU to see that all are gone": broken - began,
        "ms blocked by that": breaking * 1000,
        "s until all were back": told["seconds"],
    }
    return Measured(figures, {name: round(value, 2) for name, value in also.items()})


async def _paused(node: ChildNode) -> Measured:
    """The bound of the highest class in which there was a pause since the node began. (ms)"""
    classes = sorted(
        (float(found[1]), count)
        for name, count in (await read(node)).metrics.items()
        if (found := _CLASS.match(name)) is not None
    )
    if not classes:
        return Measured(missing="the node does not tell its pauses")
    return Measured({"pause": _once(next(bound for bound, count in classes if count == classes[-1][1]) * 1000)})


def _once(value: float) -> Figure:
    return Figure(*[round(value, 4)] * 3)
