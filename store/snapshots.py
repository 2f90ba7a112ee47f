"""The whole registry as plain lists and back: what a node that joins is given.

`dump` and `load` are exact inverses for all replicated state, the order of rows included. A node's own memory
(`heard_*`, `unsettled`) is not state and is not written.
"""

from collections.abc import Sequence
from typing import Any

from store.claims import in_order
from store.commands import outcome
from store.entities import Call, Client, MediaTrack, PeerConnection
from store.registry import Origin, Registry

FORMAT = 1
"""Written first; a node refuses a snapshot of a format it does not know."""


class MalformedSnapshot(ValueError):
    """Data that no registry of this format gave."""


def dump(registry: Registry) -> list[Any]:
    """The registry as lists, texts and numbers."""
    return [
        FORMAT,
        registry.now,
        registry.claimed,
        [[name, *_dump_origin(origin)] for name, origin in registry.origins.items()],
        [_dump_call(call, registry) for call in registry.calls.values()],
    ]


def load(data: Sequence[Any]) -> Registry:
    """The registry that `dump` gave; raises `MalformedSnapshot`."""
    try:
        number, now, claimed, origins, calls = data
        if number != FORMAT:
            raise MalformedSnapshot(f"format {number} is not known")
        registry = Registry()
        registry.now, registry.claimed = now, claimed
        for name, *fields in origins:
            registry.origins[name] = _load_origin(*fields)
        for call in calls:
            _load_call(registry, *call)
        in_order(registry.streams)
        for loaded in registry.calls.values():
            in_order(loaded.ssrcs)
    except (TypeError, ValueError) as error:
        raise MalformedSnapshot(str(error)) from error
    return registry


def _dump_origin(origin: Origin) -> list[Any]:
    return [origin.seq, origin.last, [[seq, untold] for seq, untold in origin.untold.items()]]


def _load_origin(seq: int, last: Sequence[Any], untold: Sequence[Any]) -> Origin:
    origin = Origin()
    origin.seq = seq
    origin.last = outcome(last)
    origin.untold = {number: outcome(fields) for number, fields in untold}
    return origin


def _dump_call(call: Call, registry: Registry) -> list[Any]:
    return [
        call.service_id,
        call.room_id,
        call.call_id,
        registry.rooms.get((call.service_id, call.room_id)) is call,
        call.started,
        call.marker,
        call.sample_touched,
        call.server_touched,
        [_dump_client(client) for client in call.clients.values()],
    ]


def _load_call(
    registry: Registry,
    service_id: str,
    room_id: str,
    call_id: str,
    current: bool,
    started: int,
    marker: str | None,
    sample: int,
    server: int,
    clients: Sequence[Any],
) -> None:
    call = Call(service_id, room_id, call_id, started, marker, server)
    call.sample_touched = call.heard_sample = sample
    registry.calls[service_id, room_id, call_id] = call
    if current:
        registry.rooms[service_id, room_id] = call
    for client in clients:
        _load_client(registry, call, *client)


def _dump_client(client: Client) -> list[Any]:
    return [
        client.client_id,
        client.joined,
        client.media_unit_id,
        client.user_id,
        client.marker,
        client.time_zone_offset,
        client.origin,
        client.sample_touched,
        client.server_touched,
        [_dump_peer_connection(entry) for entry in client.peer_connections.values()],
    ]


def _load_client(registry: Registry, call: Call, client_id: str, joined: int, *fields: Any) -> None:
    client = Client(call, client_id, joined, 0)
    client.media_unit_id, client.user_id, client.marker, client.time_zone_offset, client.origin = fields[:5]
    sample, server, peer_connections = fields[5:]
    _set_touch(client, sample, server)
    call.clients[client_id] = client
    registry.clients[call.service_id, client_id] = client
    registry.clients_of[call.service_id] += 1
    for peer_connection in peer_connections:
        _load_peer_connection(registry, client, *peer_connection)


def _dump_peer_connection(row: PeerConnection) -> list[Any]:
    return [
        row.peer_connection_id,
        row.opened,
        row.sample_touched,
        row.server_touched,
        [_dump_track(track) for track in row.tracks.values()],
    ]


def _load_peer_connection(
    registry: Registry, client: Client, name: str, opened: int, sample: int, server: int, tracks: Sequence[Any]
) -> None:
    row = PeerConnection(client, name, opened, 0)
    _set_touch(row, sample, server)
    client.peer_connections[name] = row
    registry.peer_connections += 1
    for track in tracks:
        _load_track(registry, row, *track)


def _dump_track(track: MediaTrack) -> list[Any]:
    return [
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
    ]


def _load_track(
    registry: Registry, row: PeerConnection, direction: str, media_kind: str, track_id: str, added: int, *fields: Any
) -> None:
    ssrcs, stream_id, sink_id, claimed, sample, server = fields
    track = MediaTrack(row, (direction, media_kind, track_id), added, 0)
    track.ssrcs, track.sfu_stream_id, track.sfu_sink_id, track.claimed = tuple(ssrcs), stream_id, sink_id, claimed
    _set_touch(track, sample, server)
    row.tracks[track.key] = track
    registry.tracks += 1
    registry.index(track)


def _set_touch(row: Client | PeerConnection | MediaTrack, sample: int, server: int) -> None:
    row.sample_touched = row.heard_sample = sample
    row.server_touched = row.heard_server = server
