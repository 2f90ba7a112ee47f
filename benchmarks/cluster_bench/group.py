"""The members of a benchmark, as the parent of their processes sees them."""

import itertools
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio

from cluster.certificates import new_authority

_HOST = "127.0.0.1"
_PATIENCE = 60.0
"""How long a member may take to become ready, or to answer. (s)"""


class Process:
    """One member; `address` stays the same when it is started anew."""

    def __init__(self, group: "Group", address: str) -> None:
        self.address = address
        self._group = group
        self._numbers = itertools.count()
        self._heard: dict[int | str, dict[str, Any]] = {}
        self._news = trio.Event()
        self._process: trio.Process | None = None

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Starts it; `ready` tells when it is there."""
        told = {"address": self.address, "peers": self._group.addresses, **self._group.told}
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "benchmarks.cluster_bench.member", json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._process = process
        self._heard.clear()
        self._group.nursery.start_soon(self._listen, process)

    async def ready(self) -> dict[str, Any]:
        """Waits until it is a member that has caught up and has a quorum; how long that took (s) and what it holds."""
        return await self._hear("ready")

    async def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Has it do something, and returns its answer."""
        number = next(self._numbers)
        assert self._process is not None
        assert self._process.stdin is not None
        line = json.dumps({"number": number, "do": do, **fields}) + "\n"
        await self._process.stdin.send_all(line.encode())
        return await self._hear(number)

    async def leads(self) -> bool:
        """Whether it is the leader and knows it."""
        return bool((await self.ask("status"))["role"] == "leader")

    def cpu(self) -> float:
        """Processor time so far, in steps of 10 ms. (s)"""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    async def kill(self) -> None:
        """Kills it (-9), if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            with trio.CancelScope(shield=True):
                await self._process.wait()

    async def _listen(self, process: trio.Process) -> None:
        assert process.stdout is not None
        rest = b""
        async for chunk in process.stdout:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                said = json.loads(line)
                self._heard[said.get("number", said.get("event"))] = said
            self._tell()
        await process.wait()
        self._tell()

    async def _hear(self, what: int | str) -> dict[str, Any]:
        with trio.fail_after(_PATIENCE):
            while what not in self._heard:
                if self._process is None or self._process.poll() is not None:
                    raise ProcessLookupError(f"{self.address} has ended")
                await self._news.wait()
        return self._heard.pop(what)

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()


class Group:
    """All members of one benchmark. `told` is what each is started with beside the addresses."""

    def __init__(self, nursery: trio.Nursery, addresses: list[str], told: dict[str, Any]) -> None:
        self.nursery = nursery
        self.addresses = addresses
        self.told = told
        self.members = [Process(self, address) for address in addresses]

    async def split(self) -> tuple[Process, list[Process]]:
        """The leader, once there is one, and the others that run."""
        with trio.fail_after(_PATIENCE):
            while True:
                for member in self.members:
                    if await member.leads():
                        return member, [other for other in self.members if other is not member]
                await trio.sleep(0.05)

    async def ask_all(self, do: str, **fields: Any) -> list[dict[str, Any]]:
        """Has all do the same at once; their answers, in the order of `members`."""
        answers: dict[int, dict[str, Any]] = {}

        async def ask(at: int, member: Process) -> None:
            answers[at] = await member.ask(do, **fields)

        async with trio.open_nursery() as nursery:
            for at, member in enumerate(self.members):
                nursery.start_soon(ask, at, member)
        return [answers[at] for at in range(len(self.members))]

    async def settle(self) -> None:
        """Waits until all have applied the same."""
        with trio.fail_after(_PATIENCE):
            while len({status["applied_index"] for status in await self.ask_all("status")}) > 1:
                pass

    async def alike(self) -> str:
        """Whether the states of all are the same, for a table."""
        await self.settle()
        return "alike" if len({answer["digest"] for answer in await self.ask_all("digest")}) == 1 else "DIFFERENT"


@asynccontextmanager
async def group(size: int, work: str, *, tls: bool = False, gc: list[int] | None = None) -> AsyncIterator[Group]:
    """So many members that are ready; they are gone afterwards."""
    with ExitStack() as stack:
        told: dict[str, Any] = {"work": work, "gc": gc}
        if tls:
            told["tls"] = _certificates(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        async with trio.open_nursery() as nursery:
            members = Group(nursery, _free_addresses(size), told)
            try:
                for member in members.members:
                    await member.start()
                for member in members.members:
                    await member.ready()
                yield members
            finally:
                for member in members.members:
                    await member.kill()
                nursery.cancel_scope.cancel()


def _free_addresses(count: int) -> list[str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((_HOST, 0))
        return [f"{_HOST}:{one.getsockname()[1]}" for one in sockets]


def _certificates(folder: Path) -> dict[str, str]:
    now = datetime.now(UTC)
    authority = new_authority(2, now)
    pair = authority.issue(_HOST, 1, now)
    files = {"ca": authority.pair().certificate, "cert": pair.certificate, "key": pair.key}
    for name, data in files.items():
        (folder / name).touch(0o600)
        (folder / name).write_bytes(data)
    return {name: str(folder / name) for name in files}
