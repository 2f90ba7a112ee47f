"""Where the microseconds of a message go: a node is watched by py-spy while it is loaded.

    python -m benchmarks.profile [--seconds 6] [--functions 0] [--clients N] [--json FILE]

The node takes 8 kB messages: over 20 connections as fast as it can, and over 200 connections, 5 a second each. Samples
of its stack are sorted by the part of the house that the innermost function with a rule belongs to; what C libraries
do counts for the function that calls them. `--functions N` also tells the N functions with the most time of their own.
With `--clients N` so many clients of calls of four, each with tracks of its own, send 1000 messages a second together
instead.

It needs py-spy (`pip install py-spy`), and the right to look into another process.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import trio

from benchmarks.table.crowd import CALLS_OF, RATE, joined
from benchmarks.table.results import Results
from benchmarks.table.rounds import Loaded, Way
from benchmarks.table.servers import load, one_node, ours

WAYS = {"flat": Way("8k", 20, 1.0), "rated": Way("8k", 200, 1.0, rate=1000)}

RULES = (
    ("reports to JSON", r"to_json|sinks/(encoding|lines)\.py"),
    ("event loop", r"web/(turns|gathering)\.py"),
    ("WebSocket", r"\((web|trio_websocket|wsproto|websockets)/|ingest/sessions\.py"),
    ("bytes to samples", r"ingest/(decoder|json_samples|clean\w*)\.py|schemas/(?!report)"),
    (
        "look: what is new",
        r"analysis/(observe\w*|steadiness|hearing|entries|sfu_entries|patience|bounds)\.py|observer/proposals\.py",
    ),
    ("registry and cluster", r"\((store|cluster)/"),
    ("reports", r"analysis/|schemas/report|observer/evaluating\.py"),
    ("sinks and metrics", r"\(sinks/|observer/metrics/"),
    ("pipeline", r"\((observer|ingest)/"),
    ("event loop", r"\((trio|outcome|select|selectors|socket|threading)\b"),
)
"""The parts, each with what is found in a frame (``function (file:line)``) of it; the first that fits counts."""

OTHER = "other"

PARTS = (*dict.fromkeys(part for part, _ in RULES), OTHER)
"""All of them, each once."""

_RULES = tuple((part, re.compile(pattern)) for part, pattern in RULES)
_AT_REST = re.compile(r"_work \(trio/_core/_thread_cache\.py|wait \(threading\.py")
_LINE = re.compile(r":\d+\)$")


def parts_of(stacks: Iterable[str]) -> dict[str, float]:
    """The share of each part in what py-spy wrote in its raw format: ``frame;frame;... count``."""
    counts = Counter(dict.fromkeys(PARTS, 0))
    for frames, count in _awake(stacks):
        counts[part_of(frames)] += count
    every = counts.total() or 1
    return {part: round(count / every, 4) for part, count in counts.items()}


def part_of(frames: list[str]) -> str:
    """The part of the house that the innermost of the frames with a rule belongs to."""
    for frame in reversed(frames):
        for part, pattern in _RULES:
            if pattern.search(frame):
                return part
    return OTHER


def functions_of(stacks: Iterable[str]) -> list[tuple[str, float]]:
    """The functions by the share of their own time, the largest first."""
    counts: Counter[str] = Counter()
    for frames, count in _awake(stacks):
        counts[_LINE.sub(")", frames[-1])] += count
    return [(function, count / (counts.total() or 1)) for function, count in counts.most_common()]


def _awake(stacks: Iterable[str]) -> Iterable[tuple[list[str], int]]:
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if not _AT_REST.search(frames[-1]):
            yield frames, int(count)


async def watched(way: Way, seconds: float) -> list[str]:
    """The stacks of a node that is loaded this way, once it is warm."""
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if spy is None:
        raise SystemExit("py-spy is not installed: pip install py-spy")
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        out = Path(folder) / "stacks"
        node = await stack.enter_async_context(one_node())
        made = await stack.enter_async_context(load(ours(node), way.messages, way.calls_of))
        if way.calls_of:
            await joined(node, Loaded(ours(node), made), way.connections)
        else:
            await made.do("open", way.connections)
        await made.do(*way.command)
        words = [spy, "record", "--pid", str(node.process.pid), "--rate", "400", "--duration", f"{seconds:g}"]
        watching = await trio.lowlevel.open_process(
            [*words, "--format", "raw", "--output", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while watching.poll() is None:
            await made.do(*way.command)
        if watching.returncode:
            raise SystemExit("py-spy could not look into the node")
        return out.read_text().splitlines()


async def profile(ways: Mapping[str, Way], seconds: float, functions: int) -> dict[str, dict[str, float]]:
    """The shares of the parts, way by way, printed as they come."""
    shares = {}
    for name, way in ways.items():
        stacks = await watched(way, seconds)
        shares[name] = parts_of(stacks)
        print(f"\n{name}\n" + "\n".join(lines(shares[name])), flush=True)
        for function, share in functions_of(stacks)[:functions]:
            print(f"    {share:6.1%} {function}")
    return shares


def lines(shares: Mapping[str, float]) -> list[str]:
    """The parts, the largest first."""
    return [f"{share:6.1%} {part}" for part, share in sorted(shares.items(), key=lambda one: -one[1])]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each of the two loads")
    parser.add_argument("--functions", type=int, default=0, help="how many functions are told")
    parser.add_argument("--clients", type=int, default=0, help="so many clients instead of the two loads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="puts the shares into FILE")
    o = parser.parse_args()
    if o.clients and o.json:
        parser.error("what is kept are the shares of the two loads")
    ways = {f"{o.clients} clients": Way("8k", o.clients, 1.0, RATE, CALLS_OF)} if o.clients else WAYS
    shares = trio.run(profile, ways, o.seconds, o.functions)
    if o.json:
        Results.of(o.json).having("profile", shares).write(o.json)


if __name__ == "__main__":
    main()
