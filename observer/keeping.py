"""Values that this node wants all nodes to hold, until they are committed.

They gather for a second, so that one command carries what all clients of this node said meanwhile. Of two values under
one key the later counts. What all nodes hold already is not proposed again before a tenth of its time has passed, and
then only touched.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from observer.proposals import Proposals
from store.commands import Keep
from store.idleness import grace
from store.registry import Registry
from store.values import LONGEST_TIME

PERIOD = 1000
"""How long values gather. (ms)"""

MOST_WAITING = 50_000
MOST_BYTES_WAITING = 32 * 1024 * 1024
"""How many values wait for the cluster at most, and how long they are together: bounds, not settings."""

_MOST_IN_COMMAND = 2000
_MOST_BYTES_IN_COMMAND = 512 * 1024
"""How much one command keeps, or a value more: larger ones would hold everybody up."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """A value, how long it stays (ms), when it was said (ms), and whether nobody held any then."""

    value: bytes
    ttl: int
    at: int
    is_new: bool


@dataclass
class KeepingCounts:
    """What came of values since the start; only ever counted up."""

    refused: int = 0
    kept: int = 0
    touched: int = 0


class Keeping:
    """What waits to be kept. `registry` gives the local replica, `now` the time with which this node proposes (ms)."""

    def __init__(self, registry: Callable[[], Registry], now: Callable[[], int]) -> None:
        self.counts = KeepingCounts()
        self._registry = registry
        self._now = now
        self._wishes: dict[tuple[str, str], _Wish] = {}
        self._size = 0
        self._new: Counter[str] = Counter()
        self._next = 0

    def __len__(self) -> int:
        return len(self._wishes)

    def kept(self, kind: str) -> Mapping[str, bytes]:
        """The values of a kind that all nodes hold, by their keys, as of now."""
        return {key: row.value for key, row in self._registry().values.of_kind(kind).items()}

    def kept_one(self, kind: str, key: str) -> bytes | None:
        """A value that all nodes hold; ``None`` if they do not, or not any more."""
        row = self._registry().values.get(kind, key)
        return row and row.value

    def latest(self, kind: str, key: str) -> bytes | None:
        """The value that this node wants to be kept, or else the one that is."""
        wish = self._wishes.get((kind, key))
        return wish.value if wish else self.kept_one(kind, key)

    def count(self, kind: str) -> int:
        """How many values of a kind all nodes hold, with those of this node that are to come."""
        return len(self._registry().values.of_kind(kind)) + self._new[kind]

    def keep(self, kind: str, key: str, value: bytes, ttl_ms: int) -> bool:
        """Has all nodes hold a value for so many ms from now on; whether there is room for it, else it is counted.

        It never waits: a second later or so, once it is committed, `kept_one` gives it.
        """
        place, now = (kind, key), self._now()
        values = self._registry().values
        row, before = values.get(kind, key), self._wishes.get(place)
        same = row is not None and (row.value, row.ttl) == (value, ttl_ms)
        if row and same and not before and now - row.touched < grace(ttl_ms):
            return True
        more = len(value) - len(before.value) if before else len(key) + len(value)
        crowded = before is None and len(self._wishes) >= MOST_WAITING
        fits = self._size + more <= MOST_BYTES_WAITING and values.has_room(kind, key, len(value))
        if crowded or not fits or not 0 <= ttl_ms <= LONGEST_TIME:
            self.counts.refused += 1
            return False
        is_new = before.is_new if before else row is None
        self._wishes[place] = _Wish(value, ttl_ms, now, is_new)
        self._size += more
        self._new[kind] += before is None and is_new
        return True

    async def commit_due(self, proposals: Proposals, now: int) -> None:
        """Commits what has gathered, unless some was less than a second ago. Raises `Reborn`; all is left then."""
        if self._wishes and now >= self._next:
            self._next = now + PERIOD
            await self.commit_all(proposals, now)

    async def commit_all(self, proposals: Proposals, now: int) -> None:
        """Commits what has gathered now, in as many commands as it takes. Raises `Reborn`; the rest is left then."""
        for some in list(self._portions()):
            keep = [self._command(place, wish, now) for place, wish in some]
            outcome = await proposals.propose(now, keep=keep)
            for (place, wish), kept in zip(some, keep, strict=True):
                is_there = outcome.failed is None and self.kept_one(*place) is not None
                if kept.value is None and not is_there:
                    continue  # it was to be touched, but had gone by then: the next command says it anew
                self._settle(place, wish)
                self.counts.refused += not is_there
                self.counts.kept += is_there and kept.value is not None
                self.counts.touched += kept.value is None

    def _portions(self) -> Iterator[Sequence[tuple[tuple[str, str], _Wish]]]:
        some, size = [], 0
        for place, wish in self._wishes.items():
            some.append((place, wish))
            size += len(place[1]) + len(wish.value)
            if len(some) >= _MOST_IN_COMMAND or size >= _MOST_BYTES_IN_COMMAND:
                yield some
                some, size = [], 0
        if some:
            yield some

    def _command(self, place: tuple[str, str], wish: _Wish, now: int) -> Keep:
        """What keeps a value; the value itself is left out when it is there already."""
        known = self.kept_one(*place) == wish.value
        return Keep(*place, None if known else wish.value, wish.ttl, max(now - wish.at, 0))

    def _settle(self, place: tuple[str, str], wish: _Wish) -> None:
        """Forgets what was proposed, unless a later value has taken its place."""
        if self._wishes.get(place) is wish:
            del self._wishes[place]
            self._new[place[0]] -= wish.is_new
            self._size -= len(place[1]) + len(wish.value)
