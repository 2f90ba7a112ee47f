"""Questions that are asked on connections of their own: one frame each way, in limited time and number."""

import contextlib
from collections.abc import Callable

import trio

from cluster.frames import framed
from cluster.links import Refused
from cluster.settings import LinkLimits
from cluster.strangers import Visitor

Reply = Callable[[bytes], None]
"""Takes the answer, at once or later: it is not empty and at most `max_stranger_frame_size`, else ValueError.

Answers behind the first do nothing, nor does one to an asker that is gone.
"""

Asked = Callable[[bytes, frozenset[str] | None, Reply], None]
"""Gets a question, the names of the asker's certificate (None on plain text), and what takes the answer."""


class Questions:
    """Answers visitors with what `asked` makes of their questions."""

    def __init__(self, asked: Asked, limits: LinkLimits) -> None:
        self._asked = asked
        self._limits = limits
        self._waiting = 0

    async def answer(self, visitor: Visitor, question: bytes) -> Refused | None:
        """Answers, or tells why not. Does not close the stream."""
        if self._waiting >= self._limits.max_questions:
            return Refused.TOO_MANY_QUESTIONS
        self._waiting += 1
        try:
            answer = await self._answer(visitor, question)
            return Refused.NOT_ANSWERED if answer is None else await self._send(visitor.stream, answer)
        finally:
            self._waiting -= 1

    async def _answer(self, visitor: Visitor, question: bytes) -> bytes | None:
        """None if there is no answer in time, or the asker goes."""
        answers: list[bytes] = []
        answered = trio.Event()

        def reply(answer: bytes) -> None:
            if not 0 < len(answer) <= self._limits.max_stranger_frame_size:
                raise ValueError(f"an answer of {len(answer)} bytes")
            if not answers:
                answers.append(answer)
                answered.set()

        self._asked(question, visitor.names, reply)
        with trio.move_on_after(self._limits.answer_timeout_in_s):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_at_end, nursery.cancel_scope, visitor.stream)
                await answered.wait()
                nursery.cancel_scope.cancel()
        return answers[0] if answers else None

    async def _send(self, stream: trio.abc.Stream, answer: bytes) -> Refused | None:
        with trio.move_on_after(self._limits.hello_timeout_in_s):
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await stream.send_all(framed(answer))
                return None
        return Refused.NOT_ANSWERED


async def _cancel_at_end(scope: trio.CancelScope, stream: trio.abc.Stream) -> None:
    """Cancels when the peer closes, or says what it should not."""
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await stream.receive_some(1)
    scope.cancel()
