"""What is told about a sink: figures since the start, and how it does now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class DropReason(StrEnum):
    """Why a report never reached its sink. The values are metric labels."""

    QUEUE_FULL = "queue_full"
    SPOOL_FULL = "spool_full"
    SPOOL_DAMAGED = "spool_damaged"
    GIVEN_UP = "given_up"
    REJECTED = "rejected"
    DROPPED_AT_SHUTDOWN = "dropped_at_shutdown"


class Circuit(StrEnum):
    """How a sink stands: it works; it failed and is left alone for a while; it failed and is tried. Metric labels."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class SpoolStatistics:
    """The figures of a spool."""

    spooled: int = 0
    """Reports that wait on disk, now; those on their way are not among them."""
    spooled_bytes: int = 0
    """How much its files take. (bytes)"""
    spooled_bytes_limit: int = 0
    """How much they may take; 0 without a spool. (bytes)"""
    recovered: int = 0
    """Reports that an earlier process had left on disk."""
    spool_failing: bool = False
    """Whether the disk does not take, or give, reports."""


@dataclass(frozen=True)
class SinkStatistics:
    """The figures of one sink.

    Always: offered + recovered = filtered + queued + spooled + acknowledged + all that was dropped.
    """

    key: str
    """The name of the sink's block."""
    type: str
    """The type of the sink."""
    offered: int
    """Reports offered, wanted or not."""
    filtered: int
    """Reports of types that the sink does not want."""
    queued: int
    """Reports that wait in memory or are on their way, now."""
    queued_bytes: int
    """What they take as lines of JSON. (bytes)"""
    sent: int
    """Reports handed to the sink, counted again each time they are tried again."""
    acknowledged: int
    """Reports that arrived."""
    dropped: Mapping[DropReason, int]
    """Reports that will never arrive."""
    batches: int
    """Batches that are through: every report of them arrived or was rejected."""
    retries: int
    """Batches tried again."""
    sending_s: float
    """Time spent sending, failures included. (s)"""
    failing_for_s: float | None
    """How long the sink has been failing; None while it is healthy. (s)"""
    queued_limit: int = 0
    """How many reports may wait in memory or be on their way."""
    queued_bytes_limit: int = 0
    """How much they may take. (bytes)"""
    circuit: Circuit = Circuit.CLOSED
    """How it stands."""
    failures: int = 0
    """How often in a row it has failed."""
    next_try_in_s: float | None = None
    """When it will be tried again, while the circuit is open. (s)"""
    dead_letters: int = 0
    """Rejected reports that were put aside in a file."""
    spool: SpoolStatistics = field(default_factory=SpoolStatistics)
    """What waits on disk."""
