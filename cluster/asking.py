"""Asking: one question at a time at each address, and rounds in which everyone is asked who they are."""

import random
from collections.abc import Callable, Collection

from cluster.formation import Answers
from cluster.messages import Description, Malformed, Question, Reply, Who, encode, reply
from cluster.names import address_of, is_address, is_member

Then = Callable[[Reply | None, float], None]

_REST = (0.1, 0.3)
"""How long it rests between two rounds: at random, so that processes do not keep step. (s)"""


class Asked:
    """The questions that wait for an answer. `ask` hands a question to the world."""

    def __init__(self, ask: Callable[[str, bytes], None]) -> None:
        self._ask = ask
        self._waiting: dict[str, Then] = {}

    def put(self, address: str, question: Question, then: Then) -> bool:
        """Asks, unless another question waits there; `then` is given the reply, or ``None`` if there is none."""
        if address in self._waiting:
            return False
        self._waiting[address] = then
        self._ask(address, encode(question))
        return True

    def answered(self, address: str, data: bytes | None, now: float) -> None:
        """The answer to the question at an address came, or will not come."""
        then = self._waiting.pop(address, None)
        if then is None:
            return
        then(None if data is None else _understood(data), now)


class Rounds:
    """Asks everyone who they are, again and again; also those whom somebody names in an answer."""

    def __init__(self, asked: Asked, rng: random.Random, own: str) -> None:
        self._asked = asked
        self._rng = rng
        self._own = own
        self._open: set[str] | None = None
        self._answers: dict[str, Description | None] = {}
        self._next_at = 0.0
        self._concluded: Callable[[Answers, float], None] = lambda answers, now: None

    def stop(self) -> None:
        """The round that is under way, if there is one, counts for nothing."""
        self._open = None
        self._next_at = 0.0

    def go_on(self, addresses: Collection[str], concluded: Callable[[Answers, float], None], now: float) -> None:
        """Begins a round if it is time for one; `concluded` is given its answers."""
        if self._open is not None or now < self._next_at:
            return
        self._open, self._answers, self._concluded = set(), {}, concluded
        for address in sorted({*addresses} - {self._own}):
            self._ask(address)
        self._conclude_if_all_answered(now)

    def _ask(self, address: str) -> None:
        if self._open is None or address in self._open or address in self._answers or address == self._own:
            return
        answers = self._answers

        def then(said: Reply | None, now: float) -> None:
            if answers is not self._answers or self._open is None:
                return  # of a round that is over
            self._open.discard(address)
            described = said if isinstance(said, Description) else None
            answers[address] = described
            for named in _named(described) if described else ():
                self._ask(named)
            self._conclude_if_all_answered(now)

        self._open.add(address)
        if not self._asked.put(address, Who(self._own), then):
            self._open.discard(address)
            answers[address] = None

    def _conclude_if_all_answered(self, now: float) -> None:
        if self._open is None or self._open:
            return
        self._open = None
        self._next_at = now + self._rng.uniform(*_REST)
        self._concluded(self._answers, now)


def _named(described: Description) -> list[str]:
    """The addresses that an answer tells of: those that count are asked too."""
    return [*described.known, *map(address_of, described.members)]


def _understood(data: bytes) -> Reply | None:
    """What was said, if all of it makes sense: whoever is at an address may say anything."""
    try:
        said = reply(data)
    except Malformed:
        return None
    description = said if isinstance(said, Description) else said.description
    members = [description.member, *description.members]
    if description.leader is not None:
        members.append(description.leader)
    sound = all(map(is_member, members)) and all(map(is_address, description.known))
    return said if sound else None
