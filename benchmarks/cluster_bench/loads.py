"""Throughput, latency and what resting costs."""

from dataclasses import dataclass
from typing import Any

import trio

from benchmarks.cluster_bench.group import Group, group

_WARM_UP = 1.0

HEAD = (
    f"{'nodes':>5} {'tls':>3} {'size':>5} {'prop.':>5} {'cmd/s':>7} {'entities/s':>10}"
    f" {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7}"
    f" {'us L':>7} {'us F':>7} {'cpu L':>6} {'cpu F':>6} {'stall L':>7} {'stall F':>7}  state"
)


@dataclass(frozen=True)
class Load:
    """One row. `proposers` are those of each member that proposes: `where` is all, leader or follower."""

    nodes: int = 3
    work: str = "upserts"
    tls: bool = False
    size: int = 100
    proposers: int = 2
    where: str = "all"
    pause: float = 0.0
    seconds: float = 3.0
    gc: list[int] | None = None


async def loaded(load: Load) -> str:
    """A row of `HEAD`: processor time is that of the leader, and the mean of the others; us are for an entity."""
    async with group(load.nodes, load.work, tls=load.tls, gc=load.gc) as members:
        await _run(members, load, _WARM_UP)
        await members.settle()
        await members.ask_all("usage")
        before = await members.ask_all("usage")
        began = trio.current_time()
        answers, times = await _run(members, load, load.seconds)
        seconds = trio.current_time() - began
        await members.settle()
        after = await members.ask_all("usage")
        leader, _ = await members.split()
        at = members.members.index(leader)
        state = await members.alike()
    cpu = [late["cpu"] - early["cpu"] for early, late in zip(before, after, strict=True)]
    stall = [late["stall"] * 1000 for late in after]
    others = [index for index in range(load.nodes) if index != at]
    follower = sum(cpu[index] for index in others) / max(len(others), 1)
    entities = max(sum(answer["entities"] for answer in answers), 1)
    commands = sum(answer["commands"] for answer in answers)
    times.sort()
    if any(late["elections"] != early["elections"] for early, late in zip(before, after, strict=True)):
        state += ", an election"
    return (
        f"{load.nodes:5d} {'yes' if load.tls else 'no':>3} {load.size:5d} {load.proposers:5d}"
        f" {commands / seconds:7.0f} {entities / seconds:10.0f}"
        f" {_at(times, 0.5):7.2f} {_at(times, 0.99):7.2f} {_at(times, 1.0):7.1f}"
        f" {cpu[at] / entities * 1e6:7.2f} {follower / entities * 1e6:7.2f}"
        f" {cpu[at] / seconds:6.0%} {follower / seconds:6.0%}"
        f" {stall[at]:7.0f} {max((stall[index] for index in others), default=0.0):7.0f}  {state}"
    )


async def _run(members: Group, load: Load, seconds: float) -> tuple[list[dict[str, Any]], list[float]]:
    """Loads; what each proposing member answered, and how long commands took. (ms)"""
    leader, others = await members.split()
    proposing = {"all": [leader, *others], "leader": [leader], "follower": others[:1]}[load.where]
    answers: list[dict[str, Any]] = []

    async def ask(member: Any) -> None:
        fields = {"size": load.size, "proposers": load.proposers, "pause": load.pause}
        answers.append(await member.ask("load", seconds=seconds, **fields))

    async with trio.open_nursery() as nursery:
        for member in proposing:
            nursery.start_soon(ask, member)
    took = [(done - proposed) * 1000 for member in proposing for proposed, done in (await member.ask("times"))["times"]]
    return answers, took


def _at(times: list[float], share: float) -> float:
    return times[min(int(len(times) * share), len(times) - 1)] if times else float("nan")


async def resting(nodes: int, tls: bool, seconds: float) -> str:
    """A row: how long it took until all were ready, and the processor time of each member that has nothing to do."""
    began = trio.current_time()
    async with group(nodes, "upserts", tls=tls) as members:
        ready = trio.current_time() - began
        await trio.sleep(1)
        usage = await members.ask_all("usage")
        await trio.sleep(seconds)
        after = await members.ask_all("usage")
        leader, others = await members.split()
    shares = {
        member.address: (late["cpu"] - early["cpu"]) / seconds
        for member, early, late in zip(members.members, usage, after, strict=True)
    }
    mean = sum(shares[other.address] for other in others) / max(len(others), 1)
    memory = after[0]["memory"] / 1e6
    return (
        f"{nodes:5d} {'yes' if tls else 'no':>3} {ready:8.1f} {shares[leader.address]:8.1%} {mean:10.1%} {memory:9.0f}"
    )


REST_HEAD = f"{'nodes':>5} {'tls':>3} {'ready s':>8} {'leader':>8} {'follower':>10} {'memory MB':>9}"
