"""Whom a process would ask: those it found, those that others told of, and those who asked it."""

from typing import Protocol

from cluster.formation import Answers
from cluster.names import is_address

_ASKERS = 256
"""How many of those who asked are remembered."""

_ASKERS_FOR = 10.0
"""For how long they are asked in turn. (s)"""


class Found(Protocol):
    """What discovery found: addresses of peers, and those of them who must answer before a cluster is formed."""

    @property
    def addresses(self) -> frozenset[str]:
        """All that are known."""

    @property
    def founders(self) -> frozenset[str]:
        """Those whose answers are needed."""


class Acquaintances:
    """The addresses that a process knows of, besides those of the members of its cluster."""

    def __init__(self, own: str) -> None:
        self.found: Found | None = None
        self._own = own
        self._told: set[str] = set()
        self._askers: dict[str, float] = {}

    def known(self) -> set[str]:
        """Its own, and those that were found: they must all have answered before it forms a cluster."""
        found = self.found
        return {self._own} | (found.addresses | found.founders if found else frozenset())

    def asked(self, address: str, now: float) -> None:
        """Somebody at an address asked. Of those, the newest are remembered."""
        if is_address(address):
            self._askers.pop(address, None)
            self._askers[address] = now
            if len(self._askers) > _ASKERS:
                del self._askers[next(iter(self._askers))]

    def answered(self, answers: Answers) -> None:
        """A round is over; whom the answers tell of is asked in the next."""
        self._told = {address for answer in answers.values() if answer for address in answer.known}

    def who_asked_since(self, since: float) -> set[str]:
        """Those who asked at that time or later. Of two processes that ask, one at least so knows the other before it
        decides."""
        return {address for address, at in self._askers.items() if at >= since}

    def to_ask(self, now: float) -> set[str]:
        """All that may be worth asking."""
        return self.known() | self._told | self.who_asked_since(now - _ASKERS_FOR)
