"""What a leader does about the membership: one change at a time, and none that could cost the majority.

* A process that wants to join is taught first and becomes a member when it has everything: a slow one delays nobody.
* Before it is added, the former life at its address is removed: that one is over, for the address is taken.
* A member that was silent for long is removed, if a majority of the rest is there.
* Nobody is added while that would leave no majority without the newcomer, except to a member that is alone.
"""

from collections.abc import Callable
from typing import Any

from cluster.configuration import ADD, REMOVE
from cluster.messages import Decision, Description, Join, Leave
from cluster.names import address_of
from cluster.raft import Raft

Reply = Callable[[Decision], None]

MOST_LEARNERS = 16
"""How many may be taught at once. (processes)"""


class Governing:
    """The changes that a member makes as leader; it forgets all when it leads no more."""

    def __init__(self, raft: Raft[Any], describe: Callable[[float], Description]) -> None:
        self._raft = raft
        self._describe = describe
        self._now = 0.0
        self._gone: dict[str, float] = {}
        self._evicting: set[str] = set()
        self._leavers: dict[str, Reply] = {}

    def asked_to_join(self, join: Join, reply: Reply, now: float) -> None:
        """Teaches whoever asks, and tells whether it does."""
        self._now = now
        raft = self._raft
        if not self._governs(now):
            reply(self._refusal("this member does not lead"))
        elif join.member in raft.configuration.members:
            reply(self._granted())
        elif join.member not in raft.learners and len(raft.learners) >= MOST_LEARNERS:
            reply(self._refusal("too many are joining"))
        else:
            for former in [name for name in raft.learners if address_of(name) == address_of(join.member)]:
                raft.forget(former)
            raft.teach(join.member, now)
            reply(self._granted())

    def asked_to_leave(self, leave: Leave, reply: Reply, now: float) -> None:
        """Removes whoever asks, as soon as that may be, and then says so."""
        self._now = now
        if not self._governs(now):
            reply(self._refusal("this member does not lead"))
        elif leave.member == self._raft.name:
            reply(self._refusal("a leader cannot remove itself"))
        elif leave.member not in self._raft.configuration.members:
            reply(self._granted())
        else:
            self._leavers[leave.member] = reply

    def leaving(self) -> frozenset[str]:
        """The members that have asked to leave."""
        return frozenset(self._leavers)

    def tick(self, now: float) -> None:
        """Makes the next change if one is due."""
        self._now = now
        raft = self._raft
        if not raft.leads():
            self._gone.clear()
            self._evicting.clear()
            while self._leavers:
                self._leavers.popitem()[1](self._refusal("this member leads no more"))
            return
        self._tell_leavers()
        self._note_who_is_gone(now)
        if not raft.may_change() or raft.holding:
            return
        removal = next((name for name in self._to_remove(now) if self._may_go(name)), None)
        if removal is not None:
            raft.change(REMOVE, removal)
            return
        addition = next((name for name in sorted(raft.learners) if self._may_come(name)), None)
        if addition is not None:
            raft.change(ADD, addition)

    def _governs(self, now: float) -> bool:
        return self._raft.leads() and self._raft.in_touch(now)

    def _tell_leavers(self) -> None:
        settled = self._raft.configuration.settled
        for name in [name for name in self._leavers if name not in settled]:
            self._leavers.pop(name)(self._granted())
        for name in [name for name in self._evicting if name not in settled]:
            self._evicting.discard(name)
            self._raft.statistics.evictions += 1

    def _note_who_is_gone(self, now: float) -> None:
        raft = self._raft
        names = raft.configuration.members | raft.learners.keys()
        for name in [name for name in self._gone if name in raft.linked or name not in names]:
            del self._gone[name]
        for name in names - raft.linked - {raft.name}:
            self._gone.setdefault(name, now)
        for name in [name for name in raft.learners if self._is_gone(name, now)]:
            raft.forget(name)

    def _is_gone(self, name: str, now: float) -> bool:
        return name in self._gone and now - self._gone[name] > self._raft.timing.evict_after

    def _to_remove(self, now: float) -> list[str]:
        members = sorted(self._raft.configuration.members - {self._raft.name})
        taken = {address_of(name) for name in self._raft.learners}
        replaced = [name for name in members if address_of(name) in taken and name not in self._raft.linked]
        leaving = [name for name in members if name in self._leavers]
        gone = [name for name in members if self._is_gone(name, now)]
        self._evicting.update(gone)
        return [*replaced, *leaving, *gone]

    def _may_go(self, name: str) -> bool:
        """Whether a majority of the others is there."""
        raft = self._raft
        rest = raft.configuration.members - {name}
        return 2 * len(self._there(rest)) > len(rest)

    def _may_come(self, name: str) -> bool:
        raft = self._raft
        members = raft.configuration.members
        taken = any(address_of(member) == address_of(name) for member in members)
        room = len(members) == 1 or 2 * len(self._there(members)) > len(members) + 1
        return name in raft.linked and raft.has_learned(name) and not taken and room

    def _there(self, names: frozenset[str]) -> frozenset[str]:
        return names & (self._raft.linked | {self._raft.name})

    def _granted(self) -> Decision:
        return Decision(True, "", self._describe(self._now))

    def _refusal(self, why: str) -> Decision:
        return Decision(False, why, self._describe(self._now))
