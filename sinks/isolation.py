"""One report that a sink stumbles over costs itself, not its batch, nor all that waits behind it."""

import trio

from sinks.encoding import is_report
from sinks.failures import described, sole
from sinks.lines import Batch, Line, batch_of
from sinks.sink import NotDelivered, Rejection, Send

STUMBLES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What code raises that meets data it did not expect. Nothing that tells of a service is among them."""


def isolating(send: Send, within_s: float) -> Send:
    """As `send`; but when it stumbles over a batch, the reports that it stumbles over are found, and rejected.

    The batch is sent by halves then. If the sink stumbles over each report, it is the sink that is wrong, and no
    report: the error is raised as it is, as it is for a batch of one. But a line that is no report at all is rejected
    whatever becomes of others. After `within_s` seconds what is left is for the next time: so a batch of which much is
    rejected ends as well. (s)
    """

    async def careful(batch: Batch) -> None:
        until = trio.current_time() + within_s
        try:
            await send(batch)
        except Exception as failure:
            error = sole(failure)
            if not isinstance(error, STUMBLES):
                raise
            search = _Search(send, list(batch), until)
            if len(batch) == 1:
                search.stumbled(error)
            else:
                await search.run()
            if search.is_of_the_sink():
                raise
            raise NotDelivered(search.reason or described(error), search.again(), search.rejected) from error

    return careful


class _Search:
    """For the reports of a batch that a sink stumbles over: sends the lines in their order, by halves."""

    def __init__(self, send: Send, lines: list[Line], until: float) -> None:
        self.rejected: list[Rejection] = []
        self.reason = ""
        """Why it ended before its end."""
        self._send = send
        self._todo = [lines]
        self._until = until
        self._arrived = False
        self._doubted = False

    async def run(self) -> None:
        """Look for them until all are found, the service fails, or time is up."""
        self._split()
        while self._todo and not self.reason:
            if self._is_further() and trio.current_time() >= self._until:
                self.reason = "it stumbles over many reports: the rest follows"
            else:
                await self._step()

    def stumbled(self, error: Exception) -> None:
        """The sink stumbles over the next lines: look closer, or reject the last of them."""
        if len(self._todo[-1]) > 1:
            self._split()
        else:
            line = self._todo.pop()[0]
            self.rejected.append(Rejection(line, described(error)))
            self._doubted = self._doubted or is_report(line)

    def again(self) -> Batch:
        """What was not sent, in its order."""
        return batch_of(line for some in reversed(self._todo) for line in some)

    def is_of_the_sink(self) -> bool:
        """Whether the sink stumbled over all it was sent, though there are reports among it."""
        return self._doubted and not self._arrived

    def _is_further(self) -> bool:
        """Whether something is known that will not have to be found out again."""
        return bool(self._arrived or self.rejected) and not self.is_of_the_sink()

    async def _step(self) -> None:
        try:
            await self._send(batch_of(self._todo[-1]))
        except NotDelivered as partial:
            gone = len(self._todo[-1]) - len(partial.again) - len(partial.rejected)
            self._arrived = self._arrived or gone > 0
            self.rejected += partial.rejected
            self._todo[-1:] = [list(partial.again)] if partial.again else []
            self.reason = str(partial) if partial.again else ""
        except Exception as failure:
            error = sole(failure)
            if isinstance(error, STUMBLES):
                self.stumbled(error)
            elif isinstance(error, OSError):
                self.reason = described(error)
            else:
                raise
        else:
            self._arrived = True
            self._todo.pop()

    def _split(self) -> None:
        """The first half is the last of the two, to be taken first."""
        lines = self._todo.pop()
        half = len(lines) // 2
        self._todo += [lines[half:], lines[:half]]
