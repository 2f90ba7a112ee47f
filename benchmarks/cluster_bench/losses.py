"""What happens when members are lost: catching up, and fail-over."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import trio

from benchmarks.cluster_bench.group import Group, Process, group

_FILL = {"upserts": 1000, "joins": 100}
_WATCH = 2.5


@dataclass(frozen=True)
class CatchUp:
    """`entities` are there when a follower is killed (-9) and started anew; meanwhile others may `load` the cluster
    with so many entities a command (0: nobody does), and `hogs` processes take what processor time they get."""

    nodes: int = 3
    work: str = "upserts"
    tls: bool = False
    entities: int = 1_000_000
    load: int = 0
    hogs: int = 0
    times: int = 1
    gc: list[int] | None = None


async def caught_up(options: CatchUp) -> None:
    """Prints how the fill went, and a line for each catch-up."""
    async with group(options.nodes, options.work, tls=options.tls, gc=options.gc) as members:
        await _fill(members, options)
        for _ in range(options.times):
            with _hogs(options.hogs):
                print(await _one_catch_up(members, options), flush=True)


async def _fill(members: Group, options: CatchUp) -> None:
    leader, others = await members.split()
    empty = await members.ask_all("usage")
    began = trio.current_time()
    size = _FILL[options.work]
    await leader.ask("load", size=size, proposers=1, seconds=600, most=options.entities)
    seconds = trio.current_time() - began
    await members.settle()
    full = await members.ask_all("usage")
    at = {member.address: index for index, member in enumerate(members.members)}
    held = (await leader.ask("status"))["entities"]

    def of(member: Process, name: str) -> float:
        index = at[member.address]
        return float(full[index][name] - empty[index][name])

    print(
        f"filled with {held} entities in {seconds:.1f} s ({held / seconds:.0f}/s, a command of {size} after the other);"
        f" us for an entity: leader {of(leader, 'cpu') / held * 1e6:.2f},"
        f" follower {of(others[0], 'cpu') / held * 1e6:.2f};"
        f" MB for 100,000: leader {of(leader, 'memory') / held / 10:.1f},"
        f" follower {of(others[0], 'memory') / held / 10:.1f};"
        f" longest stall of the leader {full[at[leader.address]]['stall'] * 1000:.0f} ms",
        flush=True,
    )


async def _one_catch_up(members: Group, options: CatchUp) -> str:
    leader, others = await members.split()
    follower = others[-1]
    async with trio.open_nursery() as nursery:
        if options.load:
            nursery.start_soon(_keep_on, leader, options.load)
            await trio.sleep(0.5)
        _forget_peak(leader)
        await leader.ask("usage")
        before = await leader.ask("usage")
        await follower.kill()
        began = trio.current_time()
        await follower.start()
        ready = await follower.ready()
        whole = trio.current_time() - began
        own, after = await follower.ask("usage"), await leader.ask("usage")
        peak = _peak(leader)
        nursery.cancel_scope.cancel()
    state = await members.alike()
    return (
        f"ready {ready['seconds']:.2f} s after joining began ({whole:.2f} s after its start),"
        f" with {ready['entities']} entities;"
        f" cpu s: follower {own['cpu']:.2f}, leader {after['cpu'] - before['cpu']:.2f};"
        f" peak MB: follower {own['peak'] / 1e6:.0f}, leader {peak / 1e6:.0f} (it held {before['memory'] / 1e6:.0f});"
        f" longest stall ms: follower {own['stall'] * 1000:.0f}, leader {after['stall'] * 1000:.0f};"
        f" snapshots sent, received, aborted: leader {after['snapshots']}, follower {own['snapshots']}; {state}"
    )


_LOAD_ROUND = 3.0


async def _keep_on(member: Process, size: int) -> None:
    while True:
        await trio.lowlevel.checkpoint()
        with trio.CancelScope(shield=True):  # two loads at once would not be told apart
            await member.ask("load", size=size, proposers=1, seconds=_LOAD_ROUND, pause=0.02)


@contextmanager
def _hogs(count: int) -> Iterator[None]:
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def _forget_peak(member: Process) -> None:
    Path(f"/proc/{member.pid}/clear_refs").write_text("5")


def _peak(member: Process) -> int:
    status = Path(f"/proc/{member.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@dataclass(frozen=True)
class FailOver:
    """The leader is killed (-9) `times` times, each time under a load of `proposers` for each member."""

    nodes: int = 3
    tls: bool = False
    size: int = 10
    proposers: int = 2
    times: int = 10


async def failed_over(options: FailOver) -> None:
    """Prints a line for each time, and one for all.

    A gap is the longest time without an acknowledged command on a survivor, from shortly before the loss; the first
    write is the first acknowledgement of a command that was proposed after it.
    """
    firsts, gaps = [], []
    async with group(options.nodes, "upserts", tls=options.tls) as members:
        for number in range(options.times):
            first, gap, back = await _one_fail_over(members, options)
            firsts.append(first)
            gaps.append(gap)
            print(f"{number + 1:3d}: first write {first:.2f} s, longest gap {gap:.2f} s, back {back:.2f} s", flush=True)
        state = await members.alike()
    print(
        f"{options.nodes} nodes, {options.times} times: first write p50 {statistics.median(firsts):.2f} s,"
        f" most {max(firsts):.2f} s;"
        f" longest gap p50 {statistics.median(gaps):.2f} s, most {max(gaps):.2f} s; {state}"
    )


async def _one_fail_over(members: Group, options: FailOver) -> tuple[float, float, float]:
    leader, others = await members.split()
    async with trio.open_nursery() as nursery:
        for member in others:
            nursery.start_soon(_load, member, options)
        await trio.sleep(1)
        await leader.kill()
        killed = time.monotonic()
    firsts, gaps = [], []
    for member in others:
        times: list[tuple[float, float]] = (await member.ask("times"))["times"]
        firsts += [done for proposed, done in times if proposed > killed]
        ends = sorted(done for _, done in times if done > killed - 0.2)
        gaps += [later - earlier for earlier, later in pairwise(ends)]
    began = trio.current_time()
    await leader.start()
    await leader.ready()
    return min(firsts) - killed, max(gaps), trio.current_time() - began


async def _load(member: Process, options: FailOver) -> None:
    fields: dict[str, Any] = {"size": options.size, "proposers": options.proposers, "pause": 0.005}
    await member.ask("load", seconds=1 + _WATCH, **fields)
