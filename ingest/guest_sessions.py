"""What sessions of guests have in common: how their samples go on, what is written down of them, who is remembered.

A guest speaks another language than ours, by a WebSocket of its own. What it tells becomes client samples of 3.x, which
from there on go the way of all samples.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import unquote_plus

import trio

import web
from ingest.guest_statistics import GuestStatistics, Kind, TurnedAway
from ingest.guest_values import KeepValue, KeptValue
from ingest.incoming import Format, Incoming
from ingest.intake import Intake
from ingest.rest import Offer
from ingest.sessions import Admits, Departed, Put
from ingest.statistics import Transport
from schemas.deltas import Allowance
from schemas.samples import Item

TRY_AGAIN_LATER, POLICY_VIOLATION = 1013, 1008
"""Close codes of RFC 6455 and its registry; after either a client of Jitsi's comes back."""

Rest = Callable[[], Awaitable[None]]
"""What is left to be done before more of a session is read."""

T = TypeVar("T")

_ASIDE = re.compile(r"([?&;])([^=&;#]*)=[^&;#]*")


class Began(NamedTuple):
    """A session of which a dump may be kept. `target` is the path and the query that were asked for, without a token.

    `id` is what the session is called by its client, `client` what kind of client that is: ``rtcstats``, ``jvb``,
    ``jicofo``, ``jibri``, ``jigasi`` or ``unknown``; `identity` is who is known to take part.
    """

    kind: Kind
    started_ms: int
    target: str
    origin: str | None
    user_agent: str | None
    protocol: str | None
    addresses: tuple[str, ...]
    id: str | None = None
    client: str = "rtcstats"
    identity: Mapping[str, Any] = {}


class Dump(Protocol):
    """Where the messages of a session are written down, one a line."""

    @property
    def durable(self) -> int:
        """The largest `mark` up to which all lines are on disk, or never will be."""

    def write(self, line: bytes, mark: int = 0) -> Awaitable[None] | None:
        """Takes a line; what it returns is awaited before more of the session is read."""

    def tell(self, **identity: Any) -> None:
        """More is known of who takes part."""

    def close(self, last_line: bytes | None, ended_ms: int) -> None:
        """The session is over."""


Opened = Callable[[Began], Dump]
"""Opens a dump. Never raises."""


@dataclass(frozen=True, slots=True)
class Receiving:
    """Where all guests' samples go, and who is told. `fresh_id` gives an id that nobody has used.

    Dumps are `opened` if any are to be kept. By `keep` all nodes learn of sessions, and `kept` says what they know.
    What may still be `remembered` all sessions share.
    """

    intake: Intake
    offer: Offer
    put: Put
    admits: Admits
    departed: Departed
    fresh_id: Callable[[], str]
    remembered: Allowance
    opened: Opened | None = None
    keep: KeepValue | None = None
    kept: KeptValue | None = None
    statistics: GuestStatistics = field(default_factory=GuestStatistics)

    @contextmanager
    def socket(self, kind: Kind, most: int) -> Iterator[None]:
        """Counts a socket while it is open. Raises `web.Refusal` when none is admitted, or as many as may be are open:
        a client that can, comes back then."""
        reason = self.admits()
        if reason is not None:
            raise self.refusal(kind, TurnedAway.NOT_READY, TRY_AGAIN_LATER, reason)
        sockets = self.statistics.open_sockets
        if sockets[kind] >= most:
            raise self.refusal(kind, TurnedAway.TOO_MANY_SOCKETS, TRY_AGAIN_LATER, "There are too many sessions")
        sockets[kind] += 1
        self.statistics.opened_sockets[kind] += 1
        try:
            yield
        finally:
            sockets[kind] -= 1

    def refusal(self, kind: Kind, why: TurnedAway, code: int, reason: str) -> web.Refusal:
        """What ends a session, which is counted."""
        self.statistics.turned_away[kind, why] += 1
        return web.Refusal(code, reason)

    def client(self, format_: Format, service_id: str, media_unit_id: str) -> "Client":
        """A client that is new here."""
        return Client(self, Incoming(service_id, media_unit_id, format=format_))


class Client:
    """The client that a session becomes. `heard` are the ids under which it is known, and has not left."""

    __slots__ = ("_decoder", "_receiving", "heard")

    def __init__(self, receiving: Receiving, of: Incoming) -> None:
        self._receiving = receiving
        self._decoder = receiving.intake.decoder(of, Transport.WEBSOCKET)
        self.heard: set[str] = set()

    def tell(self, items: list[Item], size: int) -> Rest | None:
        """Hands on client samples of 3.x that came in a message of `size` bytes."""
        receiving = self._receiving
        samples = receiving.intake.take_clients(items, size, self._decoder)
        self.heard.update(client.client_id for client in samples.clients)
        self.heard.difference_update(samples.leaving)
        if receiving.offer(samples, size):
            return None
        return lambda: receiving.put(samples, size)

    def depart(self) -> None:
        """Its session has closed: it leaves, unless it is heard of again within the grace."""
        if self.heard:
            self._receiving.departed(self._decoder.of.service_id, tuple(self.heard), ())


class Listening:
    """One socket that is listened to until it ends, or its session goes on at another."""

    __slots__ = ("_finishing", "_parted", "_scope", "_take", "_websocket")

    def __init__(self, websocket: web.WebSocket, take: Callable[[bytes], Rest | None]) -> None:
        self._websocket = websocket
        self._take = take
        self._scope = trio.CancelScope()
        self._finishing = self._parted = False

    async def listen(self) -> None:
        """Returns when the session goes on elsewhere. Raises `web.Disconnected`."""
        with self._scope:
            await self._websocket.listen(self._hear)

    def part(self) -> None:
        """The session goes on at another socket; what was received is worked on to its end."""
        self._parted = True
        if not self._finishing:
            self._scope.cancel()

    def _hear(self, data: bytes, text: bool) -> Awaitable[None] | None:
        rest = self._take(data)
        return None if rest is None else self._finish(rest)

    async def _finish(self, rest: Rest) -> None:
        self._finishing = True
        try:
            await rest()
        finally:
            self._finishing = False
            if self._parted:
                self._scope.cancel()


class Remembered(Generic[T]):
    """Sessions that have no socket now and may come back: at most `most`, for so many seconds each.

    `forgotten` is told of each that does not.
    """

    def __init__(
        self, kind: Kind, most: int, seconds: float, forgotten: Callable[[T], None], statistics: GuestStatistics
    ) -> None:
        self._kind = kind
        self._most = most
        self._seconds = seconds
        self._forgotten = forgotten
        self._statistics = statistics
        self._sessions: dict[str, tuple[float, T]] = {}

    def put(self, id_: str, session: T) -> None:
        """Remembers a session; if there are too many, that is forgotten which was put here first."""
        self._forget(id_)
        self._sessions[id_] = trio.current_time() + self._seconds, session
        if len(self._sessions) > self._most:
            self._statistics.forgotten_sessions[self._kind] += 1
            self._forget(next(iter(self._sessions)))
        self._count()

    def take(self, id_: str) -> T | None:
        """The session of this id, if it is remembered: from now on it is not."""
        self.forget_old()
        entry = self._sessions.pop(id_, None)
        self._count()
        return None if entry is None else entry[1]

    def forget_old(self) -> None:
        """Forgets those whose time is over."""
        now = trio.current_time()
        for id_, (until, _) in list(self._sessions.items()):
            if until > now:
                break
            self._forget(id_)
        self._count()

    def forget_all(self) -> None:
        """Forgets all."""
        for id_ in list(self._sessions):
            self._forget(id_)
        self._count()

    def _forget(self, id_: str) -> None:
        entry = self._sessions.pop(id_, None)
        if entry is not None:
            self._forgotten(entry[1])

    def _count(self) -> None:
        self._statistics.remembered_sessions[self._kind] = len(self._sessions)


def together(rests: Sequence[Rest]) -> Rest | None:
    """One after the other."""
    if len(rests) < 2:
        return rests[0] if rests else None

    async def all_of_them() -> None:
        for rest in rests:
            await rest()

    return all_of_them


def awaiting(written: Awaitable[None] | None) -> list[Rest]:
    """What a dump would have awaited, as a list of one, or none."""
    if written is None:
        return []

    async def wait() -> None:
        await written

    return [wait]


def without(target: str, secret: str) -> str:
    """The target of a request with the value of a parameter of its query put out of sight, however it is spelt."""
    return _ASIDE.sub(
        lambda found: f"{found[1]}{found[2]}=obfuscated" if unquote_plus(found[2]) == secret else found[0], target
    )


def began(kind: Kind, request: web.Request, websocket: web.WebSocket, now_ms: int, *, secret: str = "") -> Began:
    """What a request tells of a session that begins with it; the value of the parameter `secret` is kept out."""
    headers = request.headers
    forwarded, peer = headers.get("x-forwarded-for"), websocket.peer_address
    return Began(
        kind,
        now_ms,
        without(request.target, secret) if secret else request.target,
        headers.get("origin"),
        headers.get("user-agent"),
        headers.get("sec-websocket-protocol"),
        tuple(forwarded.split(",")) if forwarded else (peer,) if peer else (),
    )
