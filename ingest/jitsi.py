"""Clients of Jitsi's rtcstats, by WebSocket: each browser is a client of the call that its conference is.

A client waits until it is told up to where its messages are kept, and sends what follows. When its socket is lost it
comes back, to any node, and goes on: so what it sent is acknowledged once it is kept. Bridges and other servers of
Jitsi's bring many sessions by one socket.
"""

import re
from collections.abc import Iterator

import orjson
import trio

import web
from ingest.guest_sessions import (
    POLICY_VIOLATION,
    Began,
    Client,
    Listening,
    Receiving,
    Remembered,
    Rest,
    began,
    together,
)
from ingest.guest_settings import Jitsi
from ingest.guest_statistics import Kind, TurnedAway, Unheard
from ingest.guest_values import Values
from ingest.incoming import Format
from ingest.jitsi_progress import Progress
from ingest.jitsi_sessions import BROWSER, Session, client_of, speaks
from schemas.jitsi_codec import Envelope, Envelopes
from schemas.samples import CONTROL, Item
from schemas.webrtc_stats import Guest

CONFERENCE_LEFT = 3001
"""With this code a client says, and is told, that its session does not come back."""

_KIND = Kind.JITSI
_ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_MOST_OF_A_BROWSER = 10
_OPENING = frozenset(("identity", "stats-entry"))
"""What a session begins with: one that only says that it is there, or that it is over, is none."""


class JitsiSessions:
    """Serves sockets of clients, and is to be tended meanwhile."""

    def __init__(self, settings: Jitsi, receiving: Receiving) -> None:
        self.settings = settings
        self.receiving = receiving
        self.progress = Progress(Values(receiving.keep, receiving.kept, int(settings.resume_in_s * 1000)))
        self.owners: dict[str, _Socket] = {}
        """The socket that has each session."""
        self.remembered = Remembered[Session](
            _KIND, settings.max_remembered_sessions, settings.remember_in_s, self.finish, receiving.statistics
        )

    def route(self) -> web.WebSocketRoute:
        """Where clients connect to."""
        settings = self.settings
        limits = web.SessionLimits(
            settings.max_frame_size,
            settings.ping_interval_in_s,
            settings.ping_timeout_in_s,
            settings.idle_timeout_in_s,
        )
        return web.WebSocketRoute(settings.path, self.serve, limits, speaks=speaks)

    def tending(self) -> Iterator[None]:
        """Forgets sessions that do not come back, and tells all nodes how far the others are: to be done once a second.

        Where it yields, others have their turn.
        """
        self.remembered.forget_old()
        return self.progress.telling()

    def finish(self, session: Session) -> None:
        """A session does not come back, or not to this node."""
        self.progress.over(session)
        session.close()

    async def serve(self, request: web.Request, websocket: web.WebSocket) -> None:
        """Serves one socket until it closes; raises `web.Refusal`.

        Clients whose conference was left leave with it. Those of other sockets have departed once these have closed,
        except when the node stops: they will come back to another.
        """
        receiving = self.receiving
        with receiving.socket(_KIND, self.settings.max_sockets):
            told = None if receiving.opened is None else began(_KIND, request, websocket, receiving.intake.now())
            socket = _Socket(self, request, websocket, told)
            del request
            stopped = left = False
            try:
                await socket.begin()
                await socket.listening.listen()
                raise receiving.refusal(
                    _KIND, TurnedAway.SESSION_TAKEN_OVER, POLICY_VIOLATION, "The session goes on elsewhere"
                )
            except web.Disconnected as over:
                stopped, left = isinstance(over, web.Stopped), over.code == CONFERENCE_LEFT
                if left:
                    await socket.leave()
                raise
            except trio.Cancelled:
                stopped = True
                raise
            finally:
                socket.lose_all(may_come_back=not left and not stopped, stopped=stopped)


class _Socket:
    """One socket, and the sessions that it has."""

    __slots__ = (
        "_acknowledged",
        "_acknowledged_at",
        "_began",
        "_client",
        "_comes_back",
        "_envelopes",
        "_named",
        "_node",
        "_room",
        "_sessions",
        "_user_agent",
        "_websocket",
        "listening",
    )

    def __init__(self, node: JitsiSessions, request: web.Request, websocket: web.WebSocket, told: Began | None) -> None:
        self._node = node
        self._websocket = websocket
        self._began = told
        named = request.query.get("statsSessionId", "")
        self._named = named if _ID.fullmatch(named) else None
        self._comes_back = request.query.get("isReconnect") == "true"
        self._room = _room_of(request.parameters.get("rest", ""), node.receiving.intake.sources.max_id_length)
        self._user_agent = request.headers.get("user-agent")
        self._client = client_of(websocket.subprotocol)
        self._envelopes = Envelopes(node.settings.bounds.max_message_size)
        self._sessions: dict[str, Session] = {}
        self._acknowledged = 0
        self._acknowledged_at = trio.current_time()
        self.listening = Listening(websocket, self._take)

    async def begin(self) -> None:
        """Says up to where the session is kept that the address names. Raises `web.Refusal` if another has it."""
        id_, seq = self._named, 0
        if id_ is not None:
            owner = self._node.owners.get(id_)
            if owner is not None and not self._comes_back:
                raise self._node.receiving.refusal(
                    _KIND, TurnedAway.SESSION_IN_USE, CONFERENCE_LEFT, "The session is in use"
                )
            session = self._known(id_)
            seq = self._node.progress.kept(id_).seq if session is None else session.settled
        self._acknowledged = seq
        await self._tell(seq, "initial")

    async def leave(self) -> None:
        """All clients of the socket have left their conferences."""
        for session in self._sessions.values():
            items = session.leave()
            if items and session.client is not None:
                rest = session.client.tell(items, 0)
                if rest is not None:
                    await rest()

    def lose_all(self, *, may_come_back: bool, stopped: bool) -> None:
        """The socket is closed."""
        for id_, session in list(self._sessions.items()):
            self._lose(id_)
            if session.client is not None and not stopped:
                session.client.depart()
            if may_come_back:
                self._node.remembered.put(id_, session)
            else:
                self._node.finish(session)

    def _take(self, data: bytes) -> Rest | None:
        """Takes a frame: some messages, or a part of one."""
        statistics, envelopes = self._node.receiving.statistics, self._envelopes
        statistics.messages[_KIND] += 1
        statistics.received_bytes[_KIND] += len(data)
        came = envelopes.feed(data)
        statistics.count_skipped(_KIND, envelopes.skipped)
        rests: list[Rest] = []
        told: dict[Client, list[Item]] = {}
        took: dict[str, Session] = {}
        for envelope in came:
            session = self._session_of(envelope)
            if session is None:
                continue
            items, waits = session.take(envelope)
            rests += waits
            took[session.id] = session
            if items and session.client is not None:
                told.setdefault(session.client, []).extend(items)
            if session.ended:
                self._lose(session.id)
                self._node.finish(session)
                del took[session.id]
        size = len(data)
        for client, items in told.items():
            rest = client.tell(items, size)
            size = 0
            rests += [rest] if rest is not None else []
        return self._settle(rests, list(took.values()))

    def _settle(self, rests: list[Rest], took: list[Session]) -> Rest | None:
        """What is left to be done for sessions that took messages; what they have then is theirs."""
        rest = together(rests)
        if rest is None:
            self._have_taken(took)
            return self._acknowledgement()

        async def finish() -> None:
            await rest()
            self._have_taken(took)
            acknowledge = self._acknowledgement()
            if acknowledge is not None:
                await acknowledge()

        return finish

    def _have_taken(self, took: list[Session]) -> None:
        for session in took:
            session.taken()
            if not session.closed:  # elsewhere, meanwhile
                self._node.progress.moves(session)

    def _acknowledgement(self) -> Rest | None:
        """What tells the client up to where its messages are kept, if that is news and due."""
        session = None if self._named is None else self._sessions.get(self._named)
        now = trio.current_time()
        if session is None or now - self._acknowledged_at < self._node.settings.acknowledge_every_in_s:
            return None
        self._acknowledged_at = now
        seq = self._node.progress.settled(session)
        if seq <= self._acknowledged:
            return None
        self._acknowledged = seq
        self._node.receiving.statistics.acknowledgements[_KIND] += 1
        return lambda: self._tell(seq, "acknowledged")

    async def _tell(self, seq: int, state: str) -> None:
        told = {"type": "sn", "body": {"value": seq, "state": state}}
        await self._websocket.send_text(orjson.dumps(told).decode())

    def _session_of(self, envelope: Envelope) -> Session | None:
        """The session of a message; a new one where one begins. ``None`` for a message that is not looked at."""
        id_ = envelope.stats_session_id
        session = self._sessions.get(id_)
        if session is not None:
            return session
        statistics = self._node.receiving.statistics
        most = _MOST_OF_A_BROWSER if self._client == BROWSER else self._node.settings.max_sessions_per_socket
        if len(self._sessions) >= most:
            statistics.skipped[_KIND, Unheard.TOO_MANY_SESSIONS.value] += 1
        elif id_ in self._node.owners and not self._comes_back:
            statistics.skipped[_KIND, Unheard.SESSION_IN_USE.value] += 1
        else:
            return self._known(id_) or (self._new(id_) if envelope.type in _OPENING else None)
        return None

    def _known(self, id_: str) -> Session | None:
        """A session that this node knows: it is this socket's from now on."""
        owner = self._node.owners.get(id_)
        session = owner.part_with(id_) if owner is not None else self._node.remembered.take(id_)
        if session is not None:
            self._node.receiving.statistics.resumed_sessions[_KIND] += 1
            self._own(session)
        return session

    def part_with(self, id_: str) -> Session:
        """The session goes on at another socket; if it is what this one is for, this one is closed."""
        session = self._sessions[id_]
        self._lose(id_)
        if id_ == self._named:
            self.listening.part()
        return session

    def _new(self, id_: str) -> Session:
        """A session that begins at this node, or comes from another."""
        node, settings = self._node, self._node.settings
        kept = node.progress.kept(id_)
        who = Guest(id_, kept.room_id or self._room or id_, kept.user_id, user_agent=self._user_agent)
        client = None
        if self._client == BROWSER:
            client = node.receiving.client(Format.JITSI, settings.service_id, settings.media_unit_id)
        told = None
        if self._began is not None:
            told = self._began._replace(id=id_, client=self._client, started_ms=node.receiving.intake.now())
        session = Session(who, client, node.receiving, settings.bounds, told, kept)
        statistics = node.receiving.statistics
        (statistics.resumed_sessions if kept.seq else statistics.opened_sessions)[_KIND] += 1
        self._own(session)
        return session

    def _own(self, session: Session) -> None:
        self._sessions[session.id] = session
        self._node.owners[session.id] = self
        self._node.receiving.statistics.open_sessions[_KIND] += 1

    def _lose(self, id_: str) -> None:
        del self._sessions[id_], self._node.owners[id_]
        self._node.receiving.statistics.open_sessions[_KIND] -= 1


def _room_of(rest: str, longest: int) -> str | None:
    """The room that an address names, in small letters as Jitsi takes it."""
    room = rest.strip("/").lower()
    return room if 0 < len(room) <= longest and not CONTROL.search(room) else None
