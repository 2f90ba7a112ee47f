"""What a run is like: how many processes, which faults and how often, drawn from its seed."""

from dataclasses import dataclass, field
from random import Random

from cluster.settings import LogLimits, Timing
from tests.cluster.simulation.weather import Climate


@dataclass(frozen=True)
class Dangers:
    """How often what happens to processes, on average (s); 0 for never."""

    crash: float = 3.0
    """One dies, and is there again soon."""
    massacre: float = 0.0
    """Several die at once, often a majority, sometimes all."""
    pause: float = 4.0
    leap: float = 8.0
    """A clock leaps."""
    replace: float = 12.0
    """One dies for good; another address takes its place."""
    scale: float = 12.0
    """Two come, or two leave."""
    leave: float = 8.0
    """One leaves in order, and starts again."""
    at_the_leader: float = 0.4
    """The share of these, and of what the weather does, that is aimed at the leader."""


@dataclass(frozen=True)
class Plan:
    """A run."""

    seed: int
    size: int = 3
    seconds: float = 12.0
    """How long there are faults."""
    climate: Climate = field(default_factory=Climate)
    dangers: Dangers = field(default_factory=Dangers)
    limits: LogLimits = field(default_factory=lambda: LogLimits(max_entries=40, max_bytes=8_000))
    timing: Timing = field(default_factory=Timing)
    skew: float = 0.02
    pace: float = 0.2
    outbox: int = 32 << 20
    link_timeout: float = 3.0
    aliases: bool = False
    """Whether discovery also tells each address under another name."""
    tight: bool = False
    """Whether messages and transfers are cut into pieces much smaller than usual."""
    registry: bool = False
    """Whether it is the real registry that is replicated."""


QUICK = Timing(evict_after=0.7, join_limit=5.0)
"""Whoever is silent is soon removed."""


def drawn(seed: int) -> Plan:
    """The plan of a seed."""
    random = Random(f"plan/{seed}")
    calm = random.random() < 0.15

    def often(mean: float, never: float = 0.35) -> float:
        return 0.0 if random.random() < never else mean * random.choice((0.5, 1.0, 2.0))

    climate = Climate(
        cut=often(2.0),
        break_link=often(2.0),
        slow=often(4.0),
        unfaithful=often(5.0, 0.6),
        longest=random.choice((1, 4, 8, 12)),
    )
    dangers = Dangers(
        crash=often(3.0),
        massacre=often(10.0, 0.75),
        pause=often(3.0),
        leap=often(5.0, 0.6),
        replace=often(8.0, 0.6),
        scale=often(6.0, 0.6),
        leave=often(5.0, 0.5),
        at_the_leader=random.choice((0.0, 0.4, 0.9)),
    )
    quick = random.random() < 0.4
    entries = random.choice((5, 12, 40, 40, 200, 2000))
    size = random.choice((1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 7))
    tight = random.random() < 0.5
    # A log that is too short for what is proposed while a snapshot is on its way lets nobody join.
    times = 400 // entries + 1 if tight or entries < 40 else random.choice((1, 4))
    return Plan(
        seed,
        size=size,
        seconds=random.choice((6.0, 12.0, 12.0, 20.0)),
        climate=Climate(0, 0, 0, 0, 1) if calm else climate,
        dangers=dangers,
        limits=LogLimits(entries, entries * 300, times),
        skew=random.choice((0.0, 0.01, 0.05)),
        pace=random.choice((0.02 if size <= 3 else 0.05, 0.1, 0.1, 0.4)),
        outbox=random.choice((32 << 20, 32 << 20, 3_000)),
        registry=random.random() < 0.15,
        timing=QUICK if quick else Timing(),
        link_timeout=0.8 if quick else 3.0,
        aliases=random.random() < 0.1,
        tight=tight,
    )
