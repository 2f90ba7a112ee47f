"""A process at an address: a member, its machine, its clock, and what it does to the simulated world."""

import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from cluster.member import Member
from cluster.names import address_of
from cluster.settings import LogLimits, Timing
from cluster.status import Status
from discovery import Found
from tests.cluster.simulation.application import Application, Change
from tests.cluster.simulation.court import Court
from tests.cluster.simulation.history import Chain
from tests.cluster.simulation.network import Network, Reply
from tests.cluster.simulation.proposer import Proposer
from tests.cluster.simulation.questions import Questions
from tests.cluster.simulation.witness import Witness

Act = Callable[[float], object]
"""Something that happens to a member, at a time of its clock."""


class Clock:
    """A clock that goes forward, but not as fast as others, and sometimes in leaps."""

    def __init__(self, random: Random, skew: float) -> None:
        self._rate = 1 + random.uniform(-skew, skew)
        self._offset = random.uniform(0, 1e6)

    def at(self, time: float) -> float:
        """What it shows."""
        return self._offset + self._rate * time

    def leap(self, seconds: float) -> None:
        """It goes on at a later time."""
        self._offset += seconds


@dataclass
class Tail:
    """A command that is not known to be committed, and is applied because a cluster is formed anew with it."""

    number: int
    command: bytes
    chain: Chain
    before: Chain
    happened: tuple[Change, list[str]] | None = None


class Process:
    """One run of the program: from its start to its end, under one name or several."""

    def __init__(
        self,
        address: str,
        application: Application,
        network: Network,
        questions: Questions,
        court: Court,
        timing: Timing,
        limits: LogLimits,
        random: Random,
        *,
        skew: float = 0.02,
        pace: float = 0.2,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.address = address
        self.alive = True
        self.left = False
        """Whether it left its cluster in order."""
        self.kept: frozenset[str] = frozenset()
        self.paused_since: float | None = None
        self.clock = Clock(random, skew)
        self.random = random
        self.schedule = network.schedule
        self.network = network
        self._questions = questions
        self.court = court
        self.tell = tell
        self._backlog: deque[Act] = deque()
        self._tail: list[Tail] = []
        self._answers: list[tuple[str, int, list[str]]] = []
        self._next_tick = 0.0
        self._certified = random.random() < 0.5
        network.places[address] = self
        self.witness = Witness(application, self)
        self.name = ""
        self.member = Member(
            address,
            self.witness,
            self,
            timing,
            limits,
            fresh=lambda: random.randbytes(8).hex(),
            rng=random,
            now=self.clock.at(self.schedule.now),
        )
        self.name = self.member.name
        self.status: Status = self.member.status(self.clock.at(self.schedule.now))
        self.tell(f"{self.name} starts")
        self.proposer = Proposer(self, pace)
        self._tick_in(random.uniform(0, 0.05))

    # What it is

    @property
    def cluster(self) -> str | None:
        """The cluster that it takes itself to be in."""
        return self.status.cluster

    @property
    def is_voter(self) -> bool:
        """Whether it counts for a majority, as far as it knows."""
        return self.name in self.status.members

    @property
    def well(self) -> bool:
        """Whether it serves."""
        return self.alive and self.status.quorum

    def settled(self) -> frozenset[str]:
        """The members as of the last entry that it applied."""
        raft = getattr(self.member, "_raft", None)
        return raft.configuration.settled if raft else frozenset()

    def last_index(self) -> int:
        """The last entry of its log."""
        return self.member.describe(self.clock.at(self.schedule.now)).last_index

    def lineage(self) -> list[str]:
        """The clusters that its own goes on from."""
        return self.member.describe(self.clock.at(self.schedule.now)).lineage

    # What happens to it

    def do(self, act: Act, look: bool = True) -> None:
        """Lets something happen, now or when its pause is over, and looks what became of it unless that can wait."""
        if not self.alive:
            return
        if self.paused_since is not None:
            self._backlog.append(act)
            return
        try:
            act(self.clock.at(self.schedule.now))
        except Exception:
            self.court.found(f"{self.name} died of {traceback.format_exc(limit=-5)}")
            self.crash(silently=False)
            return
        if look or self._answers or self.member.name != self.name:
            self._look()

    def _look(self) -> None:
        before, last = self.name, self.status
        if self.member.name != before:
            self.tell(f"{before} is born anew as {self.member.name}")
            self.name = self.member.name
            self.network.renamed(self, before)
        self.status = self.member.status(self.clock.at(self.schedule.now))
        if self.status.cluster is not None:
            self._know(self.status.cluster)
            self.court.observe(self, self.status)
        if self.name != before:
            self.court.reborn(self, last)
        if self._tail:
            self.court.found(f"{self.name} applied {self._tail[0].number} without knowing that it is committed")
        for answer in self._answers:
            # It may have left its cluster right after it heard the answer.
            self.court.answered(self, self.status.cluster or last.cluster, *answer)
        self._answers.clear()

    def discovers(self, found: Found) -> None:
        """Discovery has news."""
        self.do(lambda now: self.member.discovered(found))

    def crash(self, silently: bool) -> None:
        """It is no more, and all it knew with it."""
        if self.alive:
            self.tell(f"{self.name} dies{' silently' if silently else ''}")
            self.alive = False
            self.network.gone(self, silently)

    def pause(self, seconds: float) -> None:
        """It stands still: nothing happens to it until it goes on, and then everything."""
        if self.alive and self.paused_since is None:
            self.tell(f"{self.name} stands still for {seconds:.3f} s")
            self.paused_since = self.schedule.now
            self.network.watch_pause(self)
            self.schedule.after(seconds, self._go_on)

    def _go_on(self) -> None:
        if not self.alive:
            return
        self.paused_since = None
        self.tell(f"{self.name} goes on")
        waiting, self._backlog = self._backlog, deque()
        if self.random.random() < 0.5:
            self._tick()
        for act in waiting:
            self.do(act)
        if self._next_tick <= self.schedule.now:
            self._tick_in(0.0)

    def received(self, member: str, frame: bytes) -> None:
        """A frame comes."""
        self.do(lambda now: self.member.received(member, frame, now), look=False)
        self._tick_soon()

    def connected(self, member: str) -> None:
        """A link is there."""
        self.tell(f"{self.name} + {member}")
        self.do(lambda now: self.member.connected(member, now))
        self._tick_soon()

    def disconnected(self, member: str) -> None:
        """A link is there no more."""
        self.tell(f"{self.name} - {member}")
        self.do(lambda now: self.member.disconnected(member, now))
        self._tick_soon()

    def asked(self, asker: str, question: bytes, reply: Reply) -> None:
        """Somebody asks."""
        names = frozenset({asker.rpartition(":")[0]}) if self._certified else None
        self.do(lambda now: self.member.asked(question, names, reply, now))
        self._tick_soon()

    def answered(self, address: str, answer: bytes | None) -> None:
        """The answer to what it asked comes."""
        self.do(lambda now: self.member.answered(address, answer, now))
        self._tick_soon()

    # Its ticks

    def _tick_soon(self) -> None:
        if self._next_tick - self.schedule.now > 0.002:
            self._tick_in(self.random.uniform(0.0, 0.002))

    def _tick_in(self, delay: float) -> None:
        due = self._next_tick = self.schedule.now + delay

        def tick() -> None:
            if due == self._next_tick and self.alive and self.paused_since is None:
                self._tick()

        self.schedule.at(due, tick)

    def _tick(self) -> None:
        more: list[object] = []
        self.do(lambda now: more.append(self.member.tick(now)))
        self._tick_in(0.0005 if more and more[0] else self.random.uniform(0.02, 0.05))

    # What it does to the world

    def send(self, member: str, frame: bytes) -> bool:
        """Of `cluster.member.World`."""
        return self.alive and self.network.send(self.name, member, frame)

    def pending(self, member: str) -> int:
        """Of `cluster.member.World`."""
        return self.network.pending(self.name, member)

    def keep(self, members: frozenset[str]) -> None:
        """Of `cluster.member.World`."""
        self.kept = members
        if self.name:
            for member in self.network.keep(self, members):
                self.tell(f"{self.name} drops {member}")
                self.member.disconnected(member, self.clock.at(self.schedule.now))

    def ask(self, address: str, question: bytes) -> None:
        """Of `cluster.member.World`."""
        self._questions.ask(self, address, question)

    # What its machine does

    def applies(self, number: int, command: bytes, chain: Chain) -> bool:
        """Of `witness.Judge`."""
        status = self.member.status(self.clock.at(self.schedule.now))
        if status.cluster is None:
            self.court.found(f"{self.name} applies {number} without a cluster")
            return False
        if status.applied_index >= status.commit_index:
            self._tail.append(Tail(number, command, chain, self.witness.chain))
            return True
        self._know(status.cluster)
        return self.court.history.applied(self.name, status.cluster, number, command, chain)

    def happened(self, number: int, change: Change, events: list[str]) -> None:
        """Of `witness.Judge`."""
        if self._tail:
            self._tail[-1].happened = (change, events)
        else:
            assert self.member.status(0.0).cluster
            self.court.happens(self.member.status(0.0).cluster or "", number, change, events)

    def holds(self, number: int, chain: Chain, digest: bytes) -> None:
        """Of `witness.Judge`."""
        cluster = self.member.status(self.clock.at(self.schedule.now)).cluster
        if cluster is not None and not self._tail:
            self._know(cluster)
            self.court.history.holds(self.name, cluster, number, chain, digest)

    def answered_to(self, origin: str, seq: int, events: list[str]) -> None:
        """A proposer heard the answer of its command."""
        self._answers.append((origin, seq, events))

    def _know(self, cluster: str) -> None:
        """A cluster that nobody knows yet was just formed, and with it what its former applied for it."""
        if cluster in self.court.history.stories:
            return
        tail, self._tail = self._tail, []
        number, chain = self.witness.number, self.witness.chain
        if tail:
            number, chain = tail[0].number - 1, tail[0].before
        self.court.formed(self, cluster, number, chain)
        for entry in tail:
            self.court.history.applied(self.name, cluster, entry.number, entry.command, entry.chain)
            if entry.happened:
                self.court.happens(cluster, entry.number, *entry.happened)

    def address_of_leader(self) -> str | None:
        """Where its leader is, as far as it knows."""
        return address_of(self.status.leader) if self.status.leader else None
