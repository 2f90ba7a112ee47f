"""Gathers what a batch shows of each SFU into the entries of one command."""

from dataclasses import dataclass, field

from schemas.sfu_samples import RtpPad
from store.commands import RtpPadSeen, SctpChannelSeen, SfuSeen, SfuTransportSeen
from store.entities import PadKey


class RtpPadEntry:
    """What a batch shows of one pad. Times are ms."""

    __slots__ = ("first", "internal", "last", "sink_id", "ssrc", "stream_id")

    def __init__(self, timestamp: int) -> None:
        self.first = self.last = timestamp
        self.internal = False
        self.stream_id: str | None = None
        self.sink_id: str | None = None
        self.ssrc: int | None = None

    def see(self, timestamp: int, pad: RtpPad, internal: bool) -> None:
        """One more sample shows the pad; what the newest tells replaces what others told."""
        self.first = min(self.first, timestamp)
        if timestamp < self.last:
            return
        self.last = timestamp
        self.internal = internal
        self.stream_id = pad.stream_id or self.stream_id
        self.sink_id = pad.sink_id or self.sink_id
        self.ssrc = self.ssrc if pad.ssrc is None else pad.ssrc

    def seen(self, key: PadKey) -> RtpPadSeen:
        """The entry for a command."""
        return RtpPadSeen(*key, self.first, self.last, self.internal, self.stream_id, self.sink_id, self.ssrc)


class SctpChannelEntry:
    """What a batch shows of one SCTP channel. Times are ms."""

    __slots__ = ("first", "last", "stream_id")

    def __init__(self, timestamp: int) -> None:
        self.first = self.last = timestamp
        self.stream_id: str | None = None

    def see(self, timestamp: int, stream_id: str | None) -> None:
        """One more sample shows the channel; what the newest tells replaces what others told."""
        self.first = min(self.first, timestamp)
        if timestamp >= self.last:
            self.last, self.stream_id = timestamp, stream_id or self.stream_id

    def seen(self, channel_id: str) -> SctpChannelSeen:
        """The entry for a command."""
        return SctpChannelSeen(channel_id, self.stream_id, self.first, self.last)


class SfuTransportEntry:
    """What a batch shows of one transport; `new_rows` of its pads and channels are not known yet.

    `internal` is what the first says that shows the transport, or the pad or channel that names it.
    """

    __slots__ = ("channels", "first", "internal", "last", "new_rows", "pads")

    def __init__(self, timestamp: int, internal: bool) -> None:
        self.first = self.last = timestamp
        self.internal = internal
        self.pads: dict[PadKey, RtpPadEntry] = {}
        self.channels: dict[str, SctpChannelEntry] = {}
        self.new_rows = 0

    def see(self, timestamp: int) -> None:
        """One more sample shows the transport."""
        self.first, self.last = min(self.first, timestamp), max(self.last, timestamp)

    def seen(self, transport_id: str) -> SfuTransportSeen:
        """The entry for a command."""
        pads = [entry.seen(key) for key, entry in self.pads.items()]
        channels = [entry.seen(channel_id) for channel_id, entry in self.channels.items()]
        return SfuTransportSeen(transport_id, self.internal, self.first, self.last, pads, channels)


@dataclass(slots=True)
class SfuEntry:
    """What a batch shows of one SFU, as far as the registry must be told of it.

    `new_transports` of its transports are not known yet.
    """

    service_id: str
    sfu_id: str
    media_unit_id: str
    first: int
    last: int
    marker: str | None = None
    time_zone_offset: float | None = None
    transports: dict[str, SfuTransportEntry] = field(default_factory=dict)
    new_transports: int = 0

    def see(self, timestamp: int, marker: str | None, time_zone_offset: float | None) -> None:
        """One more sample shows the SFU; what the first that tells it says is kept."""
        self.first, self.last = min(self.first, timestamp), max(self.last, timestamp)
        self.marker = marker if self.marker is None else self.marker
        self.time_zone_offset = time_zone_offset if self.time_zone_offset is None else self.time_zone_offset

    def seen(self) -> SfuSeen:
        """The entry for a command."""
        return SfuSeen(
            self.service_id,
            self.sfu_id,
            self.first,
            self.last,
            self.media_unit_id,
            self.marker,
            self.time_zone_offset,
            [entry.seen(name) for name, entry in self.transports.items()],
        )
