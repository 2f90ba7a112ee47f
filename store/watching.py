"""Who must see what is about to change: snapshots under way."""

from collections.abc import Iterable
from typing import Protocol

from store.entities import Entity, Unit, unit_of


class Watcher(Protocol):
    """One who wants to see rows as they were."""

    def before(self, row: Unit) -> None:
        """A call or SFU (itself, what it has, or whether it is its room's), or a client or transport or anything below
        it, is about to change."""


def warn(watchers: Iterable[Watcher], row: Entity) -> None:
    """To be called before a row changes, or the rows that stand below it."""
    for watcher in watchers:
        watcher.before(unit_of(row))
