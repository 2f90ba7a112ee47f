"""A session of a Jitsi client: its identity, its traces and its statistics as client samples of schemas 3.x.

An entry is ``[method, peer connection or null, value, time, number]``: the time in ms since the epoch by the page's
clock, the numbers counting from 1. A sample bears the time of its entry, as samples of any other client do. A
keep-alive has none, so it is taken for as far from our clock as the entry before it was.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from schemas.deltas import Allowance
from schemas.jitsi_codec import Envelope, decode
from schemas.samples import Item
from schemas.webrtc_bases import packed, unpacked
from schemas.webrtc_session import Session
from schemas.webrtc_stats import LONGEST_ID, Bounds, Guest, Skipped, Skips, is_time, last_sample
from schemas.webrtc_traces import Told

_GET_STATS = ("getstats", "getStats")
_NOT_TOLD = frozenset(("connectionInfo", "conferenceStartTimestamp", "faceLandmarks", "logs"))
"""What is in dumps only: what stands elsewhere, whose face looks how, and what a browser logs."""

IDENTITY = "JITSI_IDENTITY"
"""The type of the extension that tells what Jitsi calls the client, and where its servers are."""

_NAMES = ("confName", "confID", "userId", "displayName")
_IDENTITY = (
    "applicationName",
    "meetingUniqueId",
    "endpointId",
    "deviceId",
    "customerId",
    "isBreakoutRoom",
    "roomId",
    "parentStatsSessionId",
    "deploymentInfo",
)

_LONGEST_MEMBER, _MOST_MEMBERS = 1000, 20
_LARGEST_NUMBER = 2**53


class JitsiSession:
    """Reads the messages of one ``statsSessionId``, in their order; may be fed by one socket after the other.

    `who` is what the address tells until an identity comes, which makes room and user known. `seq` is the largest
    number of an entry that was read: what comes again is skipped. Entries up to `told` only make known what later ones
    change, and give no samples: they were told already, by another node. With a `base` of that node they are not even
    needed, and are skipped. What is remembered is taken from `shared`, which sessions share, until `forget`.

    Never raises for what a client sends: what cannot be read is skipped and counted in `skipped`, which whoever feeds
    may read and clear. The session has `ended` once its client said so.
    """

    __slots__ = ("_ahead", "_at", "_identity", "_session", "_told", "ended", "seq", "skipped")

    def __init__(
        self,
        who: Guest,
        bounds: Bounds,
        told: int = 0,
        base: bytes | None = None,
        shared: Allowance | None = None,
    ) -> None:
        self.skipped = Skips()
        self.seq = 0
        self.ended = False
        self._session = Session(who, bounds, self.skipped, shared)
        self._told = told
        self._identity: Item = {}
        self._at: int | None = None
        self._ahead = 0
        if base is not None:
            self._restore(unpacked(base))

    @property
    def who(self) -> Guest:
        """Whose session it is, as far as is known."""
        return self._session.who

    @property
    def open_connections(self) -> int:
        """How many peer connections of the client are open."""
        return self._session.open_connections

    @property
    def base_version(self) -> int:
        """Grows whenever `base` becomes another in what matters."""
        return self._session.base_version

    def base(self) -> bytes:
        """What another node has to know to understand what the client tells from now on.

        About 1 kB for a call of two.
        """
        return packed({"identity": self._identity, "connections": self._session.base()})

    def take(self, envelope: Envelope, now_ms: int) -> list[Item]:
        """The samples that a message gives: none, or one. `now_ms` stands in where it tells no time."""
        match envelope.type:
            case "close":
                self.ended = True
                return [self.end(now_ms)]
            case "keepalive":
                return self._session.alive(now_ms + self._ahead)
            case "identity":
                entry = envelope.data
                size = 0
            case _:
                entry = _entry(envelope.data)
                size = len(envelope.data) if entry is not None else 0
        if type(entry) is not list or not 4 <= len(entry) <= 5 or type(entry[0]) is not str:
            self.skipped[Skipped.MALFORMED] += 1
            return []
        seq = self._number(entry)
        if seq is not None and seq <= self.seq:
            self.skipped[Skipped.TOLD_BEFORE] += 1
            return []
        if seq is not None:
            self.seq = seq
        method, name, value, at = entry[0], entry[1], entry[2], self._time_of(entry[3], now_ms)
        samples = self._samples(method, name, value, at, now_ms, size)
        return [] if seq is not None and seq <= self._told else samples

    def end(self, now_ms: int) -> Item:
        """The sample with which the client leaves, for one that is known to be gone for good."""
        return last_sample(self.who, now_ms if self._at is None else self._at)

    def forget(self) -> None:
        """Gives back what it has of `shared`: nothing more is fed."""
        self._session.forget()

    def _restore(self, base: Item) -> None:
        identity = base.get("identity")
        if type(identity) is dict and "connections" in base:
            self._know(identity)
            self._session.restore(base["connections"])
            self.seq = self._told

    def _samples(self, method: str, name: Any, value: Any, at: int, now_ms: int, size: int) -> list[Item]:
        if method == "identity":
            return self._identify(value, at)
        if method in _GET_STATS:
            return self._session.stats(name, value, decode, at, now_ms, size)
        if method in _NOT_TOLD:
            return self._session.alive(at)
        made_up = name is None and "Media" not in method and not method.startswith("navigator.")
        return self._session.trace(method, name, value, [], at, free_names=made_up)

    def _identify(self, identity: Any, at: int) -> list[Item]:
        """Learns of whom the session is. Several identities are one, in which the later ones count."""
        if type(identity) is not dict:
            self.skipped[Skipped.MALFORMED] += 1
            return []
        if not self._know(identity):
            self.skipped[Skipped.ID_INVALID] += 1
            return []
        self._session.base_version += 1
        payload = {name: self._identity[name] for name in _IDENTITY if name in self._identity}
        return self._session.tell(Told([], [], [{"type": IDENTITY, "payload": payload, "timestamp": at}]), at)

    def _know(self, identity: Item) -> bool:
        """Whether an identity names room and user, if it does, as ids may be."""
        self._identity |= {name: identity[name] for name in (*_IDENTITY, *_NAMES) if _is_told(identity.get(name))}
        who = self._session.who
        room_id, user_id = room_of(self._identity) or who.room_id, _user_of(self._identity) or who.user_id
        if len(room_id) > LONGEST_ID or len(user_id or "") > LONGEST_ID:
            return False
        self._session.who = who._replace(room_id=room_id, user_id=user_id)
        return True

    def _number(self, entry: list[Any]) -> int | None:
        seq = entry[4] if len(entry) == 5 else None
        return seq if type(seq) is int and 0 < seq < _LARGEST_NUMBER else None

    def _time_of(self, told: Any, now_ms: int) -> int:
        """The time of an entry. (ms since the epoch)"""
        if is_time(told):
            self._at = int(told)
            self._ahead = self._at - now_ms
            return self._at
        self.skipped[Skipped.TIME_INVALID] += 1
        return now_ms + self._ahead


def room_of(identity: Mapping[str, Any]) -> str | None:
    """The room of an identity: the conference, in small letters as Jitsi takes it, below its tenant if it has one.

    A breakout room is one of its own, below its conference. ``None`` if the identity names no conference.
    """
    name, address = identity.get("confName"), identity.get("confID")
    room = name.lower() if type(name) is str else ""
    if type(address) is str:
        host_and_path = address.lower().partition("?")[0].rpartition("://")[2].rstrip("/")
        path = host_and_path.partition("/")[2]
        if not room or path.endswith(f"/{room}"):
            room = path
    inner = identity.get("roomId")
    if room and identity.get("isBreakoutRoom") is True and type(inner) is str and inner:
        room = f"{room}/{inner.lower()}"
    return room or None


def _user_of(identity: Mapping[str, Any]) -> str | None:
    names = (identity.get(name) for name in ("userId", "displayName"))
    return next((name for name in names if type(name) is str and name), None)


def _is_told(value: Any) -> bool:
    """Whether an identity's member says something, and no more than one has to say."""
    if type(value) is str:
        return 0 < len(value) <= _LONGEST_MEMBER
    if type(value) is dict:
        return len(value) <= _MOST_MEMBERS and all(
            len(name) <= LONGEST_ID and type(it) is not dict and _is_told(it) for name, it in value.items()
        )
    return type(value) in (int, float, bool)


def _entry(data: Any) -> Any:
    """What the text of an entry says; ``None`` if it is none."""
    try:
        return orjson.loads(data) if type(data) is str else None
    except orjson.JSONDecodeError:
        return None
