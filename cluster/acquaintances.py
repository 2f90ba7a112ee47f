"""Whom a process would ask: those it found, those that others told of, and those who asked it."""

from typing import Protocol

from cluster.formation import Answers
from cluster.messages import Description
from cluster.names import address_of, is_address

_ASKERS = 256
"""How many of those who asked are remembered."""

_ASKERS_FOR = 10.0
"""For how long they are asked in turn, and their answers are needed. (s)"""


class Found(Protocol):
    """What discovery found: addresses of peers, and those of them who must answer before a cluster is formed."""

    @property
    def addresses(self) -> frozenset[str]:
        """All that are known."""

    @property
    def founders(self) -> frozenset[str]:
        """Those whose answers are needed."""

    @property
    def exact(self) -> bool:
        """Whether who answers at an address under another one was reached by mistake."""


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

    def believed(self, answers: Answers) -> Answers:
        """A round is over: the answers as far as they count. Whom they tell of is asked in the next.

        Where addresses are exact, who answers at that of another does not answer for it: a name may still lead to the
        IP address that its bearer has lost, be it to oneself.
        """
        if self.found is not None and self.found.exact:
            answers = {address: answer if _is_of(answer, address) else None for address, answer in answers.items()}
        self._told = {address for answer in answers.values() if answer for address in answer.known}
        return answers

    def askers(self, now: float) -> set[str]:
        """Those who asked lately, and so may decide by what they were told: who decides needs their answers, too. So of
        two it is enough that one knows the other."""
        return {address for address, at in self._askers.items() if now - at <= _ASKERS_FOR}

    def to_ask(self, now: float) -> set[str]:
        """All that may be worth asking."""
        return self.known() | self._told | self.askers(now)


def _is_of(answer: Description | None, address: str) -> bool:
    return answer is not None and address_of(answer.member).lower() == address.lower()
