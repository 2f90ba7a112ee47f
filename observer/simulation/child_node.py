"""A node as a child process, started as a user starts it: for the demo, the benchmarks, and tests of faults.

Some that form a cluster: `observer.simulation.child_cluster`.
"""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import trio

from observer.simulation.asking import ask
from observer.simulation.free_ports import LOOPBACK, free_ports

PATIENCE = 30.0
"""How long a node may take to listen, to be ready, and to stop once asked to. (s)"""

LOOK = 0.05
"""How often it is looked whether a node has come so far. (s)"""

Block = Mapping[str, Any]
"""A block of configuration, with the keys of YAML."""


class NodeFailed(Exception):
    """A node did not come up, or is not ready in time; the text says why, or what it wrote last."""


class ChildNode:
    """A node that takes samples at `url`; `ops_port` is where it is watched, `cluster_port` where its peers find it.

    It may be stopped or killed and started again, as often as wanted, with one configuration and at the same ports.
    """

    def __init__(self, name: str, folder: Path, config: Block, ports: Sequence[int], *, tell: bool) -> None:
        self.name = name
        self.port, self.ops_port = ports[0], ports[1]
        self.cluster_port = ports[2] if len(ports) > 2 else None
        self.url = f"ws://{LOOPBACK}:{self.port}"
        self.process: trio.Process
        """The process of the last start."""
        self._tell = tell
        self._config, self._log = folder / f"{name}.yaml", folder / f"{name}.log"
        self._config.write_text(json.dumps(config, indent=2))

    async def start(self) -> None:
        """Starts it and waits until it takes connections. Raises `NodeFailed` when it does not come up."""
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C is for the parent, which stops its children in order.
            self.process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "observer", "run", "--config", str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._tell else subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        with trio.move_on_after(PATIENCE):
            while self.runs():
                if await self._listens():
                    return
                await trio.sleep(LOOK)
        raise NodeFailed(self.log()[-2000:].strip() or "it said nothing")

    def runs(self) -> bool:
        """Whether its process was started and has not ended."""
        return hasattr(self, "process") and self.process.poll() is None

    async def get(self, path: str) -> tuple[int, Any]:
        """Status and decoded JSON of a path of its port for operators; `OSError` when there is no answer."""
        status, body = await ask(LOOPBACK, self.ops_port, path)
        return status, orjson.loads(body)

    async def metrics(self) -> str:
        """Its metrics as Prometheus reads them; `OSError` when there is no answer."""
        _, body = await ask(LOOPBACK, self.ops_port, "/metrics")
        return body.decode()

    async def ready(self) -> bool:
        """Whether it says that it is ready."""
        try:
            status, _ = await self.get("/health/readiness")
        except OSError:
            return False
        return status == 200

    async def wait_ready(self, patience: float = PATIENCE) -> None:
        """Waits until it is ready. Raises `NodeFailed` when its process ends, or after `patience` (s)."""
        with trio.move_on_after(patience):
            while self.runs():
                if await self.ready():
                    return
                await trio.sleep(LOOK)
        raise NodeFailed(f"{self.name} is not ready:\n{self.log()[-2000:].strip()}")

    async def output(self) -> AsyncIterator[bytes]:
        """What its last start writes to its standard output, until it ends; there is some with `tell` only.

        The rest of what a killed process wrote still comes.
        """
        process = self.process
        if process.stdout is not None:
            async for chunk in process.stdout:
                yield bytes(chunk)

    def log(self) -> str:
        """What all its starts wrote to standard error."""
        return self._log.read_bytes().decode(errors="replace")

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
        return await self.kill()

    async def kill(self) -> int:
        """Kills it (SIGKILL): it can neither say nor finish anything. Returns its exit code."""
        if self.process.poll() is None:
            self.process.kill()
        return await self.process.wait()

    async def _listens(self) -> bool:
        try:
            stream = await trio.open_tcp_stream(LOOPBACK, self.port)
        except OSError:
            return False
        await stream.aclose()
        return True


@asynccontextmanager
async def child_node(observer: Block, *, tell: bool = False) -> AsyncIterator[ChildNode]:
    """A node with this ``observer`` block of configuration, on free ports of this machine; it is stopped afterwards.

    With `tell` its standard output is a pipe, which must be read. Raises `NodeFailed` when it does not come up.
    """
    ports = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="webrtc-observer-") as folder:
        node = ChildNode("observer", Path(folder), configuration(observer, ports), ports, tell=tell)
        try:
            await node.start()
            yield node
        finally:
            with trio.CancelScope(shield=True):
                await _stop_unread(node)


def configuration(observer: Block, ports: Sequence[int]) -> Block:
    """All of it, from the ``observer`` block and the ports for samples and for operators."""
    return {
        "micronaut": {"server": {"host": LOOPBACK, "port": ports[0]}},
        "endpoints": {"all": {"host": LOOPBACK, "port": ports[1]}},
        "observer": observer,
    }


async def _stop_unread(node: ChildNode) -> None:
    """Stops a node whose output is read by nobody else: a node that is not read cannot deliver, and would wait."""
    if not node.runs():
        return
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_read_on, node)
        await node.stop()
        nursery.cancel_scope.cancel()


async def _read_on(node: ChildNode) -> None:
    async for _ in node.output():
        pass
