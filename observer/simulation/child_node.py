"""One node as a child process, started as a user starts it: for the demo and the benchmarks."""

import json
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

PATIENCE = 30.0
"""How long a node may take to listen, and to stop once asked to. (s)"""

_HOST = "127.0.0.1"


class NodeFailed(Exception):
    """The node did not come up; the text says what it wrote last."""


@dataclass(frozen=True, slots=True)
class ChildNode:
    """A node that takes samples at `url`; `ops_port` is where it is watched."""

    url: str
    ops_port: int
    process: trio.Process

    async def output(self) -> AsyncIterator[bytes]:
        """What it writes to its standard output, until it ends."""
        if self.process.stdout is not None:
            async for chunk in self.process.stdout:
                yield bytes(chunk)

    def memory(self) -> int:
        """Resident memory. (bytes)"""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * 4096

    def cpu(self) -> float:
        """Processor time used so far, in user and system mode. (s)"""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    async def stop(self) -> int:
        """Asks it to stop and returns its exit code; -9 when it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with trio.move_on_after(PATIENCE):
            return await self.process.wait()
        self.process.kill()
        return await self.process.wait()


@asynccontextmanager
async def child_node(observer: Mapping[str, Any], *, tell: bool = False) -> AsyncIterator[ChildNode]:
    """A node with this ``observer`` block of configuration, on free ports of this machine; it is gone afterwards.

    With `tell` its standard output is a pipe, which must be read. Raises `NodeFailed` when it does not come up.
    """
    port, ops_port = _free_ports()
    config = {
        "micronaut": {"server": {"host": _HOST, "port": port}},
        "endpoints": {"all": {"host": _HOST, "port": ops_port}},
        "observer": observer,
    }
    with tempfile.TemporaryDirectory(prefix="webrtc-observer-") as folder, (Path(folder) / "log").open("w+b") as log:
        path = Path(folder) / "observer.yaml"
        path.write_text(json.dumps(config, indent=2))
        # A session of its own: Ctrl-C is for the parent, which stops its child in order.
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "observer", "run", "--config", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if tell else subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
        node = ChildNode(f"ws://{_HOST}:{port}", ops_port, process)
        try:
            if not await _listens(process, port):
                log.seek(0)
                raise NodeFailed(log.read()[-2000:].decode(errors="replace").strip() or "it said nothing")
            yield node
        finally:
            with trio.CancelScope(shield=True):
                await _stop_unread(node)


async def _stop_unread(node: ChildNode) -> None:
    """Stops a node whose output is read by nobody else: a node that is not read cannot deliver, and would wait."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_read_on, node)
        await node.stop()
        nursery.cancel_scope.cancel()


async def _read_on(node: ChildNode) -> None:
    async for _ in node.output():
        pass


def _free_ports() -> tuple[int, int]:
    """Two ports of this machine that nobody listens on."""
    with socket.socket() as one, socket.socket() as other:
        one.bind((_HOST, 0))
        other.bind((_HOST, 0))
        return one.getsockname()[1], other.getsockname()[1]


async def _listens(process: trio.Process, port: int) -> bool:
    with trio.move_on_after(PATIENCE):
        while process.poll() is None:
            try:
                stream = await trio.open_tcp_stream(_HOST, port)
            except OSError:
                await trio.sleep(0.05)
            else:
                await stream.aclose()
                return True
    return False
