"""Calls that block, in threads of their sink's own: how many there may be is a limit that each sink states."""

from collections.abc import Callable
from dataclasses import field
from typing import Any, TypeVar

import trio

T = TypeVar("T")


def threads(limit: int) -> Any:
    """A field of a sink that holds its threads: at most so many, and none of them a key of the configuration."""
    return field(
        default_factory=lambda: threads_of(limit),
        init=False,
        repr=False,
        compare=False,
        metadata={"yaml": False},
    )


def threads_of(limit: int) -> trio.CapacityLimiter:
    """Room for at most so many threads."""
    return trio.CapacityLimiter(limit)


async def in_thread(limiter: trio.CapacityLimiter, work: Callable[[], T]) -> T:
    """Run in one of the limiter's threads.

    Who is cancelled does not wait: a call that hangs keeps its thread, and its place among them, until it ends, but
    holds up neither a time-out nor the observer's shutdown. So what blocks needs a time-out of its own.
    """
    return await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter)
