"""Where completed dumps are kept, and what they are called there.

To add a storage: write its file, and one line in `STORAGES`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from dumps.choice import bound
from dumps.packing import Packed
from sinks.loading import Source

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


STORAGES: Mapping[str, Source] = {
    "disk": Source("dumps.storage_disk", "DiskStorage"),
    "s3": Source("dumps.storage_s3", "S3Storage", "aws"),
}
"""The types of storages."""


@dataclass(frozen=True)
class StorageChoice:
    """Which storage is used."""

    type: str = "disk"
    """`disk`, or `s3` for a bucket of S3 or of a store that speaks like it."""
    config: Any = field(default=None)
    """What the storage needs to know; for `disk` nothing."""


bind_storage = bound("storage", "disk", STORAGES, StorageChoice)
"""For the metadata of a field."""
