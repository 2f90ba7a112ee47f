"""What a sink is: something that opens, sends batches of lines, and closes.

A line is one report, written as JSON when it is offered, once for all sinks that want the same. A sink that appends
lines to something writes the texts of `Batch.pieces`; one that sends each report by itself goes through the batch,
line by line. One that needs more asks `sinks.encoding`: `type_of` knows a line by its first bytes; `report_of_line`
reads all of it, for sinks that choose a key or a place by an id of the payload, or that store documents; `csv_lines`
makes rows of a table.

A sink never sleeps, counts, retries or filters; `sinks.delivery` does. It says how a batch went by the way `send` ends:

* it returns: the destination has the whole batch;
* it raises `NotDelivered`: part of the batch is to be sent again or can never be sent, and the sink stays open;
* it raises anything else, or takes too long: the sink is closed, opened anew, and gets the whole batch again.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from sinks.lines import Batch, Line

Send = Callable[[Batch], Awaitable[None]]
"""Sends one batch, never an empty one, in its order."""


class Sink(Protocol):
    """One destination of reports: a frozen dataclass whose fields are the keys of its ``config`` block."""

    def opened(self, key: str) -> AbstractAsyncContextManager[Send]:
        """Open the destination for as long as the context lasts; `key` is the name of the sink's block.

        It may be opened again after it closed, never twice at once. Any exception means: not now, try again.
        """
        ...


class Rejection(NamedTuple):
    """A report that its destination will never take, and why (in words that hold nothing of the report)."""

    line: Line
    reason: str


class NotDelivered(Exception):
    """Part of a batch did not arrive; whatever is neither in `again` nor in `rejected` did.

    `again`: the lines to send once more, in their order (`sinks.lines.batch_of`). `rejected`: those that will never go.
    The reason is logged, so it holds nothing of a report.
    """

    def __init__(self, reason: str, again: Batch | None = None, rejected: Sequence[Rejection] = ()) -> None:
        super().__init__(reason)
        self.again = again or Batch()
        self.rejected = rejected
