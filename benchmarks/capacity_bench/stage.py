"""Where a run takes place: nodes as users start them, and crowds of clients, all of them processes."""

import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio

from cluster.certificates import new_authority
from cluster.settings import TlsFiles
from observer.simulation.child_cluster import child_cluster, leading
from observer.simulation.child_node import Block, ChildNode, child_node
from observer.simulation.free_ports import LOOPBACK

PATIENCE = 180.0
"""How long a crowd may take to be made, or to do what it is told. (s)"""

LATE = 2.0
"""How late a sample may be sent at most, for a run to count. (s)"""

IDLE_LIMITS = (
    "callMaxIdleTimeInS",
    "clientsMaxIdle",
    "peerConnectionsMaxIdle",
    "inboundTracksMaxIdle",
    "outboundTracksMaxIdle",
)

NOWHERE: Block = {"type": "FileSink", "config": {"path": "/dev/null"}}
"""A sink that encodes all reports and keeps none."""


@asynccontextmanager
async def stage(count: int, idle_limit: int = 300, sink: Block = NOWHERE) -> AsyncIterator[tuple[ChildNode, ...]]:
    """So many nodes: one that is alone, or a cluster over mutual TLS, its leader first.

    `idle_limit` is that of all rows (s). Clients that close their WebSockets leave after a second.
    """
    block = {
        "security": {"printConfigs": False},
        "sources": {"websocket": {"leaveGraceInS": 1}},
        "repository": dict.fromkeys(IDLE_LIMITS, idle_limit),
        "sinks": {"nowhere": sink},
    }
    if count == 1:
        async with child_node(block) as node:
            yield (node,)
        return
    with tempfile.TemporaryDirectory(prefix="webrtc-observer-") as folder:
        files = _certificates(Path(folder))
        async with child_cluster(block, count, tls=lambda _: files) as nodes:
            first = await leading(nodes)
            yield first, *(node for node in nodes if node is not first)


def _certificates(folder: Path) -> TlsFiles:
    now = datetime.now(UTC)
    authority = new_authority(2, now)
    pair = authority.issue(LOOPBACK, 1, now)
    for name, data in (("ca", authority.pair().certificate), ("cert", pair.certificate), ("key", pair.key)):
        (folder / name).touch(0o600)
        (folder / name).write_bytes(data)
    return TlsFiles(*(str(folder / name) for name in ("ca", "cert", "key")))


class CrowdProcess:
    """A crowd that does what it is told; see `benchmarks.capacity_bench.crowd`."""

    def __init__(self, process: trio.Process, size: int) -> None:
        self.size = size
        """How many clients it has."""
        self._process = process
        self._rest = b""

    async def tell(self, words: str) -> None:
        """Has it do something."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(words.encode() + b"\n")

    async def answer(self) -> dict[str, Any]:
        """Its answer to the first line that it has not answered."""
        assert self._process.stdout is not None
        with trio.fail_after(PATIENCE):
            while b"\n" not in self._rest:
                more = await self._process.stdout.receive_some()
                if not more:
                    raise ProcessLookupError("the crowd has ended")
                self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def do(self, words: str) -> dict[str, Any]:
        """Has it do something, and waits for the answer."""
        await self.tell(words)
        return await self.answer()

    @asynccontextmanager
    async def speaking(self, period: float) -> AsyncIterator[None]:
        """Each client sends a sample each period (s). Raises RuntimeError when that came `LATE`."""
        await self.tell(f"speak {period}")
        yield
        await self.tell("open")
        said, _ = await self.answer(), await self.answer()
        if said["late"] > LATE:
            raise RuntimeError(f"the crowd was {said['late']} s late: this machine has too much to do")

    async def kill(self) -> None:
        """Ends it."""
        if self._process.poll() is None:
            self._process.kill()
        with trio.CancelScope(shield=True):
            await self._process.wait()


@asynccontextmanager
async def crowd(
    nodes: Sequence[ChildNode], clients: int, participants: int, *, sfu: bool = True, seed: int = 1, service: str = ""
) -> AsyncIterator[CrowdProcess]:
    """A crowd that goes to these nodes, each client to the next; it has all that it will say."""
    words = [f"--clients={clients}", f"--participants={participants}", f"--seed={seed}"]
    words += [f"--url={node.url}" for node in nodes]
    words += ["--sfu"] if sfu else []
    words += [f"--service={service}"] if service else []
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "benchmarks.capacity_bench.crowd", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    made = CrowdProcess(process, clients)
    try:
        await made.answer()
        yield made
    finally:
        await made.kill()
