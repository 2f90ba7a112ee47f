"""What a row tells when it opens or closes: one happening for each kind of row."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from store.commands import (
    CALL,
    CLIENT,
    PEER_CONNECTION,
    RTP_PAD,
    SCTP_CHANNEL,
    SFU,
    SFU_TRANSPORT,
    TRACK,
    Happening,
    SfuHappening,
)
from store.entities import Call, Client, MediaTrack, PeerConnection, RtpPad, SctpChannel, Sfu, SfuTransport

AnyHappening = TypeVar("AnyHappening", Happening, SfuHappening)


def of_call(call: Call, timestamp: int) -> Happening:
    """A call started or ended at `timestamp` (ms)."""
    return Happening(CALL, call.service_id, call.room_id, call.call_id, timestamp, marker=call.marker)


def of_client(client: Client, timestamp: int) -> Happening:
    """A client joined or left at `timestamp` (ms)."""
    return _of_client(CLIENT, client, timestamp)


def of_peer_connection(peer_connection: PeerConnection, timestamp: int) -> Happening:
    """A peer connection opened or closed at `timestamp` (ms)."""
    return _of_client(PEER_CONNECTION, peer_connection.client, timestamp, peer_connection.peer_connection_id)


def of_track(track: MediaTrack, timestamp: int) -> Happening:
    """A track was added or removed at `timestamp` (ms)."""
    peer_connection = track.peer_connection
    client = peer_connection.client
    call = client.call
    # In one go: this is a large part of what a client that joins costs every replica.
    return Happening(
        TRACK,
        call.service_id,
        call.room_id,
        call.call_id,
        timestamp,
        client.media_unit_id,
        client.client_id,
        client.user_id,
        client.marker,
        client.time_zone_offset,
        peer_connection.peer_connection_id,
        track.track_id,
        track.direction,
        track.media_kind,
        track.ssrcs,
        track.sfu_stream_id,
        track.sfu_sink_id,
    )


def of_sfu(sfu: Sfu, timestamp: int) -> SfuHappening:
    """An SFU joined or left at `timestamp` (ms)."""
    return SfuHappening(SFU, sfu.service_id, sfu.sfu_id, timestamp, sfu.media_unit_id, sfu.marker)


def of_sfu_transport(transport: SfuTransport, timestamp: int) -> SfuHappening:
    """A transport of an SFU opened or closed at `timestamp` (ms)."""
    sfu = transport.sfu
    return SfuHappening(
        SFU_TRANSPORT,
        sfu.service_id,
        sfu.sfu_id,
        timestamp,
        sfu.media_unit_id,
        sfu.marker,
        transport.transport_id,
        transport.internal,
    )


def of_pad(pad: RtpPad, timestamp: int) -> SfuHappening:
    """An RTP pad was added or removed at `timestamp` (ms)."""
    sfu = pad.transport.sfu
    return SfuHappening(
        RTP_PAD,
        sfu.service_id,
        sfu.sfu_id,
        timestamp,
        sfu.media_unit_id,
        sfu.marker,
        pad.transport.transport_id,
        pad.internal,
        pad.direction,
        pad.pad_id,
        pad.stream_id,
        pad.sink_id,
    )


def of_sctp_channel(channel: SctpChannel, timestamp: int) -> SfuHappening:
    """An SCTP channel was added or removed at `timestamp` (ms)."""
    sfu = channel.transport.sfu
    return SfuHappening(
        SCTP_CHANNEL,
        sfu.service_id,
        sfu.sfu_id,
        timestamp,
        sfu.media_unit_id,
        sfu.marker,
        channel.transport.transport_id,
        channel_id=channel.channel_id,
        sctp_stream_id=channel.stream_id,
    )


_DEPTHS = {CALL: 0, CLIENT: 1, PEER_CONNECTION: 2, TRACK: 3, SFU: 0, SFU_TRANSPORT: 1, RTP_PAD: 2, SCTP_CHANNEL: 2}


def depth(happening: Happening | SfuHappening) -> int:
    """How far below its call or SFU a row stands; sorting by it keeps the order of rows of one kind."""
    return _DEPTHS[happening.what]


def join(own: list[AnyHappening], others: Iterable[Sequence[AnyHappening]], *, children_first: bool = False) -> None:
    """Adds what others have to tell: still parents before children, or the other way round."""
    for happenings in others:
        own.extend(happenings)
    own.sort(key=depth, reverse=children_first)


def _of_client(what: str, client: Client, timestamp: int, peer_connection_id: str | None = None) -> Happening:
    call = client.call
    return Happening(
        what,
        call.service_id,
        call.room_id,
        call.call_id,
        timestamp,
        client.media_unit_id,
        client.client_id,
        client.user_id,
        client.marker,
        client.time_zone_offset,
        peer_connection_id,
    )
