"""Samples of clients, in the form the rest of the house works with.

What a client measured of a track, a transport, a candidate pair or a data channel is read into the report that it will
become: what we decide on is checked here (ids, times, SSRCs), what else it says is only carried.
Source: ObserveRTC sample schemas 2.0 to 2.2; the mapping of 2.0 stands in `schemas.samples_2_0`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from schemas.columns import Columns
from schemas.reports import LONGEST_ID, Entry, ReportType, Track
from schemas.samples import (
    CONTROL,
    LARGEST_TIME,
    Budget,
    Item,
    Reason,
    Tally,
    TooLong,
    fitting,
    identifier,
    short_text,
    text,
    whole,
)

TRACK_LISTS: Mapping[str, ReportType] = {
    "inboundAudioTracks": ReportType.INBOUND_AUDIO_TRACK,
    "inboundVideoTracks": ReportType.INBOUND_VIDEO_TRACK,
    "outboundAudioTracks": ReportType.OUTBOUND_AUDIO_TRACK,
    "outboundVideoTracks": ReportType.OUTBOUND_VIDEO_TRACK,
}
"""The four lists of tracks in a client sample, and the reports that their entries become."""

OBJECT_LISTS = (
    *TRACK_LISTS,
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

_LISTS: Mapping[str, type] = {**dict.fromkeys(OBJECT_LISTS, dict), **dict.fromkeys(STRING_LISTS, str)}


class ClientSample(msgspec.Struct, gc=False):
    """One getStats snapshot of one client.

    `timestamp` is in ms since the epoch. `time_zone_offset` is what the sender gave as ``timeZoneOffsetInHours``. Of
    each entry the ids are read, and ``None`` when the sender gave none; what the observer fills in is not set yet.
    `tracks` are those that come in, and behind them those that go out; `entries` are all that was measured, in the
    order of the fields. `told` is what else the sender told, by its names; each of its lists that `OBJECT_LISTS` names
    holds objects only. `told_flat` says that no object of these that becomes meta data holds another object, or a list;
    it may be false where that is so.
    """

    client_id: str
    room_id: str
    call_id: str | None
    user_id: str | None
    marker: str | None
    timestamp: int
    sample_seq: int | None
    time_zone_offset: float | None
    transports: Sequence[Entry]
    candidate_pairs: Sequence[Entry]
    inbound_tracks: Sequence[Track]
    tracks: Sequence[Track]
    data_channels: Sequence[Entry]
    entries: Sequence[Entry]
    told: Item
    told_flat: bool = False


class Identity(NamedTuple):
    """Who a sample is of, and of when: in the order in which a `ClientSample` begins."""

    client_id: str
    room_id: str
    call_id: str | None
    user_id: str | None
    marker: str | None
    timestamp: int


def client_sample(item: object, budget: Budget, rejected: Tally) -> ClientSample | None:
    """Reads one entry of ``clientSamples``; ``None``, and a reason tallied, if it lacks what a sample must have.

    It must be an object with a clientId, a roomId and a timestamp, and its ids hold no control characters. An entry of
    one of its lists that cannot be read costs only itself. Takes what it read from `budget`, and its lists of
    measurements out of `item`.
    """
    if type(item) is not dict:
        rejected[Reason.NOT_AN_OBJECT] += 1
        return None
    get, longest = item.get, budget.id_length
    who = identity(
        *(get("clientId"), get("roomId"), get("callId"), get("userId"), get("marker"), get("timestamp")),
        longest,
        rejected,
    )
    if who is None:
        return None
    check_lists(item, budget, rejected)
    zone = item.get("timeZoneOffsetInHours")
    take = item.pop
    transports = _entries(_transport, take("pcTransports", None), longest, rejected)
    pairs = _entries(_candidate_pair, take("iceCandidatePairs", None), longest, rejected)
    inbound, outbound = (
        [track for name in names for track in _entries(_READ_TRACK[name], take(name, None), longest, rejected)]
        for names in (_INBOUND, _OUTBOUND)
    )
    channels = data_channels(take("dataChannels", None), longest, rejected)
    return ClientSample(
        *who,
        whole(item.get("sampleSeq")),
        zone if type(zone) in (int, float) else None,
        transports,
        pairs,
        inbound,
        [*inbound, *outbound],
        channels,
        [*transports, *pairs, *inbound, *outbound, *channels],
        item,
    )


def identity(
    client_id: object,
    room_id: object,
    call_id: object,
    user_id: object,
    marker: object,
    timestamp: object,
    longest: int,
    rejected: Tally,
) -> Identity | None:
    """Who a sample is of, from what its sender says; ``None``, and a reason tallied, if that does not do."""
    try:
        client, room = identifier(client_id, longest), identifier(room_id, longest)
        call, user = identifier(call_id, longest), identifier(user_id, longest)
        mark = text(marker)
        if mark is not None and len(mark) > longest:
            raise TooLong
    except TooLong:
        rejected[Reason.ID_TOO_LONG] += 1
        return None
    names = f"{client}{room}{call}{user}{mark}"
    if not names.isprintable() and CONTROL.search(names):
        rejected[Reason.ID_INVALID] += 1
        return None
    time = whole(timestamp)
    if client is None or room is None or time is None or not 0 <= time < LARGEST_TIME:
        rejected[_what_lacks(client, room, timestamp)] += 1
        return None
    return Identity(client, room, call, user, mark, time)


def data_channels(items: Iterable[Item] | None, longest: int, rejected: Tally) -> list[Entry]:
    """The entries of ``dataChannels``; their names in 2.2 are not those of reports."""
    return _entries(_data_channel, items, longest, rejected)


def says_close(controls: object) -> bool:
    """Whether ``controls`` says that the client closes."""
    return isinstance(controls, Mapping) and controls.get("close") is True


def _what_lacks(client_id: str | None, room_id: str | None, timestamp: object) -> Reason:
    if client_id is None:
        return Reason.CLIENT_ID_MISSING
    if room_id is None:
        return Reason.ROOM_ID_MISSING
    return Reason.TIMESTAMP_MISSING if timestamp is None else Reason.TIMESTAMP_INVALID


def check_lists(item: Item, budget: Budget, rejected: Tally) -> None:
    """Leaves only lists in `item` that hold what they must, within the budget."""
    for name, kind in _LISTS.items():
        entries = item.get(name)
        if entries is not None:
            item[name] = fitting(entries, kind, budget, rejected)


Read = TypeVar("Read", bound=Entry)


def _entries(
    read: Callable[[Item, int, Tally], Read], items: Iterable[Item] | None, longest: int, rejected: Tally
) -> list[Read]:
    """What each item says; one with an id that is too long is left out."""
    entries = []
    for item in items or ():
        try:
            entries.append(read(item, longest, rejected))
        except TooLong:
            rejected[Reason.ID_TOO_LONG] += 1
    return entries


_UNFILLED = (None,)
"""What the observer fills in at the beginning of each of these reports, their lead."""

_DATA_CHANNEL = Columns(
    ReportType.PEER_CONNECTION_DATA_CHANNEL,
    lead=11,
    sources={"messagesSent": "messageSent", "messagesReceived": "messageReceived"},
)


def _reading_connections(type_: ReportType) -> Callable[[Item, int, Tally], Entry]:
    """What reads a transport or a candidate pair: both name their peer connection, and its label."""
    columns = Columns(type_, lead=11)

    def read(item: Item, longest: int, rejected: Tally) -> Entry:
        near = (identifier(item.get("peerConnectionId"), longest), short_text(item.get("label"), LONGEST_ID), None)
        return cast(Entry, columns.report(_UNFILLED + near, item, rejected))

    return read


_transport = _reading_connections(ReportType.PEER_CONNECTION_TRANSPORT)
_candidate_pair = _reading_connections(ReportType.ICE_CANDIDATE_PAIR)


def _data_channel(item: Item, longest: int, rejected: Tally) -> Entry:
    near = (identifier(item.get("peerConnectionId"), longest), None, None)
    return cast(Entry, _DATA_CHANNEL.report(_UNFILLED + near, item, rejected))


def _reading_inbound(type_: ReportType) -> Callable[[Item, int, Tally], Track]:
    columns = Columns(type_, lead=19)

    def read(item: Item, longest: int, rejected: Tally) -> Track:
        get = item.get
        near: tuple[Any, ...] = (
            identifier(get("peerConnectionId"), longest),
            None,
            identifier(get("trackId"), longest),
            identifier(get("sfuStreamId"), longest),
            identifier(get("sfuSinkId"), longest),
        )
        far = (None, None, text(get("remoteClientId")), None)
        return cast(Track, columns.report((*_UNFILLED, *near, *far, None, whole(get("ssrc"))), item, rejected))

    return read


def _reading_outbound(type_: ReportType) -> Callable[[Item, int, Tally], Track]:
    columns = Columns(type_, lead=14)

    def read(item: Item, longest: int, rejected: Tally) -> Track:
        get = item.get
        near: tuple[Any, ...] = (
            identifier(get("peerConnectionId"), longest),
            None,
            identifier(get("trackId"), longest),
            identifier(get("sfuStreamId"), longest),
        )
        return cast(Track, columns.report((*_UNFILLED, *near, None, whole(get("ssrc"))), item, rejected))

    return read


_INBOUND, _OUTBOUND = [*TRACK_LISTS][:2], [*TRACK_LISTS][2:]
_READ_TRACK: Mapping[str, Callable[[Item, int, Tally], Track]] = {
    **{name: _reading_inbound(TRACK_LISTS[name]) for name in _INBOUND},
    **{name: _reading_outbound(TRACK_LISTS[name]) for name in _OUTBOUND},
}
