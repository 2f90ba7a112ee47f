"""What was applied, everywhere and ever: the copies of one cluster must be one story."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

Chain = bytes
"""Says which commands were applied, and in which order."""
START: Chain = bytes(8)


def chained(chain: Chain, command: bytes) -> Chain:
    """The chain with one more command."""
    return blake2b(chain + command, digest_size=8).digest()


@dataclass
class Story:
    """One cluster: the one that it goes on from, where it starts, and what was applied at each number since."""

    parent: str | None
    start: int
    base: Chain
    owed: list[tuple[str, int, Chain]]
    """What those who were there had applied when it was formed: this must be in it."""
    chains: dict[int, Chain] = field(default_factory=dict)
    commands: dict[int, bytes] = field(default_factory=dict)
    digests: dict[int, bytes] = field(default_factory=dict)

    def at(self, number: int) -> Chain | None:
        """The chain at a number, if any process got there."""
        return self.base if number == self.start else self.chains.get(number)


class History:
    """Follows every copy; tells `wrong` when two of them differ."""

    def __init__(self, wrong: Callable[[str], None]) -> None:
        self.stories: dict[str, Story] = {}
        self._wrong = wrong

    def begin(
        self, cluster: str, parent: str | None, number: int, chain: Chain, owed: list[tuple[str, int, Chain]]
    ) -> None:
        """A cluster is formed by a process with this state."""
        self.stories[cluster] = Story(parent, number, chain, owed)

    def applied(self, who: str, cluster: str, number: int, command: bytes, chain: Chain) -> bool:
        """A process applied a command, as number `number` of all that its state holds; whether it was the first."""
        story = self.stories[cluster]
        known = story.chains.setdefault(number, chain)
        if number not in story.commands:
            story.commands[number] = command
            before = story.at(number - 1)
            if before is None or chained(before, command) != chain:
                self._wrong(f"{who} applied {number} of {cluster}, but nobody what is before it")
            return True
        if known != chain and story.commands[number] != command:
            first = story.commands[number]
            self._wrong(f"{who} applied {command!r:.80} as {number} of {cluster}; another applied {first!r:.80}")
        elif known != chain:
            self._wrong(f"{who} differs from others before {number} of {cluster}")
        return False

    def holds(self, who: str, cluster: str, number: int, chain: Chain, digest: bytes) -> None:
        """A process has this state after `number` commands: now, or from a snapshot."""
        known = self.at(cluster, number)
        digests = self.stories[cluster].digests
        if known != chain:
            self._wrong(f"{who} has a state at {number} of {cluster} that nobody reached by applying")
        elif digests.setdefault(number, digest) != digest:
            self._wrong(f"{who} has another state at {number} of {cluster} than others")

    def at(self, cluster: str, number: int) -> Chain | None:
        """The chain at a number of a cluster or of those that it goes on from."""
        for name in self.lineage(cluster):
            story = self.stories[name]
            if number >= story.start:
                return story.at(number)
        return None

    def lineage(self, cluster: str | None) -> Iterator[str]:
        """A cluster, the one that it goes on from, and so on."""
        while cluster is not None:
            yield cluster
            cluster = self.stories[cluster].parent

    def contains(self, cluster: str, other: str, number: int) -> bool:
        """Whether what was applied as `number` in `other` is part of `cluster`."""
        chain = self.stories[other].at(number)
        return chain is not None and self.at(cluster, number) == chain
