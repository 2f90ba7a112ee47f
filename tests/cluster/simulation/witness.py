"""A machine under observation: each command that it applies and each snapshot is held against history."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from cluster.machine import Parts, Restoring
from tests.cluster.simulation.application import Application, Change
from tests.cluster.simulation.history import START, Chain, chained

_EVERY = 64
"""How often a whole state is compared."""


class Judge(Protocol):
    """Who is told of all that a machine does."""

    def applies(self, number: int, command: bytes, chain: Chain) -> bool:
        """A command is being applied, as number `number` of all; whether nobody applied it before."""

    def happened(self, number: int, change: Change, events: list[str]) -> None:
        """What the first application of a command did."""

    def holds(self, number: int, chain: Chain, digest: bytes) -> None:
        """All state after `number` commands."""


class Witness:
    """The machine that a member is given. Its state is that of the application, and the chain of what it applied."""

    def __init__(self, application: Application, judge: Judge) -> None:
        self.application = application
        self.number = 0
        self.chain = START
        self.open_snapshots = 0
        self._judge = judge

    def apply(self, command: bytes) -> Any:
        """Applies a command, and tells what its first application does."""
        application, number, chain = self.application, self.number + 1, chained(self.chain, command)
        first = self._judge.applies(number, command, chain)
        self.number, self.chain = number, chain
        if not first:
            answer = application.apply(command)
        else:
            change = application.change(command)
            is_new = change.seq > application.last(change.origin)
            inherited = Counter(event for name in change.gone for event in application.untold(name))
            answer = application.apply(command)
            if is_new and not application.refused(answer):
                own = Counter(application.events(answer)) - inherited
                self._judge.happened(number, change, list(own.elements()))
        if number % _EVERY == 0:
            self.holds()
        return answer

    def holds(self) -> None:
        """Compares all state with that of others at this number."""
        self._judge.holds(self.number, self.chain, self.application.digest())

    def snapshot(self) -> Parts:
        """The parts of the application, behind a head that says what they are."""
        self.holds()
        self.open_snapshots += 1
        head = _ENCODER.encode((self.number, self.chain, self.application.digest()))
        return WitnessedParts(head, self.application.snapshot(), self._closed)

    def restoring(self) -> Restoring:
        """The inverse."""
        return WitnessedRestoring(self, self.application.restoring())

    def become(self, head: tuple[int, Chain, bytes]) -> None:
        """The state was replaced by that of a snapshot."""
        self.number, self.chain, digest = head
        found = self.application.digest()
        self._judge.holds(self.number, self.chain, found if found == digest else b"not what was sent")

    def _closed(self) -> None:
        self.open_snapshots -= 1


class WitnessedParts:
    """Parts, with one in front that says what they should add up to."""

    def __init__(self, head: bytes, inner: Parts, closed: Callable[[], None]) -> None:
        self._head: bytes | None = head
        self._inner = inner
        self._closed: Callable[[], None] | None = closed

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._head is not None:
            head, self._head = self._head, None
            return head
        return next(self._inner)

    def close(self) -> None:
        """Ends it."""
        if self._closed:
            self._inner.close()
            self._closed()
            self._closed = None


class WitnessedRestoring:
    """The inverse."""

    def __init__(self, witness: Witness, inner: Restoring) -> None:
        self._witness, self._inner = witness, inner
        self._head: tuple[int, Chain, bytes] | None = None

    def take(self, part: bytes) -> None:
        """Takes a part."""
        if self._head is None:
            self._head = _HEADS.decode(part)
        else:
            self._inner.take(part)

    def finish(self) -> None:
        """Replaces all state."""
        self._inner.finish()
        self._witness.become(self._head or (0, START, self._witness.application.digest()))


_ENCODER = msgspec.msgpack.Encoder()
_HEADS = msgspec.msgpack.Decoder(tuple[int, bytes, bytes])
