"""Whether new sessions, and samples by POST, are taken now."""

import math
from collections.abc import Callable
from typing import NoReturn

import trio

from cluster.status import Status

NOT_READY = "The service is not ready"
"""What a sender is told that is not admitted; clients of the reference know the text."""

_PERIOD = 0.1
"""How often it looks how the node stands. (s)"""


class Admission:
    """Admits sessions while the cluster has a majority, once enough remote peers have joined.

    That they have is a latch: a peer that goes afterwards shuts nobody out. Samples by POST need the majority alone.
    A majority that is missed for less than `grace` (s) is not missed: what is taken meanwhile waits for it.
    """

    def __init__(
        self,
        min_remote_peers: int,
        status: Callable[[], Status],
        grace: float,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self._wanted = min_remote_peers
        self._status = status
        self._grace = grace
        self._clock = clock
        self._majority_at = -math.inf
        self._opened = min_remote_peers <= 0

    async def watch(self) -> NoReturn:
        """Notices peers that join, and how long there was a majority, until it is cancelled: also when nobody asks."""
        while True:
            self._look()
            self._has_majority()
            await trio.sleep(_PERIOD)

    def refusal(self) -> str | None:
        """Why no session is admitted now, for the sender; ``None`` if it is."""
        return None if self._look() and self._has_majority() else NOT_READY

    def post_refusal(self) -> str | None:
        """Why no samples are taken by POST now, for the sender; ``None`` if they are."""
        return None if self._has_majority() else NOT_READY

    def unready(self) -> str | None:
        """Why this node is not ready, for the operator; ``None`` if it is."""
        status = self._status()
        if not self._has_majority():
            return status.waits_for or "the cluster has no majority"
        if not self._look():
            return f"{len(status.connected)} of {self._wanted} remote peers have joined"
        return None

    def _has_majority(self) -> bool:
        """Whether there is one now, or was just now."""
        now = self._clock()
        if self._status().quorum:
            self._majority_at = now
        return now - self._majority_at <= self._grace

    def _look(self) -> bool:
        """Whether enough peers have joined at some time."""
        if not self._opened and len(self._status().connected) >= self._wanted:
            self._opened = True
        return self._opened
