"""What a browser measured of one peer connection, as a client sample of schemas 3.x.

Libraries that are not ObserveRTC's hand on what ``getStats`` gives, by id. Here it is sorted into the lists of 3.x,
whose entries are those very objects: from there on such a client is read, bounded, matched and reported as any other.

Source: W3C Identifiers for WebRTC's Statistics API, with the older spellings that Firefox, Safari and Chrome had.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from schemas.samples import LARGEST_TIME, Item
from schemas.webrtc_legacy import modernised

Stats = Mapping[str, Item]
"""The reports of one ``getStats`` by their ids. None of them changes after it was told."""


class Guest(NamedTuple):
    """Whose samples a session brings. `user_agent` is the header that its browser sent."""

    client_id: str
    room_id: str
    user_id: str | None = None
    marker: str | None = None
    user_agent: str | None = None


class Skipped(StrEnum):
    """Why something that a guest sent is not told. The values are metric labels: a small, fixed set."""

    MALFORMED = "malformed"
    """No JSON, or not the shape that a message has."""
    TIME_INVALID = "time_invalid"
    """The time of a message is none: that at which it came is taken."""
    ID_INVALID = "id_invalid"
    """The id of a session, peer connection or report, or the name of a method, is none or too long."""
    REPORT_INVALID = "report_invalid"
    """A report, or a member of one, is nothing that ``getStats`` gives."""
    BASE_UNKNOWN = "base_unknown"
    """A report tells what changed of one that was told before we listened."""
    TOO_MANY_PEER_CONNECTIONS = "too_many_peer_connections"
    TOO_MANY_REPORTS = "too_many_reports"
    TOO_MUCH_REMEMBERED = "too_much_remembered"
    """What a session would have us remember is larger than allowed."""
    EVENT_TOO_LARGE = "event_too_large"
    """What an event bears beside its name."""
    TYPE_UNKNOWN = "type_unknown"
    """An envelope of a type that there is not."""
    TOLD_BEFORE = "told_before"
    """A message that was sent again."""
    TOO_OFTEN = "too_often"
    """Statistics that say next to nothing new, again and again within a moment."""


class Skips(Counter[Skipped]):
    """How many things were skipped, by reason."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one session of a guest may hold."""

    max_peer_connections: int = field(default=100, metadata={"minimum": 1})
    """How many peer connections of a session may be open at once. More are not told. [peer connections]"""

    max_reports_per_peer_connection: int = field(default=1000, metadata={"minimum": 1})
    """How many reports one `getStats` may hold. More are not told. [reports]"""

    max_remembered_size: int = field(default=4_000_000, metadata={"minimum": 1000})
    """What is remembered of a session, so that the next message can say only what changed. [bytes, about]"""

    max_event_size: int = field(default=4096, metadata={"minimum": 0})
    """How long the JSON may be that an event bears. A longer one is left out of its event. [bytes]"""

    max_message_size: int = field(default=1_000_000, metadata={"minimum": 1000})
    """How long one message may be, also where it comes in pieces. A longer one is not told. [bytes]"""


LONGEST_ID = 255

_LISTS = {
    "inbound-rtp": "inboundRtps",
    "outbound-rtp": "outboundRtps",
    "remote-inbound-rtp": "remoteInboundRtps",
    "remote-outbound-rtp": "remoteOutboundRtps",
    "media-source": "mediaSources",
    "media-playout": "mediaPlayouts",
    "peer-connection": "peerConnectionTransports",
    "data-channel": "dataChannels",
    "transport": "iceTransports",
    "candidate-pair": "iceCandidatePairs",
    "local-candidate": "iceCandidates",
    "remote-candidate": "iceCandidates",
    "certificate": "certificates",
    "codec": "codecs",
    "inboundrtp": "inboundRtps",
    "outboundrtp": "outboundRtps",
    "candidatepair": "iceCandidatePairs",
    "localcandidate": "iceCandidates",
    "remotecandidate": "iceCandidates",
    "datachannel": "dataChannels",
}
"""The list of 3.x for each type of report; the last six are how older browsers write them."""

_FROM_AFAR = {"inboundRtps": "remoteInboundRtps", "outboundRtps": "remoteOutboundRtps"}
_STREAMS = frozenset(_FROM_AFAR)


def connection_id(client_id: str, peer_connection: str) -> str:
    """The id of a peer connection that its page calls so: pages of several clients call theirs alike."""
    return f"{client_id}:{peer_connection}"


def client_sample(
    who: Guest,
    peer_connection_id: str | None,
    stats: Stats,
    timestamp_ms: int,
    events: Iterable[Item] = (),
    **more: list[Item],
) -> Item:
    """A client sample of 3.x that tells `stats` of a peer connection, or of none, and what happened meanwhile.

    `more` are other lists of a sample: ``clientIssues``, ``clientMetaItems``, ``extensionStats``.
    """
    attached = {"roomId": who.room_id}
    if who.user_id is not None:
        attached["userId"] = who.user_id
    if who.marker is not None:
        attached["marker"] = who.marker
    sample: Item = {
        "clientId": who.client_id,
        "timestamp": timestamp_ms,
        "attachments": attached,
        "peerConnections": [] if peer_connection_id is None else [peer_connection(peer_connection_id, stats)],
        "clientEvents": [*events],
    }
    return sample | more


def last_sample(who: Guest, timestamp_ms: int) -> Item:
    """The sample with which a client says that it leaves."""
    return client_sample(who, None, {}, timestamp_ms, [{"type": "CLIENT_LEFT", "timestamp": timestamp_ms}])


def peer_connection(peer_connection_id: str, stats: Stats) -> Item:
    """The entry of ``peerConnections`` that tells `stats`; a report of a type that 3.x has no list for is left out."""
    told: dict[str, Any] = {"peerConnectionId": peer_connection_id}
    for report in stats.values():
        name = _LISTS.get(report.get("type", ""))
        if name is None or "ipAddress" in report:
            report = modernised(report)
            name = _LISTS.get(report.get("type", ""))
            if name is None:
                continue
        if name in _STREAMS:
            name, report = _stream(name, report, stats)
        entries = told.get(name)
        if entries is None:
            told[name] = [report]
        else:
            entries.append(report)
    return told


def _stream(name: str, report: Item, stats: Stats) -> tuple[str, Item]:
    """The list of a stream, and the stream with what older browsers say elsewhere, or of another name."""
    if report.get("isRemote") is True:
        name = _FROM_AFAR[name]
    if "kind" not in report and "mediaType" in report:
        report = {**report, "kind": report["mediaType"]}
    track = report.get("trackId")
    if track is not None and "trackIdentifier" not in report and type(track) is str:
        found = stats.get(track)
        if found is not None and "trackIdentifier" in found:
            report = {**report, "trackIdentifier": found["trackIdentifier"]}
    return name, report


def is_time(value: object) -> bool:
    """Whether a value is a point in time. (ms since the epoch)"""
    return type(value) in (int, float) and 0 <= value < LARGEST_TIME  # type: ignore[operator]
