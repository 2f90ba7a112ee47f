"""Where it is written down which dumps there are.

To add a catalogue: write its file, and one line in `CATALOGUES`.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from dumps.choice import bound
from dumps.entries import Entry, Filed, Oldest
from sinks.loading import Source


class Catalogue(Protocol):
    """A catalogue that is open. All raise OSError, with a text for the operator and nothing of an entry in it.

    A call that failed may be made again, also after the server was away: whatever came of the first, the outcome is
    the same.
    """

    async def enter(self, entry: Entry) -> None:
        """Enter a dump, once: if its location is there already, all stays as it is."""
        ...

    async def oldest(self, place: str, limit: int) -> Oldest:
        """At most so many of the oldest dumps whose location begins with `place`, by their ends.

        Where the place is a disk, only those that this machine entered.
        """
        ...

    async def forget(self, filed: Sequence[Filed]) -> None:
        """Dumps are deleted; those that are not there are well forgotten."""
        ...


class CatalogueType(Protocol):
    """A type of catalogue. Its fields are the keys of its ``config``."""

    def opened(self) -> AbstractAsyncContextManager[Catalogue]:
        """The catalogue for as long as it is used. Does not wait for a server, and raises nothing."""
        ...


CATALOGUES: Mapping[str, Source] = {
    "sqlite": Source("dumps.sqlite", "SqliteCatalogue"),
    "postgres": Source("dumps.postgres", "PostgresCatalogue", "postgres"),
}
"""The types of catalogues."""


@dataclass(frozen=True)
class CatalogueChoice:
    """Where it is written down which dumps there are."""

    type: str = "sqlite"
    """`sqlite`, a file of this node, or `postgres`."""
    config: Any = field(default=None)
    """What the catalogue needs to know; for `sqlite` nothing."""


bind_catalogue = bound("catalogue", "sqlite", CATALOGUES, CatalogueChoice)
"""For the metadata of a field."""
