"""Plausible WebRTC calls, planned in advance: who comes and goes, and whom each one hears.

A call is a plan, drawn once from a seeded `Random`; nothing here knows a clock or a socket, and the same seed gives the
same call. All times are seconds since the call began. The plan is the ground truth: `Call.receptions` names every
stream that anybody hears, with the stream it comes from. What the clients say about it: `observer.simulation.samples`.
"""

from dataclasses import dataclass, field
from random import Random
from uuid import UUID

SETUP_TIME = 0.3
"""How long a peer connection takes to open once both sides are there, at most. (s)"""

LARGEST_STAGGER = 0.3
"""Above this share of a call, those who come late would miss those who leave early."""

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj")


@dataclass(frozen=True, slots=True)
class CallShape:
    """What kind of call is wanted.

    `stagger` is the share of the call's `seconds` in which people come, and in which they go: 0 to `LARGEST_STAGGER`.
    With `one_leaves_early` the last of three or more participants goes in the middle.
    """

    participants: int = 3
    seconds: float = 60.0
    sfu: bool = False
    screen_share: bool = False
    stagger: float = 0.25
    one_leaves_early: bool = True


@dataclass(frozen=True, slots=True)
class Media:
    """What a stream carries. Rates are packets and frames a second, `packet_size` bytes of payload, `height` pixels."""

    kind: str
    source: str
    packet_rate: float
    packet_size: int
    frame_rate: int = 0
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Participant:
    """One client of a call. It is there from `joins` until `leaves`."""

    client_id: str
    user_id: str
    joins: float
    leaves: float
    system: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One side of a transport: its ICE user fragment, candidate, address and DTLS certificate."""

    fragment: str
    candidate_id: str
    address: str
    port: int
    fingerprint: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Connection:
    """One peer connection as its owner `client_id` sees it; the other side is another client or the SFU."""

    peer_connection_id: str
    client_id: str
    opened: float
    closed: float
    local: Endpoint
    remote: Endpoint
    offers: bool
    round_trip: float


@dataclass(frozen=True, slots=True)
class Stream:
    """One outbound RTP stream of `client_id` on one of its connections; the share `loss` of its packets is lost."""

    client_id: str
    peer_connection_id: str
    track_id: str
    ssrc: int
    rtx_ssrc: int
    media: Media
    starts: float
    ends: float
    loss: float
    sfu_stream_id: str | None


@dataclass(frozen=True, slots=True)
class Reception:
    """One inbound RTP stream: `client_id` hears (or sees) `stream`. Without an SFU the SSRC is the sender's."""

    client_id: str
    peer_connection_id: str
    track_id: str
    ssrc: int
    rtx_ssrc: int
    starts: float
    ends: float
    loss: float
    sfu_sink_id: str | None
    stream: Stream


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something the application tells the observer in a custom call event."""

    client_id: str
    at: float
    name: str
    value: str
    peer_connection_id: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """The plan of one call. Every reception lasts at least a tenth of its `seconds`."""

    room_id: str
    seconds: float
    participants: tuple[Participant, ...]
    connections: tuple[Connection, ...]
    streams: tuple[Stream, ...]
    receptions: tuple[Reception, ...]
    occurrences: tuple[Occurrence, ...]


def plan_call(rng: Random, shape: CallShape) -> Call:
    """Draws a call of that shape. Raises `ValueError` for a shape that cannot be."""
    if shape.participants < 2 or shape.seconds <= 0 or not 0 <= shape.stagger <= LARGEST_STAGGER:
        raise ValueError("a call has at least 2 participants, lasts more than 0 s, and its stagger is 0 to 0.3")
    people = _participants(rng, shape)
    tracks = [track for person in people for track in _local_tracks(rng, person, shape)]
    plan = _Wiring(rng, min(SETUP_TIME, shape.seconds / 100))
    if shape.sfu:
        _through_sfu(plan, people, tracks)
    else:
        _mesh(plan, people, tracks)
    return Call(
        "room-" + f"{rng.getrandbits(32):08x}",
        shape.seconds,
        people,
        tuple(plan.connections),
        tuple(plan.streams),
        tuple(plan.receptions),
        _occurrences(rng, people, plan.connections),
    )


def _participants(rng: Random, shape: CallShape) -> tuple[Participant, ...]:
    """The first opens the call and one of them closes it."""
    people = []
    edge = shape.stagger * shape.seconds
    for n in range(shape.participants):
        joins = rng.uniform(0, edge) if n else 0.0
        leaves = shape.seconds - (rng.uniform(0, edge) if n != 1 else 0.0)
        if shape.one_leaves_early and n >= 2 and n == shape.participants - 1:
            leaves = rng.uniform(0.5, 0.6) * shape.seconds
        name = NAMES[n % len(NAMES)] + (str(n // len(NAMES) + 1) if n >= len(NAMES) else "")
        people.append(Participant(fresh_id(rng), name, joins, leaves, rng.randrange(1000)))
    return tuple(people)


@dataclass(frozen=True, slots=True)
class _LocalTrack:
    owner: Participant
    track_id: str
    media: Media
    starts: float
    ends: float
    sfu_stream_id: str | None


def _local_tracks(rng: Random, person: Participant, shape: CallShape) -> list[_LocalTrack]:
    """Microphone and camera of everybody; with `screen_share` the first one also shows a screen in the middle."""
    lengths = (person.joins, person.leaves)
    audio = Media("audio", "microphone", 50.0, rng.randint(55, 75))
    frame_rate = rng.choice((15, 24, 30))
    video = Media("video", "camera", frame_rate * 2.2, rng.randint(780, 1050), frame_rate, 640, 480)
    planned = [(audio, *lengths), (video, *lengths)]
    if shape.screen_share and person.joins == 0:
        screen = Media("video", "screen", 18.0, rng.randint(900, 1100), 5, 1920, 1080)
        planned.append((screen, rng.uniform(0.3, 0.4) * shape.seconds, rng.uniform(0.62, 0.68) * shape.seconds))
    return [_LocalTrack(person, fresh_id(rng), *track, fresh_id(rng) if shape.sfu else None) for track in planned]


@dataclass(slots=True)
class _Wiring:
    """The plan while it is made; the SSRCs of a call are all different."""

    rng: Random
    setup: float
    connections: list[Connection] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    receptions: list[Reception] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    def ssrc(self) -> int:
        while True:
            value = self.rng.randint(1, 2**32 - 1)
            if value not in self.used:
                self.used.add(value)
                return value

    def connect(
        self,
        owner: Participant,
        span: tuple[float, float],
        ends: tuple[Endpoint, Endpoint],
        rtt: float,
        *,
        offers: bool,
    ) -> str:
        self.connections.append(Connection(fresh_id(self.rng), owner.client_id, *span, *ends, offers, rtt))
        return self.connections[-1].peer_connection_id

    def send(self, track: _LocalTrack, connection_id: str, span: tuple[float, float]) -> Stream:
        starts, ends = max(track.starts, span[0]), min(track.ends, span[1])
        loss = self.rng.choice((0.0, 0.0, 0.002, 0.01))
        identity = (track.owner.client_id, connection_id, track.track_id, self.ssrc(), self.ssrc())
        self.streams.append(Stream(*identity, track.media, starts, ends, loss, track.sfu_stream_id))
        return self.streams[-1]


def _mesh(plan: _Wiring, people: tuple[Participant, ...], tracks: list[_LocalTrack]) -> None:
    """Each pair is joined by one peer connection, an end at each side, for as long as both are there."""
    for n, early in enumerate(people):
        for late in people[n + 1 :]:
            span = (max(early.joins, late.joins) + plan.setup, min(early.leaves, late.leaves))
            here, there = endpoint(plan.rng), endpoint(plan.rng)
            rtt = plan.rng.uniform(0.002, 0.12)
            offering = plan.connect(late, span, (here, there), rtt, offers=True)
            answering = plan.connect(early, span, (there, here), rtt, offers=False)
            directions = ((late, early, offering, answering), (early, late, answering, offering))
            for sender, receiver, sending, receiving in directions:
                for track in tracks:
                    if track.owner is sender:
                        stream = plan.send(track, sending, span)
                        _hear(plan, receiver, receiving, stream, same_track_id=sender is late)


def _hear(plan: _Wiring, receiver: Participant, connection_id: str, stream: Stream, *, same_track_id: bool) -> None:
    """As in Chromium: the track has the sender's id only where the remote offer made the transceiver."""
    track_id = stream.track_id if same_track_id else fresh_id(plan.rng)
    identity = (receiver.client_id, connection_id, track_id, stream.ssrc, stream.rtx_ssrc)
    plan.receptions.append(Reception(*identity, stream.starts, stream.ends, stream.loss, None, stream))


def _through_sfu(plan: _Wiring, people: tuple[Participant, ...], tracks: list[_LocalTrack]) -> None:
    """Everybody publishes on one peer connection and subscribes on another; what the SFU passes on has its own SSRC."""
    subscriptions = {}
    for person in people:
        span = (person.joins + plan.setup, person.leaves)
        rtt = plan.rng.uniform(0.005, 0.06)
        sides = [(endpoint(plan.rng), endpoint(plan.rng)) for _ in range(2)]
        publishes = plan.connect(person, span, sides[0], rtt, offers=True)
        subscriptions[person.client_id] = plan.connect(person, span, sides[1], rtt, offers=False)
        for track in tracks:
            if track.owner is person:
                plan.send(track, publishes, span)
    for stream in plan.streams:
        for person in people:
            if person.client_id != stream.client_id:
                starts, ends = max(stream.starts, person.joins + plan.setup), min(stream.ends, person.leaves)
                here = (person.client_id, subscriptions[person.client_id], fresh_id(plan.rng))
                ssrcs = (plan.ssrc(), plan.ssrc())
                loss = plan.rng.choice((0.0, 0.0, 0.005))
                plan.receptions.append(Reception(*here, *ssrcs, starts, ends, loss, fresh_id(plan.rng), stream))


def _occurrences(rng: Random, people: tuple[Participant, ...], connections: list[Connection]) -> tuple[Occurrence, ...]:
    """The states of every connection as it opens, and now and then a raised hand."""
    told = []
    for wire in connections:
        for state in ("connecting", "connected"):
            told.append(
                Occurrence(wire.client_id, wire.opened, "CONNECTION_STATE_CHANGED", state, wire.peer_connection_id)
            )
    for n, person in enumerate(people):
        if n == 0 or rng.random() < 0.2:
            at = rng.uniform(person.joins + 0.3 * (person.leaves - person.joins), 0.7 * person.leaves)
            told.append(Occurrence(person.client_id, max(at, person.joins), "HAND_RAISED", person.user_id))
    return tuple(told)


def fresh_id(rng: Random) -> str:
    """A random UUID as text."""
    return str(UUID(int=rng.getrandbits(128), version=4))


_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def endpoint(rng: Random) -> Endpoint:
    """One side of a transport, with an address of the networks that are reserved for documentation (RFC 5737)."""
    return Endpoint(
        "".join(rng.choices(_BASE64, k=4)),
        "I" + "".join(rng.choices(_BASE64, k=8)),
        f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randint(1, 254)}",
        rng.randint(32768, 60999),
        ":".join(f"{byte:02X}" for byte in rng.randbytes(32)),
        "MIIB" + "".join(rng.choices(_BASE64, k=372)),
    )
