"""What a message costs: processor time of a node for 1000 messages, saturated and at a fixed rate.

    python -m benchmarks.cost [--messages FILE ...] [--rounds 3] [--seconds 4]
                              [--connections 20] [--rated-connections 200] [--rate 0.5] [--rated-seconds 20]

The node runs as a child process with one FileSink that writes to /dev/null; `benchmarks.load` sends from another
process. Without FILE two are made: calls of two and of four in a mesh. The first round is a warm-up. Processor time is
user and system time of the node, all threads, from when all are connected until it is idle again. Compare ratios, not
rates, on a shared machine.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from benchmarks.messages import messages, write
from observer.simulation.child_node import ChildNode, child_node

NODE = {
    "security": {"printConfigs": False},
    "sinks": {"nowhere": {"type": "FileSink", "config": {"path": "/dev/null"}}},
}


@dataclass(frozen=True)
class Row:
    """One way to send one file: processor seconds for 1000 messages, the middle, least and most of the rounds."""

    file: str
    mode: str
    message_bytes: float
    per_second: float
    cpu: list[float]
    trouble: int

    def __str__(self) -> str:
        middle = statistics.median(self.cpu)
        rates = f"{self.per_second:8.0f} {1000 / middle:9.0f}"
        spread = f"{middle:8.3f} {min(self.cpu):8.3f} {max(self.cpu):8.3f}"
        return f"{self.file:<14} {self.mode:<22} {self.message_bytes:8.0f} {spread} {rates} {self.trouble:7}"


HEAD = (
    f"{'messages':<14} {'load':<22} {'bytes':>8} {'CPU s/1k':>8} {'least':>8} {'most':>8} {'msg/s':>8} {'a core':>9}"
    f" {'trouble':>7}"
)


async def measure(node: ChildNode, file: Path, connections: int, rate: float, seconds: float, rounds: int) -> Row:
    """Sends the file in a warm-up and `rounds` rounds."""
    runs: list[dict[str, Any]] = []
    for _ in range(rounds + 1):
        runs.append(await _send(node, file, connections, rate, seconds))
    counted = runs[1:]
    sent = sum(run["sent"] for run in counted)
    return Row(
        file.stem,
        f"{connections} saturating" if not rate else f"{connections} at {rate:g}/s",
        sum(run["bytes"] for run in counted) / sent,
        sent / sum(run["seconds"] for run in counted),
        [run["cpu"] for run in counted],
        sum(run["unanswered"] + sum(run["closed"].values()) for run in runs),
    )


async def _idle(node: ChildNode) -> None:
    """Waits until the node has used no more than 1 % of a core for a moment, at most 30 s."""
    with trio.move_on_after(30):
        quiet = 0
        while quiet < 2:
            before = node.cpu()
            await trio.sleep(1)
            quiet = quiet + 1 if node.cpu() - before <= 0.011 else 0


async def _send(node: ChildNode, file: Path, connections: int, rate: float, seconds: float) -> dict[str, Any]:
    """One round; ``cpu`` is for 1000 messages and counts neither the connecting nor the leaving."""
    arguments = [f"--connections={connections}", f"--rate={rate}", f"--seconds={seconds}", f"--messages={file}"]
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "benchmarks.load", f"--url={node.url}/samples/bench/load", "--step", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    lines = _lines(process)
    if await anext(lines, b"") != b"connected":
        sys.exit("the load generator failed")
    await _idle(node)
    before = node.cpu()
    await _go_on(process)
    result: dict[str, Any] = json.loads(await anext(lines))
    await _idle(node)
    used = node.cpu() - before
    await _go_on(process)
    await process.wait()
    return result | {"cpu": used / result["sent"] * 1000}


async def _lines(process: trio.Process) -> AsyncIterator[bytes]:
    rest = b""
    while process.stdout is not None and (chunk := await process.stdout.receive_some()):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line


async def _go_on(process: trio.Process) -> None:
    if process.stdin is not None:
        await process.stdin.send_all(b"\n")


async def run(o: argparse.Namespace, folder: Path) -> None:
    """Prints a row for each file and mode."""
    files = o.messages or [folder / "pair.jsonl", folder / "mesh-of-4.jsonl"]
    if not o.messages:
        write(files[0], messages(2, o.rated_connections, 20))
        write(files[1], messages(4, o.rated_connections, 20))
    print(HEAD)
    for file in files:
        for connections, rate, seconds in (
            (o.connections, 0.0, o.seconds),
            (o.rated_connections, o.rate, o.rated_seconds),
        ):
            # Each row has a node of its own: what one left behind does not weigh on the next.
            async with child_node(NODE) as node:
                print(await measure(node, file, connections, rate, seconds, o.rounds), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="how long to saturate")
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--rated-connections", type=int, default=200)
    parser.add_argument("--rate", type=float, default=0.5, help="messages a second of each rated connection")
    parser.add_argument("--rated-seconds", type=float, default=20)
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trio.run(run, o, Path(folder))


if __name__ == "__main__":
    main()
