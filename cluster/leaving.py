"""How a member goes: it hands leadership over if it leads, then has itself removed."""

from collections.abc import Callable
from typing import Any

from cluster.asking import Asked
from cluster.messages import Decision, Leave, Reply
from cluster.names import address_of
from cluster.raft import Raft


class Leaving:
    """One member's way out; `gone` is called when it is removed, or was none."""

    def __init__(self, asked: Asked, gone: Callable[[], None], retry: float, pace: float) -> None:
        self._asked = asked
        self._gone = gone
        self._retry = retry
        self._pace = pace
        self._next_at = 0.0

    def tick(self, raft: Raft[Any] | None, ready: bool, now: float) -> None:
        """Does what is due."""
        if raft is None or not ready or raft.configuration.members == {raft.name}:
            self._gone()
        elif raft.leads():
            # New commands wait, so that another member can have everything.
            raft.holding = True
            if now >= self._next_at:
                self._next_at = now + self._pace
                raft.hand_over(now)
        elif raft.name not in raft.configuration.settled:
            self._gone()
        elif now >= self._next_at and raft.in_touch(now):
            self._ask(raft, now)

    def _ask(self, raft: Raft[Any], now: float) -> None:
        leader = raft.leader()
        if leader is None:
            return
        self._next_at = now + self._retry

        def then(said: Reply | None, now: float) -> None:
            if isinstance(said, Decision) and said.granted:
                self._gone()

        self._asked.put(address_of(leader), Leave(raft.name), then)
