"""What the registry holds: calls, their clients, the clients' peer connections, and the tracks on them; and SFUs, their
transports, and the RTP pads and SCTP channels on them.

Rows are made, changed and closed by `store.registry` alone. Each row knows its parent and its children, so that
closing one closes what is below it. All times are ms: *sample* times were told by the sender, *server* times are the
registry's.
"""

from collections.abc import Iterable, Iterator

import msgspec

from store.commands import TrackKey

INBOUND = "INBOUND"
OUTBOUND = "OUTBOUND"
AUDIO = "AUDIO"
VIDEO = "VIDEO"


class Entity(msgspec.Struct, kw_only=True, eq=False, gc=False):
    """What every row has: when it was last touched, and what this node alone remembers of it.

    `sample_touched` and `server_touched` are the replicated touch. `heard_sample`, `heard_server` and `unsettled` are
    this node's own memory of samples it has not (yet) committed a touch for (`analysis.hearing`): no command reads
    them, no snapshot holds them, and two replicas differ in them by nature.

    Python's collector of cycles does not look at rows, so that it does not halt the node for as long as a million of
    them take. Nothing must therefore refer from a row that closed to one that refers to it: it would never be freed.
    """

    sample_touched: int
    server_touched: int
    heard_sample: int = 0
    heard_server: int = 0
    unsettled: int = 0
    """Where it waits for its last touch to be made, 0 if it waits nowhere."""
    closed: bool = False

    def __post_init__(self) -> None:
        self.heard_sample = self.sample_touched
        self.heard_server = self.server_touched

    def __repr__(self) -> str:
        return object.__repr__(self)

    def touch(self, sample: int, server: int) -> None:
        """Moves the touch forward; it never goes back."""
        if sample > self.sample_touched:
            self.sample_touched = sample
        if server > self.server_touched:
            self.server_touched = server


def touch_all(rows: Iterable[Entity], sample: int, server: int) -> None:
    """Moves the touch of each forward, as its own `touch` does."""
    for row in rows:
        if sample > row.sample_touched:
            row.sample_touched = sample
        if server > row.server_touched:
            row.server_touched = server


class Call(Entity):
    """A call: what happens in one room from its first client until it has been idle for too long.

    `number` counts calls and clients in the order in which this replica made them; like the memory of an entity, it is
    read by no command and stands in no snapshot.
    """

    service_id: str
    room_id: str
    call_id: str
    number: int
    started: int
    marker: str | None
    clients: dict[str, "Client"] = {}
    ssrcs: dict[int, "Claims"] = {}
    """Outbound tracks without an SFU stream, by each of their SSRCs."""
    oldest: tuple[int, ...] = ()
    """For each kind of row from the call down, in the order of `Sweep`: all of the call were touched at that server
    time or later, for good. What this replica remembers of its last look through them (`store.idleness`)."""


class Client(Entity):
    """A participant of a call. `origin` is the node that committed its last touch; `number` is as that of a call."""

    call: Call
    client_id: str
    number: int
    joined: int
    media_unit_id: str
    user_id: str | None
    marker: str | None
    time_zone_offset: int | float | None
    origin: str
    peer_connections: dict[str, "PeerConnection"] = {}


class PeerConnection(Entity):
    """A peer connection of a client."""

    client: Client
    peer_connection_id: str
    opened: int
    tracks: dict["TrackKey", "MediaTrack"] = {}


class MediaTrack(Entity):
    """A media track on a peer connection, with every SSRC it was seen with (the newest last).

    `claimed` numbers the last change of its SSRCs or SFU ids: of two tracks that claim the same, the higher one holds.
    """

    peer_connection: PeerConnection
    direction: str
    media_kind: str
    track_id: str
    added: int
    ssrcs: tuple[int, ...] = ()
    sfu_stream_id: str | None = None
    sfu_sink_id: str | None = None
    claimed: int = 0

    @property
    def key(self) -> TrackKey:
        """Its name within its peer connection."""
        return (self.direction, self.media_kind, self.track_id)


Claims = MediaTrack | dict[MediaTrack, None]
"""Who claims one SSRC, SFU stream or SFU sink: the one track, or several in the order of their claims. `store.claims`
reads and changes it; a dictionary for each of a million tracks that are alone would cost as much as the tracks."""


class Sfu(Entity):
    """A selective forwarding unit of a service. `origin` and `number` are as those of a client."""

    service_id: str
    sfu_id: str
    number: int
    joined: int
    media_unit_id: str
    marker: str | None
    time_zone_offset: int | float | None
    origin: str
    transports: dict[str, "SfuTransport"] = {}
    oldest: tuple[int, ...] = ()
    """As that of a call, from the SFU down."""


class SfuTransport(Entity):
    """A transport of an SFU; an `internal` one leads to another SFU. `number` is as that of a client."""

    sfu: Sfu
    transport_id: str
    number: int
    internal: bool
    opened: int
    pads: dict["PadKey", "RtpPad"] = {}
    channels: dict[str, "SctpChannel"] = {}


PadKey = tuple[str, str]
"""Direction and id of a pad: its name within its transport."""


class RtpPad(Entity):
    """An RTP stream on a transport of an SFU, which receives it (inbound) or sends it (outbound)."""

    transport: SfuTransport
    direction: str
    pad_id: str
    added: int
    internal: bool
    stream_id: str | None
    sink_id: str | None
    ssrc: int | None

    @property
    def key(self) -> PadKey:
        """Its name within its transport."""
        return (self.direction, self.pad_id)


class SctpChannel(Entity):
    """An SCTP channel on a transport of an SFU."""

    transport: SfuTransport
    channel_id: str
    stream_id: str | None
    opened: int


Unit = Call | Client | Sfu | SfuTransport
"""What is written as one when it is about to change: a client or a transport with all below it, a call or SFU alone."""


def unit_of(row: Entity) -> Unit:
    """What a row is a part of."""
    match row:
        case MediaTrack():
            return row.peer_connection.client
        case PeerConnection():
            return row.client
        case RtpPad() | SctpChannel():
            return row.transport
        case Call() | Client() | Sfu() | SfuTransport():
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


def take_apart(call: Call) -> None:
    """Ends all cycles between the rows of a call, so that they are freed with the last who refers to them."""
    for client in call.clients.values():
        for peer_connection in client.peer_connections.values():
            peer_connection.tracks.clear()
        client.peer_connections.clear()
    call.clients.clear()
    call.ssrcs.clear()


def below_sfu(sfu: Sfu) -> Iterator[Entity]:
    """Every row of an SFU, children before their parents, the SFU itself last."""
    for transport in sfu.transports.values():
        yield from transport.pads.values()
        yield from transport.channels.values()
        yield transport
    yield sfu


def take_apart_sfu(sfu: Sfu) -> None:
    """Ends all cycles between the rows of an SFU."""
    for transport in sfu.transports.values():
        transport.pads.clear()
        transport.channels.clear()
    sfu.transports.clear()
