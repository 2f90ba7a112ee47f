"""One member of a benchmark: a process that runs a `Cluster`, is told over its standard input what to do, and answers.

Both ways go JSON objects, one a line. `Told` is its command line. It first says ``{"event": "ready", "seconds": ...}``.
"""

import gc
import itertools
import json
import logging
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import trio

from benchmarks.cluster_bench.work import WORK, Work
from cluster.cluster import Cluster
from cluster.machine import Reborn
from cluster.names import host_and_port
from cluster.settings import Endpoint, TlsFiles
from discovery.static import StaticDiscovery
from observer.collecting import Collecting

_BEAT = 0.02


class Told(msgspec.Struct):
    """What a member is started with; `gc` are the thresholds of the collector."""

    address: str
    peers: list[str]
    work: str
    tls: TlsFiles | None = None
    gc: list[int] | None = None


@dataclass
class Load:
    """One load: `proposers` that each commit one command after the other, each an origin of its own."""

    cluster: Cluster[Any]
    work: Work
    size: int
    pause: float = 0.0
    fresh: bool = False
    times: list[tuple[float, float]] = field(default_factory=list)
    """When each command was proposed, and when it was done. (s, of the clock that all processes share)"""
    making: float = 0.0
    """Processor time for making commands, which is no part of the cluster. (s)"""
    reborn: int = 0

    async def run(self, proposers: int, seconds: float, most: float) -> None:
        """Proposes for so long, or until so many entities are committed by each."""
        until = time.monotonic() + seconds
        async with trio.open_nursery() as nursery:
            for _ in range(proposers):
                nursery.start_soon(self._propose, until, most)

    async def _propose(self, until: float, most: float) -> None:
        for origin in (f"{self.cluster.name}/{number}" for number in _NUMBERS):
            try:
                await self._propose_as(origin, until, most)
            except Reborn:
                self.reborn += 1
            else:
                return

    async def _propose_as(self, origin: str, until: float, most: float) -> None:
        done = 0.0
        for seq in itertools.count(1):
            if time.monotonic() >= until or done >= most:
                return
            began = time.thread_time()
            command = self.work.command(origin, seq, self.size, fresh=self.fresh)
            self.making += time.thread_time() - began
            proposed = time.monotonic()
            await self.cluster.commit(command)
            self.times.append((proposed, time.monotonic()))
            done += self.work.in_command(self.size)
            if self.pause:
                await trio.sleep(self.pause)


_NUMBERS = itertools.count()
"""Each proposer of this process is another one."""


class Member:
    """The process: its cluster, its work, and how late its loop has been."""

    def __init__(self, told: Told) -> None:
        host, port = host_and_port(told.address)
        endpoint = Endpoint(told.address, host, port, told.tls)
        self.work: Work = WORK[told.work]()
        self.cluster: Cluster[Any] = Cluster(
            self.work.machine, endpoint, StaticDiscovery(told.peers, told.address).found
        )
        self.load = self._load(1)
        self._making = 0.0
        self._stall = 0.0

    async def run(self) -> None:
        """Serves until its input ends."""
        began = time.monotonic()
        async with trio.open_nursery() as nursery:
            await nursery.start(self.cluster.run)
            nursery.start_soon(self._beat)
            nursery.start_soon(self._tell_when_ready, began)
            async for line in lines(0):
                nursery.start_soon(self._answer, json.loads(line))
            nursery.cancel_scope.cancel()

    async def _tell_when_ready(self, began: float) -> None:
        while not self.cluster.status().quorum:  # noqa: ASYNC110 - a status is polled, as operators do
            await trio.sleep(0.01)
        tell({"event": "ready", "seconds": time.monotonic() - began, "entities": self.work.entities()})

    async def _answer(self, asked: dict[str, Any]) -> None:
        doing: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
            "load": self.do_load,
            "times": self.do_times,
            "usage": self.do_usage,
            "status": self.do_status,
            "digest": self.do_digest,
            "leave": self.do_leave,
        }
        answer = await doing[asked.pop("do")](**{key: asked[key] for key in asked if key != "number"})
        tell({"number": asked["number"], **answer})

    async def do_load(
        self, size: int, proposers: int, seconds: float, pause: float = 0.0, most: float = float("inf")
    ) -> dict[str, Any]:
        """Loads; how many commands and entities it committed."""
        self.load = load = self._load(size, pause, fresh=most < float("inf"))
        await load.run(proposers, seconds, most)
        self._making += load.making
        commands = len(load.times)
        return {"commands": commands, "entities": commands * self.work.in_command(size), "reborn": load.reborn}

    async def do_times(self) -> dict[str, Any]:
        """When the commands of the last load, or the present one, were proposed and done."""
        return {"times": self.load.times}

    async def do_usage(self) -> dict[str, Any]:
        """Processor time but for the making of commands (s), the longest stall since the last asking (s), memory."""
        stall, self._stall = self._stall, 0.0
        statistics = self.cluster.statistics
        return {
            "cpu": time.process_time() - self._making,
            "stall": stall,
            "memory": _memory(),
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "collections": [generation["collections"] for generation in gc.get_stats()],
            "snapshots": [statistics.snapshots_sent, statistics.snapshots_received, statistics.snapshots_aborted],
            "elections": statistics.elections,
        }

    async def do_status(self) -> dict[str, Any]:
        """The status of the cluster, and how much is there."""
        status = self.cluster.status()
        return {**msgspec.to_builtins(status), "entities": self.work.entities()}

    async def do_digest(self) -> dict[str, Any]:
        """What tells states apart."""
        return {"digest": self.work.digest(), "entities": self.work.entities()}

    async def do_leave(self) -> dict[str, Any]:
        """Leaves the cluster."""
        with trio.move_on_after(5) as patience:
            await self.cluster.leave()
        return {"left": not patience.cancelled_caught}

    def _load(self, size: int, pause: float = 0.0, *, fresh: bool = False) -> Load:
        return Load(self.cluster, self.work, size, pause, fresh)

    async def _beat(self) -> None:
        due = time.monotonic()
        while True:
            await trio.sleep(_BEAT)
            now = time.monotonic()
            self._stall = max(self._stall, now - due - _BEAT)
            due = now


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def tell(said: dict[str, Any]) -> None:
    """Writes a line, short enough for a pipe or not."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def lines(descriptor: int) -> Any:
    """The lines that come through a pipe."""
    rest = b""
    async for chunk in trio.lowlevel.FdStream(os.dup(descriptor)):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line


def main() -> None:
    """The command line is one JSON object."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    told = msgspec.json.decode(sys.argv[1], type=Told)
    with Collecting().sparing():
        if told.gc is not None:
            gc.set_threshold(*told.gc)
        trio.run(Member(told).run)


if __name__ == "__main__":
    main()
