"""Which silence counts: only that during which this node listened.

When time leaps (a clock is set forward, the clock of another node is ahead), the node halts for a while, or the cluster
has no majority, so that nobody can commit what was heard, then everything looks as if it had been silent for that long,
also what goes on. So each kind of row gets its whole limit once more, in which it can be heard.

Every node keeps its patience, whether it sweeps or not: one that becomes the leader goes on where it stands.
"""

from store.commands import Sweep
from store.idleness import grace

LONGEST_GAP = 5000
"""How far apart two moments may lie for the node to count as listening in between, however short a limit is. (ms)"""


class Patience:
    """The idle limits as far as this node may act on them. Times are ms."""

    def __init__(self, limits: Sweep) -> None:
        self._limits = limits
        self._listened: int | None = None
        self._since = limits
        self.unbroken_since = 0
        """Since when it has listened without a gap."""

    def listen(self, now: int) -> None:
        """The node listens at `now`, and a majority with it: to be told far more often than each half of a limit."""
        if self._listened is None or now - self._listened > LONGEST_GAP:
            self.unbroken_since = now
        if self._listened is None:
            self._since = Sweep(*[now] * len(self._limits))
        elif (gap := now - self._listened) > LONGEST_GAP:
            pairs = zip(self._limits, self._since, strict=True)
            self._since = Sweep(*(now if gap > limit // 2 else since for limit, since in pairs))
        self._listened = now

    def limits(self, now: int) -> Sweep:
        """The limits, out of reach for each kind of row that the node has not listened to for so long."""
        pairs = zip(self._limits, self._since, strict=True)
        return Sweep(*(limit if now - since > limit + grace(limit) else now for limit, since in pairs))
