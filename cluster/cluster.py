"""A member in the world: its port, its clock, its peers. What it decides is decided in `member.py`."""

import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import trio

from cluster.acquaintances import Found
from cluster.links import LinkStatistics
from cluster.machine import Machine, Reborn
from cluster.member import Member
from cluster.settings import Endpoint
from cluster.statistics import Statistics
from cluster.status import Status
from cluster.tls import Tls
from cluster.transport import Transport

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_OVERHEAD = 65_536
"""What a frame needs besides its command, generously. (bytes)"""

_LOOK_AROUND = 1.0
"""How often discovery is asked. (s)"""

_ANSWER = 2.0
"""How long another process may take to answer a question. (s)"""


class Discovered(Found, Protocol):
    """What discovery found, and where hosts are."""

    @property
    def hosts(self) -> Mapping[str, str]:
        """The IP addresses of hosts, as far as they are known better than from DNS."""


Looking = Callable[[], Awaitable[Discovered]]


class Cluster(Generic[Answer]):
    """One process of a cluster that replicates `machine`.

    `found` looks for peers, as `discovery` does; it may raise `OSError`: who was found before then stays, but where
    they are is asked of DNS.
    """

    def __init__(
        self, machine: Machine[Answer], settings: Endpoint, found: Callable[[], Awaitable[Discovered]]
    ) -> None:
        self.links = LinkStatistics()
        self.longest_command = settings.limits.max_frame_size - _OVERHEAD
        """How long a command may be. (bytes)"""
        self._found = found
        self._addresses: frozenset[str] = frozenset()
        self._hosts: Mapping[str, str] = {}
        self._blind: str | None = None
        self._settings = settings
        self._woken = trio.Event()
        self._ticked_at = float("-inf")
        self._nursery: trio.Nursery | None = None
        self._tls = Tls(settings.tls.ca, settings.tls.cert, settings.tls.key) if settings.tls else None
        self._transport = Transport(
            host=settings.host,
            port=settings.port,
            limits=settings.limits,
            tls=self._tls,
            me=lambda: self._member.name,
            received=self._received,
            connected=self._connected,
            disconnected=self._disconnected,
            asked=self._asked,
            statistics=self.links,
            known=lambda host: self._hosts.get(host),
        )
        self._member = Member(
            settings.address,
            machine,
            _World(self._transport, self._ask),
            settings.timing,
            settings.log,
            fresh=lambda: secrets.token_hex(8),
            rng=random.Random(),  # noqa: S311 - it keeps members from keeping step, no secret hangs on it
            now=0.0,
        )

    @property
    def name(self) -> str:
        """The member that this process is now: the origin of its commands."""
        return self._member.name

    @property
    def statistics(self) -> Statistics:
        """What the member has counted."""
        return self._member.statistics

    def certificate_expires_at(self) -> datetime | None:
        """When its certificate expires; None without TLS."""
        return None if self._tls is None else self._tls.expires_at

    def status(self) -> Status:
        """How it stands."""
        status = self._member.status(_now())
        if status.waits_for is None:
            return status
        if self._blind is not None and not self._addresses:
            return replace(status, waits_for=f"no peers were looked up yet: {self._blind}")
        return replace(status, waits_for=status.waits_for + self._troubles(status.waits_for))

    def _troubles(self, why: str) -> str:
        """What is known of why the addresses in a text cannot be reached."""
        known = ((address, self._transport.trouble(address)) for address in sorted(self._addresses) if address in why)
        troubles = [f"{address}: {trouble}" for address, trouble in known if trouble]
        return f" ({'; '.join(troubles)})" if troubles else ""

    async def run(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Belongs to the cluster until it is cancelled. Starts with the port that it is found at.

        Raises `OSError` when the port cannot be bound.
        """
        async with trio.open_nursery() as self._nursery:
            port = await self._nursery.start(self._transport.run)
            await self._nursery.start(self._look_around)
            self._nursery.start_soon(self._tick)
            self._nursery.start_soon(self._pulse)
            task_status.started(port)

    async def commit(self, command: bytes) -> Answer:
        """Has everyone apply a command, and tells the answer of doing so here: the contract is that of `Commit`.

        Raises `ValueError` for a command that is longer than `longest_command`.
        """
        if len(command) > self.longest_command:
            raise ValueError(f"a command of {len(command)} bytes is longer than {self.longest_command}")
        told = trio.Event()
        answers: list[Answer | None] = []

        def done(answer: Answer | None) -> None:
            answers.append(answer)
            told.set()

        self._member.propose(command, done, _now())
        self._woken.set()
        await told.wait()
        if answers[0] is None:
            raise Reborn
        return answers[0]

    async def leave(self) -> None:
        """Hands leadership over and has itself removed; afterwards it is in no cluster and joins none."""
        left = trio.Event()
        self._member.leave(left.set, _now())
        self._woken.set()
        await left.wait()

    # What happens

    async def _tick(self) -> None:
        """Lets the member do what is due: as soon as something has happened, and now and then (`_pulse`)."""
        while True:
            more = self._member.tick(_now())
            self._ticked_at = _now()
            if not more:
                await self._woken.wait()
            self._woken = trio.Event()
            await trio.lowlevel.checkpoint()

    async def _pulse(self) -> None:
        """Wakes a member to which nothing has happened for a while."""
        period = self._settings.timing.heartbeat
        while True:
            await trio.sleep_until(self._ticked_at + period)
            if _now() >= self._ticked_at + period:
                self._woken.set()
                await trio.lowlevel.checkpoint()

    async def _look_around(self, *, task_status: trio.TaskStatus[None]) -> None:
        await self._look()
        task_status.started()
        while True:
            await trio.sleep(_LOOK_AROUND)
            await self._look()

    async def _look(self) -> None:
        try:
            found = await self._found()
        except OSError as error:
            if str(error) != self._blind:
                _LOG.warning("Looking for peers failed, those that were known stay known: %s", error)
            self._blind, self._hosts = str(error), {}
            return
        self._blind = None
        self._addresses, self._hosts = found.addresses | found.founders, found.hosts
        self._member.discovered(found)
        self._woken.set()

    def _received(self, member: str, frame: bytes) -> None:
        self._member.received(member, frame, _now())
        self._woken.set()

    def _connected(self, member: str) -> None:
        self._member.connected(member, _now())
        self._woken.set()

    def _disconnected(self, member: str) -> None:
        self._member.disconnected(member, _now())
        self._woken.set()

    def _asked(self, question: bytes, names: frozenset[str] | None, answer: Callable[[bytes], None]) -> None:
        self._member.asked(question, names, answer, _now())
        self._woken.set()

    def _ask(self, address: str, question: bytes) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(self._ask_and_tell, address, question)

    async def _ask_and_tell(self, address: str, question: bytes) -> None:
        answer = await self._transport.ask(address, question, _ANSWER)
        self._member.answered(address, answer, _now())
        self._woken.set()


class _World:
    """What a member does to the world."""

    def __init__(self, transport: Transport, ask: Callable[[str, bytes], None]) -> None:
        self.send = transport.send
        self.pending = transport.pending
        self.keep = transport.keep
        self.ask = ask


def _now() -> float:
    return trio.current_time()
