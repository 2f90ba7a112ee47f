"""The life of a process in its cluster, without a world around it: it seeks, learns, serves, leaves, is born anew.

Everything that happens to a member comes in by a method, with the time (s, of a clock that only goes forward); what it
does to the world goes out through `World`. Nothing blocks, nothing is random but by the generator it is given, so that
the very same code runs in production and in the simulation that proves it.
"""

import logging
import random
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from cluster.acquaintances import Acquaintances, Found
from cluster.asking import Asked, Rounds
from cluster.formation import Answers, BeBornAnew, Form, JoinThrough, Reform, Wait, first_step, next_step
from cluster.governing import Governing
from cluster.leaving import Leaving
from cluster.machine import Machine
from cluster.messages import (
    Decision,
    Description,
    Join,
    Leave,
    Malformed,
    Message,
    Reply,
    Who,
    encode,
    message,
    question,
)
from cluster.names import address_of, host_and_port, is_member, member_name
from cluster.proposals import Proposals
from cluster.raft import NOTHING, Base, Raft
from cluster.replication import Diverged
from cluster.settings import LogLimits, Timing
from cluster.standing import description, no_member, status
from cluster.statistics import Statistics
from cluster.status import Status
from cluster.tls import covers

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_LONG_HALT = 0.5
"""What part of the time after which a member is removed it may be halted and go on as if nothing had been."""

_LINEAGE = 16
"""How many of the clusters that it was formed from a cluster remembers."""


class World(Protocol):
    """What a member does to the world. Nothing of it blocks, and nothing of it calls back into the member."""

    def send(self, member: str, frame: bytes) -> bool:
        """Sends a frame over the link to a member; false if there is none, or it is full."""

    def pending(self, member: str) -> int:
        """How much waits to be sent to a member. (bytes)"""

    def keep(self, members: frozenset[str]) -> None:
        """From now on these are the members to have links to."""

    def ask(self, address: str, question: bytes) -> None:
        """Asks a question at an address; `Member.answered` is told the answer, or that there is none in time."""


class Member(Generic[Answer]):
    """One process and its machine, from one life to the next. `fresh` gives 16 hex digits that nobody has used."""

    def __init__(
        self,
        address: str,
        machine: Machine[Answer],
        world: World,
        timing: Timing,
        limits: LogLimits,
        *,
        fresh: Callable[[], str],
        rng: random.Random,
        now: float,
    ) -> None:
        self.statistics = Statistics()
        self.address = address
        self._machine = machine
        self._world = world
        self._timing = timing
        self._limits = limits
        self._fresh = fresh
        self._rng = rng
        self._acquaintances = Acquaintances(address)
        self._kept: frozenset[str] = frozenset()
        self._asked = Asked(world.ask)
        self._rounds = Rounds(self._asked, rng, address)
        self._leaving: Leaving | None = None
        self._gone = False
        self._last_leader: str | None = None
        self._awake_at = now
        self._live()

    def _live(self) -> None:
        """Begins a life."""
        self.name = member_name(self.address, self._fresh())
        self._raft: Raft[Answer] | None = None
        self._governing: Governing | None = None
        self._cluster: str | None = None
        self._lineage: list[str] = []
        self._guests: frozenset[str] = frozenset()
        """Those to have links to although they are no members, by the log as far as it is here."""
        self._joining = False
        self._may_form_anew = False
        self._ready = False
        self._progress: tuple[int, int] = (0, 0)
        self._progress_at = 0.0
        self._why = "it looks for its peers"
        self._proposals: Proposals[Answer] = Proposals(self.name, self.statistics, self._timing.retry)
        self._rounds.stop()

    # What happens to it

    def discovered(self, found: Found) -> None:
        """Discovery has news."""
        self._acquaintances.found = found

    def tick(self, now: float) -> bool:
        """Does what is due; whether there is more to do at once. To be called every 20 to 50 ms, and after anything
        that happened."""
        try:
            self._wake(now)
            return self._tick(now)
        except Diverged as error:
            self._be_born_anew(f"its log is broken: {error}")
            return True

    def received(self, member: str, frame: bytes, now: float) -> None:
        """A frame came over the link to a member."""
        if not self._wake(now):
            return
        raft = self._raft
        try:
            said = message(frame)
            if raft is not None:
                raft.deliver(member, said, now)
        except Malformed:
            self.statistics.malformed += 1
        except Diverged as error:
            self._be_born_anew(f"its log is broken: {error}")

    def connected(self, member: str, now: float) -> None:
        """There is a link to a member now."""
        if self._raft is not None:
            self._raft.connected(member, now)

    def disconnected(self, member: str, now: float) -> None:
        """There is none any more."""
        if self._raft is not None:
            self._raft.disconnected(member, now)

    def asked(self, data: bytes, names: frozenset[str] | None, answer: Callable[[bytes], None], now: float) -> None:
        """Somebody asks; the answer may be given later."""
        try:
            asks = question(data)
        except Malformed:
            self.statistics.malformed += 1
            return

        def decided(decision: Decision) -> None:
            answer(encode(decision))

        match asks:
            case Who(address):
                self._acquaintances.asked(address, now)
                answer(encode(self.describe(now)))
            case Join(name) | Leave(name) if not is_member(name):
                self.statistics.malformed += 1
            case Join(name) | Leave(name) if not _speaks_for(names, name):
                decided(Decision(False, "the certificate does not name its host", self.describe(now)))
            case Join() | Leave() if self._governing is None:
                decided(Decision(False, "this process is no member", self.describe(now)))
            case Join() if self._governing:
                self._governing.asked_to_join(asks, decided, now)
            case Leave() if self._governing:
                self._governing.asked_to_leave(asks, decided, now)

    def answered(self, address: str, answer: bytes | None, now: float) -> None:
        """The answer to what was asked at this address; ``None`` if there was none in time."""
        self._asked.answered(address, answer, now)

    def propose(self, command: bytes, done: Callable[[Answer | None], None], now: float) -> None:
        """Has a command applied by everyone. `done` is told the answer once it is applied here, ``None`` when this life
        ends before: then it may or may not have been applied."""
        self._proposals.add(command, done, now)

    def leave(self, done: Callable[[], None], now: float) -> None:
        """Hands leadership over, has itself removed, and then calls `done`. It makes no new attempt to join."""

        def gone() -> None:
            if self._leaving is leaving and not self._gone:
                self._gone = True
                self._end_life()
                self._why = "it has left its cluster"
                self._proposals.abandon()
                done()

        self._leaving = leaving = Leaving(self._asked, gone, self._timing)

    # What it tells

    def describe(self, now: float) -> Description:
        """What it says of itself to others."""
        known = sorted(self._acquaintances.known())
        if self._raft is None or self._cluster is None:
            return Description(member=self.name, known=known)
        return description(self._raft, self._cluster, self._lineage, known, self._ready, now)

    def status(self, now: float) -> Status:
        """What it tells operators."""
        if self._raft is None or self._cluster is None:
            return no_member(self.name, self._why)
        return status(self._raft, self._cluster, self._ready, self._why, now)

    # A life

    def _tick(self, now: float) -> bool:
        raft = self._raft
        more = False
        if raft is None:
            if self._leaving is None and not self._joining:
                self._rounds.go_on(self._to_ask(now), self._take_first_step, now)
        else:
            if self._ready:
                self._proposals.send(raft, now)
            if self._governing:
                self._governing.tick(now)
            more = raft.tick(now)
            self._watch(raft, now)
        if self._leaving is not None and not self._gone:
            self._leaving.tick(self._raft, self._governing, now)
        self._keep_links()
        return more

    def _wake(self, now: float) -> bool:
        """False if it was halted for so long that it may have been removed, and its heir has told what it had to tell:
        then it listens to nothing that waits on its links from before."""
        halted = now - self._awake_at > self._timing.evict_after * _LONG_HALT
        self._awake_at = now
        if halted and self._kept:
            self._kept = frozenset()
            self._world.keep(self._kept)
        return not halted

    def _watch(self, raft: Raft[Answer], now: float) -> None:
        """Notices that it is ready, that it gets nowhere, that it is out of touch, that another leads."""
        if raft.leader() not in (None, self._last_leader):
            self._last_leader = raft.leader()
            self.statistics.leader_changes += 1
        self._ready = self._ready or self._has_caught_up(raft)
        if self.name not in raft.configuration.members:
            self._watch_learning(raft, now)
        elif raft.in_touch(now):
            self._rounds.stop()
            self._may_form_anew = False
            self._why = "no leader is in touch" if self._ready else "it catches up"
            if raft.leader() in raft.configuration.members:
                self._guests = frozenset()
        elif self._leaving is None:
            self._rounds.go_on(self._to_ask(now), self._take_next_step, now)

    def _has_caught_up(self, raft: Raft[Answer]) -> bool:
        return self.name in raft.configuration.settled and raft.last_applied >= (raft.leader_commit or 0)

    def _watch_learning(self, raft: Raft[Answer], now: float) -> None:
        """A learner gives up what comes to nothing. A member never does: others may count on what it acknowledged."""
        progress = (raft.last_applied, raft.replication.received())
        if progress > self._progress:
            self._progress, self._progress_at = progress, now
        silent = now - raft.heard_at > max(self._timing.evict_after, 2 * self._timing.election_max)
        if silent or now - self._progress_at > self._timing.join_limit:
            self._be_born_anew("joining came to nothing")

    def _be_born_anew(self, why: str) -> None:
        _LOG.warning("%s is no member any more: %s", self.name, why)
        self.statistics.rebirths += 1
        proposals = self._proposals
        self._end_life()
        self._live()
        proposals.abandon()

    def _end_life(self) -> None:
        if self._raft is not None:
            self._raft.close()
        self._raft = self._governing = None
        self._world.keep(frozenset())
        self._kept = frozenset()

    def _keep_links(self) -> None:
        wanted = self._guests
        if self._raft is not None:
            wanted = wanted | self._raft.configuration.members | self._raft.learners.keys()
        wanted = wanted - {self.name}
        if wanted != self._kept:
            self._kept = wanted
            self._world.keep(wanted)

    # Finding a cluster

    def _to_ask(self, now: float) -> set[str]:
        members = self._raft.configuration.members if self._raft else frozenset()
        return self._acquaintances.to_ask(now) | {address_of(name) for name in members}

    def _me(self, now: float) -> Description:
        """What it says of itself; whoever asked it lately counts as known, too."""
        me = self.describe(now)
        me.known = sorted({*me.known, *self._acquaintances.askers(now)})
        return me

    def _take_first_step(self, answers: Answers, now: float) -> None:
        if self._raft is not None or self._acquaintances.found is None:
            return
        answers = self._acquaintances.believed(answers)
        match first_step(self._me(now), answers):
            case Wait(why):
                self._why = why
            case JoinThrough(address):
                self._why = f"it joins through {address}"
                name = self.name

                def then(said: Reply | None, now: float) -> None:
                    if name == self.name and not self._gone:
                        self._joining = False
                        self._joined(said, now)

                self._joining = self._asked.put(address, Join(self.name), then)
            case Form():
                self._machine.restoring().finish()
                self._begin(Base(1, 0, frozenset({self.name})), self.name, [], now)

    def _take_next_step(self, answers: Answers, now: float) -> None:
        raft = self._raft
        if raft is None or raft.in_touch(now):
            return
        answers = self._acquaintances.believed(answers)
        self._guests = frozenset(
            answer.member
            for answer in answers.values()
            if answer and answer.cluster == self._cluster and self.name in answer.members
        )
        step = next_step(self._me(now), answers)
        self._may_form_anew = self._may_form_anew and isinstance(step, Reform)
        match step:
            case Wait(why):
                self._why = why
            case BeBornAnew(why):
                self._be_born_anew(why)
            case Reform() if self._may_form_anew:
                self._form_anew(raft, now)
            case Reform():
                # Answers of one round are given at different times. By now all who are gone are gone for good, so that
                # nobody learns anything any more: if the next round says the same, it is so.
                self._why = "the majority of its cluster is gone; it asks once more before it forms it anew"
                self._may_form_anew = True

    def _joined(self, said: Reply | None, now: float) -> None:
        """The answer of the leader: if it is yes, a learner it is."""
        if not isinstance(said, Decision) or not said.granted or said.description.cluster is None:
            self._why = f"its leader did not take it in: {said.why}" if isinstance(said, Decision) else self._why
            return
        leader = said.description
        self._guests = frozenset({leader.member, *leader.members})
        self._begin(NOTHING, said.description.cluster, leader.lineage, now)
        self._why = f"it is being given the state by {address_of(leader.member)}"

    def _form_anew(self, old: Raft[Answer], now: float) -> None:
        """Goes on, alone, with all that this life knows, committed or not: nobody knows more."""
        cluster = self._cluster
        lineage = [*self._lineage, *([cluster] if cluster else [])][-_LINEAGE:]
        old.apply_all()
        index, term = old.log.last + 1, old.term + 1
        self._be_born_anew("the majority of its cluster is gone for good; it forms the cluster anew")
        self._begin(Base(index, term, frozenset({self.name})), self.name, lineage, now)

    def _begin(self, base: Base, cluster: str, lineage: list[str], now: float) -> None:
        self._cluster = cluster
        self._lineage = lineage
        self._progress_at = now
        self._rounds.stop()
        raft: Raft[Answer] = Raft(
            self.name,
            base,
            self._machine,
            _Outside(self._world),
            self._timing,
            self._limits,
            self.statistics,
            self._rng,
            now,
        )
        proposals = self._proposals
        raft.on_applied = lambda token, answer: proposals.applied(token, answer, raft.now())
        self._raft = raft
        self._governing = Governing(raft, self.describe)
        if self.name in base.members:
            self._ready = True
            raft.election_deadline = now - 1.0


def _speaks_for(names: frozenset[str] | None, member: str) -> bool:
    """Whether who has a certificate with these names may speak for a member; without certificates anyone may."""
    return names is None or covers(names, host_and_port(address_of(member))[0])


class _Outside:
    """The world as the engine needs it: messages instead of frames."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.pending = world.pending

    def send(self, member: str, said: Message) -> bool:
        return self._world.send(member, encode(said))


__all__ = ["Found", "Member", "World"]
