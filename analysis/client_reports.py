"""The reports of one client sample.

One report for each item of the sample, in the order of the reference: transports, candidate pairs, inbound audio and
video, outbound audio and video, data channels, meta data, extensions, custom call events, custom observer events.
Most of these the sample was read into: they lack what the observer knows of them, and get it here. Nothing is summed up
and nothing is remembered from one sample to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from analysis.matching import remote_track
from analysis.meta_reports import Lead, custom_events, extension_reports, meta_reports, observer_events
from schemas.client_samples import ClientSample
from schemas.reports import Report, lead_of
from schemas.samples import Reason, Tally
from store.entities import Client
from store.registry import Registry


@dataclass(frozen=True)
class ClientSamplesAnalyser:
    """Settings: how client samples are analysed."""

    match_tracks: bool = True
    """Whether inbound tracks are matched with the remote outbound tracks that they play."""
    drop_unmatched_reports: bool = False
    """Whether reports of inbound tracks without a match are dropped (and counted)."""


class Sighted(msgspec.Struct, gc=False):
    """A sample together with where it belongs.

    `call_id` is the call it was put in; `client` its row, ``None`` if the client has left that call meanwhile.
    """

    service_id: str
    media_unit_id: str
    sample: ClientSample
    client: Client | None
    call_id: str


def client_reports(
    sighted: Sighted, registry: Registry, settings: ClientSamplesAnalyser, rejected: Tally
) -> Sequence[Report]:
    """All reports of one sample, whose entries become reports; what of it cannot be reported is tallied in
    `rejected`."""
    sample, client = sighted.sample, sighted.client
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
    written, seq, labels = lead_of(*lead), sample.sample_seq, _labels(sample)
    for entry in sample.entries:
        entry.lead = written
        entry.sample_seq = seq
    unmatched: list[Report] = []
    matched_in = client if settings.match_tracks else None
    for track in sample.inbound_tracks:
        remote = None if matched_in is None else remote_track(track, matched_in, registry)
        if remote is None:  # whom the sender names itself stays
            unmatched.append(track)
            continue
        sender = remote.peer_connection.client
        track.remote_track_id = remote.track_id
        track.remote_user_id = sender.user_id
        track.remote_client_id = sender.client_id
        track.remote_peer_connection_id = remote.peer_connection.peer_connection_id
    if labels:
        for track in sample.tracks:
            track.label = labels.get(track.peer_connection_id)
        for channel in sample.data_channels:
            channel.peer_connection_label = labels.get(channel.peer_connection_id)
    reports: Sequence[Report] = sample.entries
    if unmatched and settings.drop_unmatched_reports:
        rejected[Reason.UNMATCHED] += len(unmatched)
        dropped = set(map(id, unmatched))
        reports = [report for report in reports if id(report) not in dropped]
    if not sample.told:
        return reports
    return [
        *reports,
        *meta_reports(sample, written, rejected),
        *extension_reports(sample, written, rejected),
        *custom_events(sample, lead, rejected),
        *observer_events(sample, lead, rejected),
    ]


def _labels(sample: ClientSample) -> dict[str | None, str]:
    """The label of each peer connection that has one: what a transport says comes before what a candidate pair says."""
    labels: dict[str | None, str] = {}
    for pair in reversed(sample.candidate_pairs):
        if pair.label is not None:
            labels[pair.peer_connection_id] = pair.label
    for transport in sample.transports:
        if transport.label is not None:
            labels[transport.peer_connection_id] = transport.label
    return labels
