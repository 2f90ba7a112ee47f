"""Pages with rtcstats-js, by WebSocket: each is a client of the call that its token, or else its address, names.

The page speaks, and nobody answers: it neither waits for anything nor comes back by itself. An application may open
the next socket of the same page, in the middle of a call; there the page tells only what changes, so whoever has a
session in its token is remembered for a while.
"""

from dataclasses import dataclass, field

import orjson
import trio

import web
from ingest.guest_sessions import (
    POLICY_VIOLATION,
    Began,
    Client,
    Dump,
    Listening,
    Receiving,
    Remembered,
    Rest,
    awaiting,
    began,
    check_path,
    together,
)
from ingest.guest_statistics import Kind, TurnedAway
from ingest.incoming import Format
from ingest.rtcstats_tokens import Invalid, Named, named_by
from schemas.rtcstats_session import RtcstatsSession
from schemas.samples import CONTROL, NO_ID, Item
from schemas.webrtc_stats import Bounds, Guest, Skipped

PARAMETER = "rtcstats-token"
"""What of the query holds the token."""

SHORTEST_SECRET = 16
"""(bytes)"""

_KIND = Kind.RTCSTATS
_AT_LEAST_ONE = {"minimum": 1}
_NOT_NEGATIVE = {"minimum": 0}
_MOST_LINES = 100
"""How many messages one frame may hold; clients send one."""
_GONE = 1006


@dataclass(frozen=True, slots=True)
class Rtcstats:
    """Pages with rtcstats-js."""

    path: str = "/rtcstats/{rest...}"
    """Where they connect to. What stands for ``{rest...}`` is the conference, where no token names it."""

    service_id: str = "rtcstats"
    """The service that their calls belong to."""

    media_unit_id: str = "rtcstats"
    """The media unit that their samples come from."""

    jwt_secret: str | None = field(default=None, repr=False)
    """What tokens are signed with, by HS256: at least 16 bytes, better 32. Without it tokens are not looked at, and
    everybody is taken."""

    former_jwt_secret: str | None = field(default=None, repr=False)
    """A secret that is good as well, while those who make the tokens change from one to the next."""

    require_jwt: bool = True
    """Whether who has no token is turned away, where there is a secret; who has an invalid one always is."""

    jwt_leeway_in_s: float = field(default=30.0, metadata=_NOT_NEGATIVE)
    """How far our clock and that of who makes the tokens may differ. (s)"""

    max_sockets: int = field(default=10_000, metadata=_AT_LEAST_ONE)
    """How many pages may be connected to this node at once; one more is closed with 1013."""

    max_frame_size: int = field(default=4_000_000, metadata=_AT_LEAST_ONE)
    """How long a frame may be; a longer one closes its socket with 1009. (bytes)"""

    idle_timeout_in_s: float = field(default=43_200.0, metadata=_NOT_NEGATIVE)
    """How long a page may go without a message before its socket is closed: it would not come back, and may well rest
    between two calls. (s)"""

    ping_interval_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a page may be silent before it is pinged; 0 turns pings off. (s)"""

    ping_timeout_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a pinged page may stay silent before its connection is cut. (s)"""

    remember_in_s: float = field(default=120.0, metadata=_NOT_NEGATIVE)
    """How long a session without a socket is remembered at this node, so that its next one can go on from there. (s)"""

    max_remembered_sessions: int = field(default=1_000, metadata=_NOT_NEGATIVE)
    """How many sessions without a socket are remembered at once."""

    bounds: Bounds = field(default_factory=Bounds)
    """What one session may hold."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for a path that is none, and for a secret that anybody could guess."""
        check_path(self.path)
        if self.former_jwt_secret and not self.jwt_secret:
            raise ValueError("formerJwtSecret is of no use without jwtSecret")
        for name, secret in (("jwtSecret", self.jwt_secret), ("formerJwtSecret", self.former_jwt_secret)):
            if secret is not None and len(secret.encode("utf-8", "surrogateescape")) < SHORTEST_SECRET:
                raise ValueError(f"{name} is too short: it needs at least {SHORTEST_SECRET} bytes")

    @property
    def secrets(self) -> list[bytes]:
        """The secrets of which one must have signed a token."""
        given = (self.jwt_secret, self.former_jwt_secret)
        return [secret.encode("utf-8", "surrogateescape") for secret in given if secret]


def speaks(subprotocol: str) -> bool:
    """Whether a sub-protocol is one of rtcstats-js, of any version."""
    return subprotocol.startswith("rtcstats#")


@dataclass(slots=True)
class _Page:
    """One session: what is known of its peer connections, the client that it is, and the socket that it has now."""

    session: RtcstatsSession
    client: Client
    listening: Listening | None = None


class RtcstatsSessions:
    """Serves sockets of pages."""

    def __init__(self, settings: Rtcstats, receiving: Receiving) -> None:
        self._settings = settings
        self._secrets = settings.secrets
        self.receiving = receiving
        self._open: dict[str, _Page] = {}
        self.remembered = Remembered[_Page](
            _KIND,
            settings.max_remembered_sessions,
            settings.remember_in_s,
            lambda page: None,
            receiving.statistics,
        )

    def route(self) -> web.WebSocketRoute:
        """Where pages connect to."""
        settings = self._settings
        limits = web.SessionLimits(
            settings.max_frame_size,
            settings.ping_interval_in_s,
            settings.ping_timeout_in_s,
            settings.idle_timeout_in_s,
        )
        return web.WebSocketRoute(settings.path, self.serve, limits, speaks=speaks)

    async def serve(self, request: web.Request, websocket: web.WebSocket) -> None:
        """Serves one socket until it closes; raises `web.Refusal`.

        When it has closed its client has departed, except when the node stops or the session goes on elsewhere.
        """
        receiving = self.receiving
        named = self._named(request)
        with receiving.socket(_KIND, self._settings.max_sockets):
            who = self._who(named, request)
            dump = None
            if receiving.opened is not None:
                told = began(_KIND, request, websocket, receiving.intake.now(), secret=PARAMETER)
                dump = receiving.opened(_of(told, named, who))
            del request
            page = self._page(who)
            socket = _Socket(receiving, page, dump)
            page.listening = listening = Listening(websocket, socket.take)
            code = _GONE
            stopped = False
            try:
                await listening.listen()
                code = POLICY_VIOLATION
                raise receiving.refusal(_KIND, TurnedAway.SESSION_TAKEN_OVER, code, "The session goes on elsewhere")
            except web.Disconnected as over:
                code, stopped = over.code, isinstance(over, web.Stopped)
                raise
            except trio.Cancelled:
                stopped = True
                raise
            finally:
                socket.close(code)
                if page.listening is listening:
                    self._leave(page, named.session is not None, stopped)

    def _named(self, request: web.Request) -> Named:
        """Whose session it is, by its token. Raises `web.Refusal`."""
        if not self._secrets:
            return Named()
        token = request.query.get(PARAMETER)
        if not token:
            if self._settings.require_jwt:
                raise self.receiving.refusal(_KIND, TurnedAway.ACCESS_REQUIRED, POLICY_VIOLATION, "A token is required")
            return Named()
        intake = self.receiving.intake
        try:
            return named_by(
                token,
                self._secrets,
                self._settings.jwt_leeway_in_s * 1000,
                intake.now(),
                intake.sources.max_id_length,
            )
        except Invalid:
            raise self.receiving.refusal(
                _KIND, TurnedAway.ACCESS_INVALID, POLICY_VIOLATION, "The token is invalid"
            ) from None

    def _who(self, named: Named, request: web.Request) -> Guest:
        """The client that a session becomes. One that names no conference is in a call of its own.

        Raises `web.Refusal` for a conference that cannot be one.
        """
        session = named.session or self.receiving.fresh_id()
        room = named.conference or request.parameters.get("rest", "").strip("/")
        if room in NO_ID:
            room = session
        if len(room) > self.receiving.intake.sources.max_id_length or CONTROL.search(room):
            raise self.receiving.refusal(
                _KIND, TurnedAway.ID_INVALID, POLICY_VIOLATION, "The path is no name of a conference"
            )
        return Guest(session, room, named.user, user_agent=request.headers.get("user-agent"))

    def _page(self, who: Guest) -> _Page:
        """The session of a client: as it is known, or a new one. One that has a socket loses it."""
        statistics = self.receiving.statistics
        page = self._open.get(who.client_id)
        if page is not None:
            if page.listening is not None:
                page.listening.part()
            page.listening = None
        else:
            page = self.remembered.take(who.client_id)
            statistics.open_sessions[_KIND] += 1
        if page is not None and page.session.who[:3] == who[:3]:
            statistics.resumed_sessions[_KIND] += 1
        else:
            client = self.receiving.client(Format.RTCSTATS, self._settings.service_id, self._settings.media_unit_id)
            page = _Page(RtcstatsSession(who, self._settings.bounds), client)
            statistics.opened_sessions[_KIND] += 1
        self._open[who.client_id] = page
        return page

    def _leave(self, page: _Page, may_come_back: bool, stopped: bool) -> None:
        page.listening = None
        id_ = page.session.who.client_id
        if self._open.get(id_) is page:
            del self._open[id_]
            self.receiving.statistics.open_sessions[_KIND] -= 1
        if stopped:
            return
        page.client.depart()
        if may_come_back:
            self.remembered.put(id_, page)


class _Socket:
    """What one socket brings."""

    __slots__ = ("_dump", "_heard_at", "_page", "_receiving")

    def __init__(self, receiving: Receiving, page: _Page, dump: Dump | None) -> None:
        self._receiving = receiving
        self._page = page
        self._dump = dump
        self._heard_at = receiving.intake.now()

    def take(self, data: bytes) -> Rest | None:
        """Takes a frame: one message, or several in lines of their own."""
        statistics = self._receiving.statistics
        statistics.messages[_KIND] += 1
        statistics.received_bytes[_KIND] += len(data)
        self._heard_at = now = self._receiving.intake.now()
        session = self._page.session
        rests: list[Rest] = []
        items: list[Item] = []
        lines = [data] if b"\n" not in data and b"\r" not in data else _lines(data)
        for line in lines[:_MOST_LINES]:
            items += session.feed(line, now)
            malformed = Skipped.MALFORMED in session.skipped
            statistics.count_skipped(_KIND, session.skipped)
            if self._dump is not None and not malformed:
                rests += awaiting(self._dump.write(line))
        if len(lines) > _MOST_LINES:
            statistics.skipped[_KIND, Skipped.MALFORMED.value] += len(lines) - _MOST_LINES
        if items:
            told = self._page.client.tell(items, len(data))
            rests += [told] if told is not None else []
        return together(rests)

    def close(self, code: int) -> None:
        """Writes down with what code the socket was closed."""
        if self._dump is not None:
            now = self._receiving.intake.now()
            self._dump.close(orjson.dumps(["close", None, code, max(0, now - self._heard_at)]), now)


def _lines(frame: bytes) -> list[bytes]:
    """The messages of a frame that has breaks of lines: between its messages, or within the only one."""
    try:
        orjson.loads(frame)
    except orjson.JSONDecodeError:
        return [line for line in frame.splitlines() if line.strip()]
    # Within JSON they can only stand between its parts.
    return [frame.replace(b"\r", b" ").replace(b"\n", b" ")]


def _of(told: Began, named: Named, who: Guest) -> Began:
    """What is told of a session that begins, with who takes part."""
    conference = named.conference or (who.room_id if who.room_id != who.client_id else None)
    identity = {"user": named.user, "session": named.session, "conference": conference}
    return told._replace(identity={name: value for name, value in identity.items() if value is not None})
