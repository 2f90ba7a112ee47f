"""Several servers in turn under one load: what a message costs each of them, round by round."""

import statistics
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from benchmarks.table.servers import Load, Server, cpu, load, quiet
from benchmarks.table.targets import Figure


class Trouble(Exception):
    """Something was refused, closed or not answered: the row does not count; the text says what."""


@dataclass(frozen=True)
class Way:
    """How a row is loaded: as fast as the server takes it, or with `rate` messages a second in all."""

    messages: str
    connections: int
    seconds: float
    rate: float = 0.0
    calls_of: int = 0

    @property
    def command(self) -> tuple[object, ...]:
        """What the load generator is told."""
        return ("rated", self.seconds, self.rate) if self.rate else ("flat", self.seconds)


@dataclass
class Loaded:
    """A server with its load, and what it needed for a message in each round that counted. (s)"""

    server: Server
    load: Load
    costs: list[float] = field(default_factory=list)

    async def round(self, way: Way, *, counts: bool) -> None:
        """One round. Raises `Trouble`."""
        await quiet(self.server.pid)
        before = cpu(self.server.pid)
        told = await self.load.do(*way.command)
        await quiet(self.server.pid)
        used = cpu(self.server.pid) - before
        if not told["sent"] or told["unanswered"] or told["closed"] or told["refused"]:
            raise Trouble(f"{self.server.name}: {told}")
        if counts:
            self.costs.append(used / told["sent"])


async def in_turn(servers: Sequence[tuple[Server, Way]], rounds: int) -> list[list[float]]:
    """Loads them in turn, a round to warm up and so many that count; what a message cost each, by round. (s)

    Each keeps its connections from round to round. Raises `Trouble`.
    """
    async with AsyncExitStack() as stack:
        loaded = []
        for server, way in servers:
            made = await stack.enter_async_context(load(server, way.messages, way.calls_of))
            told = await made.do("open", way.connections)
            if told["failed"]:
                raise Trouble(f"{server.name}: {told}")
            loaded.append(Loaded(server, made))
        return await rounds_of(loaded, [way for _, way in servers], rounds)


async def rounds_of(loaded: Sequence[Loaded], ways: Sequence[Way], rounds: int) -> list[list[float]]:
    """The rounds of servers whose connections are open."""
    for number in range(rounds + 1):
        for one, way in zip(loaded, ways, strict=True):
            await one.round(way, counts=number > 0)
    return [one.costs for one in loaded]


def figure(values: Iterable[float], scale: float = 1.0) -> Figure:
    """The middle, the least and the most."""
    scaled = sorted(value * scale for value in values)
    return Figure(*(round(value, 4) for value in (statistics.median(scaled), scaled[0], scaled[-1])))


def ratio_at_once(costs: Sequence[float], of: Sequence[float]) -> Figure:
    """The ratio of two that were loaded at the same time: each window's, their middle and their range."""
    return figure(one / other for one, other in zip(costs, of, strict=True))


def ratio(costs: Sequence[float], of: Sequence[float]) -> Figure:
    """The ratio of two that were loaded in turn: that of their middles, and the range of the rounds."""
    each = sorted(one / other for one, other in zip(costs, of, strict=True))
    middle = statistics.median(costs) / statistics.median(of)
    return Figure(*(round(value, 4) for value in (middle, min(each[0], middle), max(each[-1], middle))))
