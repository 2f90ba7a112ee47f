"""A session of a client of Jitsi's at this node: what it tells goes on, and is written down.

Sessions of Jitsi's servers (bridges, focus, gateways, recorders) are written down only: they are in no call.
"""

import re
from typing import Any

import orjson

from ingest.guest_sessions import Began, Client, Dump, Receiving, Rest, awaiting
from ingest.guest_statistics import Kind
from ingest.jitsi_progress import Kept
from schemas.jitsi_codec import Envelope
from schemas.jitsi_session import JitsiSession
from schemas.samples import Item
from schemas.webrtc_stats import Bounds, Guest, Skipped

_KIND = Kind.JITSI
_SUBPROTOCOL = re.compile(r"(\d{1,3})\.\d{1,3}_([A-Z]{1,20})", re.ASCII)
_SERVERS = ("jigasi", "jicofo", "jibri", "jvb")
_WRITTEN = frozenset(("identity", "stats-entry"))
_TOLD = (
    "confName",
    "confID",
    "displayName",
    "meetingUniqueId",
    "applicationName",
    "endpointId",
    "userId",
    "deviceId",
    "sessionId",
    "customerId",
    "isBreakoutRoom",
    "roomId",
    "parentStatsSessionId",
)
"""What of an identity a catalogue of dumps may want to know."""

_LONGEST_TOLD = 1000

BROWSER, UNKNOWN = "rtcstats", "unknown"
"""Kinds of clients, besides servers."""


def speaks(subprotocol: str) -> bool:
    """Whether a sub-protocol is one of Jitsi's: a version, and how statistics are written."""
    return _SUBPROTOCOL.fullmatch(subprotocol) is not None


def client_of(subprotocol: str | None) -> str:
    """What kind of client speaks so: ``rtcstats`` for a browser, else the server's name, or ``unknown``."""
    found = _SUBPROTOCOL.fullmatch(subprotocol or "")
    if found is None:
        return UNKNOWN
    version, format_ = found.groups()
    if version == "3" and format_ == "STANDARD":
        return BROWSER
    return next((name for name in _SERVERS if name.upper() in format_), UNKNOWN)


class Session:
    """One ``statsSessionId``. `began` is how its dump begins, which it does with the first message to be written.

    `seq` is the number of the last message that was taken. Of what another node took, `kept` says how much that was.
    """

    __slots__ = (
        "_began",
        "_dump",
        "_heard_at",
        "_receiving",
        "_session",
        "client",
        "closed",
        "ended",
        "id",
        "kept",
        "seq",
    )

    def __init__(
        self, who: Guest, client: Client | None, receiving: Receiving, bounds: Bounds, began: Began | None, kept: Kept
    ) -> None:
        """Without a `client` it is one of a server."""
        self.id = who.client_id
        self.client = client
        self.kept = kept
        self.seq = 0
        self.ended = self.closed = False
        self._receiving = receiving
        self._session = JitsiSession(who, bounds, kept.seq, kept.base, receiving.remembered)
        self._began = began
        self._dump: Dump | None = None
        self._heard_at = receiving.intake.now()

    @property
    def who(self) -> Guest:
        """Whose session it is, as far as is known."""
        return self._session.who

    @property
    def base_version(self) -> int:
        """Grows whenever the base becomes another."""
        return self._session.base_version

    def base(self) -> bytes:
        """What else another node has to know to understand what comes next."""
        return self._session.base()

    @property
    def settled(self) -> int:
        """The number up to which all messages are on disk, or, if nothing is written down, were taken."""
        return max(self.kept.seq, self.seq if self._began is None else self._dump.durable if self._dump else 0)

    def take(self, envelope: Envelope) -> tuple[list[Item], list[Rest]]:
        """What a message tells, and what is to be awaited for it."""
        self._heard_at = now = self._receiving.intake.now()
        if self.client is None:
            return [], self._take_of_server(envelope, now)
        session, statistics = self._session, self._receiving.statistics
        before = session.seq
        items = session.take(envelope, now)
        self.ended = session.ended
        resent, unread = Skipped.TOLD_BEFORE in session.skipped, Skipped.MALFORMED in session.skipped
        statistics.count_skipped(_KIND, session.skipped)
        line = None if resent or envelope.type not in _WRITTEN else _line(envelope, unread)
        if line is None:
            return items, []
        missing = session.seq - max(before, self.kept.seq) - 1
        if (before or self.kept.seq) and missing > 0:
            statistics.gaps[_KIND] += 1
            statistics.missing_messages[_KIND] += missing
        return items, self._write(line, session.seq, envelope.type == "identity" and _identity_in(envelope.data))

    def taken(self) -> None:
        """All that was to be awaited was."""
        self.seq = self._session.seq

    def leave(self) -> list[Item]:
        """What tells that the client is gone for good."""
        return [self._session.end(self._receiving.intake.now())] if self.client and self.client.heard else []

    def close(self) -> None:
        """Nothing more is written down, nor remembered."""
        self.closed = True
        self._session.forget()
        if self._dump is not None:
            self._dump.close(None, self._heard_at)
            self._dump = None

    def _take_of_server(self, envelope: Envelope, now: int) -> list[Rest]:
        if envelope.type == "close":
            self.ended = True
        if envelope.type not in _WRITTEN:
            return []
        line = _json(envelope.received | {"timestamp": now})
        if line is None:
            self._receiving.statistics.skipped[_KIND, Skipped.MALFORMED.value] += 1
            return []
        return self._write(line, 0, envelope.type == "identity" and _identity_in(envelope.data))

    def _write(self, line: bytes, mark: int, identity: Any) -> list[Rest]:
        if self._began is None or self._receiving.opened is None:
            return []
        if self._dump is None:
            self._dump = self._receiving.opened(self._began)
        if type(identity) is dict:
            self._dump.tell(**_known(identity))
        return awaiting(self._dump.write(line, mark))


def _line(envelope: Envelope, unread: bool) -> bytes | None:
    """A message of a browser as it is written down: as it came, in one line. ``None`` for what is no JSON, which one
    that was `unread` may be."""
    data = envelope.data
    if envelope.type == "identity":
        return _json(data) if type(data) is list else None
    if type(data) is not str or (unread and not _is_json(data)):
        return None
    # Within JSON breaks of lines can only stand between its parts.
    written: bytes = data.replace("\n", " ").replace("\r", " ").encode("utf-8", "replace")
    return written


def _json(value: Any) -> bytes | None:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # nested deeper than JSON is written
        return None


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _identity_in(data: Any) -> Any:
    """What an identity says: that of a browser is an entry, that of a server an object."""
    if type(data) is list:
        return data[2] if len(data) > 2 else None
    return data


def _known(identity: Item) -> dict[str, Any]:
    known = {name: identity[name] for name in _TOLD if type(identity.get(name)) in (str, int, float, bool)}
    return {name: value[:_LONGEST_TOLD] if type(value) is str else value for name, value in known.items()}
