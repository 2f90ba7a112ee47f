"""A row as that makes it which showed it first. `now` is registry time (ms).

Words that many rows share are held once (`held_once`): what a command tells is read anew for each.
"""

from store.commands import (
    ClientSeen,
    PeerConnectionSeen,
    RtpPadSeen,
    SctpChannelSeen,
    SfuSeen,
    SfuTransportSeen,
    TrackSeen,
)
from store.entities import Call, Client, MediaTrack, PeerConnection, RtpPad, SctpChannel, Sfu, SfuTransport
from store.words import held_once


def call_of(seen: ClientSeen, number: int, started: int, now: int) -> Call:
    """A call that a client starts, at `started` (ms)."""
    return Call(
        service_id=held_once(seen.service_id),
        room_id=seen.room_id,
        call_id=seen.call_id,
        number=number,
        started=started,
        marker=seen.marker,
        sample_touched=started,
        server_touched=now,
    )


def client_of(call: Call, seen: ClientSeen, origin: str, number: int, now: int) -> Client:
    """A client that joins a call."""
    return Client(
        call=call,
        client_id=seen.client_id,
        number=number,
        joined=seen.first,
        media_unit_id=held_once(seen.media_unit_id),
        user_id=seen.user_id,
        marker=seen.marker,
        time_zone_offset=seen.time_zone_offset,
        origin=held_once(origin),
        sample_touched=seen.first,
        server_touched=now,
    )


def peer_connection_of(client: Client, seen: PeerConnectionSeen, now: int) -> PeerConnection:
    """A peer connection that a client opens."""
    return PeerConnection(
        client=client,
        peer_connection_id=seen.peer_connection_id,
        opened=seen.first,
        sample_touched=seen.first,
        server_touched=now,
    )


def track_of(peer_connection: PeerConnection, seen: TrackSeen, now: int) -> MediaTrack:
    """A track that is added to a peer connection; what it claims is another matter."""
    return MediaTrack(
        peer_connection=peer_connection,
        direction=held_once(seen.direction),
        media_kind=held_once(seen.media_kind),
        track_id=seen.track_id,
        added=seen.first,
        sample_touched=seen.first,
        server_touched=now,
    )


def sfu_of(seen: SfuSeen, origin: str, number: int, now: int) -> Sfu:
    """An SFU that joins."""
    return Sfu(
        service_id=held_once(seen.service_id),
        sfu_id=seen.sfu_id,
        number=number,
        joined=seen.first,
        media_unit_id=held_once(seen.media_unit_id),
        marker=seen.marker,
        time_zone_offset=seen.time_zone_offset,
        origin=held_once(origin),
        sample_touched=seen.first,
        server_touched=now,
    )


def sfu_transport_of(sfu: Sfu, seen: SfuTransportSeen, number: int, now: int) -> SfuTransport:
    """A transport that an SFU opens."""
    return SfuTransport(
        sfu=sfu,
        transport_id=seen.transport_id,
        number=number,
        internal=seen.internal,
        opened=seen.first,
        sample_touched=seen.first,
        server_touched=now,
    )


def pad_of(transport: SfuTransport, seen: RtpPadSeen, now: int) -> RtpPad:
    """An RTP pad that is added to a transport."""
    return RtpPad(
        transport=transport,
        direction=held_once(seen.direction),
        pad_id=seen.pad_id,
        added=seen.first,
        internal=seen.internal,
        stream_id=seen.stream_id,
        sink_id=seen.sink_id,
        ssrc=seen.ssrc,
        sample_touched=seen.first,
        server_touched=now,
    )


def sctp_channel_of(transport: SfuTransport, seen: SctpChannelSeen, now: int) -> SctpChannel:
    """An SCTP channel that is added to a transport."""
    return SctpChannel(
        transport=transport,
        channel_id=seen.channel_id,
        stream_id=seen.stream_id,
        opened=seen.first,
        sample_touched=seen.first,
        server_touched=now,
    )
