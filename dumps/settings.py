"""What an operator says about dumps."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from dumps.catalogue import CatalogueChoice, CatalogueType, bind_catalogue
from dumps.sqlite import SqliteCatalogue
from dumps.storage import Storage, StorageChoice, bind_storage
from dumps.storage_disk import DiskStorage


@dataclass(frozen=True)
class Keep:
    """How long dumps are kept, and how many. Whatever comes first."""

    max_age_in_days: float | None = field(default=30, metadata={"minimum": 0.001})
    """After so long a dump is deleted; never for its age when absent. (days)"""
    max_bytes: int | None = field(default=None, metadata={"minimum": 1})
    """The most that all dumps may take; the oldest are deleted beyond that. Any number when absent. (bytes)"""


@dataclass(frozen=True)
class Dumps:
    """The raw messages of guests, kept in files. Off unless the block is there."""

    path: str
    """The folder of this node, made if need be: below it are `work`, the dumps that are being written and completed,
    and `stored`, those that are completed, unless `storage` says otherwise."""
    obfuscate_addresses: bool = True
    """Whether the addresses of people are made unreadable before a dump is stored."""
    max_dump_bytes: int = field(default=268_435_456, metadata={"minimum": 4096})
    """The most that a dump may take before it is packed; what comes then is left out and counted, and the session goes
    on. (bytes)"""
    max_open: int = field(default=10_000, metadata={"minimum": 1})
    """The most dumps that may be open at once; of sessions beyond that no dump is kept."""
    max_waiting: int = field(default=10_000, metadata={"minimum": 1})
    """The most dumps that may wait to be completed; as long as there are more, no new one is begun."""
    max_work_bytes: int = field(default=10_737_418_240, metadata={"minimum": 65_536})
    """The most that the folder `work` may take: from nine tenths of it on no new dump is begun. (bytes)"""
    max_buffered_bytes: int = field(default=16_777_216, metadata={"minimum": 65_536})
    """The most that may wait in memory to be written; sessions are read no further beyond that. (bytes)"""
    write_every_in_ms: int = field(default=200, metadata={"minimum": 1})
    """How long a message waits for others before it is written: so much is lost when the process is killed. (ms)"""
    sync: bool = False
    """Whether each write waits for the disk: then messages survive a loss of power as well, not just of the process."""
    parallelism: int = field(default=2, metadata={"minimum": 1, "maximum": 100})
    """How many dumps are completed at once, each in a thread."""
    store_timeout_in_s: float = field(default=600, metadata={"minimum": 0.001})
    """How long it may take to store a dump, or to enter it in the catalogue; it is tried again then. (s)"""
    storage: StorageChoice = field(default_factory=StorageChoice, metadata={"bind": bind_storage})
    """Where completed dumps are kept: `type` and `config`."""
    catalogue: CatalogueChoice = field(default_factory=CatalogueChoice, metadata={"bind": bind_catalogue})
    """Where it is written down which dumps there are: `type` and `config`."""
    keep: Keep = field(default_factory=Keep)
    """When completed dumps are deleted."""

    def __post_init__(self) -> None:
        if not self.path or "\0" in self.path:
            raise ValueError("path must name a folder")

    @property
    def work(self) -> Path:
        """The folder of the dumps that are being written and completed."""
        return Path(self.path) / "work"

    def chosen_storage(self) -> Storage:
        """The storage of completed dumps."""
        storage = self.storage.config or DiskStorage()
        if isinstance(storage, DiskStorage) and storage.path is None:
            return replace(storage, path=str(Path(self.path) / "stored"))
        chosen: Storage = storage
        return chosen

    def chosen_catalogue(self) -> CatalogueType:
        """The catalogue of completed dumps."""
        catalogue = self.catalogue.config or SqliteCatalogue()
        if isinstance(catalogue, SqliteCatalogue) and catalogue.path is None:
            return replace(catalogue, path=str(Path(self.path) / "catalogue.sqlite"))
        chosen: CatalogueType = catalogue
        return chosen
