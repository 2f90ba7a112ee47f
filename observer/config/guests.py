"""What an operator says of guests: clients of other systems, whose settings stand beside what obeys them."""

from dataclasses import dataclass, field

from dumps.settings import Dumps
from ingest.client_metrics import ClientMetrics
from ingest.guest_settings import Jitsi, Rtcstats
from ingest.guests import MAX_REMEMBERED_SIZE


@dataclass(frozen=True, slots=True)
class GuestSettings:
    """Clients of other systems that this observer takes as well. Each is off unless its block is there."""

    rtcstats: Rtcstats | None = None
    """Pages with rtcstats-js."""

    jitsi: Jitsi | None = None
    """Clients of Jitsi's rtcstats."""

    client_metrics: ClientMetrics | None = None
    """Jitsi's client metrics: pages push, Prometheus scrapes."""

    dumps: Dumps | None = None
    """The raw messages of the sessions of `rtcstats` and `jitsi`, kept in files."""

    max_remembered_size: int = field(default=MAX_REMEMBERED_SIZE, metadata={"minimum": 1000})
    """What is remembered of all sessions of `rtcstats` and `jitsi` together; beyond, what a session tells anew is left
    out, and counted. (bytes, about)"""

    def __post_init__(self) -> None:
        if self.dumps is not None and self.rtcstats is None and self.jitsi is None:
            raise ValueError("dumps are of sessions of rtcstats and jitsi, and neither is there")
