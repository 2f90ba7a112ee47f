"""How much a node and a cluster carry: the constants of the capacity model, measured, and what follows from them.

    python -m benchmarks.capacity samples [--sink null|file|logger] [--only 5] [--periods 4,1]
                                            # processor time of a sample, by size of its call and rate
    python -m benchmarks.capacity rows [--clients 1000]
                                            # what a committed row costs on three nodes, and its bytes
    python -m benchmarks.capacity memory    # how memory grows with WebSockets and with clients
    python -m benchmarks.capacity joins     # what clients cost that come and go, and how many come in a second
    python -m benchmarks.capacity check [--clients 600] [--period 3] [--participants 4] [--mesh]
                                            # predicts a load, runs it, and compares
    python -m benchmarks.capacity plan --clients 5000 [--period 5] [--participants 5] ...
                                            # what a load needs; measures nothing
    python -m benchmarks.capacity tables [--write FILE]     # the tables of docs/scaling.md, or puts them in there

Nodes are real processes, started as users start them; those of a cluster speak mutual TLS on loopback. A crowd of
clients in another process sends what simulated calls send, over one WebSocket for each client. Processor time is that
of the node's process, all threads, user and system. On a machine that has other work to do a sample may cost half as
much again: take figures when nothing else runs. It reads /proc, so it needs Linux.
"""

import argparse
import os
import statistics
import tempfile
from dataclasses import fields
from pathlib import Path

import trio

from benchmarks.capacity_bench import readings, runs, tables
from benchmarks.capacity_bench.model import Load, layout, message_kb, need, sample_us
from benchmarks.capacity_bench.stage import NOWHERE
from observer.simulation.child_node import Block


async def samples(o: argparse.Namespace) -> None:
    """Processor time of a sample."""
    with tempfile.TemporaryDirectory(prefix="webrtc-observer-") as folder:
        await runs.samples(o.seconds, o.rounds, o.periods, sink_of(o.sink, Path(folder)), o.only)


def sink_of(name: str, folder: Path) -> Block:
    """The block of a sink: reports are encoded and dropped, written to a file, or counted."""
    if name == "logger":
        return {"type": "LoggerSink", "config": {"printTypeSummary": True}}
    return NOWHERE if name == "null" else {"type": "FileSink", "config": {"path": str(folder / "reports.jsonl")}}


async def rows(o: argparse.Namespace) -> None:
    """What a committed row costs."""
    await runs.rows(o.seconds, o.rounds, o.clients)


async def memory(o: argparse.Namespace) -> None:
    """How memory grows."""
    for _ in range(o.rounds):
        await runs.memory()


async def joins(o: argparse.Namespace) -> None:
    """What coming and going costs."""
    await runs.joins(o.rounds)


async def check(o: argparse.Namespace) -> None:
    """Predicts a load, runs it, and compares."""
    load = load_of(o)
    told = need(load)
    windows = await runs.check(
        load.clients,
        load.period,
        load.participants,
        sfu=not o.mesh,
        seconds=o.window,
        rounds=o.rounds,
        count=load.nodes,
    )
    last = windows[-1]
    seen = last[0].rate(readings.SAMPLES)
    print(f"samples/s of a node: asked for {load.samples_per_s / load.nodes:.1f}, seen {seen:.1f}")
    leader = statistics.median(seen[0].share for seen in windows)
    other = statistics.median(window.share for seen in windows for window in seen[1:])
    measured = {"leader, of a core": leader, "others, of a core": other}
    measured["memory of a node without its log, MB"] = statistics.median(
        (window.after.memory - window.after[readings.LOG]) / 1e6 for window in last
    )
    measured["sent by the leader, Mbit/s"] = last[0].rate(readings.SENT) * 8 / 1e6
    measured["log, bytes/s"] = last[0].rate(readings.LOG)
    predicted = (told.leader, told.other, told.memory_without_log, told.from_leader, told.log_bytes_per_s)
    for (name, found), said in zip(measured.items(), predicted, strict=True):
        print(f"{name:>36}: predicted {said:10.3f}, measured {found:10.3f}, error {said / found - 1:+.0%}")
    if not last[0].after[readings.LEADER]:
        print("the leader changed: this run does not count")
    print(f"trouble: {sum(window.after.trouble for window in last):g}")


async def plan(o: argparse.Namespace) -> None:
    """What a load needs."""
    load = load_of(o)
    clusters, part = (1, load) if o.nodes else layout(load)
    told = need(part)
    print(f"{load.samples_per_s:,.0f} samples/s of {message_kb(load):.0f} kB, {sample_us(load):,.0f} us each")
    print(
        f"{load.rows_per_s:,.0f} rows/s are committed; {told.rows_ceiling:,.0f} would take a whole core of the leader"
    )
    print(f"{clusters} x {part.nodes} nodes")
    print(f"of a core: the leader {told.leader:.0%}, the others {told.other:.0%}")
    print(f"memory of a node: {told.memory:,.0f} MB")
    print(f"from clients to a node: {told.from_clients:,.1f} Mbit/s; from the leader: {told.from_leader:,.1f} Mbit/s")


async def write_tables(o: argparse.Namespace) -> None:
    """The tables of the page: printed, or put in it."""
    if o.write:
        o.write.write_text(tables.into(o.write.read_text()))
        return
    for table in tables.ALL:
        print("\n".join(table()), end="\n\n")


def load_of(o: argparse.Namespace) -> Load:
    """The load that the command line asks for; in a mesh each client has a peer connection to each other."""
    given = {f.name: value for f in fields(Load) if (value := getattr(o, f.name, None)) is not None}
    return Load(**given)


def _load_arguments(command: argparse.ArgumentParser, *, clients: int | None, period: float, participants: int) -> None:
    command.add_argument("--clients", type=int, default=clients, required=clients is None)
    command.add_argument("--period", type=float, default=period, help="time between two samples of a client (s)")
    command.add_argument("--participants", type=int, default=participants, help="of a call")
    command.add_argument("--nodes", type=int, default=3 if clients else None, help="as few as do, unless given")
    command.add_argument("--mesh", action="store_true", help="each is connected to each other; there is no SFU")


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in {"samples": samples, "rows": rows, "memory": memory, "joins": joins, "check": check}.items():
        command = commands.add_parser(name, help=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument("--rounds", type=int, default=1 if run is memory else 3)
        command.add_argument("--seconds", type=float, default=6.0, help="of a round")
        if run is samples:
            command.add_argument("--sink", choices=("null", "file", "logger"), default="null")
            command.add_argument(
                "--periods", type=_numbers, default=[4.0, 1.0], metavar="S,...", help="time between two samples (s)"
            )
            command.add_argument(
                "--only", type=int, choices=[size for size, _ in runs.SHAPES], help="calls of this size"
            )
        if run is rows:
            command.add_argument("--clients", type=int, default=1000)
        if run is check:
            command.add_argument("--window", type=float, default=35.0, help="of a round (s)")
            _load_arguments(command, clients=600, period=3.0, participants=4)
    planning = commands.add_parser("plan", help=plan.__doc__)
    planning.set_defaults(run=plan)
    _load_arguments(planning, clients=None, period=5.0, participants=5)
    planning.add_argument("--received", type=int, help="tracks that a client receives, unless those of all others")
    planning.add_argument("--idle-limit", type=float, help="after what time rows close (s)")
    planning.add_argument("--stay", type=float, help="how long a client stays (s)")
    writing = commands.add_parser("tables", help=write_tables.__doc__)
    writing.set_defaults(run=write_tables)
    writing.add_argument("--write", type=Path, metavar="FILE", help="a page with these tables, which are made anew")
    return parser


def main() -> None:
    """The command line."""
    o = _parser().parse_args()
    if o.run in (plan, write_tables):
        trio.run(o.run, o)
        return
    print(f"load average {os.getloadavg()[0]:.1f}")
    trio.run(o.run, o)
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
