"""A snapshot on its way from the leader to one member: parts in order, a window of them unacknowledged."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from cluster.machine import Parts, Restoring
from cluster.messages import Part

WINDOW = 4 * 1024 * 1024
"""How much of a snapshot may be on its way. (bytes)"""

AT_ONCE = 512 * 1024
"""How much of a snapshot is made in one tick: some ten milliseconds of work. (bytes)"""

PATIENCE = 10.0
"""How long a transfer may stand still before it is given up. (s)"""


@dataclass(slots=True)
class Sending:
    """The leader's side. `index`, `index_term` and `members` are those of the last entry that the snapshot holds."""

    number: int
    index: int
    index_term: int
    members: list[str]
    parts: Parts
    moved_at: float
    made: int = 0
    ended: bool = False
    unacknowledged: deque[Part] = field(default_factory=deque)
    on_the_way: int = 0
    resent_at: float = float("-inf")
    interrupted: bool = False

    def has_room(self) -> bool:
        """Whether more may be sent before anything is acknowledged."""
        return not self.ended and self.on_the_way < WINDOW

    def fresh(self, term: int, commit_index: int) -> Iterator[Part]:
        """The next parts that may be sent now."""
        made = 0
        while made < AT_ONCE and self.has_room():
            data = next(self.parts, None)
            self.ended = data is None
            part = self._part(term, commit_index, data)
            made += len(part.data)
            self.made += 1
            self.on_the_way += len(part.data)
            self.unacknowledged.append(part)
            yield part

    def stale(self, now: float, retry: float) -> list[Part]:
        """The parts to send once more: the link broke, or nothing was heard of them for `retry` (s)."""
        if not self.interrupted and now - max(self.moved_at, self.resent_at) < retry:
            return []
        self.interrupted = False
        self.resent_at = now
        return list(self.unacknowledged)

    def taken(self, number: int, now: float) -> None:
        """The member has all parts before `number`."""
        while self.unacknowledged and self.unacknowledged[0].number < number:
            self.on_the_way -= len(self.unacknowledged.popleft().data)
            self.moved_at = now

    def stuck(self, now: float) -> bool:
        """Whether it should be given up."""
        return now - self.moved_at > PATIENCE

    def _part(self, term: int, commit_index: int, data: bytes | None) -> Part:
        return Part(
            term,
            commit_index,
            self.number,
            self.index,
            self.index_term,
            self.made,
            data is None,
            self.members,
            data or b"",
        )


@dataclass(slots=True)
class Receiving:
    """The member's side: a state put together beside its own. `key` is leader, term and transfer."""

    key: tuple[str, int, int]
    restoring: Restoring
    next_number: int = 0
