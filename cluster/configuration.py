"""Who is a member, as the log says it: those of the last applied entry, and the changes behind it.

Raft's rule is that a change counts as soon as it stands in the log, committed or not, and counts no more when it is cut
off again. So the members are never kept beside the log; they follow from it.
"""

from dataclasses import dataclass

ADD = "add"
REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the membership, and its place in the log."""

    index: int
    verb: str
    member: str


class Configuration:
    """The members by a log that was applied up to some entry, where these were `settled`."""

    def __init__(self, settled: frozenset[str]) -> None:
        self.settled = settled
        """The members as of the last applied entry: what a snapshot tells."""
        self.open: list[Change] = []
        """The changes behind it."""
        self.members = settled

    def append(self, change: Change) -> None:
        """A change was put at the end of the log."""
        self.open.append(change)
        self._follow()

    def cut_from(self, index: int) -> None:
        """The log lost the entry of this index and all behind it."""
        self.open = [change for change in self.open if change.index < index]
        self._follow()

    def apply(self, index: int) -> None:
        """The entry of this index was applied."""
        while self.open and self.open[0].index <= index:
            self.settled = _after(self.settled, self.open.pop(0))

    def install(self, settled: frozenset[str], index: int) -> None:
        """A snapshot as of this entry took the place of all before it."""
        self.settled = settled
        self.open = [change for change in self.open if change.index > index]
        self._follow()

    def since(self, member: str, applied: int) -> int:
        """An entry by which this member is one: the last applied one, or the one that is to make it a member."""
        added = [change.index for change in self.open if change.member == member and change.verb == ADD]
        return applied if member in self.settled or not added else added[-1]

    def _follow(self) -> None:
        members = self.settled
        for change in self.open:
            members = _after(members, change)
        self.members = members


def _after(members: frozenset[str], change: Change) -> frozenset[str]:
    return members | {change.member} if change.verb == ADD else members - {change.member}
