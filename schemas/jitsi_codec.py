"""The stream of a rtcstats client of Jitsi: JSON objects one after the other, wherever its frames begin and end."""

from typing import Any, NamedTuple

from schemas.webrtc_stats import Skips


class Envelope(NamedTuple):
    """One message: `data` of an ``identity`` is a list or an object, of a ``stats-entry`` text, else ``None``."""

    stats_session_id: str
    type: str
    data: Any


class Envelopes:
    """Reads the stream of one socket. `skipped` counts what is no message."""

    def __init__(self, max_message_size: int) -> None:
        self.skipped = Skips()

    def feed(self, frame: bytes | str) -> list[Envelope]:
        """The messages that are complete with this frame."""
        return []
