"""What is loaded: nodes of ours and the peer, all of them processes; and the load, another process."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from observer.simulation.child_node import LOOK, Block, ChildNode, child_node
from observer.simulation.free_ports import LOOPBACK, free_ports

BENCHMARKS = Path(__file__).parents[1]
PEERS = BENCHMARKS / "peers"
DATA = BENCHMARKS / "data"

NODE: Block = {
    "security": {"printConfigs": False},
    "sinks": {"nowhere": {"type": "FileSink", "config": {"path": "/dev/null"}}},
}
"""All analysis, all reports, and none of them kept."""

PATIENCE = 180.0
"""How long the load may take for one command, and the peer until it listens. (s)"""


class PeerMissing(Exception):
    """The peer cannot be run here; the text says why."""


def cpu(pid: int) -> float:
    """Processor time of a process so far, all its threads, user and system. (s)"""
    # The clock of another process, as clock_getcpuclockid(3) names it: exact, where /proc counts in hundredths.
    return time.clock_gettime((~pid << 3) | 2)


async def quiet(*pids: int, patience: float = 5.0) -> None:
    """Waits until none of the processes uses more than 4 % of a core for a tenth of a second."""
    with trio.move_on_after(patience):
        while True:
            before = [cpu(pid) for pid in pids]
            await trio.sleep(0.1)
            if all(cpu(pid) - early <= 0.004 for pid, early in zip(pids, before, strict=True)):
                return


class Server:
    """A process that takes samples; `path` is that of its WebSockets, or of its REST door."""

    def __init__(self, name: str, pid: int, address: str, path: str) -> None:
        self.name = name
        self.pid = pid
        self.url = f"{address}{path}"


def ours(node: ChildNode, name: str = "ours", service: str = "bench") -> Server:
    """A node of ours, at its WebSockets. The room is for messages that name none."""
    return Server(name, node.process.pid, node.url, f"/samples/{service}/load?roomId=room")


def ours_at_rest(node: ChildNode, service: str) -> Server:
    """The same, at its REST door."""
    return Server("REST", node.process.pid, node.url.replace("ws", "http", 1), f"/rest/samples/{service}/load")


@asynccontextmanager
async def one_node() -> AsyncIterator[ChildNode]:
    """A node that is alone."""
    async with child_node(NODE) as node:
        yield node


async def install_peer() -> None:
    """Installs observer-js, unless it is. Raises `PeerMissing` if that cannot be."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise PeerMissing("no node and npm here to run observer-js")
    if not (PEERS / "node_modules" / ".package-lock.json").exists():
        words = ["npm", "ci", "--no-audit", "--no-fund"]
        done = await trio.run_process(words, cwd=PEERS, check=False, capture_stdout=True, capture_stderr=True)
        if done.returncode:
            raise PeerMissing("npm could not install observer-js")


@asynccontextmanager
async def peer() -> AsyncIterator[Server]:
    """observer-js behind a server of WebSockets. Raises `PeerMissing` when it cannot be run."""
    await install_peer()
    port = free_ports(1)[0]
    process = await trio.lowlevel.open_process(
        ["node", str(PEERS / "observer-js.js"), str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await _listening(process, port)
        yield Server("observer-js", process.pid, f"ws://{LOOPBACK}:{port}", "/")
    finally:
        process.terminate()
        with trio.CancelScope(shield=True):
            await process.wait()


async def _listening(process: trio.Process, port: int) -> None:
    with trio.move_on_after(PATIENCE):
        while process.poll() is None:
            try:
                await (await trio.open_tcp_stream(LOOPBACK, port)).aclose()
            except OSError:
                await trio.sleep(LOOK)
                continue
            return
    raise PeerMissing("observer-js did not start")


class Load:
    """A load generator that does what it is told; see `benchmarks.load`."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._rest = b""

    async def do(self, *words: object) -> dict[str, Any]:
        """Has it do a command. Raises RuntimeError when it ended."""
        await self.tell(*words)
        return await self.answer()

    async def tell(self, *words: object) -> None:
        """Has it begin a command; `answer` is due for each."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(" ".join(map(str, words)).encode() + b"\n")

    async def answer(self) -> dict[str, Any]:
        """What came of the command, once it is done. Raises RuntimeError when it ended."""
        assert self._process.stdout is not None
        with trio.fail_after(PATIENCE):
            while b"\n" not in self._rest:
                more = await self._process.stdout.receive_some()
                if not more:
                    raise RuntimeError("the load generator has ended")
                self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def load(server: Server, messages: str, calls_of: int = 0) -> AsyncIterator[Load]:
    """A load that goes to `server` and says what is in the file of this name, as `benchmarks.load` tells."""
    words = [f"--url={server.url}", f"--messages={DATA / messages}.jsonl.gz", f"--calls-of={calls_of}"]
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "benchmarks.load", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield Load(process)
    finally:
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
