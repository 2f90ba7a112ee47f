"""Real nodes for tests: the whole observer in this process, on ports of loopback, its reports in a file.

Tests that let minutes pass take a ``MockClock(rate=1.0)`` as pytest fixture; `Node.pass_time` moves it on. The node's
wall clock follows trio's clock, so idle limits pass with it.

With ``OBSERVER_NODES=3`` in the environment, the node of each test is one of three: all that holds for a node alone
holds for it too. What the other two tell, it tells.
"""

import json
import os
import random
import re
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import trio
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock, wait_all_tasks_blocked

from observer.config import Configuration, parse
from observer.node import Ports, run_node
from tests.web_client import Answer, Session, request, websocket

NOW = 1_700_000_000_000
"""The wall clock of a node when its test begins. (ms since the epoch)"""

of_nodes = int(os.environ.get("OBSERVER_NODES", "1"))
"""How many nodes the cluster has that the node of a test belongs to; 1 stands for a node alone."""

BARRIERS = 2
"""How many client samples, in as many messages, `Node.reports` sends of its own."""

_PATIENCE_S = 30.0
_STEP_S = 1.0
_POLL_S = 0.002
_BARRIER = "barrier-"
_numbers = count(1)

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """One report as it stood in the sink's file."""

    type: str
    payload: Mapping[str, Any]
    envelope: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.payload[key]

    @property
    def name(self) -> str | None:
        """The name of the event, or None of another report."""
        name: str | None = self.payload.get("name") if self.type.endswith("_EVENT") else None
        return name


@dataclass(eq=False)
class Node:
    """A running observer and what its tests do with it."""

    port: int
    ops_port: int
    file: "Lines"
    stop: trio.Event
    stopped: trio.Event = field(default_factory=trio.Event)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    delivered: bool | None = None
    """Once it was stopped: whether all that it had accepted was delivered."""
    others: Sequence["Lines"] = ()
    """The files of other nodes whose reports count as those of this one."""
    _written: bytearray = field(default_factory=bytearray)

    async def post(
        self,
        *samples: object,
        body: bytes | None = None,
        service: str = "svc",
        unit: str = "mu",
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> Answer:
        """Posts one Samples object with these client samples, or `body` as it is."""
        content = json.dumps({"clientSamples": samples}).encode() if body is None else body
        named = {"Content-Type": "application/octet-stream"} | dict(headers or {})
        target = f"/rest/samples/{service}/{unit}" + (f"?{urlencode(query)}" if query else "")
        return await request(self.port, "POST", target, named.items(), content)

    @asynccontextmanager
    async def websocket(self, *, service: str = "svc", unit: str = "mu", **query: str) -> AsyncIterator[Session]:
        """An open WebSocket session."""
        target = f"/samples/{service}/{unit}" + (f"?{urlencode(query)}" if query else "")
        async with websocket(self.port, target) as session:
            yield session

    async def reports(self, over: Session | None = None, *, service: str = "svc") -> list[Told]:
        """The reports of everything sent before, except those told by earlier calls of this.

        Sends clients of its own behind what was sent (over REST, or `over` a session) and waits until they are
        reported: the second is in a later batch than all that was sent before the first.
        """
        for _ in range(BARRIERS):
            name = f"{_BARRIER}{next(_numbers)}"
            barrier = {"clientId": name, "roomId": name, "callId": name, "timestamp": 1}
            barrier |= {"pcTransports": [{"peerConnectionId": name}]}
            if over is None:
                assert (await self.post(barrier, service=service)).status == 200
            else:
                await over.send(json.dumps({"clientSamples": [barrier]}))
            await self._wait_told(name)
        return self.take()

    async def reports_until(self, *names: str) -> list[Told]:
        """Waits until events of all these names (repeated ones so many times) were told; all reports until then."""
        told: list[Told] = []
        with trio.move_on_after(_PATIENCE_S):
            while True:
                told += self.take()
                missing = list(names)
                for report in told:
                    if report.name in missing:
                        missing.remove(report.name)
                if not missing:
                    break
                await trio.sleep(_POLL_S)
        return told + await self.reports()

    async def pass_time(self, seconds: float) -> None:
        """Lets so many seconds pass at once, in steps, so that what is due in between happens in between."""
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, MockClock), "the test takes no MockClock"
        while seconds > 0:
            clock.jump(min(seconds, _STEP_S))
            seconds -= _STEP_S
            await wait_all_tasks_blocked()

    async def upgrade(self, path: str) -> Answer:
        """Asks for a WebSocket on this path; the answer, if it is not a WebSocket."""
        key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13"}
        asked = {"Connection": "Upgrade", "Upgrade": "websocket"} | key
        return await request(self.port, "GET", path, asked.items())

    async def preflight(self, headers: Mapping[str, str]) -> Answer:
        """Asks, as browsers do, whether a page of another origin may post."""
        return await request(self.port, "OPTIONS", "/rest/samples/svc/mu", headers.items())

    async def by_reason(self, name: str) -> dict[str, float]:
        """The samples of a metric that are not 0, by their label `reason`."""
        samples = [sample for sample in await self._samples() if sample.name == name]
        return {sample.labels["reason"]: sample.value for sample in samples if sample.value}

    async def get(self, path: str) -> Answer:
        """Asks the ops port."""
        return await request(self.ops_port, "GET", path)

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of a metric that have these labels; 0.0 if there are none."""
        samples = [sample for sample in await self._samples() if sample.name == name]
        return sum(float(sample.value) for sample in samples if labels.items() <= sample.labels.items())

    async def _samples(self) -> list[Any]:
        text = (await self.get("/metrics")).text
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    async def stop_and_wait(self) -> list[Told]:
        """Stops the node as SIGTERM does, waits until it is down; the reports that were not yet told."""
        self.stop.set()
        with trio.fail_after(_PATIENCE_S):
            await self.stopped.wait()
        return self.take()

    async def kill(self) -> None:
        """Ends the node in the middle of whatever it does."""
        self.scope.cancel()
        await self.stopped.wait()

    async def standing(self) -> Mapping[str, Any]:
        """What it tells of its cluster."""
        told: Mapping[str, Any] = json.loads((await self.get("/info")).text)["cluster"]
        return told

    async def wait_ready(self) -> None:
        """Waits until samples may come."""
        with trio.fail_after(_PATIENCE_S):
            while (await self.get("/health/readiness")).status != 200:  # noqa: ASYNC110 - a node is asked from outside
                await trio.sleep(_POLL_S)

    async def _wait_told(self, name: str) -> None:
        searched = 0
        with trio.fail_after(_PATIENCE_S):
            while self._written.find(name.encode(), searched) < 0:
                searched = max(0, len(self._written) - len(name))
                await trio.sleep(_POLL_S)
                self._read_on()

    def _read_on(self) -> None:
        for file in (self.file, *self.others):
            self._written += file.more()

    def take(self) -> list[Told]:
        """What was written since the last call, without the barriers."""
        self._read_on()
        whole, self._written = self._written, bytearray()
        told = [_told(json.loads(line)) for line in whole.splitlines()]
        return [report for report in told if not str(report.payload.get("roomId")).startswith(_BARRIER)]


@dataclass
class Lines:
    """A file that grows by lines, which may not be there yet."""

    path: Path
    _read: int = 0

    def more(self) -> bytes:
        """The whole lines that were written since the last call."""
        if not self.path.exists():
            return b""
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        return whole + newline


def _told(envelope: dict[str, Any]) -> Told:
    return Told(envelope["type"], envelope["payload"], envelope)


def now_of_trio() -> int:
    """The wall clock of the nodes here: it follows trio's clock. (ms since the epoch)"""
    return NOW + int(trio.current_time() * 1000)


@asynccontextmanager
async def running(
    folder: Path,
    *,
    nodes: int | None = None,
    epoch: int | None = None,
    sink: Mapping[str, object] | None = None,
    **blocks: Any,
) -> AsyncIterator[Node]:
    """A node whose `observer` configuration has these blocks; `sink` adds to the block of its FileSink.

    Its wall clock begins at `epoch` (ms), or else follows `now_of_trio`. It is one of `nodes`, or of `of_nodes`.
    """
    async with cluster(folder, nodes or of_nodes, epoch=epoch, sink=sink, **blocks) as (node, *others):
        node.others = [other.file for other in others]
        yield node


@asynccontextmanager
async def cluster(folder: Path, nodes: int = 3, **settings: Any) -> AsyncIterator[Sequence[Node]]:
    """Nodes that are one observer, once all of them are ready; a single one is alone. `settings` are of `members`."""
    async with members(folder, nodes, **settings) as start:
        started = [await start(number) for number in range(nodes)]
        if nodes > 1:
            for node in started:
                await node.wait_ready()
        yield started


@asynccontextmanager
async def members(
    folder: Path,
    nodes: int = 3,
    *,
    epoch: int | None = None,
    sink: Mapping[str, object] | None = None,
    timing: Mapping[str, int] | None = None,
    **blocks: Any,
) -> AsyncIterator[Callable[[int], Awaitable[Node]]]:
    """Starts one of so many nodes that know of each other, by its number; again, if it has ended.

    They keep time generously, since steps of a MockClock and busy machines are nothing that they should notice;
    `timing` says otherwise, with keys of ``storageGrid``. A block that is a function gives that of each node, by its
    number.
    """
    begun = trio.current_time()
    hamok = _hamok(nodes, timing or {})
    files = [Lines(folder / (f"reports-{number}.jsonl" if number else "reports.jsonl")) for number in range(nodes)]

    def now() -> int:
        return now_of_trio() if epoch is None else epoch + int((trio.current_time() - begun) * 1000)

    async def run(
        configuration: Configuration, file: Lines, *, task_status: trio.TaskStatus[Node] = trio.TASK_STATUS_IGNORED
    ) -> None:
        stop = trio.Event()

        async def until_stopped(task_status: trio.TaskStatus[Ports]) -> None:
            node.delivered = await run_node(configuration, now=now, stop=stop, task_status=task_status)

        with trio.CancelScope() as scope:
            async with trio.open_nursery() as own:
                ports: Ports = await own.start(until_stopped)
                node = Node(ports.port, ports.ops_port, file, stop, scope=scope)
                task_status.started(node)
        node.stopped.set()

    async def start(number: int) -> Node:
        own = {name: block(number) if callable(block) else block for name, block in blocks.items()}
        tree = _tree(files[number].path, sink or {}, hamok[number] | own)
        node: Node = await nursery.start(run, parse(json.dumps(tree), {}), files[number])
        return node

    async with _plain_errors(), trio.open_nursery() as nursery:
        yield start
        nursery.cancel_scope.cancel()


def _hamok(nodes: int, timing: Mapping[str, int]) -> list[dict[str, Any]]:
    """The blocks of the members of a cluster; a single node has none."""
    if nodes == 1:
        return [{}]
    host = f"127.{random.randint(1, 250)}.{random.randint(0, 250)}.{random.randint(1, 250)}"
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.create_server((host, 0))) for _ in range(nodes)]
        ports = [of.getsockname()[1] for of in sockets]
    discovery = {"config": {"peers": {f"node-{port}": {"host": host, "port": port} for port in ports}}}
    limits = {"linkTimeoutInS": 10, "pingIntervalInS": 1}
    grid = {"heartbeatInMs": 200, "followerMaxIdleInMs": 2000, "peerMaxIdleInMs": 10_000} | dict(timing)
    return [
        {
            "hamok": {
                "endpoint": {"config": {"serverHost": host, "serverPort": port, "limits": limits}},
                "discovery": discovery,
                "storageGrid": grid,
            }
        }
        for port in ports
    ]


def _tree(path: Path, sink: Mapping[str, object], blocks: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration. The sink may take its time: its thread does not know that a MockClock jumps."""
    file = {"type": "FileSink", "config": {"path": str(path), "maxBytes": 10**10}, "sendTimeoutInS": 10**6}
    own: dict[str, Any] = {
        "buffers": {"samplesCollector": {"maxTimeInMs": 10}, "reportsCollector": {"maxTimeInMs": 10}},
        "sinks": {"file": file | dict(sink)},
    }
    return {
        "micronaut": {"server": {"host": "127.0.0.1", "port": 0}},
        "endpoints": {"all": {"host": "127.0.0.1", "port": 0}},
        "observer": own | dict(blocks),
    }


@asynccontextmanager
async def _plain_errors() -> AsyncIterator[None]:
    """Lets a lone error out of its groups, so that a failed assertion reads as one."""
    try:
        yield
    except BaseExceptionGroup:
        error = sys.exc_info()[1]
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        assert error is not None
        raise error from None


UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"""What a generated id looks like."""
