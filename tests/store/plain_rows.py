"""The rows of the plain registry."""

from dataclasses import dataclass, field

from msgspec.structs import replace

from store.commands import ClientSeen, Happening, Outcome


@dataclass(eq=False)
class Row:
    """When a row was last touched."""

    sample: int
    server: int

    def touch(self, sample: int, server: int) -> None:
        """Never goes back."""
        self.sample, self.server = max(self.sample, sample), max(self.server, server)


@dataclass(eq=False)
class Track(Row):
    """A track."""

    key: tuple[str, str, str]
    ssrcs: list[int] = field(default_factory=list)
    stream: str | None = None
    sink: str | None = None
    claimed: int = 0


@dataclass(eq=False)
class PeerConnection(Row):
    """A peer connection."""

    name: str
    tracks: list[Track] = field(default_factory=list)


@dataclass(eq=False)
class Client(Row):
    """A client; `first` is the entry that made it."""

    first: ClientSeen
    origin: str
    peer_connections: list[PeerConnection] = field(default_factory=list)


@dataclass(eq=False)
class Call(Row):
    """A call; the `current` one of a room takes its new clients."""

    service: str
    room: str
    name: str
    marker: str | None
    current: bool = True
    clients: list[Client] = field(default_factory=list)


@dataclass(eq=False)
class Origin:
    """What is kept of a node."""

    seq: int = 0
    last: Outcome = field(default_factory=Outcome)
    untold: list[tuple[int, Outcome]] = field(default_factory=list)


Path = tuple[Call, Client | None, PeerConnection | None, Track | None]
"""A row with its parents; what is below it is ``None``."""


KINDS = ("call", "client", "peerConnection", "track")


def last(path: Path) -> Row:
    """The row that a path leads to."""
    return [row for row in path if row is not None][-1]


def path_of(path: Path) -> tuple[str, ...]:
    """Kind and path, as a touch writes them."""
    call, client, peer_connection, track = path
    if client is None:
        return KINDS[0], call.service, call.room, call.name
    names = (call.service, client.first.client_id)
    if peer_connection is None:
        return KINDS[1], *names
    if track is None:
        return KINDS[2], *names, peer_connection.name
    return KINDS[3], *names, peer_connection.name, *track.key


def happening(path: Path, timestamp: int) -> Happening:
    """What is told when the row opens or closes."""
    call, client, peer_connection, track = path
    told = Happening(path_of(path)[0], call.service, call.room, call.name, timestamp)
    if client is None:
        return replace(told, marker=call.marker)
    first = client.first
    told = replace(
        told,
        media_unit_id=first.media_unit_id,
        client_id=first.client_id,
        user_id=first.user_id,
        marker=first.marker,
        time_zone_offset=first.time_zone_offset,
    )
    if peer_connection:
        told = replace(told, peer_connection_id=peer_connection.name)
    if track:
        direction, kind, name = track.key
        told = replace(told, direction=direction, media_kind=kind, track_id=name, ssrcs=tuple(track.ssrcs))
        told = replace(told, sfu_stream_id=track.stream, sfu_sink_id=track.sink)
    return told
