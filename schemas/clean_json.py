"""Messages of schemas 2.1 and 2.2 that are as their schema says, read from JSON by C straight into reports.

Nearly all messages are: then reading one costs about as much as finding the ends of its values does. Whatever is
unusual (another shape or schema, a value of another kind, too many entries) is not read here but left to the way that
takes anything; both give the same.
"""

import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
import orjson
from msgspec.structs import astuple

from schemas.browser_order import LISTS, READ, make_reports, seems_to_be_of_browser
from schemas.client_samples import (
    OBJECT_LISTS,
    STRING_LISTS,
    ClientSample,
    Identity,
    check_lists,
    data_channels,
    identity,
)
from schemas.reports import LONGEST_ID, REPORTS, Report, ReportType, Track
from schemas.samples import LARGEST_TIME, NO_ID, Budget, Item, Tally, whole
from schemas.samples_2_0 import bring_channel_to_2_2

_ABSENT = Literal["\0"]
"""The type of what must not be there: no sender writes this text, and any other value is left to the other way."""

_OTHER_LISTS = tuple(name for name in OBJECT_LISTS if name not in LISTS)
_OBJECTS = ("engine", "platform", "browser", "os")
_TOLD = (*_OTHER_LISTS, *STRING_LISTS, *_OBJECTS)
"""What of a sample does not become a report as it is."""
_OF_3 = ("peerConnections", "clientEvents", "clientIssues", "clientMetaItems", "score", "scoreReasons")
"""What tells a sample of 3.x from one of 2.x."""

_Number = Annotated[int, msgspec.Meta(ge=1 - 2**63, le=2**63 - 1)] | float | None


_Id = Annotated[str, msgspec.Meta(max_length=LONGEST_ID)] | None


_FIRST_LIST = 8
_FIRST_TOLD = _FIRST_LIST + len(LISTS)
_END_OF_TOLD = _FIRST_TOLD + len(_TOLD)
"""Where in a sample its lists of measurements stand, and what else it tells."""
_NOTHING_TOLD = (None,) * len(_TOLD)


def _decoding(classes: Mapping[ReportType, type[Report]]) -> Callable[[bytes], Any]:
    """What reads an envelope whose entries are read into these."""
    sample: Any = msgspec.defstruct(
        "_Sample",
        [
            *((name, _Id, None) for name in ("clientId", "roomId", "callId", "userId", "marker")),
            *((name, _Number, None) for name in ("timestamp", "sampleSeq", "timeZoneOffsetInHours")),
            *((name, types.GenericAlias(list, (classes[type_],)), []) for name, type_ in LISTS.items()),
            *((name, msgspec.Raw, None) for name in _TOLD),
            *((name, _ABSENT, "\0") for name in _OF_3),
        ],
    )
    envelope: Any = msgspec.defstruct(
        "_Envelope",
        [
            ("clientSamples", list[sample]),
            *((name, _ABSENT | None, None) for name in ("sfuSamples", "turnSamples", "controls")),
        ],
    )
    return msgspec.json.Decoder(envelope).decode


_decode, _decode_of_browser = _decoding(REPORTS), _decoding(READ)


class Sender:
    """Who sends the messages: the ids that stand in where a sample lacks them, and whose sample was read last.

    Senders say the same of themselves each time, which is checked once; and they list values in the same order.
    """

    __slots__ = ("client_id", "of_browser", "read", "room_id", "said", "user_id")

    def __init__(self, client_id: str | None = None, room_id: str | None = None, user_id: str | None = None) -> None:
        self.client_id = client_id
        self.room_id = room_id
        self.user_id = user_id
        self.said: tuple[str | None, ...] = ()
        self.read: Identity | None = None
        self.of_browser: bool | None = None
        """Whether it lists values as browsers do; ``None`` until it has measured something."""


def clean_samples(
    data: bytes, sender: Sender, timestamp: int | None, budget: Budget, rejected: Tally
) -> list[ClientSample] | None:
    """The samples of clients that a message is, if it is an envelope of these alone, and clean; else ``None``, and
    nothing has happened.

    A sample that lacks what it must have is tallied in `rejected`; what was read is taken from `budget`. `timestamp`
    replaces that of each sample. (ms)
    """
    if budget.id_length < LONGEST_ID:
        return None
    of_browser = sender.of_browser
    if of_browser is None:
        of_browser = sender.of_browser = seems_to_be_of_browser(data)
    read = []
    items = 0
    try:
        if not data.isascii():
            data.decode()  # what C reads over it does not look at
        for sample in (_decode_of_browser if of_browser else _decode)(data).clientSamples:
            values = astuple(sample)
            lists = values[_FIRST_LIST:_FIRST_TOLD]
            transports, pairs, *tracks = lists
            if not _is_clean(transports, pairs, tracks, data):
                return None
            if of_browser:
                make_reports(lists)
            heard_audio, heard_video, sent_audio, sent_video = tracks
            together = heard_audio + heard_video + sent_audio + sent_video
            items += 1 + len(transports) + len(pairs) + len(together)
            read.append((values, together, _told(values[_FIRST_TOLD:_END_OF_TOLD])))
    except (msgspec.DecodeError, orjson.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None
    if items > budget.items:
        return None
    budget.items -= items
    samples = []
    for values, together, told in read:
        client = _client_sample(values, together, told, sender, timestamp, budget, rejected)
        if client is not None:
            samples.append(client)
    return samples


def _is_clean(transports: list[Any], pairs: list[Any], tracks: list[list[Any]], data: bytes) -> bool:
    """Whether a sample is of 2.1 or 2.2, and of all that it measured the ids are there; cuts the fractions of times."""
    if transports and not pairs and b'"candidatePair' in data:
        return False  # in 2.0 it is part of the transport
    for transport in transports:
        if transport.peer_connection_id is None:
            return False
    for pair in pairs:
        if pair.peer_connection_id is None:
            return False
        if type(pair.last_packet_sent_timestamp) is float:
            pair.last_packet_sent_timestamp = int(pair.last_packet_sent_timestamp)
        if type(pair.last_packet_received_timestamp) is float:
            pair.last_packet_received_timestamp = int(pair.last_packet_received_timestamp)
    for entries in tracks[:2]:
        for track in entries:
            if track.track_id is None or track.sfu_stream_id == "NULL" or track.sfu_sink_id == "NULL":
                return False
            if type(track.last_packet_received_timestamp) is float:
                track.last_packet_received_timestamp = int(track.last_packet_received_timestamp)
            if type(track.estimated_playout_timestamp) is float:
                track.estimated_playout_timestamp = int(track.estimated_playout_timestamp)
            if type(track.remote_timestamp) is float:
                track.remote_timestamp = int(track.remote_timestamp)
    for entries in tracks[2:]:
        for track in entries:
            if track.track_id is None or track.sfu_stream_id == "NULL":
                return False
    return True


def _client_sample(
    values: tuple[Any, ...],
    tracks: list[Track],
    told: Item,
    sender: Sender,
    timestamp: int | None,
    budget: Budget,
    rejected: Tally,
) -> ClientSample | None:
    said, (when, sample_seq, time_zone, transports, pairs) = values[:5], values[5:10]
    if timestamp is not None:
        when = timestamp
    who = sender.read
    if who is not None and said == sender.said and type(when) in (int, float) and 0 <= when < LARGEST_TIME:
        client_id, room_id, _, call_id, user_id, marker = who
        when = int(when)  # browsers tell fractions
    else:
        who = _identity(said, when, sender, budget.id_length, rejected)
        if who is None:
            return None
        client_id, room_id, when, call_id, user_id, marker = who
    channels: list[Item] = []
    if told:
        check_lists(told, budget, rejected)
        channels = told.pop("dataChannels", channels)
        for channel in channels:
            bring_channel_to_2_2(channel)
    return ClientSample(
        client_id,
        room_id,
        when,
        call_id,
        user_id,
        marker,
        whole(sample_seq),
        time_zone,
        transports,
        pairs,
        tracks,
        data_channels(channels, budget.id_length, rejected) if channels else [],
        told,
    )


def _identity(
    said: tuple[str | None, ...], when: object, sender: Sender, longest: int, rejected: Tally
) -> Identity | None:
    client_id, room_id, call_id, user_id, marker = said
    if client_id in NO_ID:
        client_id = sender.client_id
    if room_id in NO_ID:
        room_id = sender.room_id
    if user_id in NO_ID:
        user_id = sender.user_id
    who = identity(client_id, room_id, when, call_id, user_id, marker, longest, rejected)
    if sender.said and said != sender.said:
        sender.of_browser = None  # somebody else speaks there now
    sender.said, sender.read = said, who
    return who


def _told(values: tuple[Any, ...]) -> Item:
    """What else a sample tells, read as by the long way: it is told rarely, and may be anything."""
    if values == _NOTHING_TOLD:
        return {}
    told = {name: orjson.loads(bytes(value)) for name, value in zip(_TOLD, values, strict=True) if value}
    return {name: value for name, value in told.items() if value is not None}
