"""How a member goes: it hands leadership over if it leads, then has itself removed."""

from collections.abc import Callable
from typing import Any

from cluster.asking import Asked
from cluster.governing import Governing
from cluster.messages import Decision, Leave, Reply
from cluster.names import address_of
from cluster.raft import Raft
from cluster.settings import Timing

_LISTENS = 4
"""How many heartbeats a leader that wants to go listens for others who want to go too."""


class Leaving:
    """One member's way out; `gone` is called when it is removed, or was none."""

    def __init__(self, asked: Asked, gone: Callable[[], None], timing: Timing) -> None:
        self._asked = asked
        self._gone = gone
        self._timing = timing
        self._leads_since: float | None = None
        self._next_at = 0.0
        self._asked_whom: str | None = None
        self._others = True

    def tick(self, raft: Raft[Any] | None, governing: Governing | None, now: float) -> None:
        """Does what is due."""
        if raft is None or governing is None or raft.name not in raft.configuration.members:
            self._gone()
        elif raft.leads():
            self._leads_since = now if self._leads_since is None else self._leads_since
            self._go_as_leader(raft, governing, now)
        else:
            self._leads_since = None
            self._go_as_follower(raft, now)

    def _waited(self, others: bool, now: float) -> bool:
        """Whether it has listened, and said what it had to say, since it leads and since it is alone."""
        if others != self._others:
            self._others, self._leads_since = others, now
        return self._leads_since is not None and now - self._leads_since > _LISTENS * self._timing.heartbeat

    def _go_as_leader(self, raft: Raft[Any], governing: Governing, now: float) -> None:
        """Hands over to one who stays. If nobody does, the others are removed first, and the last one just goes."""
        others = (raft.configuration.members | raft.configuration.settled) - {raft.name}
        waited = self._waited(bool(others or raft.learners), now)
        if waited and not others and not raft.learners:
            self._gone()
            return
        stay = sorted(others & raft.linked - governing.leaving())
        raft.holding = bool(stay) and waited  # new commands wait, so that another member can have everything
        if raft.holding and now >= self._next_at:
            self._next_at = now + self._timing.heartbeat
            raft.hand_over(max(stay, key=raft.known_by), now)

    def _go_as_follower(self, raft: Raft[Any], now: float) -> None:
        leader = raft.leader()
        if now - raft.heard_at > self._timing.evict_after:
            self._gone()  # others will notice; nothing is left here that they need
            return
        if leader is None or not raft.in_touch(now) or (leader == self._asked_whom and now < self._next_at):
            return
        self._next_at = now + self._timing.retry
        self._asked_whom = leader

        def then(said: Reply | None, now: float) -> None:
            if isinstance(said, Decision) and said.granted:
                self._gone()

        self._asked.put(address_of(leader), Leave(raft.name), then)
