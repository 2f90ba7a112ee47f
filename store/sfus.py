"""The SFU half of the registry: SFUs, their transports, and the RTP pads and SCTP channels on them.

It is a part of `store.registry.Registry`, which alone calls what changes it, and as deterministic as that. Times are
ms; `now` is registry time.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from store import happenings
from store.commands import (
    SFU,
    SFU_TRANSPORT,
    RtpPadSeen,
    SctpChannelSeen,
    SfuHappening,
    SfuSeen,
    SfuTransportSeen,
    Sweep,
)
from store.departed import Departed
from store.entities import OUTBOUND, Entity, RtpPad, SctpChannel, Sfu, SfuTransport, take_apart_sfu
from store.idleness import pad_time, sfu_holds_idle
from store.opening import pad_of, sctp_channel_of, sfu_of, sfu_transport_of
from store.watching import Watcher, warn


class Sfus:
    """All rows of SFUs, and the indexes over them. `watchers` are those of the registry."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self.rows: dict[tuple[str, str], Sfu] = {}
        self.internal_pads: dict[tuple[str, str, int], dict[RtpPad, None]] = {}
        """Internal outbound pads by service, stream id and SSRC, in no order that replicas agree on."""
        self.count_of: Counter[str] = Counter()
        """How many SFUs each service has; like the two below, it follows from the rows."""
        self.transports = 0
        self.pads = 0
        """How many pads and channels there are."""
        self.made = 0
        """How many SFUs and transports this replica made: their `number`."""
        self.opened: list[SfuHappening] = []
        self.closed: list[SfuHappening] = []
        self.departed = Departed()
        self._watchers = watchers
        self._now = 0

    def __del__(self) -> None:
        """As for calls: nobody else would free the rows."""
        for sfu in self.rows.values():
            take_apart_sfu(sfu)

    def begin(self, now: int) -> None:
        """Another command, at registry time `now`: nothing has happened yet."""
        self.opened, self.closed = [], []
        self._now = now
        if self.departed.rows:
            self.departed.forget(now)

    def number(self) -> int:
        """The next number of an SFU or transport."""
        self.made += 1
        return self.made

    def find(self, what: str, path: Sequence[str]) -> Entity | None:
        """The row that the path of a touch leads to."""
        sfu = self.rows.get((path[0], path[1]))
        if what == SFU or sfu is None:
            return sfu
        transport = sfu.transports.get(path[2])
        if what == SFU_TRANSPORT or transport is None:
            return transport
        return transport.channels.get(path[3]) if len(path) == 4 else transport.pads.get((path[3], path[4]))

    # What samples show

    def see(self, seen: SfuSeen, origin: str) -> None:
        """Opens what is new, and touches the rest; nothing, if the SFU has left after all that this tells of it."""
        key, now = (seen.service_id, seen.sfu_id), self._now
        sfu = self.rows.get(key)
        if sfu is None:
            if self.departed.outlasts(key, seen.last):
                return
            self.departed.rows.pop(key, None)
            sfu = self.rows[key] = sfu_of(seen, origin, self.number(), now)
            self.count_of[seen.service_id] += 1
            self.opened.append(happenings.of_sfu(sfu, seen.first))
        elif self._watchers:
            warn(self._watchers, sfu)
        sfu.origin = origin
        sfu.touch(seen.last, now)
        for entry in seen.transports:
            self._see_transport(sfu, entry, now)

    def _see_transport(self, sfu: Sfu, seen: SfuTransportSeen, now: int) -> None:
        transport = sfu.transports.get(seen.transport_id)
        if transport is None:
            transport = sfu_transport_of(sfu, seen, self.number(), now)
            sfu.transports[seen.transport_id] = transport
            self.transports += 1
            self.opened.append(happenings.of_sfu_transport(transport, seen.first))
        elif self._watchers:
            warn(self._watchers, transport)
        transport.touch(seen.last, now)
        for pad in seen.pads:
            self._see_pad(transport, pad, now)
        for channel in seen.channels:
            self._see_channel(transport, channel, now)

    def _see_pad(self, transport: SfuTransport, seen: RtpPadSeen, now: int) -> None:
        key = (seen.direction, seen.pad_id)
        pad = transport.pads.get(key)
        if pad is None:
            pad = transport.pads[key] = pad_of(transport, seen, now)
            self.pads += 1
            self.index(pad)
            self.opened.append(happenings.of_pad(pad, seen.first))
        elif seen.last >= pad.sample_touched:
            self._learn(pad, seen)
        pad.touch(seen.last, now)

    def _learn(self, pad: RtpPad, seen: RtpPadSeen) -> None:
        """Takes over what is not as it was; ids that the sample does not tell stay."""
        self._unindex(pad)
        pad.internal = seen.internal
        pad.stream_id = seen.stream_id or pad.stream_id
        pad.sink_id = seen.sink_id or pad.sink_id
        pad.ssrc = pad.ssrc if seen.ssrc is None else seen.ssrc
        self.index(pad)

    def _see_channel(self, transport: SfuTransport, seen: SctpChannelSeen, now: int) -> None:
        channel = transport.channels.get(seen.channel_id)
        if channel is None:
            channel = transport.channels[seen.channel_id] = sctp_channel_of(transport, seen, now)
            self.pads += 1
            self.opened.append(happenings.of_sctp_channel(channel, seen.first))
        elif seen.last >= channel.sample_touched:
            channel.stream_id = seen.stream_id or channel.stream_id
        channel.touch(seen.last, now)

    def index(self, pad: RtpPad) -> None:
        """Makes an internal outbound pad findable by its stream and SSRC."""
        if pad.internal and pad.stream_id and pad.ssrc is not None and pad.direction == OUTBOUND:
            self.internal_pads.setdefault((pad.transport.sfu.service_id, pad.stream_id, pad.ssrc), {})[pad] = None

    def _unindex(self, pad: RtpPad) -> None:
        if pad.internal and pad.stream_id and pad.ssrc is not None and pad.direction == OUTBOUND:
            key = (pad.transport.sfu.service_id, pad.stream_id, pad.ssrc)
            del self.internal_pads[key][pad]
            if not self.internal_pads[key]:
                del self.internal_pads[key]

    # Leaving and expiry

    def leave(self, service_id: str, sfu_id: str, only_of: str | None, most: int) -> None:
        """An SFU leaves; if `only_of` is an origin, only if that heard it last.

        Closes so much below it that `most` rows are closed, and the SFU itself only if that is all.
        """
        sfu = self.rows.get((service_id, sfu_id))
        if sfu and only_of in (None, sfu.origin):
            self._close_sfu(sfu, most)

    def sweep(self, deadlines: Sweep, most: int) -> None:
        """Closes what is idle, until `most` rows are closed."""
        for sfu in list(self.rows.values()):
            if len(self.closed) >= most:
                return
            if sfu_holds_idle(sfu, deadlines, self._now):
                self._sweep_sfu(sfu, deadlines, most)

    def _sweep_sfu(self, sfu: Sfu, deadlines: Sweep, most: int) -> None:
        idle = sfu.server_touched < deadlines.sfu
        for transport in list(sfu.transports.values()):
            if len(self.closed) >= most:
                return
            if idle or transport.server_touched < deadlines.sfu_transport:
                self._close_transport(transport, most)
            else:
                self._sweep_below(transport, deadlines, most)
        if idle:
            self._close_sfu(sfu, most)

    def _sweep_below(self, transport: SfuTransport, deadlines: Sweep, most: int) -> None:
        for pad in list(transport.pads.values()):
            if len(self.closed) >= most:
                return
            if pad.server_touched < pad_time(pad, deadlines):
                self._close_pad(pad)
        for channel in list(transport.channels.values()):
            if len(self.closed) >= most:
                return
            if channel.server_touched < deadlines.sfu_sctp_channel:
                self._close_channel(channel)

    def _close_sfu(self, sfu: Sfu, most: int) -> None:
        """Closes an SFU, or only some of what is below it."""
        for transport in list(sfu.transports.values()):
            self._close_transport(transport, most)
            if len(self.closed) >= most:
                return
        if len(self.closed) >= most:
            return
        sfu.closed = True
        self.departed.add((sfu.service_id, sfu.sfu_id), sfu.sample_touched, self._now)
        del self.rows[sfu.service_id, sfu.sfu_id]
        self.count_of[sfu.service_id] -= 1
        if not self.count_of[sfu.service_id]:
            del self.count_of[sfu.service_id]
        self.closed.append(happenings.of_sfu(sfu, sfu.sample_touched))

    def _close_transport(self, transport: SfuTransport, most: int) -> None:
        """Closes a transport, or only some of what is on it."""
        for pad in list(islice(transport.pads.values(), max(0, most - len(self.closed)))):
            self._close_pad(pad)
        for channel in list(islice(transport.channels.values(), max(0, most - len(self.closed)))):
            self._close_channel(channel)
        if len(self.closed) >= most:
            return
        if self._watchers:
            warn(self._watchers, transport.sfu)
        transport.closed = True
        del transport.sfu.transports[transport.transport_id]
        self.transports -= 1
        self.closed.append(happenings.of_sfu_transport(transport, transport.sample_touched))

    def _close_pad(self, pad: RtpPad) -> None:
        if self._watchers:
            warn(self._watchers, pad)
        self._unindex(pad)
        pad.closed = True
        del pad.transport.pads[pad.key]
        self.pads -= 1
        self.closed.append(happenings.of_pad(pad, pad.sample_touched))

    def _close_channel(self, channel: SctpChannel) -> None:
        if self._watchers:
            warn(self._watchers, channel)
        channel.closed = True
        del channel.transport.channels[channel.channel_id]
        self.pads -= 1
        self.closed.append(happenings.of_sctp_channel(channel, channel.sample_touched))
