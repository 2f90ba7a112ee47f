"""PySyncObj as shipped in the same network: its own replication and snapshots; only time and the wire are ours."""

import importlib.util
import logging
import pickle
import zlib
from collections import Counter
from collections.abc import Callable
from itertools import count
from random import Random
from types import ModuleType
from typing import Any

from pysyncobj import SyncObjConf, syncobj
from pysyncobj.node import Node
from pysyncobj.transport import Transport

from tests.cluster.simulation.history import START, Chain, History, chained
from tests.cluster.simulation.network import Network, Reply
from tests.cluster.simulation.schedule import Schedule
from tests.cluster.simulation.weather import Climate, Weather

ADDRESSES = ("a:1#0", "b:1#0", "c:1#0")
CLUSTER = "stock"


class StockRun:
    """Three nodes of stock PySyncObj under partitions, and what was found wrong."""

    def __init__(
        self, seed: int, *, compaction: int, batch: bool = True, faults: float = 10.0, settle: float = 6.0
    ) -> None:
        self.wrong: list[str] = []
        self.truncations = 0
        self.acknowledged: set[bytes] = set()
        self.schedule = Schedule()
        self.random = Random(f"stock/{seed}")
        self.network = Network(self.schedule, self.random)
        self.history = History(self.wrong.append)
        self.history.begin(CLUSTER, None, 0, START, [])
        self._module = _private_copy(self.schedule, self.random, self._truncated)
        self.nodes = [StockNode(self, name, self._module, compaction, batch) for name in ADDRESSES]
        weather = Weather(
            self.network, self.random, lambda: [node.address for node in self.nodes], Climate(0.8, 0.8, 3.0, 0, 2.0)
        )
        self.schedule.run(faults, self._died)
        weather.clear()
        for node in self.nodes:
            node.proposes = False
        self.schedule.run(faults + settle, self._died)

    @property
    def lost(self) -> int:
        """How many acknowledged commands are in no state."""
        kept = {line for node in self.nodes for line in node.store.lines}
        return len(self.acknowledged - kept)

    @property
    def differing(self) -> bool:
        """Whether the states still differ, long after the last fault."""
        return len({node.store.chain for node in self.nodes}) > 1

    def _died(self) -> bool:
        return any(node.died for node in self.nodes)

    def _truncated(self) -> None:
        self.truncations += 1


class StockNode:
    """One node; it proposes some commands each tick."""

    def __init__(self, run: StockRun, name: str, module: ModuleType, compaction: int, batch: bool) -> None:
        self.name, self.address, self.alive, self.paused_since = name, name.partition("#")[0], True, None
        self.kept = frozenset(ADDRESSES) - {name}
        self.proposes, self.died = True, False
        self.wire = StockWire(run.network, name)
        self._run, self._number = run, count()
        self.store = _store(module, run, self, compaction, batch)
        run.network.places[self.address] = self
        run.network.keep(self, self.kept)
        run.schedule.at(run.random.uniform(0, 0.05), self._tick)

    def _tick(self) -> None:
        if self.died:
            return
        if self.proposes:
            for _ in range(self._run.random.choice((0, 1, 5))):
                self._propose(f"{self.name}/{next(self._number)}".encode() + b"." * 30)
        self._guarded(self.store.doTick)
        self._run.schedule.after(self._run.random.uniform(0.005, 0.02), self._tick)

    def _propose(self, line: bytes) -> None:
        def done(_: Any, error: int) -> None:
            if error == 0:
                self._run.acknowledged.add(line)

        self.store.put(line, callback=done)

    def _guarded(self, act: Callable[..., None], *arguments: Any) -> None:
        try:
            act(*arguments)
        except (LookupError, TypeError) as error:
            self.died = True
            self._run.wrong.append(f"{self.name} died of {error!r}")

    def received(self, member: str, frame: bytes) -> None:
        self._guarded(self.wire._onMessageReceived, StockName(member), pickle.loads(frame))

    def connected(self, member: str) -> None:
        self.wire._onNodeConnected(StockName(member))

    def disconnected(self, member: str) -> None:
        self.wire._onNodeDisconnected(StockName(member))

    def asked(self, asker: str, question: bytes, reply: Reply) -> None:
        raise NotImplementedError

    def answered(self, address: str, answer: bytes | None) -> None:
        raise NotImplementedError


class StockName(Node):  # type: ignore[misc]
    """A node id whose hash is the same in every run, and with it the order of sets."""

    def __hash__(self) -> int:
        return zlib.crc32(self.id.encode())


class StockWire(Transport):  # type: ignore[misc]
    """PySyncObj's transport on the simulated network."""

    def __init__(self, network: Network, me: str) -> None:
        super().__init__(None, None, None)
        self._network, self._me = network, me

    def send(self, node: Node, message: Any) -> bool:
        return self._network.send(self._me, node.id, pickle.dumps(message))


def _store(module: ModuleType, run: StockRun, node: StockNode, compaction: int, batch: bool) -> Any:
    """A replicated list, as the documentation of PySyncObj makes one."""

    class Store(module.SyncObj):  # type: ignore[misc, name-defined]
        lines: list[bytes]
        chain: Chain

        @module.replicated  # type: ignore[untyped-decorator]
        def put(self, line: bytes) -> None:
            self.lines.append(line)
            self.chain = chained(self.chain, line)
            run.history.applied(node.name, CLUSTER, len(self.lines), line, self.chain)

    others = [StockName(name) for name in ADDRESSES if name != node.name]
    options = SyncObjConf(
        autoTick=False,
        appendEntriesPeriod=0.05,
        raftMinTimeout=0.4,
        raftMaxTimeout=0.9,
        leaderFallbackTimeout=1.5,
        connectionTimeout=3.0,
        appendEntriesUseBatch=batch,
        logCompactionBatchSize=4096,
        logCompactionMinEntries=compaction,
        logCompactionMinTime=10**9,
    )
    store = Store(StockName(node.name), others, options, nodeClass=StockName, transport=node.wire)
    store.lines, store.chain = [], START
    return store


def _private_copy(schedule: Schedule, random: Random, truncated: Callable[[], None]) -> ModuleType:
    """The module of PySyncObj once more, with globals of its own: virtual time, and chance from the seed."""
    spec = importlib.util.spec_from_file_location("pysyncobj.in_virtual_time", syncobj.__file__)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    creep = count()
    module.__dict__["monotonicTime"] = lambda: 1000.0 + schedule.now + next(creep) * 1e-7
    module.__dict__["random"] = random
    module.__dict__["logger"] = _Log(truncated)
    return module


class _Log(logging.Logger):
    """Hears what stock itself calls critical, and keeps the rest to itself."""

    def __init__(self, truncated: Callable[[], None]) -> None:
        super().__init__("stock")
        self.counts: Counter[str] = Counter()
        self._truncated = truncated

    def handle(self, record: logging.LogRecord) -> None:
        if "truncating already-applied" in record.getMessage():
            self._truncated()
