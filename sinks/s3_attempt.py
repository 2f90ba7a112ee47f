"""One attempt to put many objects, so many at once; what is not there at its end is known."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import trio

from sinks.aws_errors import Refused

Thing = TypeVar("Thing")

TOO_SLOW = "not all objects of a batch were there within batchTimeoutInMs"


class Attempt:
    """Ends at a deadline, or when the service cannot be reached, is busy, or takes nothing: no more is tried then.

    A service that refuses one object may take the others, so those are tried.
    """

    def __init__(self, at_once: int, deadline: float) -> None:
        self._at_once = at_once
        self._deadline = deadline
        self._ended = False
        self.reason = ""
        """Why the first of what was not put was not; empty as long as all was."""

    async def left(self, things: Sequence[Thing], put: Callable[[Thing], Awaitable[None]]) -> list[Thing]:
        """Put things; return those that are not known to be there, in their order. `put` raises OSError for its own.

        Raises whatever else `put` raises, once no other is on its way.
        """
        there: set[int] = set()
        errors: list[Exception] = []
        todo = iter(enumerate(things))

        async def work() -> None:
            for number, thing in todo:
                if self._ended:
                    break
                try:
                    await put(thing)
                except OSError as error:
                    self._failed(error)
                except Exception as error:
                    errors.append(error)
                    nursery.cancel_scope.cancel()
                else:
                    there.add(number)

        with trio.CancelScope(deadline=self._deadline) as scope:
            async with trio.open_nursery() as nursery:
                for _ in range(min(self._at_once, len(things))):
                    nursery.start_soon(work)
        if errors:
            raise errors[0]
        if scope.cancelled_caught:
            self._end(TOO_SLOW)
        return [thing for number, thing in enumerate(things) if number not in there]

    def _failed(self, error: OSError) -> None:
        if isinstance(error, Refused):
            self.reason = self.reason or str(error)
        else:
            self._end(str(error))

    def _end(self, reason: str) -> None:
        self._ended = True
        self.reason = self.reason or reason
