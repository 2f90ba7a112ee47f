"""One member's Raft: PySyncObj's elections, votes, commit rule and command queue, with the rest replaced.

Its replication, snapshots, membership and compaction are ours (`replication.py`, `configuration.py`, `log.py`): as
shipped they lose committed entries, see DESIGN.md.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cluster.configuration import ADD, REMOVE, Change, Configuration
from cluster.engine import CANDIDATE, CHANGE, COMMAND, FOLLOWER, LEADER, NO_OP, Engine, Outside, Time
from cluster.log import Log
from cluster.machine import Machine
from cluster.messages import Ack, Forward, Message, Stand, Taken, Vote, Voted, change_of, changed
from cluster.peer import Peer, peer_named
from cluster.replication import Replication
from cluster.settings import LogLimits, Timing
from cluster.statistics import Statistics
from cluster.status import Role

Answer = TypeVar("Answer")

TOKEN = 16
"""Length of the token before a command, by which its proposer knows it again. (bytes)"""

_APPLIED_AT_ONCE = 1024 * 1024
"""How much is applied in one tick. (bytes)"""

_FAR = 1e9
_HALTS_SPARED = 3


@dataclass(frozen=True, slots=True)
class Base:
    """Where a log begins: behind an entry that is applied, by when these were the members."""

    index: int
    term: int
    members: frozenset[str]


NOTHING = Base(0, 0, frozenset())
"""Where the log of a member begins that still has to be given the state."""


class Raft(Engine, Generic[Answer]):
    """One member's Raft, from its base to the end of its life.

    All times are s of any clock that only goes forward. Nothing here waits, and nothing is left to chance but by `rng`.
    """

    def __init__(
        self,
        name: str,
        base: Base,
        machine: Machine[Answer],
        outside: Outside,
        timing: Timing,
        limits: LogLimits,
        statistics: Statistics,
        rng: random.Random,
        now: float,
    ) -> None:
        Time.now = now
        self.name = name
        self.machine = machine
        self.statistics = statistics
        self.timing = timing
        self.limits = limits
        self.configuration = Configuration(base.members)
        self.learners: dict[str, float] = {}
        """Those who are being taught, and since when."""
        self.counts_from: dict[Peer, int] = {}
        """As leader: the entries that made members of learners; what they acknowledged before does not count."""
        self._to_learn: dict[str, int] = {}
        self.linked: set[str] = set()
        self.heard_at = now
        """When a leader was last heard."""
        self.led_since: float | None = None
        self.holding = False
        """Whether new commands wait, so that leadership can be handed over."""
        self.on_applied: Callable[[bytes, Answer], None] = lambda token, answer: None
        """Told of each command of a proposer, by its token, with the machine's answer."""
        self._rng = rng
        self._outside = outside
        self._votes: set[tuple[int, str]] = set()
        self._stood_in = 0
        self._ticked_at = now
        self._halts = 0
        self._sent_up_to: tuple[int, int] | None = None
        super().__init__(name, outside, timing, self._role_changed)
        self.log = Log(base.index, base.term, NO_OP)
        self.term = base.term
        self.commit_index = self.last_applied = base.index
        self.replication = Replication(self, outside)
        self.follow_configuration()

    # Driven by

    def tick(self, now: float) -> bool:
        """Does what is due; whether there is more to do at once."""
        Time.now = now
        self._spare_after_halt(now)
        if self.name not in self.configuration.members:
            self.election_deadline = now + _FAR  # who is no member does not stand for election
        elif self.election_deadline > now + self.timing.election_max:
            self.election_deadline = now + self._SyncObj__generateRaftTimeout()
        self.doTick(0)
        if self.state == CANDIDATE and self._stood_in != self.term:
            self._stood_in = self.term  # PySyncObj does not tell of a candidate that stands again
            self.statistics.elections += 1
        if self.leads():
            if not self.others and self.log.last > self.commit_index:
                self.doTick(0)
            self._tell_at_once()
            self.replication.hurry = self.replication.hurry or self.replication.has_more()
        return bool(self.last_applied < self.commit_index or (self.leads() and self.replication.hurry))

    def deliver(self, member: str, message: Message, now: float) -> None:
        """Takes a message of a member or of the leader."""
        Time.now = now
        if member in self.learners and not isinstance(message, Ack | Taken | Forward):
            return  # it has no reason to say anything else, and is no member
        peer = peer_named(member)
        match message:
            case Vote(term) if term < self.term:
                self._outside.send(member, Ack(self.term, self.last_applied + 1))
            case Vote(term, last_index, last_term):
                asked = {"type": "request_vote", "term": term, "last_log_index": last_index}
                self._SyncObj__onMessageReceived(peer, asked | {"last_log_term": last_term})
            case Voted(term):
                if term == self.term and member in self.configuration.members and (term, member) not in self._votes:
                    self._votes = {vote for vote in self._votes if vote[0] == term} | {(term, member)}
                    self._SyncObj__onMessageReceived(peer, {"type": "response_vote", "term": term})
            case Stand(term):
                self._SyncObj__onMessageReceived(peer, {"type": "timeout_now", "term": term})
            case Forward(command):
                if self.leads() and command[:1] == COMMAND and len(command) > TOKEN:
                    self._applyCommand(command, None)
            case _:
                self.replication.take(member, message, now)

    def connected(self, member: str, now: float) -> None:
        """There is a link to this member."""
        Time.now = now
        if not self.linked:  # it heard nobody: what was said meanwhile it is about to hear
            self.election_deadline = max(self.election_deadline, now + self._SyncObj__generateRaftTimeout())
        self.linked.add(member)
        self._SyncObj__onNodeConnected(peer_named(member))
        self.replication.lost(member)

    def disconnected(self, member: str, now: float) -> None:
        """There is none any more; what was on its way is lost."""
        Time.now = now
        self.linked.discard(member)
        self._SyncObj__onNodeDisconnected(peer_named(member))
        self.replication.lost(member)

    def propose(self, token: bytes, command: bytes) -> None:
        """Puts a command on its way once; it may get lost."""
        self._applyCommand(COMMAND + token + command, None)

    def change(self, verb: str, member: str) -> None:
        """As leader, puts a change of the membership into the log, if it `may_change`."""
        self._applyCommand(CHANGE + change_of(verb, member), None)

    def teach(self, learner: str, now: float) -> None:
        """As leader, gives a process the state and the log without making it a member."""
        self.learners[learner] = now
        peer = peer_named(learner)
        self.next_index.setdefault(peer, self.log.last + 1)
        self.match_index.setdefault(peer, 0)
        self.replication.lost(learner)

    def forget(self, learner: str) -> None:
        """Stops teaching."""
        self.learners.pop(learner, None)
        self._to_learn.pop(learner, None)
        if learner not in self.configuration.members:
            self.replication.drop(learner)

    def hand_over(self, member: str, now: float) -> None:
        """As leader, asks a member to stand for election, if it has everything."""
        Time.now = now
        self.transferLeadership(peer_named(member))

    def outrank(self, term: int) -> None:
        """There is a newer term: whoever led in an older one does so no more."""
        self._SyncObj__setCurrentTerm(term, None)
        self._SyncObj__setState(FOLLOWER)
        self.leader_node = None
        self.election_deadline = Time.now + self._SyncObj__generateRaftTimeout()

    def apply_all(self) -> None:
        """Applies everything in the log, committed or not: for the last one who knows of it."""
        self._apply_up_to(self.log.last, float("inf"))

    @staticmethod
    def now() -> float:
        """The time of the call by which the engine was entered. (s)"""
        return Time.now

    def close(self) -> None:
        """Ends what is under way."""
        self.replication.close()

    # Tells

    def leads(self) -> bool:
        """Whether it is leader, as far as it knows."""
        return bool(self.state == LEADER)

    def role(self) -> Role:
        """What it is."""
        if self.name not in self.configuration.members:
            return Role.LEARNER
        if self.leads():
            return Role.LEADER
        return Role.CANDIDATE if self.state == CANDIDATE else Role.FOLLOWER

    def leader(self) -> str | None:
        """Whom it takes for the leader."""
        return self.leader_node.id if self.leader_node is not None else None

    def in_touch(self, now: float) -> bool:
        """Whether it has heard of a leader lately, or as leader of a majority."""
        if not self.leads():
            return self.leader_node is not None and now - self.heard_at < self.timing.leader_fallback
        heard = [at for peer, at in self.answered_at.items() if peer in self.others]
        lately = sum(now - at < self.timing.leader_fallback for at in heard)
        return bool(lately + 1 > len(self.configuration.members) / 2)

    def may_change(self) -> bool:
        """Whether the membership may be changed now: as leader of this term, one change at a time."""
        return self.leads() and self.last_applied >= self.first_own_index and not self.configuration.open

    def position_of(self, index: int) -> tuple[int, int]:
        """Term and index of an entry of the log."""
        return (self.log.term_of(index) or 0, index)

    def known_by(self, member: str) -> int:
        """As leader: up to where a member or learner has acknowledged the log."""
        return int(self.match_index.get(peer_named(member), 0))

    def has_learned(self, learner: str) -> bool:
        """As leader: whether a learner has what was committed when it was first sent entries, and was sent the rest.

        It need not have all that is committed by now: over a slow link it never would, while commands go on.
        """
        if not self.replication.streams_to(learner):
            self._to_learn.pop(learner, None)
            return False
        target = self._to_learn.setdefault(learner, self.commit_index)
        return bool(self.known_by(learner) >= target and self.next_index.get(peer_named(learner), 0) > self.log.last)

    # What PySyncObj calls

    def follow_configuration(self) -> None:
        """Makes PySyncObj's own set of members what the log says."""
        wanted = {peer_named(name) for name in sorted(self.configuration.members) if name != self.name}
        if wanted == self.others:
            return
        for peer in wanted - self.others:
            self.next_index.setdefault(peer, self.log.last + 1)
            self.match_index.setdefault(peer, 0)
            self.answered_at.setdefault(peer, Time.now)
            self.learners.pop(peer.id, None)
            self._to_learn.pop(peer.id, None)
        gone = self.others - wanted
        self.others = wanted
        for peer in gone:
            self.replication.drop(peer.id)

    def _SyncObj__generateRaftTimeout(self) -> float:
        return self._rng.uniform(self.timing.election_min, self.timing.election_max)

    def _SyncObj__sendAppendEntries(self) -> None:
        self.next_send = Time.now + self.timing.heartbeat
        self.replication.send(Time.now)

    def _SyncObj__onBecomeLeader(self) -> None:
        self.next_index.clear()
        self.match_index.clear()
        self.counts_from.clear()
        self.replication.lead(self.configuration.members)
        super()._SyncObj__onBecomeLeader()

    def _checkCommandsToApply(self) -> None:
        if not self.holding:
            super()._checkCommandsToApply()

    def _SyncObj__parseChangeClusterRequest(self, command: bytes) -> tuple[str, str] | None:
        return changed(command[1:]) if command[:1] == CHANGE else None

    def _SyncObj__changeCluster(self, request: tuple[str, str]) -> bool:
        verb, member = request
        fits = (verb == ADD) != (member in self.configuration.members) and member != self.name
        if not (fits and self.may_change()):
            return False
        self.configuration.append(Change(self.log.last + 1, verb, member))
        self.follow_configuration()
        if verb == ADD:
            self.counts_from[peer_named(member)] = self.log.last + 1
            self.match_index[peer_named(member)] = 0
        return True

    def _SyncObj__applyLogEntries(self) -> bool:
        self._apply_up_to(self.commit_index, _APPLIED_AT_ONCE)
        return False

    def _SyncObj__tryLogCompaction(self) -> None:
        log, limits = self.log, self.limits
        if len(log) <= limits.max_entries and log.bytes <= limits.max_bytes:
            return
        times = limits.max_times_in_transfer
        if len(log) > times * limits.max_entries or log.bytes > times * limits.max_bytes:
            self.replication.abort_all()
            limit = self.last_applied
        else:
            limit = min([self.last_applied, *self.replication.pinned()])
        cut, size = log.first, log.bytes
        while cut < limit and (log.last - cut > limits.max_entries // 2 or size > limits.max_bytes // 2):
            size -= len(log[cut - log.first][0])
            cut += 1
        log.cut_to(cut)

    def _role_changed(self, before: int, after: int) -> None:
        if after == LEADER:
            self.led_since = Time.now
        if before == LEADER:
            self.led_since = None
            self.heard_at = Time.now
            self.replication.hurry = False
            self.holding = False
            self.learners.clear()
            self._to_learn.clear()
            self.replication.abort_all()

    # Own

    def _apply_up_to(self, last: int, budget: float) -> None:
        while self.last_applied < last and budget > 0:
            command, index, _ = self.log[self.last_applied + 1 - self.log.first]
            budget -= len(command)
            if command[:1] == COMMAND:
                self.on_applied(command[1 : 1 + TOKEN], self.machine.apply(command[1 + TOKEN :]))
            self.last_applied = index
            self.configuration.apply(index)

    def _tell_at_once(self) -> None:
        """Followers need not wait for the next heartbeat to hear of new entries and of what is committed."""
        mark = (self.log.last, self.commit_index)
        if mark != self._sent_up_to or self.replication.hurry:
            self._sent_up_to = mark
            self.replication.hurry = False
            self._SyncObj__sendAppendEntries()

    def _spare_after_halt(self, now: float) -> None:
        """Who was halted for a while has not listened: what the leader said meanwhile waits to be read."""
        halted = now - self._ticked_at > self.timing.election_min
        self._ticked_at = now
        self._halts = self._halts + 1 if halted else 0
        if halted and self._halts <= _HALTS_SPARED:
            self.election_deadline = max(self.election_deadline, now + 3 * self.timing.heartbeat)


__all__ = ["ADD", "NOTHING", "REMOVE", "Base", "Outside", "Raft"]
