"""When dumps are deleted: those that are too old, and the oldest where all take too much.

The file goes first, then the entry: an entry without a file is found again and costs one more call, while a file
without an entry would be found by nobody.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

import trio

from dumps.catalogue import Catalogue
from dumps.entries import Filed, Oldest
from dumps.settings import Keep
from dumps.storage import Place

MOST_AT_ONCE = 1_000
"""How many dumps one look at the catalogue deletes at most. It is looked again at once while there are more."""
EVERY_S = 600.0
"""How long it rests when all is done, or something failed. (s)"""
MOST_FAILURES = 3
"""After so many dumps in a row that cannot be deleted the storage is taken to be away."""

_DAY_MS = 86_400_000

log = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why a dump is deleted. The values are metric labels."""

    AGE = "age"
    SIZE = "size"


class Due(NamedTuple):
    """A dump that is to be deleted."""

    filed: Filed
    reason: Reason


@dataclass
class RetentionFigures:
    """Counts, which only grow, and, where it is said, levels, as of the last look at the catalogue."""

    deleted: Counter[Reason] = field(default_factory=Counter)
    deleted_bytes: int = 0
    """[bytes]"""
    errors: Counter[str] = field(default_factory=Counter)
    """What failed, and is tried again, by reason: `storage` (each file), `catalogue` (each call)."""
    kept: int = 0
    """Dumps that are in the catalogue. A level."""
    kept_bytes: int = 0
    """What these take. A level. [bytes]"""


class Deleting(Protocol):
    """What retention needs of a storage."""

    async def remove(self, key: str) -> None:
        """As `dumps.storage.Storage` says."""
        ...

    def place(self) -> Place:
        """As `dumps.storage.Storage` says."""
        ...


def due(keep: Keep, oldest: Oldest, now_ms: int) -> list[Due]:
    """Of the oldest dumps those that are to be deleted, the oldest first."""
    return list(_due(keep, oldest, now_ms))


def _due(keep: Keep, oldest: Oldest, now_ms: int) -> Iterator[Due]:
    left = oldest.size
    for filed in oldest.filed:
        if keep.max_age_in_days is not None and now_ms - filed.ended_ms > keep.max_age_in_days * _DAY_MS:
            yield Due(filed, Reason.AGE)
        elif keep.max_bytes is not None and left > keep.max_bytes:
            yield Due(filed, Reason.SIZE)
        else:
            return
        left -= filed.size


class Retention:
    """Deletes dumps for as long as it runs; those that another storage has are left alone."""

    def __init__(
        self,
        keep: Keep,
        catalogue: Catalogue,
        storage: Deleting,
        now_ms: Callable[[], int],
        figures: RetentionFigures | None = None,
    ) -> None:
        self.figures = figures or RetentionFigures()
        self._keep = keep
        self._catalogue = catalogue
        self._storage = storage
        self._place = storage.place()
        self._now_ms = now_ms
        self._failing = False

    async def run(self) -> None:
        """Look at the catalogue now and then, until it is cancelled."""
        while True:
            while await self.delete_some():
                pass
            # Nodes that share a catalogue do not all look at the same time.
            await trio.sleep(random.uniform(0.8, 1.2) * EVERY_S)  # noqa: S311

    async def delete_some(self) -> bool:
        """Look at the catalogue once, and delete what is due, up to a limit; whether there may be more to do now."""
        try:
            oldest = await self._catalogue.oldest(self._place.location, MOST_AT_ONCE)
        except OSError as error:
            return self._fails("catalogue", error)
        self.figures.kept, self.figures.kept_bytes = oldest.number, oldest.size
        found = due(self._keep, oldest, self._now_ms())
        deleted = await self._deleted(found)
        try:
            if deleted:
                await self._catalogue.forget([one.filed for one in deleted])
        except OSError as error:
            return self._fails("catalogue", error)
        self._count(deleted)
        if len(deleted) < len(found):
            return False
        self._failing = False
        return len(found) == MOST_AT_ONCE

    async def _deleted(self, found: list[Due]) -> list[Due]:
        """Those whose files are gone now."""
        deleted: list[Due] = []
        in_a_row = 0
        # In no order: some that can never be removed must not look like a storage that is away.
        for one in random.sample(found, len(found)):
            try:
                await self._storage.remove(self._place.key + one.filed.location.removeprefix(self._place.location))
            except OSError as error:
                self._fails("storage", error)
                in_a_row += 1
                if in_a_row == MOST_FAILURES:
                    break
            else:
                in_a_row = 0
                deleted.append(one)
        return deleted

    def _count(self, deleted: list[Due]) -> None:
        figures = self.figures
        for one in deleted:
            figures.deleted[one.reason] += 1
            figures.deleted_bytes += one.filed.size
            figures.kept -= 1
            figures.kept_bytes -= one.filed.size

    def _fails(self, what: str, error: OSError) -> bool:
        self.figures.errors[what] += 1
        if not self._failing:
            self._failing = True
            log.error("Dumps that are due cannot be deleted, and are tried again (%s): %s", what, error)
        return False
