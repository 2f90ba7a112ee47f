"""The nodes that propose: what each of them had applied last, what it has still to tell, and which are gone."""

from collections.abc import Iterable

from store.commands import Outcome

MOST_GONE = 1024
"""How many nodes that are gone are remembered. A name is never used again, and a command of a node that is gone comes
within seconds or never, so the oldest can be forgotten. The same on every replica, so it is no setting."""


class Origin:
    """What the registry keeps of a node that proposes: its last number and outcome, and what it has not told yet.

    An outcome does not change once it is kept.
    """

    __slots__ = ("last", "seq", "untold")

    def __init__(self) -> None:
        self.seq = 0
        self.last = Outcome()
        self.untold: dict[int, Outcome] = {}

    def mark(self, mark: int) -> None:
        """Forgets what has been told: all up to the number `mark`."""
        for told in [seq for seq in self.untold if seq <= mark]:
            del self.untold[told]


def inherited(origins: dict[str, Origin], names: Iterable[str]) -> list[Outcome]:
    """Takes nodes out; what they had not told, in order."""
    lost = [origins.pop(name) for name in names if name in origins]
    return [untold for origin in lost for untold in origin.untold.values()]


def bury(gone: dict[str, None], names: Iterable[str]) -> None:
    """Remembers that nodes are gone; of too many, those that went first are forgotten."""
    gone.update(dict.fromkeys(names))
    while len(gone) > MOST_GONE:
        del gone[next(iter(gone))]
