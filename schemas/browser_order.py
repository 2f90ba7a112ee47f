"""Entries as browsers list them, read faster.

C looks for the name of a value behind the one that it found last, and then among all others. So whoever lists values in
another order than reports have them costs a search for each, and for real clients these searches were half of reading.
Browsers list what a dictionary of the W3C's WebRTC statistics has by the alphabet, behind what it inherits; client
libraries add the other side's statistics in front, and ids around them.

An entry is read into a class that has the fields of its report in that order, and is then made an instance of the class
of its report: both have the same fields, so nothing of it moves. Source of the order: WebIDL, "dictionary types", and
recorded messages of ObserveRTC's JavaScript client 1.3; later ones list values as the schemas do.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schemas.client_samples import TRACK_LISTS
from schemas.reports import NAMES, REPORTS, Entry, ReportType, class_to_read

_INBOUND_FIRST = (
    *("ssrc", "bytesSent", "packetsSent", "remoteTimestamp", "reportsSent"),
    *("roundTripTime", "roundTripTimeMeasurements", "totalRoundTripTime", "jitter", "packetsLost", "packetsReceived"),
)
_OUTBOUND_FIRST = (
    *("ssrc", "jitter", "packetsLost", "packetsReceived", "fractionLost"),
    *("roundTripTime", "roundTripTimeMeasurements", "totalRoundTripTime", "bytesSent", "packetsSent"),
)
_FIRST: Mapping[ReportType, Sequence[str]] = {
    ReportType.INBOUND_AUDIO_TRACK: _INBOUND_FIRST,
    ReportType.INBOUND_VIDEO_TRACK: _INBOUND_FIRST,
    ReportType.OUTBOUND_AUDIO_TRACK: _OUTBOUND_FIRST,
    ReportType.OUTBOUND_VIDEO_TRACK: _OUTBOUND_FIRST,
    ReportType.PEER_CONNECTION_TRANSPORT: ("peerConnectionId",),
    ReportType.ICE_CANDIDATE_PAIR: ("peerConnectionId",),
}
_LAST = ("trackId", "sfuStreamId", "sfuSinkId", "remoteClientId", "peerConnectionId", "label")

LISTS: Mapping[str, ReportType] = {
    "pcTransports": ReportType.PEER_CONNECTION_TRANSPORT,
    "iceCandidatePairs": ReportType.ICE_CANDIDATE_PAIR,
    **TRACK_LISTS,
}
"""The lists of a client sample whose entries become reports as they are, in the order of these."""


def _order(type_: ReportType) -> list[str]:
    """All names of a report, those that browsers tell as they tell them."""
    first = _FIRST[type_]
    last = [name for name in _LAST if name in NAMES[type_] and name not in first]
    return [*first, *sorted({*NAMES[type_]}.difference(first, last)), *last]


Classes = Mapping[ReportType, type[Entry]]

OF_BROWSERS: Classes = {type_: class_to_read(type_, _order(type_)) for type_ in _FIRST}
"""What entries of each list are read into that are told as browsers do."""

WITH_FRACTIONS: Classes = {type_: class_to_read(type_, NAMES[type_]) for type_ in _FIRST}
"""What entries of each list are read into that are told in the order of the schema, but whose times have fractions."""

_MADE = tuple(REPORTS[type_] for type_ in LISTS.values())

_FIRST_TRACK = b'Tracks":[{"'
_HEAD = 8_000
"""Where the first track stands of a sample that tells little more than what was measured. (bytes)"""


def seems_to_be_of_browser(data: bytes) -> bool | None:
    """Whether the first track of a message begins as those of browsers do; ``None`` if it has none near its beginning.
    To be wrong about it only costs time."""
    first = data.find(_FIRST_TRACK, 0, _HEAD)
    return None if first < 0 else data.startswith(b'id"', first + len(_FIRST_TRACK))


def make_reports(lists: Sequence[Iterable[Any]]) -> None:
    """Makes the entries of the `LISTS` of a sample what they are, whose times are whole numbers."""
    _, pairs, *tracks = lists
    for pair in pairs:
        if type(pair.last_packet_sent_timestamp) is float:
            pair.last_packet_sent_timestamp = int(pair.last_packet_sent_timestamp)
        if type(pair.last_packet_received_timestamp) is float:
            pair.last_packet_received_timestamp = int(pair.last_packet_received_timestamp)
    for heard in tracks[:2]:
        for track in heard:
            if type(track.last_packet_received_timestamp) is float:
                track.last_packet_received_timestamp = int(track.last_packet_received_timestamp)
            if type(track.estimated_playout_timestamp) is float:
                track.estimated_playout_timestamp = int(track.estimated_playout_timestamp)
            if type(track.remote_timestamp) is float:
                track.remote_timestamp = int(track.remote_timestamp)
    for entries, report in zip(lists, _MADE, strict=True):
        for entry in entries:
            entry.__class__ = report
