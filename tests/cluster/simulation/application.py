"""What is replicated: a small machine whose copies differ as soon as anything is skipped, doubled or moved."""

from hashlib import blake2b
from itertools import count
from random import Random
from typing import Any, NamedTuple, Protocol

import msgspec

from cluster.machine import Parts, Restoring


class Change(NamedTuple):
    """What a proposer wants, as its number `seq`: `mark` is told already, it inherits the origins that are `gone`."""

    origin: str
    seq: int
    mark: int
    gone: tuple[str, ...]


class Application(Protocol):
    """A machine, and what the simulation has to know of its commands and answers."""

    def apply(self, command: bytes) -> Any: ...
    def snapshot(self) -> Parts: ...
    def restoring(self) -> Restoring: ...
    def command(self, change: Change, random: Random | None, now: int) -> bytes:
        """The change as bytes; with something in it that makes events, if `random` is there to choose it."""

    def change(self, command: bytes) -> Change:
        """The inverse."""

    def last(self, origin: str) -> int:
        """The last number of an origin that was applied."""

    def origins(self) -> list[str]:
        """All that have an outbox."""

    def events(self, answer: Any) -> list[str]:
        """What an answer tells its proposer to tell."""

    def untold(self, origin: str) -> list[str]:
        """What an outbox holds."""

    def refused(self, answer: Any) -> bool:
        """Whether the command came from one who is gone."""

    def digest(self) -> bytes:
        """All state in short."""


class Answer(NamedTuple):
    """What a ledger answers."""

    events: tuple[str, ...] = ()
    refused: bool = False


class Outbox(msgspec.Struct):
    """What a ledger keeps of an origin."""

    seq: int = 0
    last: Answer = Answer()
    untold: dict[int, Answer] = {}


class Ledger:
    """Counts, keeps a few rows, and an outbox for each origin, as the registry does."""

    def __init__(self) -> None:
        self.outboxes: dict[str, Outbox] = {}
        self.gone: dict[str, None] = {}
        self.rows: dict[int, bytes] = {}
        self.count = 0

    def apply(self, command: bytes) -> Answer:
        change, filling = _DECODER.decode(command)
        if change.origin in self.gone:
            return Answer(refused=True)
        outbox = self.outboxes.setdefault(change.origin, Outbox())
        if change.seq <= outbox.seq:
            return outbox.last if change.seq == outbox.seq else Answer()
        self.count += 1
        self.rows[self.count % _ROWS] = blake2b(command + filling, digest_size=16).digest() + filling
        for told in [seq for seq in outbox.untold if seq <= change.mark]:
            del outbox.untold[told]
        events = [f"{change.origin}/{change.seq}"] if filling else []
        for name in change.gone:
            if name != change.origin:
                self.gone[name] = None
                lost = self.outboxes.pop(name, None)
                events += [event for answer in lost.untold.values() for event in answer.events] if lost else []
        outbox.seq, outbox.last = change.seq, Answer(tuple(events))
        if events:
            outbox.untold[change.seq] = outbox.last
        return outbox.last

    def snapshot(self) -> "LedgerParts":
        boxes = [(name, box.seq, box.last, dict(box.untold)) for name, box in self.outboxes.items()]
        return LedgerParts(self.count, tuple(self.gone), boxes, list(self.rows.items()))

    def restoring(self) -> "LedgerRestoring":
        return LedgerRestoring(self)

    # What the simulation has to know

    def command(self, change: Change, random: Random | None, now: int) -> bytes:
        filling = random.randbytes(random.choice((0, 1, 20, 20, 200))) if random else b""
        return _ENCODER.encode((change, filling))

    def change(self, command: bytes) -> Change:
        return _DECODER.decode(command)[0]

    def last(self, origin: str) -> int:
        box = self.outboxes.get(origin)
        return box.seq if box else 0

    def origins(self) -> list[str]:
        return list(self.outboxes)

    def events(self, answer: Answer) -> list[str]:
        return list(answer.events)

    def untold(self, origin: str) -> list[str]:
        box = self.outboxes.get(origin)
        return [event for answer in box.untold.values() for event in answer.events] if box else []

    def refused(self, answer: Answer) -> bool:
        return answer.refused

    def digest(self) -> bytes:
        boxes = [(name, box.seq, box.last, list(box.untold.items())) for name, box in self.outboxes.items()]
        state = (self.count, list(self.gone), boxes, list(self.rows.items()))
        return blake2b(_ENCODER.encode(state), digest_size=8).digest()


_ROWS = 60
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[Change, bytes])

_Part = tuple[int, int, tuple[str, ...], list[tuple[str, int, Answer, dict[int, Answer]]], list[tuple[int, bytes]]]


class LedgerParts:
    """A head, then the outboxes and rows, a few in each part; numbered, so that none can be missed or taken twice."""

    def __init__(self, number: int, gone: tuple[str, ...], boxes: list[Any], rows: list[Any]) -> None:
        self._parts: list[Any] = [(number, gone, [], [])]
        self._parts += [(number, (), boxes[at : at + 2], []) for at in range(0, len(boxes), 2)]
        self._parts += [(number, (), [], rows[at : at + 20]) for at in range(0, len(rows), 20)]
        self._number = count()

    def __iter__(self) -> "LedgerParts":
        return self

    def __next__(self) -> bytes:
        number = next(self._number)
        if number >= len(self._parts):
            raise StopIteration
        return _ENCODER.encode((number, *self._parts[number]))

    def close(self) -> None:
        self._parts = []


class LedgerRestoring:
    """A ledger that is put together from parts."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._made, self._next = ledger, Ledger(), count()

    def take(self, part: bytes) -> None:
        number, total, gone, boxes, rows = _PARTS.decode(part)
        if number != next(self._next):
            raise ValueError(f"part {number} came out of turn")
        if number == 0:
            self._made.count, self._made.gone = total, dict.fromkeys(gone)
        for name, seq, last, untold in boxes:
            self._made.outboxes[name] = Outbox(seq, last, untold)
        self._made.rows.update(rows)

    def finish(self) -> None:
        made, ledger = self._made, self._ledger
        ledger.outboxes, ledger.gone, ledger.rows, ledger.count = made.outboxes, made.gone, made.rows, made.count


_PARTS = msgspec.msgpack.Decoder(_Part)
