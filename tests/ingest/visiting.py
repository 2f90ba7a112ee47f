"""The port for samples with guests on it, the dumps they leave, and what a cluster would keep of them."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import trio
import trio_websocket
from trio_websocket import ConnectionClosed, WebSocketConnection

from ingest import Began, Guests, GuestStatistics, Jitsi, Rtcstats, Sources, guest_routes, routes
from tests.ingest.taking import Pipeline
from tests.web.serving import Served, serving

SECRET = "a secret that nobody can guess, ever"


@dataclass
class Paper:
    """A dump in memory. What is written is on disk at once, unless it is slow."""

    began: Began
    lines: list[bytes] = field(default_factory=list)
    identity: dict[str, Any] = field(default_factory=dict)
    closed: tuple[bytes | None, int] | None = None
    durable: int = 0
    slow: bool = False
    room: trio.Event | None = None

    def write(self, line: bytes, mark: int = 0) -> Awaitable[None] | None:
        assert self.closed is None
        self.lines.append(line)
        if not self.slow:
            self.durable = max(self.durable, mark)
        return None if self.room is None else self.room.wait()

    def tell(self, **identity: Any) -> None:
        self.identity |= identity

    def close(self, last_line: bytes | None, ended_ms: int) -> None:
        if self.closed is None:
            self.closed = last_line, ended_ms


class Cluster(dict[tuple[str, str], bytes]):
    """What all nodes hold. It is told at once."""

    def keep(self, kind: str, key: str, value: bytes, ttl_ms: int) -> bool:
        self[kind, key] = value
        return True


@dataclass
class Visited:
    """A node that serves guests."""

    served: Served
    pipeline: Pipeline
    guests: Guests
    dumps: list[Paper]
    cluster: Cluster

    @property
    def statistics(self) -> GuestStatistics:
        return self.guests.statistics

    async def page(self, path: str = "/rtcstats/lobby", subprotocol: str = "rtcstats#5.0") -> WebSocketConnection:
        return await self.socket(path, subprotocol)

    async def browser(
        self, id_: str = "s-1", *, back: bool = False, room: str = "lobby", subprotocol: str = "3.1_STANDARD"
    ) -> tuple[WebSocketConnection, int]:
        """A client of Jitsi's that was told up to where its messages are kept; and that."""
        path = f"/jitsi/{room}?statsSessionId={id_}&isReconnect={str(back).lower()}"
        websocket = await self.socket(path, subprotocol)
        told = orjson.loads(await websocket.get_message())
        assert told == {"type": "sn", "body": {"value": told["body"]["value"], "state": "initial"}}
        return websocket, told["body"]["value"]

    async def socket(self, path: str, subprotocol: str) -> WebSocketConnection:
        return await trio_websocket.wrap_client_stream(
            self.served.nursery,
            self.served.door.connect(),  # type: ignore[arg-type]  # any stream will do
            "localhost",
            path,
            subprotocols=[subprotocol] if subprotocol else None,
            extra_headers=[(b"Origin", b"https://app.example"), (b"User-Agent", b"Browser/1")],
        )

    def skipped(self, reason: str) -> int:
        return sum(count for (_, why), count in self.statistics.skipped.items() if why == reason)


@asynccontextmanager
async def visiting(
    rtcstats: Rtcstats | None = None,
    jitsi: Jitsi | None = None,
    *,
    sources: Sources | None = None,
    now: Callable[[], int] = lambda: 1_700_000_000_000,
    dumping: bool = True,
    cluster: Cluster | None = None,
    max_remembered_size: int = 1_000_000,
) -> AsyncIterator[Visited]:
    """A node; of several that share a `cluster` each knows what the others keep there."""
    pipeline, dumps = Pipeline(), list[Paper]()
    cluster = Cluster() if cluster is None else cluster
    ids = iter(range(1000))

    def opened(began: Began) -> Paper:
        dumps.append(Paper(began))
        return dumps[-1]

    guests = guest_routes(
        rtcstats or Rtcstats(),
        jitsi or Jitsi(),
        sources or Sources(),
        offer=pipeline.offer,
        put=pipeline.put,
        admits=lambda: pipeline.not_admitted,
        departed=pipeline.departed,
        now=now,
        fresh_id=lambda: f"fresh-{next(ids)}",
        statistics=pipeline.statistics,
        guest_statistics=GuestStatistics(),
        max_remembered_size=max_remembered_size,
        opened=opened if dumping else None,
        keep=cluster.keep,
        kept=lambda kind, key: cluster.get((kind, key)),
    )
    answers = routes(
        sources or Sources(),
        offer=pipeline.offer,
        put=pipeline.put,
        admits=lambda: pipeline.not_admitted,
        takes=lambda: pipeline.not_taken,
        departed=pipeline.departed,
        now=now,
        statistics=pipeline.statistics,
        guests=guests.routes(),
    )
    async with serving(answers) as served:
        served.nursery.start_soon(guests.run)
        yield Visited(served, pipeline, guests, dumps, cluster)
    guests.close()


async def closed_with(websocket: WebSocketConnection) -> int:
    """With what code a socket is closed, whatever it is told before."""
    while True:
        try:
            await websocket.get_message()
        except ConnectionClosed as closed:
            return closed.reason.code if closed.reason else 1006


def signed(claims: dict[str, Any] | None = None, secret: str = SECRET, algorithm: str = "HS256", **more: Any) -> str:
    """A token for alice in sess-1 of room-1, unless `claims` say otherwise."""
    named = {"user": "alice", "session": "sess-1", "conference": "room-1"} if claims is None else claims
    header, payload = (
        base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=")
        for part in ({"alg": algorithm, "typ": "JWT"}, {"rtcStats": named, **more})
    )
    signature = hmac.new(secret.encode(), header + b"." + payload, hashlib.sha256).digest()
    return b".".join((header, payload, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()


def created(at: int = 1_700_000_000_000) -> str:
    """What a page says first, and what opens a peer connection."""
    return f'[39,null,{{"hardwareConcurrency":8}},{at}]'


def identity(id_: str = "s-1", seq: int = 1, **members: Any) -> str:
    told = {"confName": "Lobby", "displayName": "Ann", "applicationName": "Jitsi Meet", **members}
    return envelope(id_, "identity", ["identity", None, told, 1_700_000_000_000, seq])


def entry(seq: int, id_: str = "s-1", method: str = "dominantSpeaker", value: Any = None) -> str:
    """An entry that is told as an event."""
    value = {"dominantSpeakerEndpoint": f"ep-{seq}"} if value is None else value
    data = orjson.dumps([method, None, value, 1_700_000_000_000 + seq, seq]).decode()
    return envelope(id_, "stats-entry", data)


def envelope(id_: str, type_: str, data: Any = ...) -> str:
    told = {"statsSessionId": id_, "type": type_} | ({} if data is ... else {"data": data})
    return orjson.dumps(told).decode()
