"""A session of a Jitsi client: its identity, its traces and its statistics as client samples of schemas 3.x."""

from schemas.jitsi_codec import Envelope
from schemas.samples import Item
from schemas.webrtc_stats import Bounds, Guest, Skips


class JitsiSession:
    """Reads the messages of one ``statsSessionId``, in their order; may be fed by one socket after the other.

    `who` is what the address tells; an identity that comes makes room and user known, so `who` changes. `seq` is the
    largest number of a message that was read: what comes again is skipped. Messages up to `told` only make known what
    later ones change, and give no samples: they were told already, by another node. `ended` once its client closed it.
    """

    def __init__(self, who: Guest, bounds: Bounds, told: int = 0) -> None:
        self.who = who
        self.skipped = Skips()
        self.seq = 0
        self.ended = False

    def take(self, envelope: Envelope, now_ms: int) -> list[Item]:
        """The samples that a message gives: none, or one. `now_ms` stands in where it tells no time."""
        return []

    def end(self, now_ms: int) -> Item:
        """The sample with which the client leaves, for one that is known to be gone for good."""
        raise NotImplementedError
