"""What the samples of SFUs in a batch mean for the registry: entries of a command, or none when nothing is new.

As for clients: in the steady state a sample costs look-ups and gives no entry. An entry is made for what is new, has
changed, or is due for a touch.
"""

from collections.abc import Iterator

from analysis.bounds import Vacancies
from analysis.hearing import Hearing
from analysis.sfu_entries import RtpPadEntry, SctpChannelEntry, SfuEntry, SfuTransportEntry
from analysis.sfu_reports import SightedSfu
from schemas.messages import Samples
from schemas.samples import Reason, Tally
from schemas.sfu_samples import RtpPad, SctpChannel, SfuSample
from store import entities
from store.commands import SfuSeen, Sweep
from store.entities import INBOUND
from store.registry import Registry


class SfusOfBatch:
    """The SFUs that a batch shows: `origin` is the node that looks, at `now` (ms).

    `due` tells for each kind of row the time at or before which its last committed touch makes the next one due.
    """

    def __init__(
        self,
        registry: Registry,
        hearing: Hearing,
        vacancies: Vacancies,
        due: Sweep,
        origin: str,
        now: int,
        rejected: Tally,
    ) -> None:
        self.registry = registry
        self.hearing = hearing
        self.vacancies = vacancies
        self.due = due
        self.origin = origin
        self.now = now
        self.rejected = rejected
        self.entries: dict[tuple[str, str], SfuEntry] = {}
        self._sighted: list[SightedSfu] = []

    def seen(self) -> list[SfuSeen]:
        """The entries for a command: empty in the steady state."""
        return [entry.seen() for entry in self.entries.values()]

    def sighted(self) -> Iterator[SightedSfu]:
        """Each sample that was looked at, also of SFUs that there was no room for."""
        return iter(self._sighted)

    def look(self, samples: Samples, sample: SfuSample) -> None:
        """Looks at one sample of a message; what of it cannot be registered is tallied, and reported all the same."""
        key = (samples.service_id, sample.sfu_id)
        sfu, entry = self.registry.sfus.get(key), self.entries.get(key)
        if sfu is None and entry is None and not self.vacancies.for_sfu(samples.service_id):
            self.rejected[Reason.TOO_MANY_SFUS] += 1
        else:
            look = _Look(self, samples, sample, sfu, entry)
            look.at_sfu()
            look.at_transports()
            look.at_pads()
            look.at_channels()
        self._sighted.append(SightedSfu(samples.service_id, samples.media_unit_id, sample))


class _Look:
    """One look at one sample: of an `sfu` that is known (or not), with the `entry` that the batch has of it."""

    __slots__ = ("_batch", "_entry", "_sample", "_samples", "_sfu")

    def __init__(
        self,
        batch: SfusOfBatch,
        samples: Samples,
        sample: SfuSample,
        sfu: entities.Sfu | None,
        entry: SfuEntry | None,
    ) -> None:
        self._batch = batch
        self._samples = samples
        self._sample = sample
        self._sfu = sfu
        self._entry = entry

    def at_sfu(self) -> None:
        """Tells of an SFU that is new or due for a touch."""
        batch, sample, sfu = self._batch, self._sample, self._sfu
        if sfu is not None:
            batch.hearing.hear(sfu, sample.timestamp, batch.now)
            if sfu.server_touched > batch.due.sfu and sfu.origin == batch.origin and self._entry is None:
                return
        self._tell().see(sample.timestamp, sample.marker, sample.time_zone_offset)

    def at_transports(self) -> None:
        """Tells of transports that are new or due for a touch."""
        for transport in self._sample.transports:
            self._registered(transport.transport_id, transport.internal)

    def at_pads(self) -> None:
        """Tells of pads that are new, have changed or are due for a touch."""
        for pad in self._sample.pads:
            transport_id = self._registered(pad.transport_id, pad.internal)
            if transport_id is None:
                continue
            if pad.pad_id is None:
                self._batch.rejected[Reason.PAD_ID_MISSING] += 1
            else:
                self._at_pad(pad, transport_id, (pad.direction, pad.pad_id))

    def at_channels(self) -> None:
        """Tells of SCTP channels that are new, have changed or are due for a touch."""
        for channel in self._sample.channels:
            transport_id = self._registered(channel.transport_id, channel.internal)
            if transport_id is None:
                continue
            if channel.channel_id is None:
                self._batch.rejected[Reason.CHANNEL_ID_MISSING] += 1
            else:
                self._at_channel(channel, transport_id, channel.channel_id)

    def _tell(self) -> SfuEntry:
        if self._entry is None:
            samples, sample = self._samples, self._sample
            self._entry = self._batch.entries[samples.service_id, sample.sfu_id] = SfuEntry(
                samples.service_id,
                sample.sfu_id,
                samples.media_unit_id,
                sample.timestamp,
                sample.timestamp,
                sample.marker,
                sample.time_zone_offset,
            )
        return self._entry

    def _registered(self, transport_id: str | None, internal: bool) -> str | None:
        """The id of a transport that is registered, or will be."""
        batch, timestamp = self._batch, self._sample.timestamp
        if transport_id is None:
            batch.rejected[Reason.TRANSPORT_ID_MISSING] += 1
            return None
        row = self._row(transport_id)
        if row is not None:
            batch.hearing.hear(row, timestamp, batch.now)
            if row.server_touched > batch.due.sfu_transport:
                return transport_id
        entry = self._entry_of(transport_id)
        if entry is not None:
            entry.see(timestamp)
            return transport_id
        if row is None:
            if not batch.vacancies.for_sfu_transport(self._count_of_transports()):
                batch.rejected[Reason.TOO_MANY_SFU_TRANSPORTS] += 1
                return None
            self._tell().new_transports += 1
        self._tell().transports[transport_id] = SfuTransportEntry(timestamp, internal)
        return transport_id

    def _at_pad(self, pad: RtpPad, transport_id: str, key: entities.PadKey) -> None:
        batch, timestamp = self._batch, self._sample.timestamp
        known, above = self._row(transport_id), self._entry_of(transport_id)
        row = known.pads.get(key) if known else None
        entry = above.pads.get(key) if above else None
        internal = pad.internal or bool(known.internal if known else above and above.internal)
        if row is not None:
            batch.hearing.hear(row, timestamp, batch.now)
            due = batch.due.sfu_inbound_pad if pad.direction == INBOUND else batch.due.sfu_outbound_pad
            tells_news = timestamp >= row.sample_touched and _tells_news(pad, internal, row)
            if entry is None and row.server_touched > due and not tells_news:
                return
        elif entry is None and not self._may_add_pad(pad, known, above):
            return
        if entry is None:
            above = self._entry_for(transport_id, internal)
            above.new_rows += row is None
            entry = above.pads[key] = RtpPadEntry(timestamp)
        entry.see(timestamp, pad, internal)

    def _at_channel(self, channel: SctpChannel, transport_id: str, channel_id: str) -> None:
        batch, timestamp = self._batch, self._sample.timestamp
        known, above = self._row(transport_id), self._entry_of(transport_id)
        row = known.channels.get(channel_id) if known else None
        entry = above.channels.get(channel_id) if above else None
        if row is not None:
            batch.hearing.hear(row, timestamp, batch.now)
            tells_news = timestamp >= row.sample_touched and channel.stream_id not in (None, row.stream_id)
            if entry is None and row.server_touched > batch.due.sfu_sctp_channel and not tells_news:
                return
        elif entry is None and not self._may_add_channel(channel, known, above):
            return
        if entry is None:
            above = self._entry_for(transport_id, channel.internal)
            above.new_rows += row is None
            entry = above.channels[channel_id] = SctpChannelEntry(timestamp)
        entry.see(timestamp, channel.stream_id)

    def _row(self, transport_id: str) -> entities.SfuTransport | None:
        return self._sfu.transports.get(transport_id) if self._sfu else None

    def _entry_of(self, transport_id: str) -> SfuTransportEntry | None:
        return self._entry.transports.get(transport_id) if self._entry else None

    def _entry_for(self, transport_id: str, internal: bool) -> SfuTransportEntry:
        transports = self._tell().transports
        entry = transports.get(transport_id)
        if entry is None:
            entry = transports[transport_id] = SfuTransportEntry(self._sample.timestamp, internal)
        return entry

    def _may_add_pad(self, pad: RtpPad, known: entities.SfuTransport | None, entry: SfuTransportEntry | None) -> bool:
        """Whether a pad that is new has all ids that it needs, and room."""
        if pad.direction == INBOUND and pad.stream_id is None:
            self._batch.rejected[Reason.STREAM_ID_MISSING] += 1
            return False
        if pad.direction != INBOUND and pad.sink_id is None:
            self._batch.rejected[Reason.SINK_ID_MISSING] += 1
            return False
        return self._has_room(known, entry)

    def _may_add_channel(
        self, channel: SctpChannel, known: entities.SfuTransport | None, entry: SfuTransportEntry | None
    ) -> bool:
        """Whether a channel that is new has all ids that it needs, and room."""
        if channel.stream_id is None:
            self._batch.rejected[Reason.STREAM_ID_MISSING] += 1
            return False
        return self._has_room(known, entry)

    def _count_of_transports(self) -> int:
        return (len(self._sfu.transports) if self._sfu else 0) + (self._entry.new_transports if self._entry else 0)

    def _has_room(self, known: entities.SfuTransport | None, entry: SfuTransportEntry | None) -> bool:
        """Whether the transport may have one more pad or channel."""
        count = (len(known.pads) + len(known.channels) if known else 0) + (entry.new_rows if entry else 0)
        if self._batch.vacancies.for_sfu_pad(count):
            return True
        self._batch.rejected[Reason.TOO_MANY_SFU_PADS] += 1
        return False


def _tells_news(pad: RtpPad, internal: bool, row: entities.RtpPad) -> bool:
    """Whether a sample says something else of a pad than the registry knows."""
    return (
        internal != row.internal
        or pad.ssrc not in (None, row.ssrc)
        or pad.stream_id not in (None, row.stream_id)
        or pad.sink_id not in (None, row.sink_id)
    )
