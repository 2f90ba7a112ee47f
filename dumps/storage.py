"""Where completed dumps are kept, and what they are called there.

To add a storage: write its file, and one line in `STORAGES`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from dumps.packing import Packed

SUFFIX = ".gz"
_MOST_NUMBERS = 100


class Stored(NamedTuple):
    """Where a dump is."""

    id: str
    """Its name, which no other has there."""
    key: str
    """By what the storage knows it: `Storage.remove`."""
    location: str
    """An URL."""


class Place(NamedTuple):
    """What the dumps of a storage have in common, and others have not; the rest of each is behind it."""

    location: str
    """With what their locations begin."""
    key: str
    """With what their keys begin."""


class Storage(Protocol):
    """A place for files. Its fields are the keys of its ``config``."""

    async def put(self, base_id: str, name: str, packed: Packed) -> Stored:
        """Keep a file under the first of `ids` that none has; under the one that it has, if it is there already.

        So of two dumps of one id that say the very same there is one.
        Nothing that is there is ever changed, also where several nodes share the place. Raises OSError, with a text
        for the operator.
        """
        ...

    async def remove(self, key: str) -> None:
        """Remove a file; it is well if it is gone already. Raises OSError."""
        ...

    def place(self) -> Place:
        """What its dumps have in common. May look at the disk."""
        ...


def ids(base_id: str, name: str) -> Iterator[str]:
    """What a dump may be called, one after the other: the last is a name that no other dump has."""
    yield base_id
    for number in range(1, _MOST_NUMBERS):
        yield f"{base_id}_{number}"
    yield f"{base_id}_{name}"


STORAGES: Mapping[str, tuple[str, str, str | None]] = {
    "disk": ("dumps.storage_disk", "DiskStorage", None),
    "s3": ("dumps.storage_s3", "S3Storage", "aws"),
}
"""The types of storages: the module of each, its class, and the extra of this distribution that it needs."""


def storage_class(type_name: str) -> type[Storage]:
    """The dataclass of a type of storage. Raises ValueError, with a text for the operator."""
    if type_name not in STORAGES:
        nearest = get_close_matches(type_name, STORAGES, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(sorted(STORAGES))}"
        raise ValueError(f"there is no such type of storage; {hint}")
    module, name, extra = STORAGES[type_name]
    try:
        found: type[Storage] = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if extra is None:
            raise
        text = f"{type_name} needs {error.name}, which is not installed: pip install 'webrtc-observer[{extra}]'"
        raise ValueError(text) from error
    return found


@dataclass(frozen=True)
class _Written:
    """What stands in the configuration, before the type has said what `config` may hold."""

    type: str = "disk"
    config: object = None


def bind_storage(binder: Any, raw: object, place: Any) -> Any:
    """What `config` holds depends on `type` (a function for the metadata of a field: see `observer.config.binding`)."""
    written = binder.instance(_Written, raw, place)
    if not isinstance(written, _Written):
        return written
    try:
        class_: Any = storage_class(written.type.lower())
    except ValueError as error:
        return binder.problem(place, f"type: {error}")
    config = binder.instance(class_, written.config, place.below(raw, "config"))
    return StorageChoice(written.type.lower(), config) if isinstance(config, class_) else config


@dataclass(frozen=True)
class StorageChoice:
    """Which storage is used."""

    type: str = "disk"
    """`disk`, or `s3` for a bucket of S3 or of a store that speaks like it."""
    config: Any = field(default=None)
    """What the storage needs to know; for `disk` nothing."""
