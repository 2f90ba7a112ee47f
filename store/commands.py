"""Commands: everything that changes the registry, as values that travel as bytes, and the outcomes they give.

A command carries its own time and its own fresh ids, so that applying it needs no clock and no chance. It goes over the
wire as a JSON array in the order of the fields; `encode` and `decode` are exact inverses.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import orjson

CALL = "call"
CLIENT = "client"
PEER_CONNECTION = "peerConnection"
TRACK = "track"
SFU = "sfu"
SFU_TRANSPORT = "sfuTransport"
RTP_PAD = "rtpPad"
SCTP_CHANNEL = "sctpChannel"

TrackKey = tuple[str, str, str]
"""Direction, media kind and id of a track: its name within its peer connection."""

NO_MEMBER = "this node is no longer part of the cluster"
"""Why a command of an origin fails that another command said is gone."""


class TrackSeen(NamedTuple):
    """A track that a sample showed: `first` and `last` are the earliest and latest sample times, in ms."""

    direction: str
    media_kind: str
    track_id: str
    first: int
    last: int
    ssrcs: Sequence[int]
    sfu_stream_id: str | None
    sfu_sink_id: str | None


class PeerConnectionSeen(NamedTuple):
    """A peer connection that a sample showed, with those of its tracks that are new, changed or due for a touch."""

    peer_connection_id: str
    first: int
    last: int
    tracks: Sequence[TrackSeen]


class ClientSeen(NamedTuple):
    """A client that a sample showed.

    `call_id` is the id for a call that must be made for its room (`own_call_id` false: the observer assigns call ids),
    or the id that the client itself gave (`own_call_id` true).
    """

    service_id: str
    room_id: str
    client_id: str
    call_id: str
    own_call_id: bool
    first: int
    last: int
    media_unit_id: str
    user_id: str | None
    marker: str | None
    time_zone_offset: int | float | None
    peer_connections: Sequence[PeerConnectionSeen]


class RtpPadSeen(NamedTuple):
    """An RTP pad that a sample of an SFU showed; what the sample does not tell of it is ``None``."""

    direction: str
    pad_id: str
    first: int
    last: int
    internal: bool
    stream_id: str | None
    sink_id: str | None
    ssrc: int | None


class SctpChannelSeen(NamedTuple):
    """An SCTP channel that a sample of an SFU showed."""

    channel_id: str
    stream_id: str | None
    first: int
    last: int


class SfuTransportSeen(NamedTuple):
    """A transport that a sample of an SFU showed, with those of its pads and channels that are new, changed or due.

    `internal` counts if the transport is new: it is that of the pad or channel that names it, if nothing else does.
    """

    transport_id: str
    internal: bool
    first: int
    last: int
    pads: Sequence[RtpPadSeen]
    channels: Sequence[SctpChannelSeen]


class SfuSeen(NamedTuple):
    """An SFU that a sample showed, with those of its transports that are new, changed or due for a touch."""

    service_id: str
    sfu_id: str
    first: int
    last: int
    media_unit_id: str
    marker: str | None
    time_zone_offset: int | float | None
    transports: Sequence[SfuTransportSeen]


class Touch(NamedTuple):
    """The exact last touch of a row that is there already.

    `what` is that of the row's happening; `path` is (service, room, call), (service, client), (service, client, peer
    connection), (service, client, peer connection, direction, media kind, track), (service, SFU), (service, SFU,
    transport), (service, SFU, transport, direction, pad) or (service, SFU, transport, channel). `age` is how many ms
    before the command the sample was heard.
    """

    what: str
    path: Sequence[str]
    sample: int
    age: int


class ClientTouch(NamedTuple):
    """The exact last touch of a client that is there already, and of what stands below it and was heard with it.

    It counts only while the client is in the call of this id, which is touched as well. `below` names the peer
    connections that are touched, each with those of its tracks that are; or all are, and it is their number when the
    touch was made. What another node opened meanwhile is then touched along: harmless, for it was heard about then,
    nothing goes back, and its client was there at that time. `sample` and `age` are as those of a touch.
    """

    service_id: str
    client_id: str
    call_id: str
    sample: int
    age: int
    below: Sequence[tuple[str, Sequence[TrackKey]]] | int

    @property
    def rows(self) -> int:
        """How many rows it touches, as far as who made it knew."""
        below = self.below
        return 2 + (below if isinstance(below, int) else sum([1 + len(tracks) for _, tracks in below]))


class Leave(NamedTuple):
    """A client or an SFU leaves: `what` is ``client`` or ``sfu``, `id` its own.

    Unless `certain`, only if the node that says so is the one that heard it last.
    """

    what: str
    service_id: str
    id: str
    certain: bool


class Sweep(NamedTuple):
    """Closes what was idle for longer than its limit and a tenth of it; limits are in ms."""

    call: int
    client: int
    peer_connection: int
    inbound_track: int
    outbound_track: int
    sfu: int
    sfu_transport: int
    sfu_inbound_pad: int
    sfu_outbound_pad: int
    sfu_sctp_channel: int


class Keep(NamedTuple):
    """A value that all nodes hold under a key of its kind, until it was not said again for `ttl` ms.

    Without a `value`, the one that is there was said again. `age` is how many ms before the command that was.
    """

    kind: str
    key: str
    value: bytes | None
    ttl: int
    age: int = 0


class Command(NamedTuple):
    """One change of the registry, proposed by `origin` as its number `seq` at the time `now` (ms since the epoch).

    `mark` is the highest number of `origin` whose outcome has been delivered. The parts apply in the order of the
    fields, but for `clients`, which come before all others: commands were written without them once, and can be read.
    `gone` names origins that will never report again: what they had not told is told with this outcome, and what they
    proposed but comes later fails. `keep` are values to be kept; `forget` lets go of those that were silent for their
    time: it tells since when `origin` has listened, for only silence after that counts (ms).
    """

    origin: str
    seq: int
    now: int
    mark: int
    touches: Sequence[Touch] = ()
    seen: Sequence[ClientSeen] = ()
    sfus: Sequence[SfuSeen] = ()
    leaves: Sequence[Leave] = ()
    sweep: Sweep | None = None
    gone: Sequence[str] = ()
    clients: Sequence[ClientTouch] = ()
    keep: Sequence[Keep] = ()
    forget: int | None = None


class Happening(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, gc=False):
    """That a call, client, peer connection or track opened or closed, with all that its event tells.

    `what` is ``call``, ``client``, ``peerConnection`` or ``track``. `timestamp` is in ms since the epoch.
    """

    what: str
    service_id: str
    room_id: str
    call_id: str
    timestamp: int
    media_unit_id: str | None = None
    client_id: str | None = None
    user_id: str | None = None
    marker: str | None = None
    time_zone_offset: int | float | None = None
    peer_connection_id: str | None = None
    track_id: str | None = None
    direction: str | None = None
    media_kind: str | None = None
    ssrcs: tuple[int, ...] = ()
    sfu_stream_id: str | None = None
    sfu_sink_id: str | None = None


class SfuHappening(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, gc=False):
    """That an SFU, or a transport, RTP pad or SCTP channel of it, opened or closed, with all that its event tells.

    `what` is ``sfu``, ``sfuTransport``, ``rtpPad`` or ``sctpChannel``; what does not apply to that is ``None``.
    `timestamp` is in ms since the epoch.
    """

    what: str
    service_id: str
    sfu_id: str
    timestamp: int
    media_unit_id: str | None = None
    marker: str | None = None
    transport_id: str | None = None
    internal: bool | None = None
    direction: str | None = None
    pad_id: str | None = None
    stream_id: str | None = None
    sink_id: str | None = None
    channel_id: str | None = None
    sctp_stream_id: str | None = None


class Outcome(NamedTuple):
    """What a command did.

    `opened` and `sfus_opened` list parents before children, `closed` and `sfus_closed` children before parents. `calls`
    holds for each entry of ``Command.seen`` the id of the call that it was put in, or ``None`` if it was put in none.
    `failed` says why a command could not be applied at all; nothing has changed then.
    """

    opened: Sequence[Happening] = ()
    closed: Sequence[Happening] = ()
    calls: Sequence[str | None] = ()
    failed: str | None = None
    sfus_opened: Sequence[SfuHappening] = ()
    sfus_closed: Sequence[SfuHappening] = ()


class MalformedCommand(ValueError):
    """Bytes that are no command."""


def encode(command: Command) -> bytes:
    """The command as bytes.

    One without values is written as it was before there were any: nodes that do not know of them can read it.
    """
    if command.keep:
        return orjson.dumps(command, default=_plain)
    return orjson.dumps(command if command.forget is not None else command[:_WITHOUT_VALUES], default=tuple)


def decode(data: bytes) -> Command:
    """The command that `encode` gave; raises `MalformedCommand` for bytes that no command gives."""
    try:
        command = Command(*_decoder.decode(data))
    except (ValueError, RecursionError) as error:
        raise MalformedCommand(str(error)) from error
    for touch in command.touches:
        if len(touch.path) != _PATH_LENGTHS.get(touch.what):
            raise MalformedCommand("a touch whose path leads to no row")
    for leave in command.leaves:
        if leave.what not in (CLIENT, SFU):
            raise MalformedCommand("what leaves is neither a client nor an SFU")
    return command


class _Written(NamedTuple):
    """A command as it is written: with all of its fields, but for the last ones, which once were not there."""

    origin: str
    seq: int
    now: int
    mark: int
    touches: list[Touch]
    seen: list[ClientSeen]
    sfus: list[SfuSeen]
    leaves: list[Leave]
    sweep: Sweep | None
    gone: list[str]
    clients: Sequence[ClientTouch] = ()
    keep: tuple[Keep, ...] = ()
    forget: int | None = None


def _plain(part: tuple[object, ...] | bytes) -> object:
    return b64encode(part).decode() if isinstance(part, bytes) else tuple(part)


_WITHOUT_VALUES = Command._fields.index("keep")
_decoder = msgspec.json.Decoder(_Written)
_PATH_LENGTHS = {
    CALL: 3,
    CLIENT: 2,
    PEER_CONNECTION: 3,
    TRACK: 6,
    SFU: 2,
    SFU_TRANSPORT: 3,
    RTP_PAD: 5,
    SCTP_CHANNEL: 4,
}
