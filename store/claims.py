"""Which track owns an SSRC of a call, or an SFU stream or sink of a room or service.

Two tracks may claim the same; the one that claimed last holds, and when it goes the claim falls back to the other.
Claimants are kept in the order of their claims, so that neither taking, leaving nor finding one looks at all of them:
a sender decides how many tracks claim one id.

There are SFUs that number streams and sinks anew in each room, so that a thousand rooms claim the same: of a *crowd*,
which is more than are looked at, those with one SSRC are found by another index. It is made when somebody first asks.
"""

from collections.abc import Hashable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

from store.commands import TrackSeen
from store.entities import INBOUND, OUTBOUND, Claims, MediaTrack

Key = TypeVar("Key", bound=Hashable)

MOST_LOOKED_AT = 64
"""How many claimants are looked at to find one that fits: real ids have one or two within a room."""

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
        self._crowds: dict[tuple[str, str, str], dict[int, Claims]] = {}
        """The tracks that are a crowd by each of their SSRCs: by direction, service, and stream or sink."""
        self.claimed = 0
        """How many claims there were."""

    def learn(self, track: MediaTrack, seen: TrackSeen) -> None:
        """Takes over SSRCs and SFU ids; ids that the sample does not tell stay as they were."""
        known = track.ssrcs
        fresh = tuple([ssrc for ssrc in seen.ssrcs if ssrc not in known]) if known else tuple(seen.ssrcs)
        stream_id = seen.sfu_stream_id or track.sfu_stream_id
        sink_id = seen.sfu_sink_id or track.sfu_sink_id
        if not fresh and stream_id == track.sfu_stream_id and sink_id == track.sfu_sink_id:
            return
        if track.claimed:
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
                if self._crowds:
                    self._join_crowd(track, (INBOUND, call.service_id, track.sfu_sink_id))
        elif track.sfu_stream_id:
            claim(self.streams, (call.service_id, call.room_id, track.sfu_stream_id), track)
            claim(self.sent, (call.service_id, track.sfu_stream_id), track)
            if self._crowds:
                self._join_crowd(track, (OUTBOUND, call.service_id, track.sfu_stream_id))
        else:
            for ssrc in track.ssrcs:
                claim(call.ssrcs, ssrc, track)

    def release(self, track: MediaTrack) -> None:
        """The inverse of `index`."""
        call = track.peer_connection.client.call
        if track.direction != OUTBOUND:
            if track.sfu_sink_id:
                release(self.played, (call.service_id, track.sfu_sink_id), track)
                if self._crowds:
                    self._leave_crowd(track, (INBOUND, call.service_id, track.sfu_sink_id))
        elif track.sfu_stream_id:
            release(self.streams, (call.service_id, call.room_id, track.sfu_stream_id), track)
            release(self.sent, (call.service_id, track.sfu_stream_id), track)
            if self._crowds:
                self._leave_crowd(track, (OUTBOUND, call.service_id, track.sfu_stream_id))
        else:
            for ssrc in track.ssrcs:
                release(call.ssrcs, ssrc, track)

    def of(self, direction: str) -> dict[tuple[str, str], Claims]:
        """Outbound tracks by their stream, or inbound ones by their sink."""
        return self.sent if direction == OUTBOUND else self.played

    def with_ssrc(self, direction: str, path: tuple[str, str], ssrc: int) -> Claims | None:
        """Of the tracks that claim a stream or sink of a service, which is a `path` in `of`, those with an SSRC."""
        crowd = self._crowds.get((direction, *path))
        if crowd is None:
            crowd = self._crowds[direction, *path] = {}
            for track in all_of(self.of(direction)[path]):
                _add(crowd, track)
        return crowd.get(ssrc)

    def _join_crowd(self, track: MediaTrack, key: tuple[str, str, str]) -> None:
        crowd = self._crowds.get(key)
        if crowd is not None:
            _add(crowd, track)

    def _leave_crowd(self, track: MediaTrack, key: tuple[str, str, str]) -> None:
        crowd = self._crowds.get(key)
        if crowd is not None:
            for ssrc in track.ssrcs:
                release(crowd, ssrc, track)
            if not crowd:
                del self._crowds[key]


def _add(crowd: dict[int, Claims], track: MediaTrack) -> None:
    for ssrc in track.ssrcs:
        claim(crowd, ssrc, track)


def claim(claims: dict[Key, Claims], key: Key, track: MediaTrack) -> None:
    """Makes `track` the last that claimed `key`."""
    there = claims.get(key)
    if there is None:
        claims[key] = track
    elif isinstance(there, dict):
        there.pop(track, None)
        there[track] = None
    elif there is not track:
        claims[key] = {there: None, track: None}


def release(claims: dict[Key, Claims], key: Key, track: MediaTrack) -> None:
    """Takes `track` away from those that claim `key`."""
    there = claims.get(key)
    if there is track:
        del claims[key]
    elif isinstance(there, dict):
        there.pop(track, None)
        if len(there) == 1:
            (claims[key],) = there


def all_of(claims: Claims) -> Iterable[MediaTrack]:
    """Who claims a key, the last to claim it last."""
    return claims if isinstance(claims, dict) else (claims,)


def newest(claims: Claims, most: int = MOST_LOOKED_AT) -> Sequence[MediaTrack]:
    """Who claims a key, the last to claim it first: as many as are looked at."""
    return [*islice(reversed(claims), most)] if isinstance(claims, dict) else (claims,)


def is_crowd(claims: Claims) -> bool:
    """Whether more tracks claim a key than are looked at."""
    return isinstance(claims, dict) and len(claims) > MOST_LOOKED_AT


def in_order(claims: dict[Key, Claims], keys: Iterable[Key]) -> None:
    """Puts the claimants of some keys, which were taken in another order, back into that of their claims."""
    for key in keys:
        if isinstance(claimants := claims[key], dict):
            claims[key] = dict.fromkeys(sorted(claimants, key=lambda track: track.claimed))
