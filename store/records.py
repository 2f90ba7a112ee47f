"""What a snapshot is made of: a head, then records, each a tagged msgpack array of fixed types.

A record continues what the records before it began: clients follow their call, peer connections their client, pads
their transport, outcomes their origin. So a snapshot can be cut between any two records, and no row, however much
stands below it, makes a part that cannot be sent. `decode_head` and `decode_part` raise `MalformedSnapshot` for
whatever has another shape or type.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from store.commands import Happening, SfuHappening
from store.entities import Call, Client, MediaTrack, PeerConnection

Decoded = TypeVar("Decoded")
Row = TypeVar("Row")

Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
"""What goes up by one: far from where it could no longer be written."""

FORMAT = 3
"""Written first; a node refuses a snapshot of a format it does not know."""

MOST_TOGETHER = 64
"""How many tracks or pads, or happenings of each kind, one record holds at most."""


class MalformedSnapshot(ValueError):
    """Data that no registry of this format gave."""


class Record(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """An array of its fields in their order, of exactly these types."""


class Head(Record):
    """The first part: what the registry holds besides origins and rows."""

    format: int
    now: int
    claimed: Count
    gone: list[str]


class OriginRecord(Record, tag="origin"):
    """An origin, its last number, and how many of its outcomes follow."""

    name: str
    seq: int


class OutcomeRecord(Record, tag="outcome"):
    """An outcome of the last origin, or, if that has one of this number, more of it.

    `kept` says whether the origin has still to tell it; its last outcome is written whether or not.
    """

    seq: int
    kept: bool
    opened: list[Happening]
    closed: list[Happening]
    calls: list[str | None]
    sfus_opened: list[SfuHappening]
    sfus_closed: list[SfuHappening]


class DepartedRecord(Record, tag="departed"):
    """Clients that left: for each its service, its id, the time of its last sample, and when it left."""

    clients: list[tuple[str, str, int, int]]


class DepartedSfusRecord(Record, tag="departedSfus"):
    """The same of SFUs that left."""

    sfus: list[tuple[str, str, int, int]]


class ValuesRecord(Record, tag="values"):
    """Values of a kind: for each its key, the value, when it was said last, and how long it stays (ms)."""

    kind: str
    values: list[tuple[str, bytes, int, int]]


class CallRecord(Record, tag="call"):
    """A call; `current` says whether it takes the new clients of its room."""

    service_id: str
    room_id: str
    call_id: str
    current: bool
    started: int
    marker: str | None
    sample_touched: int
    server_touched: int


class ClientRecord(Record, tag="client"):
    """A client of the last call."""

    client_id: str
    joined: int
    media_unit_id: str
    user_id: str | None
    marker: str | None
    time_zone_offset: int | float | None
    origin: str
    sample_touched: int
    server_touched: int


class TrackRecord(Record):
    """A track."""

    direction: str
    media_kind: str
    track_id: str
    added: int
    ssrcs: tuple[int, ...]
    sfu_stream_id: str | None
    sfu_sink_id: str | None
    claimed: int
    sample_touched: int
    server_touched: int


class PeerConnectionRecord(Record, tag="peerConnection"):
    """A peer connection of the last client, with as many of its tracks as one record holds."""

    peer_connection_id: str
    opened: int
    sample_touched: int
    server_touched: int
    tracks: list[TrackRecord]


class TracksRecord(Record, tag="tracks"):
    """More tracks of the last peer connection."""

    tracks: list[TrackRecord]


class SfuRecord(Record, tag="sfu"):
    """An SFU."""

    service_id: str
    sfu_id: str
    joined: int
    media_unit_id: str
    marker: str | None
    time_zone_offset: int | float | None
    origin: str
    sample_touched: int
    server_touched: int


class SfuTransportRecord(Record, tag="sfuTransport"):
    """A transport of the last SFU."""

    transport_id: str
    internal: bool
    opened: int
    sample_touched: int
    server_touched: int


class PadRecord(Record):
    """An RTP pad."""

    direction: str
    pad_id: str
    added: int
    internal: bool
    stream_id: str | None
    sink_id: str | None
    ssrc: int | None
    sample_touched: int
    server_touched: int


class PadsRecord(Record, tag="rtpPads"):
    """Pads of the last transport."""

    pads: list[PadRecord]


class ChannelRecord(Record):
    """An SCTP channel."""

    channel_id: str
    stream_id: str | None
    opened: int
    sample_touched: int
    server_touched: int


class ChannelsRecord(Record, tag="sctpChannels"):
    """Channels of the last transport."""

    channels: list[ChannelRecord]


SfuSideRecord = SfuRecord | SfuTransportRecord | PadsRecord | ChannelsRecord
AnyRecord = (
    OriginRecord
    | OutcomeRecord
    | DepartedRecord
    | DepartedSfusRecord
    | ValuesRecord
    | CallRecord
    | ClientRecord
    | PeerConnectionRecord
    | TracksRecord
    | SfuSideRecord
)


class Part(Record):
    """A part behind the head: its number, counted from 1, and its records."""

    number: int
    records: list[AnyRecord]


class _Format(msgspec.Struct, array_like=True):
    """The start of a head of any format."""

    number: int


_encoder = msgspec.msgpack.Encoder()
_format_decoder = msgspec.msgpack.Decoder(_Format)
_head_decoder = msgspec.msgpack.Decoder(Head)
_part_decoder = msgspec.msgpack.Decoder(Part)


def encode_head(head: Head) -> bytes:
    """The first part."""
    return _encoder.encode(head)


def encode(record: AnyRecord) -> bytes:
    """A record, to be put in a part."""
    return _encoder.encode(record)


def encode_part(number: int, records: Sequence[bytes]) -> bytes:
    """A part of records that are encoded already."""
    return _encoder.encode((number, [msgspec.Raw(record) for record in records]))


def decode_head(part: bytes) -> Head:
    """The head; its format is looked at before its shape, so that the error says which of them is wrong."""
    number = _decoded(_format_decoder.decode, part).number
    if number != FORMAT:
        raise MalformedSnapshot(f"format {number} is not known")
    return _decoded(_head_decoder.decode, part)


def decode_part(part: bytes) -> Part:
    """A part behind the head."""
    return _decoded(_part_decoder.decode, part)


def _decoded(decode: Callable[[bytes], Decoded], part: bytes) -> Decoded:
    try:
        return decode(part)
    except (ValueError, RecursionError) as error:
        raise MalformedSnapshot(str(error)) from error


def begun(row: Row | None) -> Row:
    """The row that a record continues; raises `MalformedSnapshot` if none was begun."""
    if row is None:
        raise MalformedSnapshot("a record stands below nothing")
    return row


def must_be_new(key: Hashable, there: Mapping[Any, object]) -> None:
    """Raises `MalformedSnapshot` for a key that is there."""
    if key in there:
        raise MalformedSnapshot(f"{key!r} is there twice")


def of_call(call: Call, current: bool) -> CallRecord:
    """The record of a call."""
    return CallRecord(
        call.service_id,
        call.room_id,
        call.call_id,
        current,
        call.started,
        call.marker,
        call.sample_touched,
        call.server_touched,
    )


def of_client(client: Client) -> ClientRecord:
    """The record of a client."""
    return ClientRecord(
        client.client_id,
        client.joined,
        client.media_unit_id,
        client.user_id,
        client.marker,
        client.time_zone_offset,
        client.origin,
        client.sample_touched,
        client.server_touched,
    )


def of_peer_connection(row: PeerConnection) -> list[PeerConnectionRecord | TracksRecord]:
    """The records of a peer connection and its tracks."""
    tracks = [of_track(track) for track in row.tracks.values()]
    first = PeerConnectionRecord(
        row.peer_connection_id, row.opened, row.sample_touched, row.server_touched, tracks[:MOST_TOGETHER]
    )
    starts = range(MOST_TOGETHER, len(tracks), MOST_TOGETHER)
    return [first, *(TracksRecord(tracks[start : start + MOST_TOGETHER]) for start in starts)]


def of_track(track: MediaTrack) -> TrackRecord:
    """The record of a track."""
    return TrackRecord(
        track.direction,
        track.media_kind,
        track.track_id,
        track.added,
        track.ssrcs,
        track.sfu_stream_id,
        track.sfu_sink_id,
        track.claimed,
        track.sample_touched,
        track.server_touched,
    )
