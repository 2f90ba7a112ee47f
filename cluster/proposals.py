"""The commands that wait to be applied here, each found by a token in front of it, and sent until it is.

PySyncObj has callbacks for that; they can get lost for ever, and its replies may name a place in the log that another
command has taken since.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from cluster.raft import Raft
from cluster.statistics import Proposal, Statistics

Answer = TypeVar("Answer")

Done = Callable[[Answer | None], None]


@dataclass(slots=True)
class _Waiting(Generic[Answer]):
    command: bytes
    done: Done[Answer]
    since: float
    sent_to: tuple[str, int] | None = None
    sent_at: float = 0.0


class Proposals(Generic[Answer]):
    """Those of one life of a process, under its name."""

    def __init__(self, name: str, statistics: Statistics, retry: float) -> None:
        self._mark = blake2b(name.encode(), digest_size=8).digest()
        self._name = name
        self._statistics = statistics
        self._retry = retry
        self._number = 0
        self._waiting: dict[bytes, _Waiting[Answer]] = {}

    def add(self, command: bytes, done: Done[Answer], now: float) -> None:
        """One more; `done` is told its answer, or ``None`` when this life ends before."""
        self._number += 1
        self._waiting[self._mark + self._number.to_bytes(8, "big")] = _Waiting(command, done, now)

    def send(self, raft: Raft[Any], now: float) -> None:
        """Sends what is new, what its leader may not have any more, and what nothing was heard of for too long."""
        leader = raft.leader()
        if leader is None:
            return
        target = (leader, raft.term)
        for token, waiting in self._waiting.items():
            overdue = leader != self._name and now - waiting.sent_at > self._retry
            if waiting.sent_to == target and not overdue:
                continue
            if waiting.sent_to is not None:
                self._statistics.proposals[Proposal.RETRIED] += 1
            waiting.sent_to, waiting.sent_at = target, now
            raft.propose(token, waiting.command)

    def applied(self, token: bytes, answer: Answer, now: float) -> None:
        """A command was applied here; it may be one of these."""
        waiting = self._waiting.pop(token, None)
        if waiting is not None:
            self._statistics.proposals[Proposal.APPLIED] += 1
            self._statistics.commit_times.add(now - waiting.since)
            waiting.done(answer)

    def abandon(self) -> None:
        """This life is over."""
        waiting, self._waiting = self._waiting, {}
        for abandoned in waiting.values():
            self._statistics.proposals[Proposal.ABANDONED] += 1
            abandoned.done(None)
