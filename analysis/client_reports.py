"""The reports of one client sample.

One report for each item of the sample, in the order of the reference: transports, candidate pairs, inbound audio and
video, outbound audio and video, data channels, meta data, extensions, custom call events, custom observer events.
Nothing is summed up and nothing is remembered from one sample to the next.
"""

from dataclasses import dataclass

from analysis.matching import remote_track
from analysis.meta_reports import Lead, custom_events, extension_reports, meta_reports, observer_events
from schemas.columns import Columns
from schemas.reports import Report, ReportType
from schemas.samples import ClientSample, Reason, Tally, Track, TrackKind, short_text, text
from store.entities import Client
from store.registry import Registry


@dataclass(frozen=True)
class ClientSamplesAnalyser:
    """Settings: how client samples are analysed."""

    match_tracks: bool = True
    """Whether inbound tracks are matched with the remote outbound tracks that they play."""
    drop_unmatched_reports: bool = False
    """Whether reports of inbound tracks without a match are dropped (and counted)."""


@dataclass(slots=True)
class Sighted:
    """A sample together with where it belongs.

    `call_id` is the call it was put in; `client` its row, ``None`` if the client has left that call meanwhile.
    """

    service_id: str
    media_unit_id: str
    sample: ClientSample
    client: Client | None
    call_id: str


_LONGEST_LABEL = 255
"""A label stands in each report of its peer connection; a longer one is left out. (characters)"""

_TRANSPORT = Columns(ReportType.PEER_CONNECTION_TRANSPORT, lead=11)
_CANDIDATE_PAIR = Columns(ReportType.ICE_CANDIDATE_PAIR, lead=11)
_DATA_CHANNEL = Columns(
    ReportType.PEER_CONNECTION_DATA_CHANNEL,
    lead=11,
    sources={"messagesSent": "messageSent", "messagesReceived": "messageReceived"},
)
_INBOUND = {
    TrackKind.INBOUND_AUDIO: (ReportType.INBOUND_AUDIO_TRACK, Columns(ReportType.INBOUND_AUDIO_TRACK, lead=19)),
    TrackKind.INBOUND_VIDEO: (ReportType.INBOUND_VIDEO_TRACK, Columns(ReportType.INBOUND_VIDEO_TRACK, lead=19)),
}
_OUTBOUND = {
    TrackKind.OUTBOUND_AUDIO: (ReportType.OUTBOUND_AUDIO_TRACK, Columns(ReportType.OUTBOUND_AUDIO_TRACK, lead=14)),
    TrackKind.OUTBOUND_VIDEO: (ReportType.OUTBOUND_VIDEO_TRACK, Columns(ReportType.OUTBOUND_VIDEO_TRACK, lead=14)),
}


def client_reports(
    sighted: Sighted, registry: Registry, settings: ClientSamplesAnalyser, rejected: Tally
) -> list[Report]:
    """All reports of one sample; what of it cannot be reported is tallied in `rejected`."""
    sample = sighted.sample
    lead: Lead = (
        sighted.service_id,
        sighted.media_unit_id,
        sample.marker,
        sample.timestamp,
        sighted.call_id,
        sample.room_id,
        sample.client_id,
        sample.user_id,
    )
    reports: list[Report] = []
    labels = _report_connections(sample, lead, reports, rejected)
    for track in sample.tracks:
        label = labels.get(track.peer_connection_id)
        if track.kind in _INBOUND:
            _report_inbound(track, lead, label, sighted, registry, settings, reports, rejected)
        else:
            _report_outbound(track, lead, label, sample, reports, rejected)
    stats = sample.stats
    for item in stats.get("dataChannels") or ():
        peer_connection_id = text(item.get("peerConnectionId"))
        payload = _DATA_CHANNEL.payload(
            (*lead, peer_connection_id, labels.get(peer_connection_id), sample.sample_seq), item, rejected
        )
        reports.append(Report(ReportType.PEER_CONNECTION_DATA_CHANNEL, payload))
    reports.extend(meta_reports(sample, lead, rejected))
    reports.extend(extension_reports(sample, lead, rejected))
    reports.extend(custom_events(sample, lead, rejected))
    reports.extend(observer_events(sample, lead, rejected))
    return reports


def _report_connections(
    sample: ClientSample, lead: Lead, reports: list[Report], rejected: Tally
) -> dict[str | None, str | None]:
    """Reports transports and candidate pairs; tells the label of each peer connection that they name."""
    labels: dict[str | None, str | None] = {}
    for transport in sample.transports:
        if transport.label is not None:
            labels[transport.peer_connection_id] = transport.label
        payload = _TRANSPORT.payload(
            (*lead, transport.peer_connection_id, transport.label, sample.sample_seq), transport.stats, rejected
        )
        reports.append(Report(ReportType.PEER_CONNECTION_TRANSPORT, payload))
    for item in sample.stats.get("iceCandidatePairs") or ():
        peer_connection_id, name = text(item.get("peerConnectionId")), short_text(item.get("label"), _LONGEST_LABEL)
        if name is not None:
            labels.setdefault(peer_connection_id, name)
        payload = _CANDIDATE_PAIR.payload((*lead, peer_connection_id, name, sample.sample_seq), item, rejected)
        reports.append(Report(ReportType.ICE_CANDIDATE_PAIR, payload))
    return labels


def _report_inbound(
    track: Track,
    lead: Lead,
    label: str | None,
    sighted: Sighted,
    registry: Registry,
    settings: ClientSamplesAnalyser,
    reports: list[Report],
    rejected: Tally,
) -> None:
    client = sighted.client
    remote = remote_track(track, client, registry) if client is not None and settings.match_tracks else None
    if remote is None:
        if settings.drop_unmatched_reports:
            rejected[Reason.UNMATCHED] += 1
            return
        far: Lead = (None, None, text(track.stats.get("remoteClientId")), None)
    else:
        sender = remote.peer_connection.client
        far = (remote.track_id, sender.user_id, sender.client_id, remote.peer_connection.peer_connection_id)
    type_, columns = _INBOUND[track.kind]
    near = (track.peer_connection_id, label, track.track_id, track.sfu_stream_id, track.sfu_sink_id)
    payload = columns.payload((*lead, *near, *far, sighted.sample.sample_seq, track.ssrc), track.stats, rejected)
    reports.append(Report(type_, payload))


def _report_outbound(
    track: Track, lead: Lead, label: str | None, sample: ClientSample, reports: list[Report], rejected: Tally
) -> None:
    type_, columns = _OUTBOUND[track.kind]
    near = (track.peer_connection_id, label, track.track_id, track.sfu_stream_id)
    reports.append(Report(type_, columns.payload((*lead, *near, sample.sample_seq, track.ssrc), track.stats, rejected)))
