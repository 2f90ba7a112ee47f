"""How it stands with the way from one address to another."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product


@dataclass(slots=True)
class Path:
    """One direction of the way between two addresses.

    `blocks` counts the faults that let nothing pass. What TCP would make good of a loss is late, not lost; `loss`,
    `doubled` and `reordered` are what TCP never does: the shares of frames that vanish, come twice, or do not wait for
    their turn. `rate` is in bytes/s. The delay is in s.
    """

    least_delay: float = 0.0003
    most_delay: float = 0.004
    rate: float | None = None
    blocks: int = 0
    blocked_since: float = 0.0
    loss: float = 0.0
    doubled: float = 0.0
    reordered: float = 0.0

    @property
    def unfaithful(self) -> bool:
        """Whether it does what TCP never does."""
        return bool(self.loss or self.doubled or self.reordered)


class Paths:
    """The ways between all addresses, each direction for itself."""

    def __init__(self) -> None:
        self._paths: dict[tuple[str, str], Path] = {}

    def __getitem__(self, way: tuple[str, str]) -> Path:
        path = self._paths.get(way)
        if path is None:
            path = self._paths[way] = Path()
        return path

    def all_of(self, ways: Iterable[tuple[str, str]]) -> list[Path]:
        """Several ways."""
        return [self[way] for way in ways]

    def every(self) -> Iterator[Path]:
        """All that were ever used."""
        return iter(self._paths.values())


def between(some: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """All ways between two groups of addresses, both directions."""
    pairs = [(one, other) for one, other in product(some, others) if one != other]
    return [*pairs, *((other, one) for one, other in pairs)]
