"""How far the sessions of Jitsi's clients are kept, which all nodes know: so that each goes on at any of them.

What the cluster holds of a session is a small JSON object: the number of its last message that is kept, and who is in
which room, for a client introduces itself once only.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import orjson
import trio

from schemas.webrtc_stats import LONGEST_ID, Guest

VALUES = "jitsi"
"""The kind of the values that are kept."""

KeepValue = Callable[[str, str, bytes, int], object]
"""Has a value of a kind kept under a key by all nodes, for so many ms, within about a second. Never waits."""

KeptValue = Callable[[str, str], bytes | None]
"""The value of a kind that all nodes hold under a key."""

_LARGEST_NUMBER = 2**53


class Kept(NamedTuple):
    """What all nodes know of a session."""

    seq: int = 0
    room_id: str | None = None
    user_id: str | None = None


class Moving(Protocol):
    """A session whose messages come to be kept."""

    id: str
    seq: int
    """The number of the last message that was taken."""

    @property
    def settled(self) -> int:
        """The number up to which all messages are where they belong."""

    @property
    def who(self) -> Guest:
        """Whose session it is."""


class Progress:
    """Tells the cluster how far sessions are. What it knows is told again before it is forgotten.

    Without a cluster to tell, what is settled here is all there is to know.
    """

    def __init__(self, keep: KeepValue | None, kept: KeptValue | None, ttl_ms: int) -> None:
        self._keep = keep
        self._kept = kept
        self._ttl = ttl_ms
        self._moving: dict[str, Moving] = {}
        self._told: dict[str, tuple[int, float]] = {}

    def kept(self, id_: str) -> Kept:
        """What all nodes know of a session."""
        value = None if self._kept is None else self._kept(VALUES, id_)
        return Kept() if value is None else _read(value)

    def settled(self, session: Moving) -> int:
        """Up to where a session is kept here and known everywhere."""
        return session.settled if self._kept is None else min(session.settled, self.kept(session.id).seq)

    def moves(self, session: Moving) -> None:
        """A message of the session was taken, or it is still there."""
        if self._keep is not None:
            self._moving[session.id] = session

    def tell(self) -> None:
        """Tells what is new: to be called once a second, or so."""
        if self._keep is None:
            return
        now = trio.current_time()
        for id_, session in list(self._moving.items()):
            seq = session.settled
            told, at = self._told.get(id_, (0, -self._ttl / 1000))
            if seq > told or (seq and now - at > self._ttl / 4000):
                who = session.who
                value = orjson.dumps({"seq": seq, "roomId": who.room_id, "userId": who.user_id})
                self._keep(VALUES, id_, value, self._ttl)
                self._told[id_] = seq, now
            if seq >= session.seq:
                del self._moving[id_]

    def over(self, session: Moving) -> None:
        """The session has ended here: what is settled of it by now is told."""
        if session.seq:
            self._moving[session.id] = session
            self.tell()
        self._moving.pop(session.id, None)
        self._told.pop(session.id, None)


def _read(value: bytes) -> Kept:
    try:
        told = orjson.loads(value)
    except orjson.JSONDecodeError:
        return Kept()
    if type(told) is not dict:
        return Kept()
    seq = told.get("seq")
    if type(seq) is not int or not 0 <= seq < _LARGEST_NUMBER:
        return Kept()
    return Kept(seq, _id(told.get("roomId")), _id(told.get("userId")))


def _id(value: object) -> str | None:
    return value if type(value) is str and 0 < len(value) <= LONGEST_ID else None
