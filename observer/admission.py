"""Whether new sessions, and samples by POST, are taken now."""

from collections.abc import Callable
from typing import NoReturn

import trio

from cluster.status import Status

NOT_READY = "The service is not ready"
"""What a sender is told that is not admitted; clients of the reference know the text."""

_PERIOD = 0.1
"""How often it looks whether enough peers have joined. (s)"""


class Admission:
    """Admits sessions while the cluster has a majority, once enough remote peers have joined.

    That they have is a latch: a peer that goes afterwards shuts nobody out. Samples by POST need the majority alone.
    """

    def __init__(self, min_remote_peers: int, status: Callable[[], Status]) -> None:
        self._wanted = min_remote_peers
        self._status = status
        self._opened = min_remote_peers <= 0

    async def watch(self) -> NoReturn:
        """Notices peers that join, until it is cancelled: also one that goes again before anybody asks."""
        while True:
            self._look()
            await trio.sleep(_PERIOD)

    def refusal(self) -> str | None:
        """Why no session is admitted now, for the sender; ``None`` if it is."""
        return None if self._look() and self._status().quorum else NOT_READY

    def post_refusal(self) -> str | None:
        """Why no samples are taken by POST now, for the sender; ``None`` if they are."""
        return None if self._status().quorum else NOT_READY

    def unready(self) -> str | None:
        """Why this node is not ready, for the operator; ``None`` if it is."""
        status = self._status()
        if not status.quorum:
            return status.waits_for or "the cluster has no majority"
        if not self._look():
            return f"{len(status.connected)} of {self._wanted} remote peers have joined"
        return None

    def _look(self) -> bool:
        """Whether enough peers have joined at some time."""
        if not self._opened and len(self._status().connected) >= self._wanted:
            self._opened = True
        return self._opened
