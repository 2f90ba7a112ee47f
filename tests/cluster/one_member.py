"""One member for tests: what it hears, what it says, and what time it is for it."""

from random import Random

from cluster.governing import Governing
from cluster.messages import Ack, Append, Description, Message, Part, Voted
from cluster.raft import Base, Raft
from cluster.settings import LogLimits, Timing
from cluster.statistics import Statistics
from tests.cluster.tape import Tape

A, B, C, D, E = (f"{letter}:1#0" for letter in "abcde")
MEMBERS = frozenset({A, B, C})
LONG = LogLimits(20_000, 64 * 1024 * 1024, 4)
SHORT = LogLimits(20, 64 * 1024 * 1024, 4)
FIRST = Base(1, 4, MEMBERS)
HEARTBEAT = Timing().heartbeat
COMMAND = b"\x00" + bytes(16)
"""What stands in front of a command in the log: its kind, and the token of its proposer."""

CHANGE = b"\x02"


class One:
    """One member, what it says, and what time it is for it."""

    def __init__(self, base: Base = FIRST, *, name: str = A, limits: LogLimits = LONG) -> None:
        self.now = 100.0
        self.said: list[tuple[str, Message]] = []
        self.tape = Tape()
        self.statistics = Statistics()
        self.raft: Raft[int] = Raft(name, base, self.tape, self, Timing(), limits, self.statistics, Random(0), self.now)
        self.governing = Governing(self.raft, lambda now: Description(member=name))

    def send(self, member: str, message: Message) -> bool:
        if member in self.raft.linked:
            self.said.append((member, message))
        return member in self.raft.linked

    def pending(self, member: str) -> int:
        return 0

    def tick(self, seconds: float = 0.001) -> bool:
        self.now += seconds
        return self.raft.tick(self.now)

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / HEARTBEAT)):
            self.tick(HEARTBEAT)

    def govern(self, seconds: float) -> None:
        """Time passes, for who governs the membership too; the members that have a link acknowledge everything."""
        for _ in range(round(seconds / HEARTBEAT)):
            for member in sorted(self.raft.linked):
                self.hears(member, Ack(self.raft.term, self.raft.log.last + 1))
            self.governing.tick(self.now)
            self.tick(HEARTBEAT)

    def links(self, *members: str) -> None:
        for member in members:
            self.raft.connected(member, self.now)

    def loses(self, member: str) -> None:
        self.raft.disconnected(member, self.now)

    def hears(self, member: str, message: Message) -> None:
        self.raft.deliver(member, message, self.now)

    def acked_by(self, *members: str) -> None:
        """These acknowledge all there is, and what follows from that happens."""
        for member in members:
            self.hears(member, Ack(self.raft.term, self.raft.log.last + 1))
        self.tick()

    def proposes(self, command: bytes) -> None:
        self.raft.propose(bytes(16), command)
        self.tick()

    def new(self, to: str) -> list[Message]:
        """What it said to one since it was last looked at."""
        new = [message for member, message in self.said if member == to]
        self.said.clear()
        return new

    def appends(self, to: str) -> list[Append]:
        return [message for message in self.new(to) if isinstance(message, Append)]

    def parts(self, to: str) -> list[Part]:
        return [message for message in self.new(to) if isinstance(message, Part)]


def leader(*others: str, acked: bool = True, limits: LogLimits = LONG) -> One:
    """The leader of term 5 and of the others; all have its first entry, if it was `acked`."""
    one = One(Base(1, 4, frozenset({A, *others})), limits=limits)
    one.links(*others)
    one.raft.election_deadline = one.now
    one.tick()
    for other in others:
        one.hears(other, Voted(5))
    if not others:
        one.tick()
    assert one.raft.leads()
    if acked:
        one.acked_by(*others)
        assert one.raft.commit_index == 2
    one.said.clear()
    return one


def follower(*entries: int, commit: int = 1) -> One:
    """A follower of B in term 5, with entries of these terms from 2 on."""
    one = One()
    one.links(B, C)
    one.hears(B, append(1, 4, entries, commit))
    one.tick()
    one.said.clear()
    return one


def append(previous: int, previous_term: int, terms: tuple[int, ...], commit: int = 1, term: int = 5) -> Append:
    entries = [(each, COMMAND + b"%d" % at) for at, each in enumerate(terms, previous + 1)]
    return Append(term, commit, previous, previous_term, entries)
