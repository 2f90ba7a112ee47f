"""The rows of SFUs as records of a snapshot, and the other way round."""

from collections.abc import Iterator

from store.entities import RtpPad, SctpChannel, Sfu, SfuTransport
from store.records import (
    MOST_TOGETHER,
    ChannelRecord,
    ChannelsRecord,
    PadRecord,
    PadsRecord,
    SfuRecord,
    SfuSideRecord,
    SfuTransportRecord,
    begun,
    must_be_new,
)
from store.sfus import Sfus


class RestoringSfus:
    """Puts the rows of SFUs together, in the order of their records; raises `store.records.MalformedSnapshot`.

    `texts` holds those texts once that many rows have.
    """

    def __init__(self, sfus: Sfus, texts: dict[str, str]) -> None:
        self._sfus = sfus
        self._texts = texts
        self._sfu: Sfu | None = None
        self._transport: SfuTransport | None = None

    def take(self, record: SfuSideRecord) -> None:
        """Takes the next record."""
        match record:
            case PadsRecord():
                for pad in record.pads:
                    self._take_pad(begun(self._transport), pad)
            case ChannelsRecord():
                for channel in record.channels:
                    self._take_channel(begun(self._transport), channel)
            case SfuTransportRecord():
                self._take_transport(begun(self._sfu), record)
            case SfuRecord():
                self._take_sfu(record)

    def _take_sfu(self, record: SfuRecord) -> None:
        sfus = self._sfus
        sfu = Sfu(
            service_id=self._text(record.service_id),
            sfu_id=record.sfu_id,
            number=sfus.number(),
            joined=record.joined,
            media_unit_id=self._text(record.media_unit_id),
            marker=record.marker,
            time_zone_offset=record.time_zone_offset,
            origin=self._text(record.origin),
            sample_touched=record.sample_touched,
            server_touched=record.server_touched,
        )
        must_be_new((sfu.service_id, sfu.sfu_id), sfus.rows)
        sfus.rows[sfu.service_id, sfu.sfu_id] = self._sfu = sfu
        sfus.count_of[sfu.service_id] += 1
        self._transport = None

    def _take_transport(self, sfu: Sfu, record: SfuTransportRecord) -> None:
        transport = SfuTransport(
            sfu=sfu,
            transport_id=record.transport_id,
            number=self._sfus.number(),
            internal=record.internal,
            opened=record.opened,
            sample_touched=record.sample_touched,
            server_touched=record.server_touched,
        )
        must_be_new(transport.transport_id, sfu.transports)
        sfu.transports[transport.transport_id] = self._transport = transport
        self._sfus.transports += 1

    def _take_pad(self, transport: SfuTransport, record: PadRecord) -> None:
        pad = RtpPad(
            transport=transport,
            direction=self._text(record.direction),
            pad_id=record.pad_id,
            added=record.added,
            internal=record.internal,
            stream_id=record.stream_id,
            sink_id=record.sink_id,
            ssrc=record.ssrc,
            sample_touched=record.sample_touched,
            server_touched=record.server_touched,
        )
        must_be_new(pad.key, transport.pads)
        transport.pads[pad.key] = pad
        self._sfus.pads += 1
        self._sfus.index(pad)

    def _take_channel(self, transport: SfuTransport, record: ChannelRecord) -> None:
        channel = SctpChannel(
            transport=transport,
            channel_id=record.channel_id,
            stream_id=record.stream_id,
            opened=record.opened,
            sample_touched=record.sample_touched,
            server_touched=record.server_touched,
        )
        must_be_new(channel.channel_id, transport.channels)
        transport.channels[channel.channel_id] = channel
        self._sfus.pads += 1

    def _text(self, text: str) -> str:
        return self._texts.setdefault(text, text)


def of_sfu(sfu: Sfu) -> SfuRecord:
    """The record of an SFU."""
    return SfuRecord(
        sfu.service_id,
        sfu.sfu_id,
        sfu.joined,
        sfu.media_unit_id,
        sfu.marker,
        sfu.time_zone_offset,
        sfu.origin,
        sfu.sample_touched,
        sfu.server_touched,
    )


def of_sfu_transport(row: SfuTransport) -> Iterator[SfuSideRecord]:
    """The records of a transport and of its pads and channels."""
    yield SfuTransportRecord(row.transport_id, row.internal, row.opened, row.sample_touched, row.server_touched)
    pads = [_of_pad(pad) for pad in row.pads.values()]
    for start in range(0, len(pads), MOST_TOGETHER):
        yield PadsRecord(pads[start : start + MOST_TOGETHER])
    channels = [_of_channel(channel) for channel in row.channels.values()]
    for start in range(0, len(channels), MOST_TOGETHER):
        yield ChannelsRecord(channels[start : start + MOST_TOGETHER])


def _of_pad(pad: RtpPad) -> PadRecord:
    return PadRecord(
        pad.direction,
        pad.pad_id,
        pad.added,
        pad.internal,
        pad.stream_id,
        pad.sink_id,
        pad.ssrc,
        pad.sample_touched,
        pad.server_touched,
    )


def _of_channel(channel: SctpChannel) -> ChannelRecord:
    return ChannelRecord(
        channel.channel_id, channel.stream_id, channel.opened, channel.sample_touched, channel.server_touched
    )
