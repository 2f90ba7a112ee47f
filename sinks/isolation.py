"""One report that a sink stumbles over costs itself, not its batch, nor all that waits behind it."""

from sinks.failures import described
from sinks.lines import Batch, Line, batch_of
from sinks.sink import NotDelivered, Rejection, Send

STUMBLES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What code raises that meets data it did not expect. Nothing that tells of a service is among them."""


def isolating(send: Send) -> Send:
    """As `send`; but when it stumbles over a batch, the reports that it stumbles over are found, and rejected.

    The batch is sent by halves then. If the sink stumbles over each report, it is the sink that is wrong, and no
    report: the error is raised as it is, as it is for a batch of one.
    """

    async def careful(batch: Batch) -> None:
        try:
            await send(batch)
        except STUMBLES as error:
            if len(batch) == 1:
                raise
            rejected = await _rejected(send, list(batch))
            if len(rejected) == len(batch):
                raise
            raise NotDelivered(described(error), rejected=rejected) from error

    return careful


async def _rejected(send: Send, lines: list[Line]) -> list[Rejection]:
    """Sends lines in their order; returns those that the sink stumbles over, or that it rejects."""
    rejected: list[Rejection] = []
    todo = _halves(lines)
    while todo:
        some = todo.pop()
        try:
            await send(batch_of(some))
        except STUMBLES as error:
            if len(some) == 1:
                rejected.append(Rejection(some[0], described(error)))
            else:
                todo += _halves(some)
        except NotDelivered as partial:
            rejected += partial.rejected
            if partial.again:
                raise NotDelivered(str(partial), _again(list(partial.again), todo), rejected) from partial
        except OSError as error:
            raise NotDelivered(described(error), _again(some, todo), rejected) from error
    return rejected


def _halves(lines: list[Line]) -> list[list[Line]]:
    """The first half is the last of the two, to be taken first."""
    half = len(lines) // 2
    return [lines[half:], lines[:half]]


def _again(first: list[Line], todo: list[list[Line]]) -> Batch:
    return batch_of([*first, *(line for some in reversed(todo) for line in some)])
