"""Pages with rtcstats-js, by WebSocket: each is a client of the call that its token, or else its address, names.

The page speaks, and nobody answers: it neither waits for anything nor comes back by itself. An application may open
the next socket of the same page, in the middle of a call; there the page tells only what changes, so whoever has a
session in its token is remembered for a while, and what it needs to go on is known at all nodes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

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
    together,
)
from ingest.guest_settings import Rtcstats
from ingest.guest_statistics import Kind, TurnedAway
from ingest.guest_values import AT_ONCE, Values
from ingest.incoming import Format
from ingest.rtcstats_tokens import Invalid, Named, named_by
from schemas.rtcstats_session import RtcstatsSession
from schemas.samples import CONTROL, NO_ID, Item
from schemas.webrtc_stats import Guest, Skipped

PARAMETER = "rtcstats-token"
"""What of the query holds the token."""

BASES = "rtcstats-base"
"""The kind of the values by which all nodes know what sessions need to go on."""

_KIND = Kind.RTCSTATS
_MOST_LINES = 100
"""How many messages one frame may hold; clients send one."""
_GONE = 1006


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
        self._values = Values(receiving.keep, receiving.kept, int(settings.resume_in_s * 1000))
        self._changed: dict[str, _Page] = {}
        self._open: dict[str, _Page] = {}
        self.remembered = Remembered[_Page](
            _KIND,
            settings.max_remembered_sessions,
            settings.remember_in_s,
            self._forgotten,
            receiving.statistics,
        )

    def tending(self) -> Iterator[None]:
        """Forgets sessions that do not come back, and tells all nodes what the others need to go on: to be done once a
        second.

        Where it yields, others have their turn.
        """
        self.remembered.forget_old()
        for number, (id_, page) in enumerate(list(self._changed.items()), 1):
            if self._changed.get(id_) is page:
                self._tell(id_, page)
            if not number % AT_ONCE:
                yield

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
            page = self._page(who, named)
            may_come_back = named.session is not None
            moved = partial(self._changed.__setitem__, who.client_id, page) if may_come_back else None
            socket = _Socket(receiving, page, dump, moved, self._settings.bounds.max_message_size)
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
                    self._leave(page, may_come_back, stopped)

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

    def _page(self, who: Guest, named: Named) -> _Page:
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
            if page is not None:
                self._forgotten(page)
            client = self.receiving.client(Format.RTCSTATS, self._settings.service_id, self._settings.media_unit_id)
            base = self._values.get(BASES, who.client_id) if named.session is not None and page is None else None
            page = _Page(RtcstatsSession(who, self._settings.bounds, base, self.receiving.remembered), client)
            (statistics.opened_sessions if base is None else statistics.resumed_sessions)[_KIND] += 1
        self._open[who.client_id] = page
        return page

    def _leave(self, page: _Page, may_come_back: bool, stopped: bool) -> None:
        page.listening = None
        id_ = page.session.who.client_id
        if self._open.get(id_) is page:
            del self._open[id_]
            self.receiving.statistics.open_sessions[_KIND] -= 1
        if not stopped:
            page.client.depart()
        if id_ in self._changed:
            self._tell(id_, page)
        if may_come_back and not stopped:
            self.remembered.put(id_, page)
        else:
            page.session.forget()

    def _tell(self, id_: str, page: _Page) -> None:
        """Tells all nodes what a session needs to go on."""
        if self._values.offer(BASES, id_, page.session.base_version, page.session.base):
            self._changed.pop(id_, None)

    def _forgotten(self, page: _Page) -> None:
        id_ = page.session.who.client_id
        self._changed.pop(id_, None)
        self._values.forget(BASES, id_)
        page.session.forget()


class _Socket:
    """What one socket brings."""

    __slots__ = ("_dump", "_heard_at", "_longest", "_moved", "_page", "_receiving")

    def __init__(
        self, receiving: Receiving, page: _Page, dump: Dump | None, moved: Callable[[], None] | None, longest: int
    ) -> None:
        """`moved` is called when the page has told something; `longest` is how long a message may be. (bytes)"""
        self._receiving = receiving
        self._page = page
        self._dump = dump
        self._moved = moved
        self._longest = longest
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
        lines = [data] if b"\n" not in data and b"\r" not in data else self._lines(data)
        for line in lines[:_MOST_LINES]:
            items += session.feed(line, now)
            malformed = Skipped.MALFORMED in session.skipped
            statistics.count_skipped(_KIND, session.skipped)
            # Readers of dumps pass over what is no message, but not over what is no JSON.
            if self._dump is not None and (not malformed or self._is_json(line)):
                rests += awaiting(self._dump.write(line))
        if len(lines) > _MOST_LINES:
            statistics.skipped[_KIND, Skipped.MALFORMED.value] += len(lines) - _MOST_LINES
        if self._moved is not None:
            self._moved()
        if items:
            told = self._page.client.tell(items, len(data))
            rests += [told] if told is not None else []
        return together(rests)

    def close(self, code: int) -> None:
        """Writes down with what code the socket was closed."""
        if self._dump is not None:
            now = self._receiving.intake.now()
            self._dump.close(orjson.dumps(["close", None, code, max(0, now - self._heard_at)]), now)

    def _lines(self, frame: bytes) -> list[bytes]:
        """The messages of a frame that has breaks of lines: between its messages, or within the only one."""
        if self._is_json(frame):
            # Within JSON they can only stand between its parts.
            return [frame.replace(b"\r", b" ").replace(b"\n", b" ")]
        return [line for line in frame.splitlines() if line.strip()]

    def _is_json(self, text: bytes) -> bool:
        """Whether it is JSON, and not too long for a message."""
        if len(text) > self._longest:
            return False
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        return True


def _of(told: Began, named: Named, who: Guest) -> Began:
    """What is told of a session that begins, with who takes part."""
    conference = named.conference or (who.room_id if who.room_id != who.client_id else None)
    identity = {"user": named.user, "session": named.session, "conference": conference}
    return told._replace(identity={name: value for name, value in identity.items() if value is not None})
