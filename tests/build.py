"""Builders with good defaults: commands of the registry, and samples as clients write them.

A test names only what it is about. Times are ms; a command is of the time `NOW` unless told otherwise, and what it
shows was sampled at that time. Ids default to one of each: service ``service``, room ``lobby``, client ``alice``, peer
connection ``pc``, track ``mic``.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from store.commands import (
    CALL,
    CLIENT,
    PEER_CONNECTION,
    SFU,
    TRACK,
    ClientSeen,
    ClientTouch,
    Command,
    Happening,
    Leave,
    PeerConnectionSeen,
    RtpPadSeen,
    SctpChannelSeen,
    SfuHappening,
    SfuSeen,
    SfuTransportSeen,
    Sweep,
    Touch,
    TrackKey,
    TrackSeen,
)
from store.entities import AUDIO, INBOUND, OUTBOUND
from store.registry import Registry

NOW = 1_000_000
LIMITS = Sweep(
    call=10_000,
    client=8_000,
    peer_connection=6_000,
    inbound_track=4_000,
    outbound_track=2_000,
    sfu=9_000,
    sfu_transport=7_000,
    sfu_inbound_pad=5_000,
    sfu_outbound_pad=3_000,
    sfu_sctp_channel=1_000,
)
"""Idle limits that all differ, the shorter the lower the row stands."""

Item = dict[str, Any]


def track_seen(
    track_id: str = "mic",
    *,
    direction: str = OUTBOUND,
    kind: str = AUDIO,
    at: int = NOW,
    ssrcs: Sequence[int] = (1,),
    stream: str | None = None,
    sink: str | None = None,
) -> TrackSeen:
    """A track, as one sample of the time `at` shows it."""
    return TrackSeen(direction, kind, track_id, at, at, ssrcs, stream, sink)


def inbound_seen(track_id: str = "speaker", *, at: int = NOW, ssrcs: Sequence[int] = (1,)) -> TrackSeen:
    """An inbound track."""
    return track_seen(track_id, direction=INBOUND, at=at, ssrcs=ssrcs)


def peer_connection_seen(*tracks: TrackSeen, id: str = "pc", at: int = NOW) -> PeerConnectionSeen:
    """A peer connection with these of its tracks."""
    return PeerConnectionSeen(id, at, at, tracks)


def client_seen(
    client: str = "alice",
    *peer_connections: PeerConnectionSeen,
    service: str = "service",
    room: str = "lobby",
    spare_call: str = "call",
    own_call: str | None = None,
    at: int = NOW,
    media_unit: str = "unit",
    user: str | None = None,
    marker: str | None = None,
    zone: float | None = None,
) -> ClientSeen:
    """A client: `spare_call` is the id for a call that must be made, `own_call` the one that the client itself gave."""
    call_id, own = (spare_call, False) if own_call is None else (own_call, True)
    return ClientSeen(service, room, client, call_id, own, at, at, media_unit, user, marker, zone, peer_connections)


def client_with(*tracks: TrackSeen, client: str = "alice", at: int = NOW, **fields: Any) -> ClientSeen:
    """A client with these tracks on one peer connection; `fields` are those of `client_seen`."""
    return client_seen(client, peer_connection_seen(*tracks, at=at), at=at, **fields)


def rtp_pad_seen(
    pad_id: str = "pad",
    *,
    direction: str = INBOUND,
    at: int = NOW,
    internal: bool = False,
    stream: str | None = "stream",
    sink: str | None = None,
    ssrc: int | None = 1,
) -> RtpPadSeen:
    """An RTP pad of an SFU."""
    return RtpPadSeen(direction, pad_id, at, at, internal, stream, sink, ssrc)


def outbound_pad_seen(
    pad_id: str = "out", *, at: int = NOW, internal: bool = False, sink: str | None = "sink", **fields: Any
) -> RtpPadSeen:
    """An outbound RTP pad; `fields` are those of `rtp_pad_seen`."""
    return rtp_pad_seen(pad_id, direction=OUTBOUND, at=at, internal=internal, sink=sink, **fields)


def sctp_channel_seen(channel_id: str = "channel", *, at: int = NOW, stream: str | None = "data") -> SctpChannelSeen:
    """An SCTP channel of an SFU."""
    return SctpChannelSeen(channel_id, stream, at, at)


def sfu_transport_seen(
    *below: RtpPadSeen | SctpChannelSeen, id: str = "transport", at: int = NOW, internal: bool = False
) -> SfuTransportSeen:
    """A transport of an SFU with these of its pads and channels."""
    pads = [row for row in below if isinstance(row, RtpPadSeen)]
    channels = [row for row in below if isinstance(row, SctpChannelSeen)]
    return SfuTransportSeen(id, internal, at, at, pads, channels)


def sfu_seen(
    *transports: SfuTransportSeen,
    sfu: str = "sfu",
    service: str = "service",
    at: int = NOW,
    media_unit: str = "unit",
    marker: str | None = None,
    zone: float | None = None,
) -> SfuSeen:
    """An SFU with these of its transports."""
    return SfuSeen(service, sfu, at, at, media_unit, marker, zone, transports)


def sfu_with(*below: RtpPadSeen | SctpChannelSeen, sfu: str = "sfu", at: int = NOW, **fields: Any) -> SfuSeen:
    """An SFU with these pads and channels on one transport; `fields` are those of `sfu_seen`."""
    return sfu_seen(sfu_transport_seen(*below, at=at), sfu=sfu, at=at, **fields)


def observe_sfus(origin: str, seq: int, *sfus: SfuSeen, now: int = NOW) -> Command:
    """The node `origin` tells, as its number `seq`, what samples of SFUs showed."""
    return Command(origin, seq, now, 0, sfus=sfus)


def sfu_leaves(origin: str, seq: int, *sfus: str, certain: bool = True, now: int = NOW) -> Command:
    """SFUs leave."""
    return Command(origin, seq, now, 0, leaves=[Leave(SFU, "service", sfu, certain) for sfu in sfus])


def observe(
    origin: str, seq: int, *seen: ClientSeen, now: int = NOW, mark: int = 0, touches: Iterable[Touch | ClientTouch] = ()
) -> Command:
    """The node `origin` tells, as its number `seq`, what samples showed."""
    every = list(touches)
    clients = [touch for touch in every if isinstance(touch, ClientTouch)]
    rows = [touch for touch in every if isinstance(touch, Touch)]
    return Command(origin, seq, now, mark, rows, seen, clients=clients)


def leave(origin: str, seq: int, *clients: str, certain: bool = True, now: int = NOW) -> Command:
    """Clients leave."""
    return Command(origin, seq, now, 0, leaves=[Leave(CLIENT, "service", client, certain) for client in clients])


def sweep(origin: str, seq: int, *, now: int, limits: Sweep = LIMITS) -> Command:
    """What was idle for too long closes."""
    return Command(origin, seq, now, 0, sweep=limits)


def gone(origin: str, seq: int, *names: str, seen: Sequence[ClientSeen] = (), now: int = NOW) -> Command:
    """Other nodes will never report again; their heir is `origin`."""
    return Command(origin, seq, now, 0, seen=seen, gone=names)


def touch_call(call_id: str = "call", *, room: str = "lobby", at: int = NOW, age: int = 0) -> Touch:
    """The last touch of a call."""
    return Touch(CALL, ("service", room, call_id), at, age)


def touch_client(client: str = "alice", *, at: int = NOW, age: int = 0) -> Touch:
    """The last touch of a client."""
    return Touch(CLIENT, ("service", client), at, age)


def touch_peer_connection(id: str = "pc", *, client: str = "alice", at: int = NOW, age: int = 0) -> Touch:
    """The last touch of a peer connection."""
    return Touch(PEER_CONNECTION, ("service", client, id), at, age)


def touch_track(track_id: str = "mic", *, direction: str = OUTBOUND, at: int = NOW, age: int = 0) -> Touch:
    """The last touch of an audio track of alice."""
    return Touch(TRACK, ("service", "alice", "pc", direction, AUDIO, track_id), at, age)


def touch_sfu(*path: str, what: str = SFU, at: int = NOW, age: int = 0) -> Touch:
    """The last touch of an SFU, or of what `path` leads to within the SFU."""
    return Touch(what, ("service", "sfu", *path), at, age)


def touch_of_client(
    *peer_connections: tuple[str, Sequence[TrackKey]], call: str = "call", at: int = NOW, age: int = 0, all_of: int = 0
) -> ClientTouch:
    """The last touch of alice, of her call, and of what is named below her, or of all that is: so many rows."""
    return ClientTouch("service", "alice", call, at, age, all_of or peer_connections)


def registry_of(*seen: ClientSeen, now: int = NOW) -> Registry:
    """A registry that the node n1 told this, as its number 1."""
    registry = Registry()
    registry.apply(observe("n1", 1, *seen, now=now))
    return registry


def expired(limit: int) -> int:
    """The first time at which what was touched at `NOW` has expired."""
    return NOW + limit + limit // 10 + 1


def told(happenings: Iterable[Happening]) -> list[tuple[str, str]]:
    """What kind of row each tells of, and the row's own id."""
    return [
        (entry.what, entry.track_id or entry.peer_connection_id or entry.client_id or entry.call_id)
        for entry in happenings
    ]


def sfu_told(happenings: Iterable[SfuHappening]) -> list[tuple[str, str]]:
    """The same of the rows of SFUs."""
    return [
        (entry.what, entry.pad_id or entry.channel_id or entry.transport_id or entry.sfu_id) for entry in happenings
    ]


def track_json(track: str = "mic", *, peer_connection: str = "pc", ssrc: int = 1, **fields: object) -> Item:
    """One entry of a track list, as a client writes it."""
    return {"trackId": track, "peerConnectionId": peer_connection, "ssrc": ssrc, **fields}


def transport_json(peer_connection: str = "pc", **fields: object) -> Item:
    """One entry of ``pcTransports``, as a client writes it."""
    return {"peerConnectionId": peer_connection, "transportId": f"transport of {peer_connection}", **fields}


def sample_json(client: str = "alice", *, room: str = "lobby", at: int = NOW, **fields: object) -> Item:
    """One ClientSample, as a client writes it; `fields` bear the names of the schema."""
    return {"clientId": client, "roomId": room, "timestamp": at, **fields}


def samples_json(*clients: Item, **fields: object) -> Item:
    """One Samples message."""
    return {"clientSamples": list(clients), **fields}
