"""The runs, each of which measures some constants of the model; they print what they see, row by row."""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import trio

from benchmarks.capacity_bench import decoded, fits, readings
from benchmarks.capacity_bench.model import MEASURED
from benchmarks.capacity_bench.readings import CLIENTS, COMMANDS, LEADER, LOG, SAMPLES, SENT, Reading, Window
from benchmarks.capacity_bench.stage import NOWHERE, CrowdProcess, crowd, stage
from observer.simulation.child_node import Block, ChildNode

SETTLING = 2.0
"""How long a crowd speaks before it is looked at. (s)"""

AGES = 6000
"""An idle limit with which no row is touched while anybody looks. (s)"""

ALWAYS = 8
"""An idle limit with which every sample touches every row, and within which a crowd can come. (s)"""

COMING = 2.5
"""In what time a crowd comes. (s)"""

RESTING = MEASURED.member_percent / 100
"""What a member uses that has nothing to do. (share of a core)"""

SHAPES = ((2, False), (5, True), (20, True))
"""Participants of a call, and whether it goes through an SFU. Without, each is connected to each other."""


async def samples(
    seconds: float, rounds: int, periods: Sequence[float], sink: Block = NOWHERE, only: int | None = None
) -> None:
    """What a sample costs on a node that is alone, by the size of its call (or `only` one): 200 clients, each of which
    sends one in each of these `periods` (s)."""
    print(f"{'call':>8} {'tracks':>6} {'kB':>6} {'reports':>7} {'samples/s':>9} {'CPU %':>6} {'us a sample':>11}")
    async with stage(1, AGES, sink) as nodes:
        rest = statistics.median([(await readings.watch(nodes, seconds))[0].share for _ in range(rounds)])
    print(f"{'at rest':>8} {'':>6} {'':>6} {'':>7} {0:9.0f} {rest * 100:6.2f}", flush=True)
    spoken = []
    for participants, sfu in SHAPES:
        if only not in (None, participants):
            continue
        async with stage(1, AGES, sink) as nodes, crowd(nodes, 200, participants, sfu=sfu) as clients:
            await _join(clients, nodes, 200)
            windows: dict[float, list[Window]] = {period: [] for period in periods}
            for _ in range(rounds):
                for period, seen in windows.items():
                    seen.append((await _spoken(clients, nodes, period, seconds))[0])
        for seen in windows.values():
            spoken.append(_spoken_of(seen))
            print(_sample_row(f"{participants} {'SFU' if sfu else 'mesh'}", seen, spoken[-1]), flush=True)
    if len({one.tracks for one in spoken}) > 1 and len(periods) > 1:
        _tell(fits.of_samples(rest, spoken))


def _spoken_of(seen: Sequence[Window]) -> fits.Spoken:
    kb = statistics.median(window.gain(readings.BYTES) / window.gain(SAMPLES) for window in seen) / 1000
    rate = statistics.median(window.rate(SAMPLES) for window in seen)
    return fits.Spoken(_tracks(seen[-1].after), kb, rate, statistics.median(window.share for window in seen))


def _sample_row(name: str, seen: Sequence[Window], spoken: fits.Spoken) -> str:
    reports = statistics.median(window.gain(readings.REPORTS) / window.gain(SAMPLES) for window in seen)
    costs = [window.cpu / window.gain(SAMPLES) * 1e6 for window in seen]
    spread = f"{statistics.median(costs):11.0f} ({min(costs):.0f} to {max(costs):.0f})"
    trouble = f"  TROUBLE {seen[-1].after.trouble:g}" if seen[-1].after.trouble else ""
    said = f"{name:>8} {spoken.tracks:6.0f} {spoken.kb:6.1f} {reports:7.1f}"
    return f"{said} {spoken.rate:9.1f} {spoken.share * 100:6.2f} {spread}{trouble}"


def _tracks(reading: Reading) -> float:
    tracks = sum(reading[f'{readings.ENTRIES}{{storage="{way}_tracks"}}'] for way in ("inbound", "outbound"))
    return tracks / reading[CLIENTS]


async def rows(seconds: float, rounds: int, size: int, count: int = 3) -> None:
    """What a committed row costs who made it, the leader and the others: `size` clients, all at one follower.

    As many clients with few rows and with many tell the cost of a command from that of a row.
    """
    print(
        f"{'':>20} {'rows/s':>7} {'cmd/s':>6} | {'home':>7} {'leader':>7} {'other':>7} CPU % | bytes a row | sent kB/s"
    )
    async with stage(count, AGES) as nodes:
        await readings.calm(nodes)
        rest = _row_row("at rest", [await readings.watch(nodes, seconds) for _ in range(rounds)], touched=False)
        untouched = [await _rows_of(nodes, size, calls, seconds, rounds, touched=False) for calls in (2, 20)]
    async with stage(count, ALWAYS) as nodes:
        touched = [await _rows_of(nodes, size, calls, seconds, rounds, touched=True) for calls in (2, 20)]
        if not (await readings.read(nodes[0]))[LEADER]:
            print("the leader changed: this run does not count")
    seen = [replace(one, untouched=other.home) for one, other in zip(touched, untouched, strict=True)]
    _tell(fits.of_rows(rest.other, seen, count - 1))


async def _rows_of(
    nodes: Sequence[ChildNode], size: int, participants: int, seconds: float, rounds: int, *, touched: bool
) -> fits.Committed:
    # Ids of their own: who has left is not to be taken for who comes.
    async with crowd(nodes[1:2], size, participants, seed=participants) as clients:
        await _join(clients, nodes, size)
        windows = [await _spoken(clients, nodes, 2.0, seconds) for _ in range(rounds)]
        await clients.do("leave")
        await readings.until(nodes, CLIENTS, 0, 0)
    return _row_row(f"{'touched' if touched else 'not'}, calls of {participants}", windows, touched=touched)


def _row_row(name: str, seen: Sequence[list[Window]], *, touched: bool) -> fits.Committed:
    at = seen[-1][1].after
    clients = statistics.median(windows[1].rate(SAMPLES) for windows in seen) if touched else 0.0
    rate = clients * at.rows / at[CLIENTS] if touched else 0.0
    commands = statistics.median(windows[0].rate(COMMANDS) for windows in seen)
    leader, home, other = (statistics.median(windows[n].share for windows in seen) for n in (0, 1, 2))
    log = statistics.median(windows[0].rate(LOG) for windows in seen)
    sent = [statistics.median(windows[n].rate(SENT) for windows in seen) / 1000 for n in (1, 0, 2)]
    shares = f"{home * 100:7.2f} {leader * 100:7.2f} {other * 100:7.2f}"
    told = f"{name:>20} {rate:7.0f} {commands:6.1f} | {shares}       | {log / rate if rate else 0:11.1f}"
    print(f"{told} | {sent[0]:.1f} {sent[1]:.1f} {sent[2]:.1f}", flush=True)
    return fits.Committed(clients, rate, commands, home, 0.0, leader, other, log)


async def memory(participants: Sequence[int] = (5, 20), step: int = 500, count: int = 3) -> None:
    """How memory grows: open WebSockets that say nothing, and clients with all their rows, at home and elsewhere."""
    print(f"{'':>22} {'clients':>7} {'rows':>7} | {'home':>6} {'leader':>6} {'other':>6} MB | log MB")
    silent, busy = [], []
    async with stage(count) as nodes, AsyncExitStack() as stack:
        rest = await _held(nodes, "at rest", 0)
        for n in (1, 2):
            clients = await stack.enter_async_context(crowd(nodes[1:2], step, 2, sfu=False, seed=n))
            await clients.do("open")
            await trio.sleep(SETTLING)
            silent.append(await _held(nodes, f"{n * step} WebSockets", n * step))
    for size in participants:
        async with stage(count) as nodes, AsyncExitStack() as stack:
            steps = []
            for n in (1, 2):
                clients = await stack.enter_async_context(crowd(nodes[1:2], step, size, seed=n))
                await clients.do("join 50")
                await readings.until(nodes, CLIENTS, n * step)
                await _spoken(clients, nodes, 5.0, 10.0)
                steps.append(await _held(nodes, f"{n * step} in calls of {size}", n * step))
            busy.append(steps)
    waiting = max(decoded.times_its_size(size, sfu=sfu) for size, sfu in SHAPES)
    _tell({**fits.of_memory(rest.other, silent, busy), "message_decoded": waiting})


async def _held(nodes: Sequence[ChildNode], name: str, clients: int) -> fits.Held:
    leader, home, other = [await readings.read(node) for node in nodes]
    told = [reading.memory / 1e6 for reading in (home, leader, other)]
    log, received = home[LOG] / 1e6, home[SAMPLES]
    kb = home[readings.BYTES] / received / 1000 if received else 0.0
    held = f"{home[CLIENTS]:7.0f} {home.rows:7.0f}"
    print(f"{name:>22} {held} | {told[0]:6.1f} {told[1]:6.1f} {told[2]:6.1f}    | {log:.1f}", flush=True)
    return fits.Held(clients, home.rows, kb, told[0], told[2], log)


async def joins(rounds: int, clients: int = 300, participants: int = 5, count: int = 3) -> None:
    """What a client costs that comes and goes, and how many come in a second: all at one follower, then everywhere."""
    print(f"{'':>14} {'clients/s':>9} {'rows':>5} | {'home':>7} {'leader':>7} {'other':>7} us a client | log bytes")
    seen: dict[str, list[list[float]]] = defaultdict(list)
    async with stage(count, AGES) as nodes:
        for where, homes in (("at one", nodes[1:2]), ("everywhere", nodes)):
            for n in range(rounds):
                async with crowd(homes, clients, participants, seed=n + 1) as storm:
                    await readings.calm(nodes)
                    before = [await readings.read(node, begins=True) for node in nodes]
                    await storm.do("join 0")
                    after = await readings.until(nodes, CLIENTS, clients)
                    seconds = after[0].at - before[-1].at
                    there = await _at_rest_again(nodes)
                    seen[f"{where} in"].append(_join_row(f"{where} in", clients, seconds, before, there))
                    await storm.do("leave")
                    await readings.until(nodes, CLIENTS, 0, 0)
                    gone = await _at_rest_again(nodes)
                    seen[f"{where} out"].append(_join_row(f"{where} out", clients, 0, there, gone))
    named = {}
    for what, way in (("join", "at one in"), ("leave", "at one out")):
        named[f"{what}_home"] = statistics.median(costs[0] for costs in seen[way])
        named[f"{what}_elsewhere"] = statistics.median((costs[1] + costs[2]) / 2 for costs in seen[way])
    _tell(named)


async def _at_rest_again(nodes: Sequence[ChildNode]) -> list[Reading]:
    await readings.calm(nodes)
    return [await readings.read(node, begins=True) for node in nodes]


def _join_row(
    name: str, clients: int, seconds: float, before: Sequence[Reading], after: Sequence[Reading]
) -> list[float]:
    """Prints it; processor time of a client at home, at the leader and at the other, without resting. (us)"""
    resting = RESTING * (after[0].at - before[0].at)
    costs = [(after[n].cpu - before[n].cpu - resting) / clients * 1e6 for n in (1, 0, 2)]
    each = max(after[0].rows, before[0].rows) / clients
    rate = f"{clients / seconds:9.0f}" if seconds else f"{'':9}"
    log = (after[0][LOG] - before[0][LOG]) / clients
    told = f"{name:>14} {rate} {each:5.1f} | {costs[0]:7.0f} {costs[1]:7.0f} {costs[2]:7.0f}             |"
    print(f"{told} {log:.0f}", flush=True)
    return costs


async def check(
    clients: int, period: float, participants: int, *, sfu: bool, seconds: float, rounds: int, count: int
) -> list[list[Window]]:
    """A configuration with the idle limits that a node has by itself, clients spread over all nodes."""
    async with stage(count) as nodes, crowd(nodes, clients, participants, sfu=sfu) as everyone:
        await everyone.do(f"join {clients / 30}")
        await readings.until(nodes, CLIENTS, clients)
        async with everyone.speaking(period):
            await trio.sleep(SETTLING)
            return [await readings.watch(nodes, seconds) for _ in range(rounds)]


async def _join(clients: CrowdProcess, nodes: Sequence[ChildNode], count: int) -> None:
    await clients.do(f"join {count / COMING:g}")
    await readings.until(nodes, CLIENTS, count)


async def _spoken(clients: CrowdProcess, nodes: Sequence[ChildNode], period: float, seconds: float) -> list[Window]:
    async with clients.speaking(period):
        await trio.sleep(SETTLING)
        seen = await readings.watch(nodes, seconds)
    taken, sent = sum(window.rate(SAMPLES) for window in seen), clients.size / period
    if abs(taken / sent - 1) > 0.1:
        print(f"{taken:.0f} samples a second were taken of {sent:.0f}: this row does not count", flush=True)
    return seen


def _tell(constants: Mapping[str, float]) -> None:
    print("\n" + "\n".join(f"{name:>16} = {value:.4g}" for name, value in constants.items()) + "\n", flush=True)
