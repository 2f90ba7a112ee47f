"""Verbs for tests that tell a story: a cluster is there, something happens to it, all is well in the end."""

from dataclasses import replace

from cluster.settings import LogLimits
from tests.cluster.simulation.paths import between
from tests.cluster.simulation.plan import Plan
from tests.cluster.simulation.process import Process
from tests.cluster.simulation.simulation import Simulation


class Story(Simulation):
    """A cluster to which nothing happens by chance but delays."""

    def __init__(self, size: int = 3, *, entries: int = 2000, pace: float = 0.1, seed: int = 0) -> None:
        limits = LogLimits(entries, entries * 300, 4)
        super().__init__(replace(Plan(seed), size=size, limits=limits, pace=pace, skew=0.01))
        self.begin()
        self.wait_until(self.busy)

    def busy(self) -> bool:
        """Whether all are one cluster and commit."""
        return self.one_cluster() and all(process.proposer.heard > 2 for process in self.alive())

    def the_leader(self) -> Process:
        """Who leads; there is one."""
        leader = self.leader()
        assert leader
        return leader

    def followers(self) -> list[Process]:
        """Who follows."""
        return [process for process in self.alive() if process is not self.leader()]

    def cut_off(self, *some: Process) -> list[tuple[str, str]]:
        """Lets nothing pass between some and all others; the ways, to be unblocked."""
        inside = [process.address for process in some]
        ways = between(inside, [address for address in self.wanted if address not in inside])
        self.network.block(ways)
        return ways

    def serving(self) -> list[str]:
        """Who has a quorum."""
        return [process.address for process in self.alive() if process.status.quorum]

    def heard(self) -> int:
        """How many answers the proposers that live got, together."""
        return sum(process.proposer.heard for process in self.alive())

    def longest_gap(self, seconds: float, of: Process) -> float:
        """Lets time pass; how long the proposer of a process went without an answer, at most. (s)"""
        end, longest, since, heard = self.schedule.now + seconds, 0.0, self.schedule.now, of.proposer.heard
        while self.schedule.now < end and not self.court.wrong:
            self.run(0.01)
            if of.proposer.heard != heard:
                heard, since = of.proposer.heard, self.schedule.now
            longest = max(longest, self.schedule.now - since)
        return longest

    def ends_well(self) -> list[str]:
        """All faults are over; what was wrong in the end."""
        if not self.court.wrong:
            self.heal()
        return self.court.wrong
