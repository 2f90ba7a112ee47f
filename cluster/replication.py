"""How the log gets from the leader to the others, in place of PySyncObj's own way, which loses what was committed.

The rules are Raft's, each with the failure of PySyncObj 0.3.17 that it prevents in DESIGN.md:

* A member cuts off only what conflicts, and never what is committed.
* An answer belongs to a term; an answer of a newer term ends the leadership.
* What a member has acknowledged it has: the leader never goes back behind it.
* A rejection names what is known to agree, so that one step back is enough; until that is confirmed, the leader probes.
* A snapshot that is older than what the member has is not installed; entries that follow it are kept.
"""

from typing import TYPE_CHECKING, Any

from cluster.configuration import Change
from cluster.engine import CHANGE, NO_OP
from cluster.log import Log
from cluster.messages import Ack, Append, Beat, Malformed, Message, Part, Taken, changed
from cluster.peer import peer_named
from cluster.transfer import Receiving, Sending

if TYPE_CHECKING:
    from cluster.engine import Outside
    from cluster.raft import Raft

BATCH = 1024 * 1024
"""How much of the log goes in one message; a single larger command goes alone. (bytes)"""

WINDOW = 8 * 1024 * 1024
"""How much may wait on a link before the log waits with the rest. (bytes)"""


class Diverged(Exception):
    """A leader contradicts what is committed here. One of the two is broken: this member must not go on."""


class Replication:
    """Both sides of it, for one member."""

    def __init__(self, raft: "Raft[Any]", outside: "Outside") -> None:
        self.hurry = False
        """Whether something is to be sent before the next heartbeat."""
        self._raft = raft
        self._outside = outside
        self._probing: set[str] = set()
        self._sending: dict[str, Sending] = {}
        self._receiving: Receiving | None = None
        self._transfers = 0
        self._last_aborted: str | None = None

    # The leader's side

    def lead(self, members: frozenset[str]) -> None:
        """A leadership begins: what the others have is not known yet."""
        self.abort_all()
        self._probing = set(members)

    def send(self, now: float) -> None:
        """Sends to everyone with a link what it lacks, or a heartbeat."""
        raft = self._raft
        for name in [name for name, sending in self._sending.items() if sending.stuck(now)]:
            self._abort(name)
        names = {peer.id for peer in raft.others} | raft.learners.keys()
        for name in sorted(names, key=lambda name: (name == self._last_aborted, name)):
            if name in raft.linked:
                self._send_to(name, now)

    def lost(self, member: str) -> None:
        """What was on its way to a member is lost, or its link is new."""
        self._probing.add(member)
        if member in self._sending:
            self._sending[member].interrupted = True
        known = self._raft.match_index.get(peer_named(member), 0)
        if known:
            self._raft.next_index[peer_named(member)] = known + 1

    def streams_to(self, member: str) -> bool:
        """Whether it is sent entries as they come: it needs no snapshot, and what it has is known."""
        return not (self._lacks_state(member) or member in self._probing or member in self._sending)

    def drop(self, member: str) -> None:
        """A member or learner is none any more."""
        self._abort(member)
        self._probing.discard(member)
        raft = self._raft
        for known in (raft.next_index, raft.match_index, raft.counts_from, raft.answered_at):
            known.pop(peer_named(member), None)

    def pinned(self) -> list[int]:
        """The entries that must stay in the log, for somebody is about to be given what follows them: after a snapshot,
        or because he lags behind what is in the log."""
        raft = self._raft
        if not raft.leads():
            return []
        known = (raft.match_index.get(peer_named(name), 0) for name in raft.linked)
        return [
            *(sending.index for sending in self._sending.values()),
            *(index for index in known if index >= raft.log.first),
        ]

    def abort_all(self) -> None:
        """Gives up all transfers that are under way."""
        for member in list(self._sending):
            self._abort(member)

    def received(self) -> int:
        """How many parts have been taken of the snapshot that is being received."""
        return self._receiving.next_number if self._receiving else 0

    def has_more(self) -> bool:
        """Whether a snapshot could go on at once: its window has room, and so has its link."""
        return any(
            sending.has_room() and self._has_room(name) and self._lacks_state(name)
            for name, sending in self._sending.items()
        )

    def _lacks_state(self, name: str) -> bool:
        """Whether what a member lacks is not in the log any more."""
        return bool(self._raft.next_index[peer_named(name)] <= self._raft.log.first)

    def _has_room(self, name: str) -> bool:
        return name in self._raft.linked and self._outside.pending(name) < WINDOW

    def close(self) -> None:
        """Frees what is under way."""
        self.abort_all()
        self._end_receiving()

    def _send_to(self, name: str, now: float) -> None:
        raft, peer = self._raft, peer_named(name)
        if self._lacks_state(name):
            if name not in self._sending:
                self._begin(name, now)
            self._outside.send(name, Beat(raft.term, raft.commit_index))
            self._send_parts(name, now)
        elif name in self._probing:
            self._append(name, raft.next_index[peer], [])
        else:
            self._send_entries(name)

    def _send_entries(self, name: str) -> None:
        raft, peer = self._raft, peer_named(name)
        while True:
            next_index = raft.next_index[peer]
            entries = raft.log.behind(next_index - 1, BATCH)
            if not self._append(name, next_index, entries):
                return
            raft.next_index[peer] = next_index + len(entries)
            if raft.next_index[peer] > raft.log.last or self._outside.pending(name) > WINDOW:
                return

    def _append(self, name: str, next_index: int, entries: list[tuple[bytes, int, int]]) -> bool:
        raft, previous = self._raft, next_index - 1
        term = raft.log.term_of(previous)
        told = [(term_, command) for command, _, term_ in entries]
        return self._outside.send(name, Append(raft.term, raft.commit_index, previous, term, told))

    def _begin(self, name: str, now: float) -> None:
        """Begins to give a member the state, unless another is being given it: one after the other."""
        raft = self._raft
        if self._sending:
            return
        self._transfers += 1
        index = raft.last_applied
        members = sorted(raft.configuration.settled)
        term = raft.log.term_of(index)
        self._sending[name] = Sending(self._transfers, index, term, members, raft.machine.snapshot(), now)

    def _send_parts(self, name: str, now: float) -> None:
        sending = self._sending.get(name)
        if sending is None:
            return
        if self._has_room(name):
            for part in sending.stale(now, self._raft.timing.retry):
                self._outside.send(name, part)
            for part in sending.fresh(self._raft.term, self._raft.commit_index):
                self._outside.send(name, part)

    def _abort(self, name: str) -> None:
        sending = self._sending.pop(name, None)
        if sending is not None:
            sending.parts.close()
            self._last_aborted = name  # it is another's turn
            self._raft.statistics.snapshots_aborted += 1

    # Messages, of either side

    def take(self, member: str, message: Message, now: float) -> None:
        """Takes a message that is about the log."""
        match message:
            case Append():
                self._take_append(member, message, now)
            case Beat(term, commit_index):
                if self._follow(member, term, commit_index, now):
                    self._say_taken(member)
            case Part():
                self._take_part(member, message, now)
            case Ack():
                self._take_ack(member, message, now)
            case Taken():
                self._take_taken(member, message, now)

    def _take_ack(self, member: str, ack: Ack, now: float) -> None:
        raft, peer = self._raft, peer_named(member)
        if not self._answers(member, ack.term, now):
            return
        if ack.rejected is None:
            if ack.next_index > raft.counts_from.get(peer, 0):
                raft.match_index[peer] = max(raft.match_index[peer], ack.next_index - 1)
            raft.next_index[peer] = max(raft.next_index[peer], ack.next_index)
            self._end_sending(member)
            if member in self._probing:
                self._probing.discard(member)
                self.hurry = True
            return
        probed = ack.rejected == raft.next_index[peer] - 1
        if probed if member in self._probing else ack.rejected > raft.match_index[peer]:
            raft.next_index[peer] = max(ack.next_index, raft.match_index[peer] + 1)
            self._probing.add(member)
            self.hurry = True

    def _end_sending(self, member: str) -> None:
        """A member that acknowledges what is behind its snapshot has installed it, or had it already."""
        sending = self._sending.get(member)
        if sending is not None and self._raft.match_index[peer_named(member)] >= sending.index:
            sending.parts.close()
            del self._sending[member]
            self._raft.statistics.snapshots_sent += 1

    def _take_taken(self, member: str, taken: Taken, now: float) -> None:
        sending = self._sending.get(member)
        if self._answers(member, taken.term, now) and sending is not None and sending.number == taken.transfer:
            sending.taken(taken.number, now)
            self.hurry = True

    def _answers(self, member: str, term: int, now: float) -> bool:
        """Whether this is an answer to the leader that we are; an answer of a newer term ends our leadership."""
        raft = self._raft
        if term > raft.term:
            raft.outrank(term)
        if not raft.leads() or term != raft.term or peer_named(member) not in raft.next_index:
            return False
        raft.answered_at[peer_named(member)] = now
        return True

    # The others' side

    def _follow(self, leader: str, term: int, commit_index: int, now: float) -> bool:
        """Whether this is the leader to follow; one of an older term is told so."""
        raft = self._raft
        if term < raft.term:
            self._outside.send(leader, Ack(raft.term, raft.last_applied + 1))
            return False
        heard = {"type": "append_entries", "term": term, "commit_index": min(commit_index, raft.commit_index)}
        raft._SyncObj__onMessageReceived(peer_named(leader), heard)
        raft.leader_commit = commit_index
        raft.heard_at = now
        return True

    def _settled(self) -> int:
        """Everything up to here agrees with every leader there will ever be."""
        return int(max(self._raft.commit_index, self._raft.last_applied))

    def _take_append(self, leader: str, append: Append, now: float) -> None:
        raft = self._raft
        if not self._follow(leader, append.term, append.commit_index, now):
            return
        log, settled = raft.log, self._settled()
        previous, entries = append.prev_index, append.entries
        if previous < log.first:  # what the base stands for is committed, so it agrees
            entries = entries[log.first - previous :]
            previous = min(log.first, previous + len(append.entries))
        elif log.term_of(previous) != append.prev_term:
            self._outside.send(leader, Ack(raft.term, settled + 1, append.prev_index))
            return
        self._merge(previous, entries, settled)
        last = previous + len(entries)
        raft.commit_index = max(raft.commit_index, min(append.commit_index, last))
        self._end_receiving()
        self._outside.send(leader, Ack(raft.term, last + 1))

    def _merge(self, previous: int, entries: list[tuple[int, bytes]], settled: int) -> None:
        """Takes entries over: those that agree stay as they are, those that conflict go, with all behind them."""
        raft, log = self._raft, self._raft.log
        changes = False
        for index, (term, command) in enumerate(entries, previous + 1):
            known = log.term_of(index)
            if known == term:
                continue
            if known is not None:
                if index <= settled:
                    raise Diverged(f"entry {index} is committed here with term {known}, a leader has it with {term}")
                log.cut_from(index)
                raft.configuration.cut_from(index)
                changes = True
            change = self._change(command, index)
            log.add(command, index, term)
            if change is not None:
                raft.configuration.append(change)
                changes = True
        if changes:
            raft.follow_configuration()

    def _change(self, command: bytes, index: int) -> Change | None:
        try:
            return Change(index, *changed(command[1:])) if command[:1] == CHANGE else None
        except Malformed as error:
            raise Diverged(f"entry {index} is a change of the membership that cannot be read: {error}") from error

    def _take_part(self, leader: str, part: Part, now: float) -> None:
        raft = self._raft
        if not self._follow(leader, part.term, part.commit_index, now):
            return
        if part.index <= self._settled():
            self._end_receiving()
            self._outside.send(leader, Ack(raft.term, self._settled() + 1))
            return
        key = (leader, part.term, part.transfer)
        if part.number == 0 and (self._receiving is None or self._receiving.key != key):
            self._end_receiving()
            self._receiving = Receiving(key, raft.machine.restoring())
        receiving = self._receiving
        if receiving is not None and receiving.key == key and receiving.next_number == part.number:
            if part.last:
                self._install(leader, part, receiving)
                return
            if not self._stage(part, receiving):
                return
        self._say_taken(leader)

    def _stage(self, part: Part, receiving: Receiving) -> bool:
        try:
            receiving.restoring.take(part.data)
        except ValueError:
            self._raft.statistics.malformed += 1
            self._end_receiving()
            return False
        receiving.next_number += 1
        return True

    def _install(self, leader: str, part: Part, receiving: Receiving) -> None:
        """The state becomes that of the snapshot. Entries behind it stay if they follow from it: they may be
        committed, and this member may be needed to remember them."""
        raft = self._raft
        receiving.restoring.finish()
        self._receiving = None
        if raft.log.term_of(part.index) == part.index_term:
            raft.log.cut_to(part.index)
        else:
            raft.log = Log(part.index, part.index_term, NO_OP)
            raft.configuration.open = []
        raft.last_applied = part.index
        raft.commit_index = max(raft.commit_index, part.index)
        raft.configuration.install(frozenset(part.members), part.index)
        raft.follow_configuration()
        raft.statistics.snapshots_received += 1
        self._outside.send(leader, Ack(raft.term, part.index + 1))

    def _say_taken(self, leader: str) -> None:
        receiving = self._receiving
        transfer, number = (receiving.key[2], receiving.next_number) if receiving else (0, 0)
        self._outside.send(leader, Taken(self._raft.term, transfer, number))

    def _end_receiving(self) -> None:
        if self._receiving is not None:
            self._receiving = None
            self._raft.statistics.snapshots_aborted += 1
