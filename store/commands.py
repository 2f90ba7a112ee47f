"""Commands: everything that changes the registry, as values that travel as bytes, and the outcomes they give.

A command carries its own time and its own fresh ids, so that applying it needs no clock and no chance. It goes over the
wire as a JSON array in the order of the fields; `encode` and `decode` are exact inverses.
"""

from collections.abc import Sequence
from itertools import product
from types import NoneType
from typing import Any, NamedTuple

import orjson

CALL = "call"
CLIENT = "client"
PEER_CONNECTION = "peerConnection"
TRACK = "track"

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
    time_zone_offset: float | None
    peer_connections: Sequence[PeerConnectionSeen]


class Touch(NamedTuple):
    """The exact last touch of a row that is there already.

    `what` is that of `Happening`; `path` is (service, room, call), (service, client), (service, client, peer
    connection) or (service, client, peer connection, direction, media kind, track). `age` is how many ms before the
    command the sample was heard.
    """

    what: str
    path: Sequence[str]
    sample: int
    age: int


class Leave(NamedTuple):
    """A client leaves. Unless `certain`, only if the node that says so is the one that heard it last."""

    service_id: str
    client_id: str
    certain: bool


class Sweep(NamedTuple):
    """Closes what was idle for longer than its limit and a tenth of it; limits are in ms."""

    call: int
    client: int
    peer_connection: int
    inbound_track: int
    outbound_track: int


class Command(NamedTuple):
    """One change of the registry, proposed by `origin` as its number `seq` at the time `now` (ms since the epoch).

    `mark` is the highest number of `origin` whose outcome has been delivered. The parts apply in the order of the
    fields. `gone` names origins that will never report again: what they had not told is told with this outcome, and
    what they proposed but comes later fails.
    """

    origin: str
    seq: int
    now: int
    mark: int
    touches: Sequence[Touch] = ()
    seen: Sequence[ClientSeen] = ()
    leaves: Sequence[Leave] = ()
    sweep: Sweep | None = None
    gone: Sequence[str] = ()


class Happening(NamedTuple):
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


class Outcome(NamedTuple):
    """What a command did.

    `opened` lists parents before children, `closed` children before parents. `calls` holds for each entry of
    ``Command.seen`` the id of the call that it was put in, or ``None`` if it was put in none. `failed` says why a
    command could not be applied at all; nothing has changed then.
    """

    opened: Sequence[Happening] = ()
    closed: Sequence[Happening] = ()
    calls: Sequence[str | None] = ()
    failed: str | None = None


class MalformedCommand(ValueError):
    """Bytes that are no command."""


def encode(command: Command) -> bytes:
    """The command as bytes."""
    return orjson.dumps(command, default=tuple)


def decode(data: bytes) -> Command:
    """The command that `encode` gave; raises `MalformedCommand` for bytes that no command gives."""
    try:
        fields = orjson.loads(data)
    except ValueError as error:
        raise MalformedCommand(str(error)) from error
    origin, seq, now, mark, touches, seen, leaves, sweep, gone = _checked(fields, _COMMAND)
    return Command(
        origin,
        seq,
        now,
        mark,
        [_touch(touch) for touch in touches],
        [_client_seen(entry) for entry in seen],
        [Leave(*_checked(leave, _LEAVE)) for leave in leaves],
        None if sweep is None else Sweep(*_checked(sweep, _SWEEP)),
        _all_of(str, gone),
    )


Shapes = frozenset[tuple[type, ...]]
"""The types that the fields of a tuple may have, one after the other."""


def _shapes(*kinds: tuple[type, ...]) -> Shapes:
    return frozenset(product(*kinds))


_TEXT = (str,)
_TEXT_OR_NONE = (str, NoneType)
_WHOLE = (int,)
_LIST = (list,)

_COMMAND = _shapes(_TEXT, _WHOLE, _WHOLE, _WHOLE, _LIST, _LIST, _LIST, (list, NoneType), _LIST)
_TOUCH = _shapes(_TEXT, _LIST, _WHOLE, _WHOLE)
_LEAVE = _shapes(_TEXT, _TEXT, (bool,))
_SWEEP = _shapes(*[_WHOLE] * len(Sweep._fields))
_CLIENT = _shapes(
    *[_TEXT] * 4, (bool,), _WHOLE, _WHOLE, _TEXT, _TEXT_OR_NONE, _TEXT_OR_NONE, (int, float, NoneType), _LIST
)
_PEER_CONNECTION = _shapes(_TEXT, _WHOLE, _WHOLE, _LIST)
_TRACK = _shapes(_TEXT, _TEXT, _TEXT, _WHOLE, _WHOLE, _LIST, _TEXT_OR_NONE, _TEXT_OR_NONE)
_PATH_LENGTHS = {CALL: 3, CLIENT: 2, PEER_CONNECTION: 3, TRACK: 6}


def _checked(fields: Any, shapes: Shapes) -> list[Any]:
    if type(fields) is list and tuple(map(type, fields)) in shapes:
        return fields
    raise MalformedCommand("a field is missing, is one too many, or has another type")


def _all_of(kind: type, entries: list[Any]) -> list[Any]:
    if any(type(entry) is not kind for entry in entries):
        raise MalformedCommand(f"not everything in a list is of type {kind.__name__}")
    return entries


def _touch(fields: Any) -> Touch:
    touch = Touch(*_checked(fields, _TOUCH))
    if len(_all_of(str, fields[1])) != _PATH_LENGTHS.get(touch.what):
        raise MalformedCommand("a touch whose path leads to no row")
    return touch


def _client_seen(fields: Any) -> ClientSeen:
    seen = ClientSeen(*_checked(fields, _CLIENT))
    return seen._replace(peer_connections=[_peer_connection_seen(entry) for entry in seen.peer_connections])


def _peer_connection_seen(fields: Any) -> PeerConnectionSeen:
    peer_connection_id, first, last, tracks = _checked(fields, _PEER_CONNECTION)
    return PeerConnectionSeen(peer_connection_id, first, last, [_track_seen(track) for track in tracks])


def _track_seen(fields: Any) -> TrackSeen:
    _all_of(int, _checked(fields, _TRACK)[5])
    return TrackSeen(*fields)
