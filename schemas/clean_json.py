"""Messages of schemas 2.1 and 2.2 that are as their schema says, read from JSON by C straight into reports.

Nearly all messages are: then reading one costs about as much as finding the ends of its values does. Whatever is
unusual (another shape or schema, a value of another kind, too many entries) is not read here but left to the way that
takes anything; both give the same.
"""

import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import orjson

from schemas.client_samples import (
    LONGEST_LABEL,
    OBJECT_LISTS,
    STRING_LISTS,
    TRACK_LISTS,
    ClientSample,
    check_lists,
    data_channels,
    identity,
)
from schemas.columns import to_time
from schemas.reports import REPORTS, Entry, ReportType, Track
from schemas.samples import NO_ID, Budget, Item, Reason, Tally, TooLong, identifier, whole
from schemas.samples_2_0 import bring_channel_to_2_2

_ABSENT = Literal["\0"]
"""The type of what must not be there: no sender writes this text, and any other value is left to the other way."""

_OTHER_LISTS = tuple(name for name in OBJECT_LISTS if name not in (*TRACK_LISTS, "pcTransports", "iceCandidatePairs"))
_OBJECTS = ("engine", "platform", "browser", "os")
_TOLD = (*_OTHER_LISTS, *STRING_LISTS, *_OBJECTS)
"""What of a sample does not become a report as it is."""
_OF_3 = ("peerConnections", "clientEvents", "clientIssues", "clientMetaItems", "score", "scoreReasons")
"""What tells a sample of 3.x from one of 2.x."""

_Number = Annotated[int, msgspec.Meta(ge=1 - 2**63, le=2**63 - 1)] | float | None


def _list_of(type_: ReportType) -> Any:
    return types.GenericAlias(list, (REPORTS[type_],)) | None


_Sample: Any = msgspec.defstruct(
    "_Sample",
    [
        *((name, str | None, None) for name in ("clientId", "roomId", "callId", "userId", "marker")),
        *((name, _Number, None) for name in ("timestamp", "sampleSeq", "timeZoneOffsetInHours")),
        ("pcTransports", _list_of(ReportType.PEER_CONNECTION_TRANSPORT), None),
        ("iceCandidatePairs", _list_of(ReportType.ICE_CANDIDATE_PAIR), None),
        *((name, _list_of(type_), None) for name, type_ in TRACK_LISTS.items()),
        *((name, msgspec.Raw, None) for name in _TOLD),
        *((name, _ABSENT, "\0") for name in _OF_3),
    ],
)
_FIRST_TOLD = 8 + 2 + len(TRACK_LISTS)
_END_OF_TOLD = _FIRST_TOLD + len(_TOLD)
_Envelope: Any = msgspec.defstruct(
    "_Envelope",
    [
        ("clientSamples", list[_Sample]),
        *((name, _ABSENT | None, None) for name in ("sfuSamples", "turnSamples", "controls")),
    ],
)
_decode = msgspec.json.Decoder(_Envelope).decode


class StandIns(NamedTuple):
    """The ids that stand in where a sample lacks them."""

    client_id: str | None
    room_id: str | None
    user_id: str | None


def clean_samples(
    data: bytes, stand_ins: StandIns, timestamp: int | None, budget: Budget, rejected: Tally
) -> list[ClientSample] | None:
    """The samples of clients that a message is, if it is an envelope of these alone, and clean; else ``None``, and
    nothing has happened.

    A sample that lacks what it must have is tallied in `rejected`, and so is an entry with an id that is too long; what
    was read is taken from `budget`. `timestamp`, in ms, replaces that of each sample.
    """
    try:
        if not data.isascii():
            data.decode()  # what C reads over it does not look at
        samples = _decode(data).clientSamples
        told = list(map(_told, samples))
    except (msgspec.DecodeError, orjson.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None
    items = len(samples)
    for sample in samples:
        if not _is_clean(sample, data):
            return None
        items += sum(map(len, filter(None, _measured(sample))))
    if items > budget.items:
        return None
    budget.items -= items
    read = []
    for sample, rest in zip(samples, told, strict=True):
        client = _client_sample(sample, rest, stand_ins, timestamp, budget, rejected)
        if client is not None:
            read.append(client)
    return read


def _measured(sample: Any) -> tuple[list[Any] | None, ...]:
    """The lists whose entries become reports as they are."""
    return (
        sample.pcTransports,
        sample.iceCandidatePairs,
        sample.inboundAudioTracks,
        sample.inboundVideoTracks,
        sample.outboundAudioTracks,
        sample.outboundVideoTracks,
    )


def _is_clean(sample: Any, data: bytes) -> bool:
    """Whether a sample is of 2.1 or 2.2, and nothing that it measured can be an empty object."""
    transports, pairs, *tracks = _measured(sample)
    if transports:
        if pairs is None and b'"candidatePair' in data:
            return False  # in 2.0 it is part of the transport
        if None in [transport.peer_connection_id for transport in transports]:
            return False
    if pairs and None in [pair.peer_connection_id for pair in pairs]:
        return False
    return not any(None in [track.track_id for track in entries] for entries in tracks if entries)


def _client_sample(
    sample: Any, told: Item, stand_ins: StandIns, timestamp: int | None, budget: Budget, rejected: Tally
) -> ClientSample | None:
    longest = budget.id_length
    client_id, room_id, user_id = sample.clientId, sample.roomId, sample.userId
    if client_id in NO_ID:
        client_id = stand_ins.client_id
    if room_id in NO_ID:
        room_id = stand_ins.room_id
    if user_id in NO_ID:
        user_id = stand_ins.user_id
    when = sample.timestamp if timestamp is None else timestamp
    who = identity(client_id, room_id, when, sample.callId, user_id, sample.marker, longest, rejected)
    if who is None:
        return None
    channels: list[Item] = []
    if told:
        check_lists(told, budget, rejected)
        channels = told.pop("dataChannels", channels)
        for channel in channels:
            bring_channel_to_2_2(channel)
    return ClientSample(
        *who,
        whole(sample.sampleSeq),
        sample.timeZoneOffsetInHours,
        _read(_transport, sample.pcTransports, longest, rejected),
        _read(_candidate_pair, sample.iceCandidatePairs, longest, rejected),
        [
            *_read(_inbound, sample.inboundAudioTracks, longest, rejected),
            *_read(_inbound, sample.inboundVideoTracks, longest, rejected),
            *_read(_outbound, sample.outboundAudioTracks, longest, rejected),
            *_read(_outbound, sample.outboundVideoTracks, longest, rejected),
        ],
        data_channels(channels, longest, rejected),
        told,
    )


def _told(sample: Any) -> Item:
    """What else a sample tells, read as by the long way: it is told rarely, and may be anything."""
    values = msgspec.structs.astuple(sample)[_FIRST_TOLD:_END_OF_TOLD]
    if not any(values):
        return {}
    told = {name: orjson.loads(bytes(value)) for name, value in zip(_TOLD, values, strict=True) if value}
    return {name: value for name, value in told.items() if value is not None}


def _read(
    check: Callable[[Any, int, Tally], None], entries: list[Any] | None, longest: int, rejected: Tally
) -> list[Any]:
    """The entries, checked; one with an id that is too long is left out."""
    read = []
    for entry in entries or ():
        try:
            check(entry, longest, rejected)
        except TooLong:
            rejected[Reason.ID_TOO_LONG] += 1
        else:
            read.append(entry)
    return read


_LONG_ENOUGH = len("NULL")
"""A text that is longer stands for an id for certain."""


def _transport(entry: Entry, longest: int, rejected: Tally) -> None:
    id_, label = entry.peer_connection_id, entry.label
    if id_ is not None and not _LONG_ENOUGH < len(id_) <= longest:
        entry.peer_connection_id = identifier(id_, longest)
    if label is not None and len(label) > LONGEST_LABEL:
        entry.label = None


def _candidate_pair(entry: Any, longest: int, rejected: Tally) -> None:
    _transport(entry, longest, rejected)
    if type(entry.last_packet_sent_timestamp) is float:
        entry.last_packet_sent_timestamp = _time(entry.last_packet_sent_timestamp, rejected)
    if type(entry.last_packet_received_timestamp) is float:
        entry.last_packet_received_timestamp = _time(entry.last_packet_received_timestamp, rejected)


def _outbound(track: Track, longest: int, rejected: Tally) -> None:
    id_ = track.peer_connection_id
    if id_ is not None and not _LONG_ENOUGH < len(id_) <= longest:
        track.peer_connection_id = identifier(id_, longest)
    id_ = track.track_id
    if id_ is not None and not _LONG_ENOUGH < len(id_) <= longest:
        track.track_id = identifier(id_, longest)
    id_ = track.sfu_stream_id
    if id_ is not None and not _LONG_ENOUGH < len(id_) <= longest:
        track.sfu_stream_id = identifier(id_, longest)
    if type(track.ssrc) is float:
        track.ssrc = whole(track.ssrc)


def _inbound(track: Any, longest: int, rejected: Tally) -> None:
    _outbound(track, longest, rejected)
    id_ = track.sfu_sink_id
    if id_ is not None and not _LONG_ENOUGH < len(id_) <= longest:
        track.sfu_sink_id = identifier(id_, longest)
    if type(track.last_packet_received_timestamp) is float:
        track.last_packet_received_timestamp = _time(track.last_packet_received_timestamp, rejected)
    if type(track.estimated_playout_timestamp) is float:
        track.estimated_playout_timestamp = _time(track.estimated_playout_timestamp, rejected)
    if type(track.remote_timestamp) is float:
        track.remote_timestamp = _time(track.remote_timestamp, rejected)


def _time(value: float, rejected: Tally) -> int | None:
    time = to_time(value)
    if time is None:
        rejected[Reason.FIELD_INVALID] += 1
    return time
