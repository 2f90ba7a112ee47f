"""The tables of docs/scaling.md that the model makes."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from benchmarks.capacity_bench.model import (
    MEASURED,
    SIZES,
    Load,
    fits,
    layout,
    message_kb,
    need,
    sample_us,
)
from benchmarks.pages import with_tables

CLIENTS = (100, 1_000, 10_000, 50_000)
PERIODS = (1.0, 5.0, 10.0)
SIZES_OF_CALLS = (2, 5, 10, 20, 50, 100)
IDLE_LIMITS = (60, 300, 900, 1800, 3600)


CONSTANTS = (
    ("a node alone with nothing to do", "at_rest_percent", "% of a core", "samples"),
    ("a member of three with nothing to do", "member_percent", "% of a core", "rows"),
    ("added once samples come", "at_work_percent", "% of a core", "samples"),
    ("a sample without tracks", "sample", "µs", "samples"),
    ("each track of a sample", "sample_track", "µs", "samples"),
    ("a touched row, made, at the node that took the sample", "row_made", "µs", "rows"),
    ("a touched row, applied, at every node", "row_applied", "µs", "rows"),
    ("a touched row, sent, at the leader, for each other node", "row_sent", "µs", "rows"),
    ("a command, at every node", "command", "µs", "rows"),
    ("a touched client with all that is below it, in a command", "touch_bytes", "bytes", "rows"),
    ("a client of five comes, where it comes to", "join_home", "µs", "joins"),
    ("the same, at every other node", "join_elsewhere", "µs", "joins"),
    ("a client of five goes, where it was", "leave_home", "µs", "joins"),
    ("the same, at every other node", "leave_elsewhere", "µs", "joins"),
    ("a member that holds nothing", "node_memory", "kB", "memory"),
    ("what is under way, and what the C library keeps", "work_memory", "kB", "memory"),
    ("an open WebSocket", "connection", "kB", "memory"),
    ("what a client that speaks takes besides its rows, times the size of its message", "message_held", "", "memory"),
    ("a sample that waits, decoded, times its size", "message_decoded", "", "memory"),
    ("a row of the registry, at every node", "row_memory", "kB", "memory"),
    ("a sample without tracks, as sent", "message", "kB", "samples"),
    ("each track of a sample, as sent", "message_track", "kB", "samples"),
    ("the log, full", "log", "kB", "set"),
)
"""What each constant is, its name, its unit, and the run that measures it."""

REQUESTED = (200, 500, 1_000, 2_000, 5_000, 10_000)
MEBIBYTE = 1.048576
WAITING_MB, QUEUED_MB = 64 * MEBIBYTE, 100.0
"""What may wait for the pipeline, as received, and for one sink. (MB)"""

BATCHES = 2
"""So much may wait for the pipeline while it works at as much."""


def constants() -> Iterator[str]:
    """What was measured."""
    head = ("what", "constant", "value", "run")
    rows = (
        (what, f"`{name}`", f"{getattr(MEASURED, name):,g} {unit}".strip(), run) for what, name, unit, run in CONSTANTS
    )
    yield from _table(head, rows)


def requests() -> Iterator[str]:
    """What to ask for on Kubernetes: calls of five, a sample each 5 s, as many nodes as it takes."""
    head = ("clients", "nodes", "requests.cpu", "requests.memory", "limits.memory")
    yield from _table(head, (_request(Load(clients)) for clients in REQUESTED))


def _request(load: Load) -> list[str]:
    _, part = layout(load)
    needs = need(part)
    room = BATCHES * WAITING_MB * MEASURED.message_decoded + QUEUED_MB
    sizes = [f"{_up(megabytes / MEBIBYTE, 64)}Mi" for megabytes in (needs.memory, needs.memory + room)]
    return [f"{load.clients:,}", f"{part.nodes}", f"{_up(needs.leader * 1000, 50)}m", *sizes]


def _up(value: float, step: int) -> int:
    """The next multiple."""
    return math.ceil(value / step) * step


def examples() -> Iterator[str]:
    """What some loads need, in calls of five."""
    head = (
        "clients",
        "period s",
        "samples/s",
        "rows/s",
        "clusters x nodes",
        "leader",
        "others",
        "MB",
        "Mbit/s in",
        "out",
    )
    yield from _table(head, (_example(Load(clients, period)) for clients in CLIENTS for period in PERIODS))


def _example(load: Load) -> list[str]:
    clusters, part = layout(load)
    needs = need(part)
    shares = [f"{share * 100:.0f} %" for share in (needs.leader, needs.other)]
    network = [f"{needs.from_clients:.1f}", f"{needs.from_leader:.1f}"]
    counts = [f"{load.clients:,}", f"{load.period:g}", f"{load.samples_per_s:,.0f}", f"{load.rows_per_s:,.0f}"]
    return [*counts, f"{clusters} x {part.nodes}", *shares, f"{needs.memory:,.0f}", *network]


def most() -> Iterator[str]:
    """How many clients in calls of five fit, to the hundred below, within the bounds too."""
    head = ("period s", *(f"{nodes} nodes" for nodes in SIZES))
    yield from _table(head, ([f"{period:g}", *(f"{_most(period, nodes):,}" for nodes in SIZES)] for period in PERIODS))


def _most(period: float, nodes: int) -> int:
    return next(n for n in count(0, 100) if not fits(Load(n + 100, period, nodes=nodes)))


def rooms() -> Iterator[str]:
    """What the size of a call costs: 1,000 clients, a sample each 5 s."""
    head = ("participants", "tracks", "kB a sample", "µs", "clients a core", "rows/s", "MB where they are", "elsewhere")
    yield from _table(head, (_room(Load(1_000, 5.0, size)) for size in SIZES_OF_CALLS))


def _room(load: Load) -> list[str]:
    cost = sample_us(load)
    everywhere = load.rows * MEASURED.row_memory
    home = MEASURED.connection + MEASURED.message_held * message_kb(load) + everywhere
    of_core = 1e6 / (cost / load.period)
    sizes = [f"{load.participants}", f"{load.tracks}", f"{message_kb(load):.0f}", f"{cost:,.0f}", f"{of_core:,.0f}"]
    return [*sizes, f"{load.rows_per_s:,.0f}", f"{home:,.0f}", f"{everywhere:,.0f}"]


def limits() -> Iterator[str]:
    """What longer idle limits save: 10,000 clients in calls of five, a sample each 5 s."""
    head = ("idle limit s", "rows/s", "leader, rows only", "others, rows only", "leader sends Mbit/s")
    yield from _table(head, (_limit(Load(10_000, 5.0, nodes=5, idle_limit=limit)) for limit in IDLE_LIMITS))


def _limit(load: Load) -> list[str]:
    silent = need(replace(load, idle_limit=1e9))
    needs = need(load)
    shares = [f"{(a - b) * 100:.1f} %" for a, b in ((needs.leader, silent.leader), (needs.other, silent.other))]
    return [f"{load.idle_limit:,.0f}", f"{load.rows_per_s:,.0f}", *shares, f"{needs.from_leader:.1f}"]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(head)
    yield "|---" * len(head) + "|"
    for row in rows:
        yield _row(row)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


ALL = (constants, examples, most, rooms, limits, requests)
"""All of them."""


def into(page: str) -> str:
    """The page with each of its tables as the model has it; a table is known by its head."""
    return with_tables(page, (table() for table in ALL))
