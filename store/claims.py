"""Which track owns an SSRC of a call, or an SFU stream or sink of a room or service.

Two tracks may claim the same; the one that claimed last holds, and when it goes the claim falls back to the other.
Claimants are kept in the order of their claims, so that neither taking, leaving nor finding one looks at all of them:
a sender decides how many tracks claim one id.
"""

from collections.abc import Hashable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from store.commands import TrackSeen
from store.entities import OUTBOUND, Claims, MediaTrack

Key = TypeVar("Key", bound=Hashable)

MOST_LOOKED_AT = 64
"""How many claimants are looked at to find one that fits: real ids have one or two."""

MOST_SSRCS = 32
"""How many SSRCs a track keeps; the oldest goes. The same on every replica, so it is no setting."""


class TrackClaims:
    """What all tracks claim."""

    def __init__(self) -> None:
        self.streams: dict[tuple[str, str, str], Claims] = {}
        """Outbound tracks by service, room and SFU stream id: there are SFUs that number streams anew in each room."""
        self.sent: dict[tuple[str, str], Claims] = {}
        """The same tracks by service and SFU stream id: a pad of an SFU does not tell its room."""
        self.played: dict[tuple[str, str], Claims] = {}
        """Inbound tracks by service and SFU sink id."""
        self.claimed = 0
        """How many claims there were."""

    def learn(self, track: MediaTrack, seen: TrackSeen) -> None:
        """Takes over SSRCs and SFU ids; ids that the sample does not tell stay as they were."""
        fresh = tuple(ssrc for ssrc in seen.ssrcs if ssrc not in track.ssrcs)
        stream_id = seen.sfu_stream_id or track.sfu_stream_id
        sink_id = seen.sfu_sink_id or track.sfu_sink_id
        if not fresh and stream_id == track.sfu_stream_id and sink_id == track.sfu_sink_id:
            return
        self.release(track)
        track.ssrcs = (track.ssrcs + fresh)[-MOST_SSRCS:]
        track.sfu_stream_id = stream_id
        track.sfu_sink_id = sink_id
        self.claimed += 1
        track.claimed = self.claimed
        self.index(track)

    def index(self, track: MediaTrack) -> None:
        """Makes a track findable: an outbound one by its SFU stream, or by its SSRCs if it has none; an inbound one by
        its SFU sink."""
        call = track.peer_connection.client.call
        if track.direction != OUTBOUND:
            if track.sfu_sink_id:
                claim(self.played, (call.service_id, track.sfu_sink_id), track)
        elif track.sfu_stream_id:
            claim(self.streams, (call.service_id, call.room_id, track.sfu_stream_id), track)
            claim(self.sent, (call.service_id, track.sfu_stream_id), track)
        else:
            for ssrc in track.ssrcs:
                claim(call.ssrcs, ssrc, track)

    def release(self, track: MediaTrack) -> None:
        """The inverse of `index`."""
        call = track.peer_connection.client.call
        if track.direction != OUTBOUND:
            if track.sfu_sink_id:
                release(self.played, (call.service_id, track.sfu_sink_id), track)
        elif track.sfu_stream_id:
            release(self.streams, (call.service_id, call.room_id, track.sfu_stream_id), track)
            release(self.sent, (call.service_id, track.sfu_stream_id), track)
        else:
            for ssrc in track.ssrcs:
                release(call.ssrcs, ssrc, track)


def claim(claims: dict[Key, Claims], key: Key, track: MediaTrack) -> None:
    """Makes `track` the last that claimed `key`."""
    claimants = claims.setdefault(key, {})
    claimants.pop(track, None)
    claimants[track] = None


def release(claims: dict[Key, Claims], key: Key, track: MediaTrack) -> None:
    """Takes `track` away from those that claim `key`."""
    claimants = claims.get(key)
    if claimants is not None:
        claimants.pop(track, None)
        if not claimants:
            del claims[key]


def newest(claimants: Claims) -> Iterator[MediaTrack]:
    """Who claims a key, the last to claim it first: as many as are looked at."""
    return islice(reversed(claimants), MOST_LOOKED_AT)


def in_order(claims: dict[Key, Claims], keys: Iterable[Key]) -> None:
    """Puts the claimants of some keys, which were taken in another order, back into that of their claims."""
    for key in keys:
        if len(claimants := claims[key]) > 1:
            claims[key] = dict.fromkeys(sorted(claimants, key=lambda track: track.claimed))
