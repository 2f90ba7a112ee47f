"""Faults of the network, at random."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.cluster.simulation.network import Network
from tests.cluster.simulation.paths import between

Ways = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Climate:
    """How often what goes wrong, on average. (s)"""

    cut: float = 2.0
    break_link: float = 2.0
    slow: float = 6.0
    unfaithful: float = 6.0
    longest: float = 4.0
    """The longest time that a fault stays. (s)"""


class Weather:
    """Cuts, breaks and slows down ways between addresses until it is told to stop; then all is well again."""

    def __init__(
        self,
        network: Network,
        random: Random,
        addresses: Callable[[], Sequence[str]],
        climate: Climate,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._network, self._random, self._addresses, self._climate, self._tell = (
            network,
            random,
            addresses,
            climate,
            tell,
        )
        self._on = True
        for every, fault in (
            (climate.cut, self.cut),
            (climate.break_link, self.break_links),
            (climate.slow, self.slow_down),
            (climate.unfaithful, self.betray),
        ):
            if every:
                self._now_and_then(every, fault)
        self._undo: list[Callable[[], None]] = []

    def clear(self) -> None:
        """No more faults, and none that stays."""
        self._on = False
        for undo in [*self._undo]:
            undo()

    def cut(self) -> None:
        """Lets nothing pass: between two, around one, between two halves; in both directions or one."""
        random, addresses = self._random, [*self._addresses()]
        random.shuffle(addresses)
        some = random.choice((1, 1, len(addresses) // 2))
        others = addresses[some : some + 1] if random.random() < 0.3 else addresses[some:]
        ways = between(addresses[:some], others)
        match random.random():
            case chance if chance < 0.2:
                ways = ways[: len(ways) // 2]
            case chance if chance < 0.3:
                ways = ways[len(ways) // 2 :]
        self._tell(f"cut {' '.join('>'.join(way) for way in ways)}")
        self._network.block(ways)
        self._for_a_while(lambda: self._network.unblock(ways), "healed")

    def break_links(self) -> None:
        """Breaks the link of two; they dial again."""
        pair = self._two()
        self._tell(f"broken {'-'.join(pair)}")
        for link in self._network.links_between(*pair):
            self._network.break_link(link)

    def slow_down(self) -> None:
        """Much delay and little room on the ways of one address, or of two."""
        ways = self._some_ways()
        paths = self._network.paths.all_of(ways)
        delay = self._random.choice((0.02, 0.1, 0.3, 0.8))
        rate = self._random.choice((None, 20_000.0, 200_000.0))
        self._tell(f"slow {' '.join('>'.join(way) for way in ways)} {delay} s {rate} bytes/s")
        for path in paths:
            path.most_delay, path.rate = delay, rate

        def undo() -> None:
            for path in paths:
                path.most_delay, path.rate = 0.004, None

        self._for_a_while(undo, "fast again")

    def betray(self) -> None:
        """Single frames vanish, come twice or out of turn: nothing that TCP does."""
        ways = self._some_ways()
        paths = self._network.paths.all_of(ways)
        loss, doubled, reordered = (self._random.choice((0.0, 0.05, 0.3)) for _ in range(3))
        self._tell(f"loss {loss} doubled {doubled} reordered {reordered} {' '.join('>'.join(way) for way in ways)}")
        for path in paths:
            path.loss, path.doubled, path.reordered = loss, doubled, reordered

        def undo() -> None:
            for path in paths:
                path.loss = path.doubled = path.reordered = 0.0

        self._for_a_while(undo, "faithful again")

    def _two(self) -> tuple[str, str]:
        one, other = self._random.sample([*self._addresses()], 2)
        return one, other

    def _some_ways(self) -> Ways:
        one, other = self._two()
        others = [other] if self._random.random() < 0.5 else [each for each in self._addresses() if each != one]
        return between([one], others)

    def _now_and_then(self, every: float, fault: Callable[[], None]) -> None:
        def act() -> None:
            if self._on:
                if len(self._addresses()) > 1:
                    fault()
                self._now_and_then(every, fault)

        self._network.schedule.after(self._random.expovariate(1 / every), act)

    def _for_a_while(self, undo: Callable[[], None], told: str) -> None:
        def once() -> None:
            if once in self._undo:
                self._undo.remove(once)
                self._tell(told)
                undo()

        self._undo.append(once)
        self._network.schedule.after(self._random.uniform(0.05, self._climate.longest), once)
