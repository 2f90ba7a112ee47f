"""Which remote outbound track an inbound track plays.

First by SFU ids: the receiver names the stream and the sink, the sender the stream. Then by SSRC within the call, for
senders that name no stream. Never across rooms, never to the client itself. Of several tracks that claim the same, the
one that claimed last is taken.
"""

from schemas.reports import Track
from store.claims import newest
from store.entities import Claims, Client, MediaTrack
from store.registry import Registry


def remote_track(track: Track, client: Client, registry: Registry) -> MediaTrack | None:
    """The outbound track of another client in the room that `track` of `client` plays, if it is known."""
    if track.sfu_stream_id and track.sfu_sink_id:
        claims = registry.streams.get((client.call.service_id, client.call.room_id, track.sfu_stream_id))
        remote = _newest(claims, track, client) if claims else None
        if remote is not None:
            return remote
    if track.ssrc is None:
        return None
    claims = client.call.ssrcs.get(track.ssrc)
    return _newest(claims, track, client) if claims else None


def _newest(claimants: Claims, track: Track, client: Client) -> MediaTrack | None:
    media_kind = track.media_kind
    for claimant in newest(claimants):
        if claimant.media_kind == media_kind and claimant.peer_connection.client.client_id != client.client_id:
            return claimant
    return None
