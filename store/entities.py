"""What the registry holds: calls, their clients, the clients' peer connections, and the tracks on them.

Rows are made, changed and closed by `store.registry` alone. Each row knows its parent and its children, so that
closing one closes what is below it. All times are ms: *sample* times were told by the sender, *server* times are the
registry's.
"""

from collections.abc import Iterator

INBOUND = "INBOUND"
OUTBOUND = "OUTBOUND"
AUDIO = "AUDIO"
VIDEO = "VIDEO"


class Entity:
    """What every row has: when it was last touched, and what this node alone remembers of it.

    `sample_touched` and `server_touched` are the replicated touch. `heard_sample`, `heard_server` and `unsettled` are
    this node's own memory of samples it has not (yet) committed a touch for: no command reads them, no snapshot holds
    them, and two replicas differ in them by nature.
    """

    __slots__ = ("closed", "heard_sample", "heard_server", "sample_touched", "server_touched", "unsettled")

    def __init__(self, sample_touched: int, server_touched: int) -> None:
        self.sample_touched = sample_touched
        self.server_touched = server_touched
        self.heard_sample = sample_touched
        self.heard_server = server_touched
        self.unsettled = False
        self.closed = False

    def touch(self, sample: int, server: int) -> None:
        """Moves the touch forward; it never goes back."""
        if sample > self.sample_touched:
            self.sample_touched = sample
        if server > self.server_touched:
            self.server_touched = server


class Call(Entity):
    """A call: what happens in one room from its first client until it has been idle for too long.

    `number` counts calls and clients in the order in which this replica made them; like the memory of an entity, it is
    read by no command and stands in no snapshot.
    """

    __slots__ = ("call_id", "clients", "marker", "number", "room_id", "service_id", "ssrcs", "started")

    def __init__(
        self, service_id: str, room_id: str, call_id: str, started: int, marker: str | None, server: int
    ) -> None:
        super().__init__(started, server)
        self.service_id = service_id
        self.room_id = room_id
        self.call_id = call_id
        self.started = started
        self.number = 0
        self.marker = marker
        self.clients: dict[str, Client] = {}
        self.ssrcs: dict[int, Claims] = {}
        """Outbound tracks without an SFU stream, by each of their SSRCs."""


class Client(Entity):
    """A participant of a call. `origin` is the node that committed its last touch; `number` is as that of a call."""

    __slots__ = (
        "call",
        "client_id",
        "joined",
        "marker",
        "media_unit_id",
        "number",
        "origin",
        "peer_connections",
        "time_zone_offset",
        "user_id",
    )

    def __init__(self, call: Call, client_id: str, joined: int, server: int) -> None:
        super().__init__(joined, server)
        self.call = call
        self.client_id = client_id
        self.joined = joined
        self.number = 0
        self.media_unit_id = ""
        self.user_id: str | None = None
        self.marker: str | None = None
        self.time_zone_offset: float | None = None
        self.origin = ""
        self.peer_connections: dict[str, PeerConnection] = {}


class PeerConnection(Entity):
    """A peer connection of a client."""

    __slots__ = ("client", "opened", "peer_connection_id", "tracks")

    def __init__(self, client: Client, peer_connection_id: str, opened: int, server: int) -> None:
        super().__init__(opened, server)
        self.client = client
        self.peer_connection_id = peer_connection_id
        self.opened = opened
        self.tracks: dict[TrackKey, MediaTrack] = {}


TrackKey = tuple[str, str, str]
"""Direction, media kind and id of a track: its name within its peer connection."""


class MediaTrack(Entity):
    """A media track on a peer connection, with every SSRC it was seen with (the newest last).

    `claimed` numbers the last change of its SSRCs or SFU ids: of two tracks that claim the same, the higher one holds.
    """

    __slots__ = (
        "added",
        "claimed",
        "direction",
        "media_kind",
        "peer_connection",
        "sfu_sink_id",
        "sfu_stream_id",
        "ssrcs",
        "track_id",
    )

    def __init__(self, peer_connection: PeerConnection, key: TrackKey, added: int, server: int) -> None:
        super().__init__(added, server)
        self.peer_connection = peer_connection
        self.direction, self.media_kind, self.track_id = key
        self.added = added
        self.ssrcs: tuple[int, ...] = ()
        self.sfu_stream_id: str | None = None
        self.sfu_sink_id: str | None = None
        self.claimed = 0

    @property
    def key(self) -> TrackKey:
        """Its name within its peer connection."""
        return (self.direction, self.media_kind, self.track_id)


Claims = dict[MediaTrack, None]
"""The tracks that claim one SSRC or one SFU stream, in the order of their claims."""


def top_of(row: Entity) -> Call | Client:
    """The client that a row belongs to; a call belongs to none."""
    match row:
        case MediaTrack():
            return row.peer_connection.client
        case PeerConnection():
            return row.client
        case Call() | Client():
            return row
    raise TypeError(f"{row!r} is no row of the registry")


def below(call: Call) -> Iterator[Entity]:
    """Every row of a call, children before their parents, the call itself last."""
    for client in call.clients.values():
        for peer_connection in client.peer_connections.values():
            yield from peer_connection.tracks.values()
            yield peer_connection
        yield client
    yield call
