"""What a large registry costs: its memory, its snapshots, and the pauses of Python's garbage collector.

    python -m benchmarks.store_sizes [--calls 25000] [--clients 4] [--peer-connections 2] [--tracks 4] [--freeze]

Builds the registry by commands as a node applies them, lets clients leave and join, reads a snapshot part by part with
and without commands in between, restores it, and closes everything. For each it tells the longest single step, and the
longest pause of the collector for each of its generations. `--freeze` calls `gc.freeze` after the registry is built, so
that no full collection looks at it again.
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from resource import getpagesize
from typing import TypeVar

from store.commands import CLIENT, ClientSeen, Command, Leave, PeerConnectionSeen, Sweep, TrackSeen, encode
from store.machine import Machine

Made = TypeVar("Made")

NOW = 1_700_000_000_000
ORIGIN = "observer-0.observer:5601#0123456789abcdef"
KINDS = (("OUTBOUND", "AUDIO"), ("OUTBOUND", "VIDEO"), ("INBOUND", "AUDIO"), ("INBOUND", "VIDEO"))
CHURN = 5000
"""How many clients leave, each followed by another, while pauses are measured."""


class Clock:
    """The longest of some steps, and how long all of them took. (ms)"""

    def __init__(self) -> None:
        self.longest = self.total = 0.0
        self.steps = 0

    def time(self, step: Callable[[], Made]) -> Made:
        """Does one step."""
        began = time.perf_counter()
        made = step()
        took = (time.perf_counter() - began) * 1000
        self.longest = max(self.longest, took)
        self.total += took
        self.steps += 1
        return made


class Pauses:
    """The longest pause of the collector by its generations, since it was looked at last. (ms)"""

    def __init__(self) -> None:
        self._began = 0.0
        self._longest = [0.0, 0.0, 0.0]
        gc.callbacks.append(self._note)

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
            return
        generation = info["generation"]
        took = (time.perf_counter() - self._began) * 1000
        self._longest[generation] = max(self._longest[generation], took)

    def taken(self) -> str:
        """What there was; starts anew."""
        longest, self._longest = self._longest, [0.0, 0.0, 0.0]
        return " ".join(f"{pause:8.1f}" for pause in longest)


class Load:
    """Commands that make, move and end simulated calls."""

    def __init__(self, machine: Machine, clients: int, peer_connections: int, tracks: int) -> None:
        self.machine = machine
        self._clients = clients
        self._peer_connections = peer_connections
        self._tracks = tracks
        self._seqs = count(1)
        self._ssrcs = count(1)

    def begin(self, room: int) -> None:
        """All clients of a room join."""
        self._apply(seen=[self._client(room, f"client-{room}-{number}") for number in range(self._clients)])

    def replace(self, room: int, number: int) -> None:
        """A client of a room leaves, and another comes."""
        name = f"client-{room}-{number % self._clients}"
        self._apply(leaves=[Leave(CLIENT, "service", name, True)])
        self._apply(seen=[self._client(room, name)])

    def end(self) -> None:
        """Everything expires."""
        self._apply(now=NOW + 1_000_000, sweep=Sweep(*[1] * len(Sweep._fields)))

    def _apply(self, now: int = NOW, **parts: object) -> None:
        seq = next(self._seqs)
        self.machine.apply(encode(Command(ORIGIN, seq, now, seq - 1)._replace(**parts)))  # type: ignore[arg-type]

    def _client(self, room: int, name: str) -> ClientSeen:
        connections = [
            PeerConnectionSeen(f"{name}-pc-{number}", NOW, NOW, list(self._tracks_of(name)))
            for number in range(self._peer_connections)
        ]
        call = f"6b1f6a1e-0000-4000-8000-{room:012d}"
        return ClientSeen(
            "service", f"room-{room}", name, call, False, NOW, NOW, "unit", f"user-{name}", None, 2.0, connections
        )

    def _tracks_of(self, name: str) -> Iterator[TrackSeen]:
        for number in range(self._tracks):
            direction, kind = KINDS[number % len(KINDS)]
            yield TrackSeen(direction, kind, f"{name}-track-{number}", NOW, NOW, [next(self._ssrcs)], None, None)


def resident() -> int:
    """The memory of this process that is in use. (bytes)"""
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()


@contextmanager
def row(name: str, pauses: Pauses) -> Iterator[Clock]:
    """Prints what was timed in its block."""
    clock = Clock()
    pauses.taken()
    yield clock
    print_row(name, clock, pauses.taken())


def print_row(name: str, clock: Clock, pauses: str = "") -> None:
    """One row of the table."""
    print(f"{name:34} {clock.steps:7d} {clock.total:9.0f} {clock.longest:9.1f}   {pauses}", flush=True)


def read(machine: Machine, name: str, pauses: Pauses, between: Callable[[], object] | None = None) -> list[bytes]:
    """The parts of a snapshot; `between` is done after each."""
    with row(f"{name}: snapshot()", pauses) as clock:
        snapshot = clock.time(machine.snapshot)
    parts: list[bytes] = []
    with row(f"{name}: __next__()", pauses) as clock:
        while (part := clock.time(lambda: next(snapshot, None))) is not None:
            parts.append(part)
            if between:
                between()
    return parts


def restore(parts: list[bytes], pauses: Pauses) -> Machine:
    """Another machine of this state."""
    machine = Machine()
    restoring = machine.restoring()
    with row("take()", pauses) as clock:
        for part in parts:
            clock.time(lambda part=part: restoring.take(part))  # type: ignore[misc]
    with row("finish()", pauses) as clock:
        clock.time(restoring.finish)
    return machine


def measure(options: argparse.Namespace) -> None:
    """All rows of the table."""
    pauses = Pauses()
    load = Load(Machine(), options.clients, options.peer_connections, options.tracks)
    before = resident()
    print(f"{'step':34} {'steps':>7} {'total ms':>9} {'longest':>9}   {'gc 0':>8} {'gc 1':>8} {'gc 2':>8}")
    with row("a call begins", pauses) as clock:
        for room in range(options.calls):
            clock.time(lambda room=room: load.begin(room))  # type: ignore[misc]
    registry = load.machine.registry
    rows = len(registry.calls) + len(registry.clients) + registry.peer_connections + registry.tracks
    held = resident() - before
    if options.freeze:
        gc.freeze()
    rooms = count()

    def churn() -> None:
        number = next(rooms)
        load.replace(number * 7 % options.calls, number)

    with row("a client leaves, another joins", pauses) as clock:
        for _ in range(CHURN):
            clock.time(churn)
    with row("a full collection", pauses) as clock:
        clock.time(gc.collect)
    parts = read(load.machine, "at rest", pauses)
    under_way = Clock()
    read(load.machine, "under load", pauses, lambda: under_way.time(churn))
    print_row("  a client leaves, another joins", under_way)
    restored = restore(parts, pauses)
    assert len(restored.registry.clients) == len(registry.clients)
    gc.collect()
    gc.disable()
    with row("everything closes", pauses) as clock:
        clock.time(load.end)
    unreachable = gc.collect()
    size = sum(map(len, parts))
    print(f"\n{rows} rows: {held / 1e6:.0f} MB, {held / rows * 1e5 / 1e6:.1f} MB for each 100,000")
    print(f"a snapshot: {len(parts)} parts, {size / 1e6:.1f} MB, the largest {max(map(len, parts)) / 1024:.1f} KiB")
    print(f"{unreachable} objects in cycles after everything closed")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=25_000)
    parser.add_argument("--clients", type=int, default=4, help="of each call")
    parser.add_argument("--peer-connections", type=int, default=2, help="of each client")
    parser.add_argument("--tracks", type=int, default=4, help="of each peer connection")
    parser.add_argument("--freeze", action="store_true", help="spare the built registry full collections")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
