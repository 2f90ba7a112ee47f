"""What a row tells when it opens or closes: one `Happening` for each kind of row."""

from store.commands import CALL, CLIENT, PEER_CONNECTION, TRACK, Happening
from store.entities import Call, Client, MediaTrack, PeerConnection


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


def depth(happening: Happening) -> int:
    """How far below its call a row stands; sorting by it keeps the order of rows of one kind."""
    return (CALL, CLIENT, PEER_CONNECTION, TRACK).index(happening.what)


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
