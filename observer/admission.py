"""Whether new WebSocket sessions are admitted."""

from collections.abc import Callable

NOT_READY = "The service is not ready"
"""What a session that is not admitted is told; clients of the reference know the text."""


class Admission:
    """Admits sessions once enough remote peers have joined, and ever after: a peer that goes shuts nobody out."""

    def __init__(self, min_remote_peers: int, remote_peers: Callable[[], int]) -> None:
        self._wanted = min_remote_peers
        self._remote_peers = remote_peers
        self._opened = min_remote_peers <= 0

    def refusal(self) -> str | None:
        """Why no session is admitted now, for the sender; ``None`` if it is."""
        return None if self.opened() else NOT_READY

    def unready(self) -> str | None:
        """Why this node is not ready, for the operator; ``None`` if it is."""
        return None if self.opened() else f"{self._remote_peers()} of {self._wanted} remote peers have joined"

    def opened(self) -> bool:
        """Whether enough peers have joined at some time."""
        if not self._opened and self._remote_peers() >= self._wanted:
            self._opened = True
        return self._opened
