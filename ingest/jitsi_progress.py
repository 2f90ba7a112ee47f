"""How far the sessions of Jitsi's clients are kept, which all nodes know: so that each goes on at any of them.

What all nodes hold of a session is two values: a small JSON object with the number of its last message that is kept and
who is in which room, and, beside it, the base: what else one has to know to understand what comes next. A client says
these once only, and then only what changes.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import orjson

from ingest.guest_values import AT_ONCE, Values
from schemas.webrtc_stats import LONGEST_ID, Guest

PLACES, BASES = "jitsi", "jitsi-base"
"""The kinds of the two values."""

_LARGEST_NUMBER = 2**53


class Kept(NamedTuple):
    """What all nodes know of a session. `base` is as `schemas.jitsi_session` made it."""

    seq: int = 0
    room_id: str | None = None
    user_id: str | None = None
    base: bytes | None = None


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

    @property
    def base_version(self) -> int:
        """Grows whenever the base becomes another."""

    def base(self) -> bytes:
        """What else one has to know to understand what comes next."""


class Progress:
    """Tells all nodes how far sessions are. What they know is told again before they forget it.

    Without nodes to tell, what is settled here is all there is to know.
    """

    def __init__(self, values: Values) -> None:
        self._values = values
        self._moving: dict[str, Moving] = {}

    def kept(self, id_: str) -> Kept:
        """What all nodes know of a session."""
        value = self._values.get(PLACES, id_)
        kept = Kept() if value is None else _read(value)
        return kept._replace(base=self._values.get(BASES, id_)) if kept.seq else kept

    def settled(self, session: Moving) -> int:
        """Up to where a session is kept here and known everywhere."""
        value = self._values.get(PLACES, session.id)
        known = 0 if value is None else _read(value).seq
        return min(session.settled, known) if self._values.are_kept else session.settled

    def moves(self, session: Moving) -> None:
        """A message of the session was taken, or it is still there."""
        if self._values.are_kept:
            self._moving[session.id] = session

    def telling(self) -> Iterator[None]:
        """Tells what is new, which is to be done once a second or so; where it yields, others have their turn."""
        for number, (id_, session) in enumerate(list(self._moving.items()), 1):
            if self._moving.get(id_) is session and self._tell(session) and session.settled >= session.seq:
                del self._moving[id_]
            if not number % AT_ONCE:
                yield

    def over(self, session: Moving) -> None:
        """The session has ended here: what is settled of it by now is told."""
        if session.seq:
            self._tell(session)
        self._moving.pop(session.id, None)
        for kind in (PLACES, BASES):
            self._values.forget(kind, session.id)

    def _tell(self, session: Moving) -> bool:
        """Whether all nodes are told, or will be; of a session that has nothing to tell, they need not be."""
        seq, who, offer = session.settled, session.who, self._values.offer
        if not seq:
            return True
        place = {"seq": seq, "roomId": who.room_id, "userId": who.user_id}
        # Who knows the place is to know the base as well.
        based = offer(BASES, session.id, session.base_version, session.base)
        return offer(PLACES, session.id, seq, lambda: orjson.dumps(place)) and based


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
