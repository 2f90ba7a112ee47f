"""What a member counts: only ever counted up, read when somebody asks."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

COMMIT_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of commit times; the last bucket has none. (s)"""


class Proposal(StrEnum):
    """What became of a proposal."""

    APPLIED = "applied"
    RETRIED = "retried"
    """It was sent once more, for its leader changed or no answer came in time."""
    ABANDONED = "abandoned"
    """Its proposer had to join the cluster anew; whether it was applied is unknown."""


@dataclass(slots=True)
class CommitTimes:
    """A histogram of the times from proposal to local application. (s)"""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(COMMIT_BOUNDS) + 1))
    sum: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.buckets[bisect_left(COMMIT_BOUNDS, seconds)] += 1
        self.sum += seconds


@dataclass(slots=True)
class Statistics:
    """Counters of one process, through all its lives."""

    elections: int = 0
    """Elections that this member stood for."""
    leader_changes: int = 0
    rebirths: int = 0
    """How often it had to join anew."""
    evictions: int = 0
    """Members that it, as leader, removed because they were gone."""
    snapshots_sent: int = 0
    snapshots_received: int = 0
    snapshots_aborted: int = 0
    """Snapshots begun, sent or received, that came to no end."""
    proposals: Counter[Proposal] = field(default_factory=Counter)
    commit_times: CommitTimes = field(default_factory=CommitTimes)
    malformed: int = 0
    """Frames of members that could not be understood."""
