"""Questions and answers, each on a connection of its own: late, lost, or not answered at all."""

from collections.abc import Callable

from tests.cluster.simulation.network import Network, Place

TIMEOUT = 2.0
"""How long a question waits for its answer. (s)"""


class Questions:
    """What is asked over a network."""

    def __init__(self, network: Network) -> None:
        self.aliases: dict[str, str] = {}
        """Other addresses that lead to the same process."""
        self.leads_to: Callable[[str, str], str] = lambda asker, address: self.aliases.get(address, address)
        """Where somebody ends up who asks at an address."""
        self._network = network
        self._open: set[tuple[Place, str]] = set()

    def ask(self, asker: Place, address: str, question: bytes) -> None:
        """Asks whoever is at an address; the asker gets the answer, or None in time."""
        network, there, key = self._network, self.leads_to(asker.address, address), (asker, address)
        if key in self._open:
            raise AssertionError(f"{asker.name} asks at {address} while another question waits there")
        self._open.add(key)
        waits = [True]

        def end(answer: bytes | None) -> None:
            if waits:
                waits.clear()
                self._open.discard(key)
                if asker.alive:
                    asker.answered(address, answer)

        def reply(answer: bytes) -> None:
            self._travel(there, asker.address, lambda: end(answer))

        def arrive() -> None:
            place = network.places.get(there)
            if place is not None and place.alive:
                place.asked(asker.address, question, reply)
            else:
                self._travel(there, asker.address, lambda: end(None))

        self._travel(asker.address, there, arrive)
        network.schedule.after(TIMEOUT, lambda: end(None))

    def _travel(self, start: str, goal: str, act: Callable[[], None]) -> None:
        network, path = self._network, self._network.paths[start, goal]
        if not path.blocks:
            delay = network.random.uniform(path.least_delay, path.most_delay)
            network.schedule.after(delay, lambda: None if path.blocks else act())
