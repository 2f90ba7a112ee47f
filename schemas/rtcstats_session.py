"""A session of rtcstats-js: the traces of one page, message after message, as client samples of schemas 3.x.

A message is ``[method, peer connection or null, value, ..., time]``, one in each frame.
"""

from schemas.samples import Item
from schemas.webrtc_stats import Bounds, Guest, Skips


class RtcstatsSession:
    """Reads the messages of one page, in their order; may be fed by one socket after the other.

    Never raises for what a page sends: what cannot be read is skipped and counted in `skipped`, which whoever feeds may
    read and clear. Of two sockets of the same page the second starts with an absolute time again.
    """

    def __init__(self, who: Guest, bounds: Bounds) -> None:
        self.who = who
        self.skipped = Skips()

    def feed(self, frame: bytes | str, now_ms: int) -> list[Item]:
        """The samples that a frame gives: none, or one. `now_ms` stands in where the page tells no time."""
        return []

    def end(self, now_ms: int) -> Item:
        """The sample with which the client leaves, for a page that is known to be gone for good."""
        raise NotImplementedError
