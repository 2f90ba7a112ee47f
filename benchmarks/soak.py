"""A long, even load on one node: does its memory stay flat?

    python -m benchmarks.soak [--minutes 10] [--connections 200] [--period 2] [--tolerance 0.03]

The node runs as a child process with one FileSink that writes to /dev/null. Four fifths of the connections belong to
calls of four that last all the time, one fifth to calls of four that last 30 s and are followed by others, so that
entities come and go. Memory (resident) and processor time are read from /proc every 5 s. Memory is flat when the
straight line through it after the first minute, drawn over that time, rises by less than the tolerance. Exit code 0:
flat, and nothing failed, was refused, rejected or dropped.
"""

import argparse
import sys
import urllib.request
from dataclasses import dataclass
from functools import partial

import trio

from observer.simulate import Options, simulate
from observer.simulation.child_node import ChildNode, child_node
from observer.simulation.client import Summary

SAMPLING = 5.0
WARM_UP = 60.0
CHURNING = 0.2
CHURN_CALL_SECONDS = 30.0
IN_A_CALL = 4

NODE = {
    "security": {"printConfigs": False},
    "sources": {"websocket": {"leaveGraceInS": 5}},
    "repository": {
        "callMaxIdleTimeInS": 15,
        "clientsMaxIdle": 15,
        "peerConnectionsMaxIdle": 15,
        "inboundTracksMaxIdle": 15,
        "outboundTracksMaxIdle": 15,
    },
    "sinks": {"nowhere": {"type": "FileSink", "config": {"path": "/dev/null"}}},
}
"""What has gone is forgotten within the first minute, so that the number of entities is steady after it."""

TROUBLE = ("rejected", "dropped", "failed", "refused", "errors")


@dataclass(frozen=True)
class Moment:
    """One reading: time (s) since the start, resident memory (bytes), processor time (s), and what was sent so far."""

    at: float
    memory: int
    cpu: float
    open: int
    samples: int
    errors: int


async def soak(o: argparse.Namespace) -> int:
    """Runs it and prints a line a minute and the verdict; the exit code."""
    seconds = o.minutes * 60
    steady, churning = Summary(), Summary()
    moments: list[Moment] = []
    async with child_node(NODE) as node:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch, node, (steady, churning), moments, o)
            async with trio.open_nursery() as load:
                for options, summary in zip(_loads(node.url, seconds, o), (steady, churning), strict=True):
                    load.start_soon(partial(simulate, options, summary=summary))
            nursery.cancel_scope.cancel()
        trouble = await trio.to_thread.run_sync(_trouble, node.ops_port)
        code = await node.stop()
    return verdict(moments, (steady, churning), trouble, code, o.tolerance)


def _loads(url: str, seconds: float, o: argparse.Namespace) -> tuple[Options, Options]:
    churning = max(1, round(o.connections * CHURNING / IN_A_CALL))
    steady = max(1, round(o.connections / IN_A_CALL) - churning)
    common = {"url": url, "service": "soak", "participants": IN_A_CALL, "seconds": seconds, "period": o.period}
    ramp = min(10.0, seconds / 10)
    return (
        Options(**common, calls=steady, ramp=ramp, stagger=0.01),
        Options(**common, calls=churning, ramp=ramp, stagger=0.1, call_seconds=CHURN_CALL_SECONDS),
    )


async def _watch(node: ChildNode, sent: tuple[Summary, ...], moments: list[Moment], o: argparse.Namespace) -> None:
    print(f"{'minute':>6} {'memory MB':>10} {'sessions':>9} {'msg/s':>7} {'CPU %':>6} {'errors':>7}")
    began = trio.current_time()
    told = 0
    while True:
        now = Moment(
            trio.current_time() - began,
            node.memory(),
            node.cpu(),
            sum(summary.open for summary in sent),
            sum(summary.samples for summary in sent),
            sum(summary.errors + summary.refused for summary in sent),
        )
        moments.append(now)
        if now.at >= (told + 1) * 60:
            told += 1
            print(_line(told, next(m for m in moments if m.at >= now.at - 60), now), flush=True)
        await trio.sleep_until(began + len(moments) * SAMPLING)


def _line(minute: int, before: Moment, now: Moment) -> str:
    passed = max(now.at - before.at, 0.001)
    rate, cpu = (now.samples - before.samples) / passed, (now.cpu - before.cpu) / passed * 100
    return f"{minute:6} {now.memory / 1e6:10.1f} {now.open:9} {rate:7.1f} {cpu:6.1f} {now.errors:7}"


def _trouble(ops_port: int) -> list[str]:
    """The counters of the node that say something went wrong, and are not zero."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ops_port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    counters = [line for line in lines if not line.startswith("#") and "_total" in line]
    of_trouble = [line for line in counters if any(word in line.split("{")[0] for word in TROUBLE)]
    return [line for line in of_trouble if float(line.rpartition(" ")[2]) > 0]


def verdict(moments: list[Moment], sent: tuple[Summary, ...], trouble: list[str], code: int, tolerance: float) -> int:
    """Tells how it went; 0 when memory is flat and nothing failed, was refused, rejected or dropped, else 1."""
    # The last call ends all at once at the end; what is freed or kept then is no part of the slope.
    counted = [m for m in moments if WARM_UP <= m.at <= moments[-1].at * 0.98]
    slope = slope_of([(m.at, float(m.memory)) for m in counted])
    span = counted[-1].at - counted[0].at if counted else 0.0
    mean = sum(m.memory for m in counted) / len(counted) if counted else 0.0
    flat = span > 0 and slope * span < tolerance * mean
    errors = sum(summary.errors + summary.refused for summary in sent)
    samples = sum(summary.samples for summary in sent)
    print(f"{samples} samples of {sum(s.clients for s in sent)} clients in {sum(s.calls for s in sent)} calls")
    print(f"CPU: {moments[-1].cpu / max(samples, 1) * 1000:.3f} s for 1000 messages, start and idle included")
    print(f"errors: {errors}" + "".join(f"; {s.last_error}" for s in sent if s.last_error))
    print("\n".join(["counters of trouble:", *trouble]) if trouble else "counters of trouble: all zero")
    print(f"exit code of the node: {code}")
    rise = f"{slope * 60 / 1e6:+.3f} MB a minute, {slope * span / mean:+.1%} in all" if mean else "too short"
    print(f"flat after the first minute: {'yes' if flat else 'no'} ({rise})")
    return 0 if flat and not errors and not trouble and code == 0 else 1


def slope_of(points: list[tuple[float, float]]) -> float:
    """The slope of the straight line that fits best; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    x0 = sum(x for x, _ in points) / len(points)
    y0 = sum(y for _, y in points) / len(points)
    return sum((x - x0) * (y - y0) for x, y in points) / sum((x - x0) ** 2 for x, _ in points)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--period", type=float, default=2, help="time between two samples of a client (s)")
    parser.add_argument("--tolerance", type=float, default=0.03, help="rise that still counts as flat (share)")
    return trio.run(soak, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
