"""Samples: what clients send, in the form the rest of the house works with.

What we decide on is typed and checked here (ids, times, SSRCs); the fifty statistics of a track are carried as the
sender's own mapping. Real clients drift from their schema (fractions in whole-number fields, numbers in strings,
unknown fields, ``"NULL"`` for absent ids), so reading is lenient: what cannot be read costs only itself and is tallied
by reason.
Source: ObserveRTC sample schemas 2.0 to 2.2; the mapping of 2.0 stands in `schemas.samples_2_0`.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

Item = dict[str, Any]
"""One object of a sample as its sender wrote it."""


class Reason(StrEnum):
    """Why something of a sample was not taken. The values are metric labels: a small, fixed set."""

    NOT_AN_OBJECT = "not_an_object"
    NOT_A_LIST = "not_a_list"
    CLIENT_ID_MISSING = "client_id_missing"
    ROOM_ID_MISSING = "room_id_missing"
    CALL_ID_MISSING = "call_id_missing"
    TIMESTAMP_MISSING = "timestamp_missing"
    TIMESTAMP_INVALID = "timestamp_invalid"
    ID_TOO_LONG = "id_too_long"
    ID_INVALID = "id_invalid"
    EMPTY_ITEM = "empty_item"
    TOO_MANY_ITEMS = "too_many_items"
    FIELD_INVALID = "field_invalid"
    DELTA_TOO_LARGE = "delta_too_large"
    DELTA_FORGOTTEN = "delta_forgotten"
    PAYLOAD_INVALID = "payload_invalid"
    PEER_CONNECTION_ID_MISSING = "peer_connection_id_missing"
    TRACK_ID_MISSING = "track_id_missing"
    NAME_MISSING = "name_missing"
    SFU_ID_MISSING = "sfu_id_missing"
    TRANSPORT_ID_MISSING = "transport_id_missing"
    PAD_ID_MISSING = "pad_id_missing"
    STREAM_ID_MISSING = "stream_id_missing"
    SINK_ID_MISSING = "sink_id_missing"
    CHANNEL_ID_MISSING = "channel_id_missing"
    SERVER_ID_MISSING = "server_id_missing"
    REMEDY_CALL_IS_CLOSED = "remedy_call_is_closed"
    CLIENT_HAS_LEFT = "client_has_left"
    NOT_AUTHORIZED = "not_authorized"
    SERVICE_NOT_ALLOWED = "service_not_allowed"
    CLIENT_SAMPLES_NOT_ACCEPTED = "client_samples_not_accepted"
    SFU_SAMPLES_NOT_ACCEPTED = "sfu_samples_not_accepted"
    TOO_MANY_CALLS = "too_many_calls"
    TOO_MANY_CLIENTS = "too_many_clients"
    TOO_MANY_PEER_CONNECTIONS = "too_many_peer_connections"
    TOO_MANY_TRACKS = "too_many_tracks"
    TOO_MANY_SFUS = "too_many_sfus"
    TOO_MANY_SFU_TRANSPORTS = "too_many_sfu_transports"
    TOO_MANY_SFU_PADS = "too_many_sfu_pads"
    UNMATCHED = "unmatched"
    FAILED = "failed"


Tally = Counter[Reason]
"""How many things were not taken, by reason."""


class TrackKind(StrEnum):
    """The four lists of tracks in a client sample; the value is the list's name."""

    INBOUND_AUDIO = "inboundAudioTracks"
    INBOUND_VIDEO = "inboundVideoTracks"
    OUTBOUND_AUDIO = "outboundAudioTracks"
    OUTBOUND_VIDEO = "outboundVideoTracks"

    @property
    def inbound(self) -> bool:
        """Whether the media comes in to the client."""
        return self in (TrackKind.INBOUND_AUDIO, TrackKind.INBOUND_VIDEO)

    @property
    def media_kind(self) -> str:
        """``AUDIO`` or ``VIDEO``."""
        return "AUDIO" if self in (TrackKind.INBOUND_AUDIO, TrackKind.OUTBOUND_AUDIO) else "VIDEO"


class Track(NamedTuple):
    """One entry of a track list: one RTP stream of a media track. Ids are ``None`` when the sender gave none."""

    kind: TrackKind
    peer_connection_id: str | None
    track_id: str | None
    ssrc: int | None
    sfu_stream_id: str | None
    sfu_sink_id: str | None
    stats: Item


class Transport(NamedTuple):
    """One entry of ``pcTransports``."""

    peer_connection_id: str | None
    label: str | None
    stats: Item


@dataclass(slots=True)
class ClientSample:
    """One getStats snapshot of one client.

    `timestamp` is in ms since the epoch. `time_zone_offset` is what the sender gave as ``timeZoneOffsetInHours``.
    `stats` is the sender's own object; each of its lists that `OBJECT_LISTS` names holds objects only.
    """

    client_id: str
    room_id: str
    timestamp: int
    call_id: str | None
    user_id: str | None
    marker: str | None
    sample_seq: int | None
    time_zone_offset: float | None
    tracks: list[Track]
    transports: list[Transport]
    stats: Item


OBJECT_LISTS = (
    *(kind.value for kind in TrackKind),
    "pcTransports",
    "iceCandidatePairs",
    "dataChannels",
    "mediaSources",
    "codecs",
    "certificates",
    "iceLocalCandidates",
    "iceRemoteCandidates",
    "mediaDevices",
    "extensionStats",
    "customCallEvents",
    "customObserverEvents",
)
"""The lists of a client sample whose entries are objects."""

STRING_LISTS = ("mediaConstraints", "userMediaErrors", "iceServers", "localSDPs")
"""The lists of a client sample whose entries are strings."""

LARGEST_TIME = 2**53
"""Where the times of samples end. (ms since the epoch)"""

CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")
"""What no id may hold."""


@dataclass(slots=True)
class Budget:
    """What one message may hold: `items` entries in all lists of all its samples, ids of `id_length` characters.

    Each entry gives a report that repeats the ids of its sample, so both bound what a message can be blown up to.
    """

    items: int = 5_000
    id_length: int = 255


class TooLong(Exception):
    """An id that its sender made longer than the budget allows."""


def identifier(value: object, longest: int) -> str | None:
    """An id as text; ``None`` for what stands for no id: nothing, an empty text, ``"NULL"``, or no scalar at all.

    Raises `TooLong` above `longest` characters.
    """
    if type(value) is not str:
        if type(value) is not int:
            return None
        value = str(value)
    if not value or value == "NULL":
        return None
    if len(value) > longest:
        raise TooLong
    return value


def whole(value: object) -> int | None:
    """A whole number of at most 63 bits, fractions cut; ``None`` for anything else."""
    if type(value) is str:
        try:
            value = float(value)
        except ValueError:
            return None
    if type(value) is float:
        return int(value) if -(2.0**63) < value < 2.0**63 else None
    return value if type(value) is int and -(2**63) < value < 2**63 else None


def short_text(value: object, longest: int) -> str | None:
    """A name that is told again and again: a text of at most `longest` characters; ``None`` for anything else."""
    told = text(value)
    return told if told is None or len(told) <= longest else None


def text(value: object) -> str | None:
    """Free text: a string or a number written as one; ``None`` for anything else."""
    if type(value) is str:
        return value
    return str(value) if type(value) in (int, float) else None


def client_sample(item: object, budget: Budget, rejected: Tally) -> ClientSample | None:
    """Reads one entry of ``clientSamples``; ``None``, and a reason tallied, if it lacks what a sample must have.

    It must be an object with a clientId, a roomId and a timestamp, and its ids hold no control characters. An entry of
    one of its lists that cannot be read costs only itself. Takes what it read from `budget`.
    """
    if type(item) is not dict:
        rejected[Reason.NOT_AN_OBJECT] += 1
        return None
    longest = budget.id_length
    try:
        client_id = identifier(item.get("clientId"), longest)
        room_id = identifier(item.get("roomId"), longest)
        call_id = identifier(item.get("callId"), longest)
        user_id = identifier(item.get("userId"), longest)
        marker = text(item.get("marker"))
        if marker is not None and len(marker) > longest:
            raise TooLong
    except TooLong:
        rejected[Reason.ID_TOO_LONG] += 1
        return None
    names = f"{client_id}{room_id}{call_id}{user_id}{marker}"
    if not names.isprintable() and CONTROL.search(names):
        rejected[Reason.ID_INVALID] += 1
        return None
    timestamp = whole(item.get("timestamp"))
    if client_id is None or room_id is None or timestamp is None or not 0 <= timestamp < LARGEST_TIME:
        rejected[_what_lacks(client_id, room_id, item.get("timestamp"))] += 1
        return None
    _check_lists(item, budget, rejected)
    zone = item.get("timeZoneOffsetInHours")
    return ClientSample(
        client_id,
        room_id,
        timestamp,
        call_id,
        user_id,
        marker,
        whole(item.get("sampleSeq")),
        zone if type(zone) in (int, float) else None,
        _tracks(item, longest, rejected),
        _transports(item, longest, rejected),
        item,
    )


def _what_lacks(client_id: str | None, room_id: str | None, timestamp: object) -> Reason:
    if client_id is None:
        return Reason.CLIENT_ID_MISSING
    if room_id is None:
        return Reason.ROOM_ID_MISSING
    return Reason.TIMESTAMP_MISSING if timestamp is None else Reason.TIMESTAMP_INVALID


def _check_lists(item: Item, budget: Budget, rejected: Tally) -> None:
    """Leaves only lists in `item` that hold what they must, within the budget."""
    for name in OBJECT_LISTS:
        entries = item.get(name)
        if entries is not None:
            item[name] = fitting(entries, dict, budget, rejected)
    for name in STRING_LISTS:
        entries = item.get(name)
        if entries is not None:
            item[name] = fitting(entries, str, budget, rejected)


def entries_within(budget: Budget, entries: object, rejected: Tally) -> list[Any]:
    """The entries of a list, as many as the budget still allows, which are taken from it; none for no list."""
    if entries is None:
        return []
    if type(entries) is not list:
        rejected[Reason.NOT_A_LIST] += 1
        return []
    if len(entries) > budget.items:
        rejected[Reason.TOO_MANY_ITEMS] += len(entries) - budget.items
        del entries[budget.items :]
    budget.items -= len(entries)
    return entries


def fitting(value: object, kind: type, budget: Budget, rejected: Tally) -> list[Any]:
    """The entries of a list that are of this type and not empty, within the budget."""
    entries = entries_within(budget, value, rejected)
    fitting = [entry for entry in entries if type(entry) is kind]
    if len(fitting) < len(entries):
        rejected[Reason.NOT_AN_OBJECT if kind is dict else Reason.FIELD_INVALID] += len(entries) - len(fitting)
    if all(fitting):
        return fitting
    rejected[Reason.EMPTY_ITEM] += sum(not entry for entry in fitting)
    return [entry for entry in fitting if entry]


def _tracks(item: Item, longest: int, rejected: Tally) -> list[Track]:
    tracks = []
    for kind in TrackKind:
        for entry in item.get(kind.value) or ():
            try:
                tracks.append(_track(kind, entry.get, entry, longest))
            except TooLong:
                rejected[Reason.ID_TOO_LONG] += 1
    return tracks


def _track(kind: TrackKind, get: Any, entry: Item, longest: int) -> Track:
    return Track(
        kind,
        identifier(get("peerConnectionId"), longest),
        identifier(get("trackId"), longest),
        whole(get("ssrc")),
        identifier(get("sfuStreamId"), longest),
        identifier(get("sfuSinkId"), longest),
        entry,
    )


def _transports(item: Item, longest: int, rejected: Tally) -> list[Transport]:
    transports = []
    for entry in item.get("pcTransports") or ():
        try:
            transports.append(
                Transport(
                    identifier(entry.get("peerConnectionId"), longest), short_text(entry.get("label"), longest), entry
                )
            )
        except TooLong:
            rejected[Reason.ID_TOO_LONG] += 1
    return transports


def says_close(controls: object) -> bool:
    """Whether ``controls`` says that the client closes."""
    return isinstance(controls, Mapping) and controls.get("close") is True
