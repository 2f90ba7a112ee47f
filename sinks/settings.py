"""What an operator says of every sink, whatever its type."""

from dataclasses import dataclass, field
from enum import StrEnum

from sinks.filter import ReportFlags
from sinks.retry import Retry


@dataclass(frozen=True)
class ReportsCollector:
    """When the reports that wait for a sink become a batch. Whatever comes first."""

    max_items: int = field(default=10_000, metadata={"minimum": 1})
    """The most reports of a batch; as soon as this many wait, they go."""
    max_time_in_ms: int = field(default=500, metadata={"minimum": 0})
    """How long the first report of a batch waits for others. (ms)"""


class WhenFull(StrEnum):
    """What goes when a spool is full."""

    DROP_NEWEST = "dropNewest"
    DROP_OLDEST = "dropOldest"


@dataclass(frozen=True)
class SpoolSettings:
    """A place on disk where the reports of a sink wait: all of them go through it, and it survives a restart."""

    path: str
    """The folder; each sink has one of its own in it, which is named after its block. Both are made if need be."""
    max_bytes: int = field(default=1_000_000_000, metadata={"minimum": 65_536})
    """The most that the sink's files may take. (bytes)"""
    when_full: WhenFull = WhenFull.DROP_NEWEST
    """What is dropped then: `dropNewest`, or `dropOldest`, which drops a whole file of up to 1/16 of `maxBytes`."""
    sync: bool = False
    """Whether each write waits for the disk: then reports survive a loss of power as well, not just of the process."""

    def __post_init__(self) -> None:
        if not self.path or "\0" in self.path:
            raise ValueError("path must name a folder")


@dataclass(frozen=True)
class DeadLetterSettings:
    """A file for the reports that a destination refuses for good, each with the reason. It rotates."""

    path: str
    """The file, in a folder that exists. Each sink needs one of its own."""
    max_bytes: int = field(default=10_485_760, metadata={"minimum": 1})
    """The size from which the file is rotated. (bytes)"""
    max_files: int = field(default=5, metadata={"minimum": 1, "maximum": 10_000})
    """How many files are kept, the current one included; the oldest is deleted."""

    def __post_init__(self) -> None:
        if not self.path or "\0" in self.path:
            raise ValueError("path must name a file")


@dataclass(frozen=True)
class SinkSettings:
    """One block of ``observer.sinks``."""

    type: str
    """The type of the sink, for instance `FileSink`. Its own keys stand in the block `config` beside it."""
    enabled: bool = True
    """Whether the sink is used at all."""
    reports: ReportFlags | None = None
    """Which types of reports the sink gets; all of them when absent."""
    batch: ReportsCollector | None = None
    """When reports become a batch for this sink; as `observer.buffers.reportsCollector` says when absent."""
    retry: Retry = field(default_factory=Retry)
    """What happens when the sink fails."""
    max_queued_reports: int = field(default=100_000, metadata={"minimum": 1})
    """The most reports that wait in memory or are on their way; the newest are dropped beyond that."""
    max_queued_bytes: int = field(default=100_000_000, metadata={"minimum": 1})
    """The most that those reports may take as lines of JSON; the newest are dropped beyond that. (bytes)"""
    send_timeout_in_s: float = field(default=60, metadata={"minimum": 0.001})
    """How long opening the sink, sending one batch, or closing may take; it has failed then. (s)"""
    spool: SpoolSettings | None = None
    """Where reports wait on disk; without it they wait in memory only."""
    dead_letters: DeadLetterSettings | None = None
    """Where refused reports are put aside; without it they are counted only."""
