"""Gathers what a batch shows of each client into the entries of one command."""

from dataclasses import dataclass, field

from store.claims import MOST_SSRCS
from store.commands import ClientSeen, PeerConnectionSeen, TrackKey, TrackSeen


class TrackEntry:
    """What a batch shows of one track. Times are ms."""

    __slots__ = ("first", "last", "sfu_sink_id", "sfu_stream_id", "ssrcs")

    def __init__(self, timestamp: int) -> None:
        self.first = self.last = timestamp
        self.ssrcs: dict[int, None] = {}
        self.sfu_stream_id: str | None = None
        self.sfu_sink_id: str | None = None

    def see(self, timestamp: int, ssrc: int | None, sfu_stream_id: str | None, sfu_sink_id: str | None) -> None:
        """One more sample shows the track."""
        self.first, self.last = min(self.first, timestamp), max(self.last, timestamp)
        if ssrc is not None and ssrc not in self.ssrcs:
            self.ssrcs[ssrc] = None
            if len(self.ssrcs) > MOST_SSRCS:
                del self.ssrcs[next(iter(self.ssrcs))]
        self.sfu_stream_id = sfu_stream_id or self.sfu_stream_id
        self.sfu_sink_id = sfu_sink_id or self.sfu_sink_id

    def seen(self, key: TrackKey) -> TrackSeen:
        """The entry for a command."""
        return TrackSeen(*key, self.first, self.last, list(self.ssrcs), self.sfu_stream_id, self.sfu_sink_id)


class PeerConnectionEntry:
    """What a batch shows of one peer connection; `new_tracks` of its tracks are not known yet."""

    __slots__ = ("first", "last", "new_tracks", "tracks")

    def __init__(self, timestamp: int) -> None:
        self.first = self.last = timestamp
        self.tracks: dict[TrackKey, TrackEntry] = {}
        self.new_tracks = 0

    def see(self, timestamp: int) -> None:
        """One more sample shows the peer connection."""
        self.first, self.last = min(self.first, timestamp), max(self.last, timestamp)

    def seen(self, peer_connection_id: str) -> PeerConnectionSeen:
        """The entry for a command."""
        tracks = [entry.seen(key) for key, entry in self.tracks.items()]
        return PeerConnectionSeen(peer_connection_id, self.first, self.last, tracks)


@dataclass(slots=True)
class ClientEntry:
    """What a batch shows of one client in one room, as far as the registry must be told of it.

    `new_peer_connections` of its peer connections are not known yet.
    """

    index: int
    service_id: str
    room_id: str
    client_id: str
    call_id: str
    own_call_id: bool
    media_unit_id: str
    first: int
    last: int
    user_id: str | None = None
    marker: str | None = None
    time_zone_offset: float | None = None
    peer_connections: dict[str, PeerConnectionEntry] = field(default_factory=dict)
    new_peer_connections: int = 0

    def see(self, timestamp: int, user_id: str | None, marker: str | None, time_zone_offset: float | None) -> None:
        """One more sample shows the client; what the first that tells it says is kept."""
        self.first, self.last = min(self.first, timestamp), max(self.last, timestamp)
        self.user_id = user_id if self.user_id is None else self.user_id
        self.marker = marker if self.marker is None else self.marker
        self.time_zone_offset = time_zone_offset if self.time_zone_offset is None else self.time_zone_offset

    def seen(self) -> ClientSeen:
        """The entry for a command."""
        return ClientSeen(
            self.service_id,
            self.room_id,
            self.client_id,
            self.call_id,
            self.own_call_id,
            self.first,
            self.last,
            self.media_unit_id,
            self.user_id,
            self.marker,
            self.time_zone_offset,
            [entry.seen(name) for name, entry in self.peer_connections.items()],
        )
