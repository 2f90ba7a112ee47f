"""One observer as a real process, started as a user starts it; it can be killed, stopped, halted, and started again.

Its file of reports goes on from one life to the next, as a volume of an operator does.
"""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import trio

from observer.simulation.asking import ask

PATIENCE = 30.0
"""How long a node may take to become ready, or to stop. (s)"""

_POLL = 0.02

_ENTRIES = re.compile(r'^observertc_repository_entries\{storage="(\w+)"\} (\S+)$', re.MULTILINE)

_ROUND_AGE = re.compile(r"^observertc_pipeline_round_age_seconds (\S+)$", re.MULTILINE)

Config = Mapping[str, Any]


@dataclass(eq=False)
class Life:
    """One process of a node; the times are of trio's clock. `begins_at` is where its part of the reports begins.

    `silenced` is when it was killed, halted, or cut off: the others go on without it. `behind` is for how long, when it
    was killed, its pipeline had not come to take samples: it waited for the cluster, or for its share of the machine.
    """

    node: str
    number: int
    begins_at: int
    started: float
    killed: float | None = None
    silenced: list[float] = field(default_factory=list)
    behind: float = 0.0

    def silenced_within(self, begin: float, end: float) -> float | None:
        """When it was silenced between two times; ``None`` if it was not."""
        return next((at for at in self.silenced if begin < at < end), None)

    def __str__(self) -> str:
        return f"{self.node}/{self.number}"


class Node:
    """An observer at fixed ports. `prefix` stands before its command, to run it in a network namespace."""

    def __init__(
        self, name: str, folder: Path, host: str, ports: Sequence[int], config: Config, prefix: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.host = host
        self.port, self.ops_port, self.cluster_port = ports
        self.reports = folder / f"{name}.jsonl"
        self.log = folder / f"{name}.log"
        self.lives: list[Life] = []
        self._config = folder / f"{name}.json"
        self._config.write_text(json.dumps(config, indent=2))
        self._prefix = prefix
        self._process: trio.Process | None = None

    @property
    def url(self) -> str:
        """Where it takes samples by WebSocket."""
        return f"ws://{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """Where its peers find it."""
        return f"{self.host}:{self.cluster_port}"

    @property
    def life(self) -> Life:
        """The present life, or the last one."""
        return self.lives[-1]

    def runs(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Starts a process and does not wait until it listens."""
        assert not self.runs(), f"{self.name} runs already"
        self.reports.touch()
        with self.log.open("ab") as log:
            self._process = await trio.lowlevel.open_process(
                [*self._prefix, sys.executable, "-m", "observer", "run", "--config", str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self.lives.append(Life(self.name, len(self.lives), self.reports.stat().st_size, trio.current_time()))

    async def kill(self) -> float:
        """Ends the process with SIGKILL; when that was."""
        return await kill(self)

    async def stop(self, patience: float = PATIENCE) -> int:
        """Asks the process to end with SIGTERM; its exit code. Raises `trio.TooSlowError` when it takes too long."""
        self.signal(signal.SIGTERM)
        with trio.fail_after(patience):
            return await self.wait_ended()

    def halt(self) -> None:
        """Halts the process with SIGSTOP: it stays, and does nothing."""
        self.signal(signal.SIGSTOP)
        self.life.silenced.append(trio.current_time())

    def go_on(self) -> None:
        """Lets a process that was halted go on."""
        self.signal(signal.SIGCONT)

    async def end(self) -> None:
        """Ends the process, however it does; for the end of a test."""
        if self.runs():
            self.signal(signal.SIGCONT)
            await self.kill()

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a path of the port for operators. Raises `OSError` when there is no answer."""
        return await ask(self.host, self.ops_port, path)

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        """What it says of its readiness; status 0 while it does not answer."""
        try:
            status, body = await self.get("/health/readiness")
        except OSError:
            return 0, {}
        return status, orjson.loads(body)

    async def standing(self) -> dict[str, Any]:
        """What it says of its cluster; nothing while it does not answer."""
        try:
            _, body = await self.get("/info")
        except OSError:
            return {}
        return dict(orjson.loads(body).get("cluster", {}))

    async def entries(self) -> dict[str, int]:
        """How many entities its registry holds, by kind, as its metrics say."""
        text = (await self.get("/metrics"))[1].decode()
        return {kind: int(float(figure)) for kind, figure in _ENTRIES.findall(text)}

    async def behind(self) -> float:
        """For how long its pipeline has not come to take samples. (s)"""
        found = _ROUND_AGE.search((await self.get("/metrics"))[1].decode())
        return float(found[1]) if found else 0.0

    async def is_ready(self) -> bool:
        """Whether it takes samples."""
        return (await self.readiness())[0] == 200

    async def wait_ready(self, patience: float = PATIENCE) -> float:
        """Waits until it is ready; when it was. Raises `AssertionError` with its log when it takes too long."""
        return await self.wait_readiness(200, patience)

    async def wait_readiness(self, status: int, patience: float = PATIENCE) -> float:
        """Waits until readiness is answered so; when it was."""
        told: tuple[int, dict[str, Any]] = (0, {})
        with trio.move_on_after(patience):
            while self.runs():
                told = await self.readiness()
                if told[0] == status:
                    return trio.current_time()
                await trio.sleep(_POLL)
        raise AssertionError(f"{self.name} answers {told} and not {status}:\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_bytes()[-3000:].decode(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Sends its process a signal."""
        assert self._process is not None, f"{self.name} does not run"
        assert self.runs(), f"{self.name} does not run:\n{self.last_words()}"
        self._process.send_signal(number)

    async def wait_listening(self, patience: float = PATIENCE) -> None:
        """Waits until its port for samples is open, whatever is answered there."""
        with trio.fail_after(patience):
            while True:
                try:
                    await (await trio.open_tcp_stream(self.host, self.port)).aclose()
                    return
                except OSError:
                    await trio.sleep(_POLL)

    async def wait_unready_for(self, reason: str, patience: float = PATIENCE) -> None:
        """Waits until it is not ready, and the reason that it gives begins like this."""
        told: tuple[int, dict[str, Any]] = (0, {})
        with trio.move_on_after(patience):
            while True:
                told = await self.readiness()
                if told[0] == 503 and str(told[1].get("reason")).startswith(reason):
                    return
                await trio.sleep(_POLL)
        raise AssertionError(f"{self.name} answers {told} and not: {reason}")

    async def wait_ended(self) -> int:
        """Waits until its process has ended; its exit code."""
        assert self._process is not None
        return await self._process.wait()


async def kill(*nodes: Node) -> float:
    """Ends the processes of these nodes at once with SIGKILL; when that was."""
    for node in nodes:
        node.signal(signal.SIGKILL)
    at = trio.current_time()
    for node in nodes:
        node.life.killed = at
        node.life.silenced.append(at)
        await node.wait_ended()
    return at
