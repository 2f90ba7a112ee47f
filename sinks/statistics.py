"""What is told about a sink: figures since the start, and how it does now."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class DropReason(StrEnum):
    """Why a report never reached its sink. The values are metric labels."""

    QUEUE_FULL = "queue_full"
    GIVEN_UP = "given_up"
    REJECTED = "rejected"
    DROPPED_AT_SHUTDOWN = "dropped_at_shutdown"


@dataclass(frozen=True)
class SinkStatistics:
    """The figures of one sink. Always: offered = filtered + queued + acknowledged + all that was dropped."""

    key: str
    """The name of the sink's block."""
    type: str
    """The type of the sink."""
    offered: int
    """Reports offered, wanted or not."""
    filtered: int
    """Reports of types that the sink does not want."""
    queued: int
    """Reports that wait or are on their way, now."""
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
    """How many reports may wait or be on their way."""
    queued_bytes_limit: int = 0
    """How much they may take. (bytes)"""
