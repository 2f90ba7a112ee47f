"""The reports of one sample of an SFU.

One report for each item of the sample whose sender does not want none, in the order of the reference: transports,
inbound pads, outbound pads, SCTP channels, extensions, custom events. Nothing is summed up and nothing is remembered
from one sample to the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from analysis.events import named_events
from analysis.pad_matching import FarPad, far_pad, receiver, sender
from schemas.columns import Columns
from schemas.reports import Report, ReportType, report_of
from schemas.samples import Item, Reason, Tally, text
from schemas.sfu_samples import INBOUND, RtpPad, SfuSample
from store.entities import MediaTrack
from store.registry import Registry


@dataclass(frozen=True)
class SfuSamplesAnalyser:
    """Settings: how samples of SFUs are analysed."""

    match_rtp_pads: bool = True
    """Whether internal inbound pads are matched with the outbound pads of other SFUs that they receive from."""
    drop_unmatched_inbound_reports: bool = False
    """Whether reports of inbound pads that receive from no known track are dropped (and counted), internal ones not."""
    drop_unmatched_outbound_reports: bool = False
    """Whether reports of outbound pads that send to no known track are dropped (and counted), internal ones not."""
    drop_unmatched_internal_inbound_reports: bool = False
    """Whether reports of internal inbound pads that receive from no known pad are dropped (and counted)."""


@dataclass(slots=True)
class SightedSfu:
    """A sample of an SFU together with where it came from."""

    service_id: str
    media_unit_id: str
    sample: SfuSample


_TRANSPORT = Columns(ReportType.SFU_TRANSPORT, lead=9)
_INBOUND_PAD = Columns(ReportType.SFU_INBOUND_RTP_PAD, lead=17)
_OUTBOUND_PAD = Columns(ReportType.SFU_OUTBOUND_RTP_PAD, lead=14)
_CHANNEL = Columns(ReportType.SFU_SCTP_STREAM, lead=10)

_NO_PAD = FarPad(None, None, None, None)


def sfu_reports(sighted: SightedSfu, registry: Registry, settings: SfuSamplesAnalyser, rejected: Tally) -> list[Report]:
    """All reports of one sample; what of it cannot be reported is tallied in `rejected`."""
    return [
        *_transports(sighted, rejected),
        *_pads(sighted, registry, settings, rejected),
        *_channels(sighted, rejected),
        *_extensions(sighted, rejected),
        *_custom_events(sighted, rejected),
    ]


def _transports(sighted: SightedSfu, rejected: Tally) -> Iterator[Report]:
    sample = sighted.sample
    for it in sample.transports:
        if not it.no_report:
            told = _told(it.internal, it.stats)
            lead = (*_unit(sighted), sample.sfu_id, sample.marker, sample.timestamp, told, None, None, it.transport_id)
            yield _TRANSPORT.report(lead, it.stats, rejected)


def _pads(sighted: SightedSfu, registry: Registry, settings: SfuSamplesAnalyser, rejected: Tally) -> Iterator[Report]:
    sfu = registry.sfus.get((sighted.service_id, sighted.sample.sfu_id))
    transports = sfu.transports if sfu else {}
    for pad in sighted.sample.pads:
        if pad.no_report:
            continue
        transport = transports.get(pad.transport_id) if pad.transport_id else None
        internal = pad.internal or (transport is not None and transport.internal)
        report = _inbound_pad if pad.direction == INBOUND else _outbound_pad
        told = report(pad, internal, sighted, registry, settings, rejected)
        if told is None:
            rejected[Reason.UNMATCHED] += 1
        else:
            yield told


def _inbound_pad(
    pad: RtpPad,
    internal: bool,
    sighted: SightedSfu,
    registry: Registry,
    settings: SfuSamplesAnalyser,
    rejected: Tally,
) -> Report | None:
    """The report of an inbound pad; ``None`` if it is unmatched, and such are dropped."""
    sample, service_id = sighted.sample, sighted.service_id
    track = sender(pad, service_id, registry)
    far = far_pad(pad, service_id, sample.sfu_id, registry) if internal and settings.match_rtp_pads else None
    if internal:
        dropped = far is None and settings.drop_unmatched_internal_inbound_reports
    else:
        dropped = track is None and settings.drop_unmatched_inbound_reports
    if dropped:
        return None
    track_id, client_id, call_id = _path(track)
    lead = (
        *_unit(sighted),
        *(sample.sfu_id, sample.marker, _told(pad.internal, pad.stats), sample.timestamp),
        *(far or _NO_PAD),
        *(pad.transport_id, pad.stream_id, pad.pad_id, pad.ssrc, track_id, client_id, call_id),
    )
    return _INBOUND_PAD.report(lead, pad.stats, rejected)


def _outbound_pad(
    pad: RtpPad,
    internal: bool,
    sighted: SightedSfu,
    registry: Registry,
    settings: SfuSamplesAnalyser,
    rejected: Tally,
) -> Report | None:
    """The report of an outbound pad; ``None`` if it is unmatched, and such are dropped."""
    sample = sighted.sample
    track = receiver(pad, sighted.service_id, registry)
    if track is None and not internal and settings.drop_unmatched_outbound_reports:
        return None
    track_id, client_id, call_id = _path(track)
    lead = (
        *_unit(sighted),
        *(sample.sfu_id, sample.marker, _told(pad.internal, pad.stats), sample.timestamp),
        *(pad.transport_id, pad.stream_id, pad.sink_id, pad.pad_id, pad.ssrc, call_id, client_id, track_id),
    )
    return _OUTBOUND_PAD.report(lead, pad.stats, rejected)


def _channels(sighted: SightedSfu, rejected: Tally) -> Iterator[Report]:
    sample = sighted.sample
    for it in sample.channels:
        if not it.no_report:
            lead = (
                *_unit(sighted),
                *(sample.sfu_id, sample.marker, sample.timestamp, _told(it.internal, it.stats)),
                *(None, None, it.transport_id, it.stream_id),
            )
            yield _CHANNEL.report(lead, it.stats, rejected)


def _extensions(sighted: SightedSfu, rejected: Tally) -> Iterator[Report]:
    sample = sighted.sample
    for item in sample.stats.get("extensionStats") or ():
        type_, payload = text(item.get("type")), _text_or_json(item.get("payload"))
        if type_ is None:
            rejected[Reason.NAME_MISSING] += 1
        elif payload is None:
            rejected[Reason.PAYLOAD_INVALID] += 1
        else:
            lead = (*_unit(sighted), sample.marker, sample.timestamp, sample.sfu_id)
            yield report_of(ReportType.SFU_EXTENSION_DATA, *lead, type_, payload)


def _custom_events(sighted: SightedSfu, rejected: Tally) -> Iterator[Report]:
    sample = sighted.sample
    for item, name, timestamp in named_events(sample.stats.get("customSfuEvents"), sample.timestamp, rejected):
        yield report_of(
            ReportType.SFU_EVENT,
            *_unit(sighted),
            sample.marker,
            timestamp,
            sample.sfu_id,
            None,
            text(item.get("transportId")),
            text(item.get("sfuStreamId")),
            text(item.get("sfuSinkId")),
            None,
            None,
            name,
            text(item.get("message")),
            text(item.get("value")),
            _text_or_json(item.get("attachments")),
        )


def _unit(sighted: SightedSfu) -> tuple[str, str]:
    """How every report begins."""
    return sighted.service_id, sighted.media_unit_id


def _told(flag: bool, item: Item) -> bool | None:
    """The flag ``internal`` as its sender tells it: ``None`` if it does not."""
    return None if item.get("internal") is None else flag


def _path(track: MediaTrack | None) -> tuple[str | None, str | None, str | None]:
    """The track, its client and its call."""
    if track is None:
        return None, None, None
    client = track.peer_connection.client
    return track.track_id, client.client_id, client.call.call_id


def _text_or_json(value: object) -> str | None:
    """A text as it is, anything else as JSON; ``None`` for nothing, and for what is nested deeper than JSON is."""
    if value is None or isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return None
