"""Values that all nodes hold for a while: the last that was said under each key, until nobody has said it for its time.

Whoever keeps a value says what kind it is, its key within that kind, and how long it stays. What it means is no matter
here. One kind never takes the room of another; within a kind, what is there already goes before what is new.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from store.commands import Keep
from store.idleness import grace

MOST_KINDS = 16
MOST_OF_A_KIND = 100_000
MOST_BYTES_OF_A_KIND = 64 * 1024 * 1024
"""How much is kept: what is too much is not taken. Like the lengths below, alike on every replica, so no settings."""

LONGEST_VALUE = 65_536
LONGEST_NAME = 1024
"""How long a value, a kind and a key may be: the first in bytes, the others in characters."""

LONGEST_TIME = 7 * 24 * 3_600_000
"""How long a value may stay without being said again. (ms)"""


class Kept(NamedTuple):
    """A value, when it was said last (ms of registry time), and how long it stays from then on (ms)."""

    value: bytes
    touched: int
    ttl: int

    def silent_at(self, now: int, since: int) -> bool:
        """Whether it was not said for its time, and the tenth that every row is granted, while somebody listened."""
        return now - max(self.touched, since) > self.ttl + grace(self.ttl)

    @property
    def until(self) -> int:
        """Up to when it cannot be silent, whoever listened. (ms)"""
        return self.touched + self.ttl + grace(self.ttl)


class Values:
    """All values. Read freely; changed by commands only."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, Kept]] = {}
        self._bytes: dict[str, int] = {}
        self._oldest = 0
        """Up to when no value can be silent. (ms)"""

    def __len__(self) -> int:
        return sum(map(len, self._kinds.values()))

    @property
    def size(self) -> int:
        """How long all keys and values are together. (characters and bytes)"""
        return sum(self._bytes.values())

    def of_kind(self, kind: str) -> Mapping[str, Kept]:
        """The values of a kind by their keys; changes under who holds it."""
        return self._kinds.get(kind, {})

    def get(self, kind: str, key: str) -> Kept | None:
        """A value, if it is there."""
        return self.of_kind(kind).get(key)

    def rows(self) -> Iterator[tuple[str, list[tuple[str, Kept]]]]:
        """All kinds with their values as they are now, whatever changes later."""
        return iter([(kind, list(values.items())) for kind, values in self._kinds.items()])

    def keep(self, wishes: Iterable[Keep], now: int) -> None:
        """Keeps what there is room for. What was said before what is there already, or only touches what is not, is
        passed over."""
        for wish in wishes:
            row = self._row_of(wish, now)
            if row is not None and self.has_room(wish.kind, wish.key, len(row.value)):
                self.put(wish.kind, wish.key, row)

    def has_room(self, kind: str, key: str, length: int) -> bool:
        """Whether a value of so many bytes would be kept under a key."""
        if length > LONGEST_VALUE or len(key) > LONGEST_NAME or len(kind) > LONGEST_NAME:
            return False
        values = self._kinds.get(kind)
        if values is None:
            return len(self._kinds) < MOST_KINDS
        more = length - len(values[key].value) if key in values else len(key) + length
        fits = more <= 0 or self._bytes[kind] + more <= MOST_BYTES_OF_A_KIND
        return fits and (key in values or len(values) < MOST_OF_A_KIND)

    def put(self, kind: str, key: str, row: Kept) -> None:
        """Puts a value in its place, or that of the former one."""
        values = self._kinds.setdefault(kind, {})
        former = values.get(key)
        values[key] = row
        held = self._bytes.get(kind, 0)
        self._bytes[kind] = held + len(row.value) + (len(key) if former is None else -len(former.value))
        self._oldest = min(self._oldest, row.until)

    def any_silent(self, now: int, since: int) -> bool:
        """Whether `forget_silent` would forget anything."""
        if now <= self._oldest:
            return False
        rows = [row for values in self._kinds.values() for row in values.values()]
        self._oldest = min((row.until for row in rows), default=now)
        return any(row.silent_at(now, since) for row in rows)

    def forget_silent(self, now: int, since: int) -> None:
        """Forgets what was not said for its time at `now`; only silence after `since` counts. (ms)"""
        for kind, values in list(self._kinds.items()):
            for key, row in [it for it in values.items() if it[1].silent_at(now, since)]:
                del values[key]
                self._bytes[kind] -= len(key) + len(row.value)
            if not values:
                del self._kinds[kind], self._bytes[kind]

    def _row_of(self, wish: Keep, now: int) -> Kept | None:
        former = self.get(wish.kind, wish.key)
        value = wish.value if wish.value is not None else former and former.value
        touched = now - max(wish.age, 0)
        if value is None or not 0 <= wish.ttl <= LONGEST_TIME or now - touched > wish.ttl:
            return None
        return Kept(value, touched, wish.ttl) if former is None or touched >= former.touched else None


def portions(rows: Sequence[tuple[str, Kept]], most: int, most_bytes: int) -> Iterator[Sequence[tuple[str, Kept]]]:
    """The rows, so many together, and no more once they are so long. (bytes)"""
    start = size = 0
    for end, (key, row) in enumerate(rows, start=1):
        size += len(key) + len(row.value)
        if end - start >= most or size >= most_bytes:
            yield rows[start:end]
            start, size = end, 0
    if start < len(rows):
        yield rows[start:]
