"""Where it is written down which dumps there are.

To add a catalogue: write its file, and one line in `CATALOGUES`.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Protocol

from dumps.entries import Entry, Filed, Oldest


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


CATALOGUES: Mapping[str, tuple[str, str, str | None]] = {
    "sqlite": ("dumps.sqlite", "SqliteCatalogue", None),
    "postgres": ("dumps.postgres", "PostgresCatalogue", "postgres"),
}
"""The types of catalogues: the module of each, its class, and the extra of this distribution that it needs."""


def catalogue_class(type_name: str) -> type[CatalogueType]:
    """The dataclass of a type of catalogue. Raises ValueError, with a text for the operator."""
    if type_name not in CATALOGUES:
        nearest = get_close_matches(type_name, CATALOGUES, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(sorted(CATALOGUES))}"
        raise ValueError(f"there is no such type of catalogue; {hint}")
    module, name, extra = CATALOGUES[type_name]
    try:
        found: type[CatalogueType] = getattr(import_module(module), name)
    except ImportError as error:
        if extra is None:
            raise
        text = f"{type_name} needs what is not installed: pip install 'webrtc-observer[{extra}]'"
        raise ValueError(text) from error
    return found


@dataclass(frozen=True)
class _Written:
    """What stands in the configuration, before the type has said what `config` may hold."""

    type: str = "sqlite"
    config: object = None


def bind_catalogue(binder: Any, raw: object, place: Any) -> Any:
    """What `config` holds depends on `type` (a function for the metadata of a field: see `observer.config.binding`)."""
    written = binder.instance(_Written, raw, place)
    if not isinstance(written, _Written):
        return written
    try:
        class_: Any = catalogue_class(written.type.lower())
    except ValueError as error:
        return binder.problem(place, f"type: {error}")
    config = binder.instance(class_, written.config, place.below(raw, "config"))
    return CatalogueChoice(written.type.lower(), config) if isinstance(config, class_) else config


@dataclass(frozen=True)
class CatalogueChoice:
    """Where it is written down which dumps there are."""

    type: str = "sqlite"
    """`sqlite`, a file of this node, or `postgres`."""
    config: Any = field(default=None)
    """What the catalogue needs to know; for `sqlite` nothing."""
