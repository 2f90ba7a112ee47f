"""The routes of client metrics on a real port of 127.0.0.1, and pushes for them."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio

import web
from ingest.client_metrics import ClientMetrics, ClientMetricsStatistics, Values, client_metrics_routes
from tests.web_client import Answer, request

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
CLIENT = "6b1f7c1e-3c39-4d0f-9a55-0e9a0f7c1a11"
JSON = ("Content-Type", "application/json")


class Held:
    """Holds values at once, and for ever."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.ttls: set[int] = set()
        self.has_room = True

    def keep(self, kind: str, key: str, value: bytes, ttl_ms: int) -> bool:
        if self.has_room:
            self.values[key] = value
            self.ttls.add(ttl_ms)
        return self.has_room

    def latest(self, kind: str, key: str) -> bytes | None:
        return self.values.get(key)

    def kept(self, kind: str) -> Mapping[str, bytes]:
        return dict(self.values)

    def count(self, kind: str) -> int:
        return len(self.values)


class Collector:
    """A running one, and what is asked of it."""

    def __init__(self, port: int, statistics: ClientMetricsStatistics) -> None:
        self.port = port
        self.statistics = statistics
        self.not_taken: str | None = None

    async def push(self, body: object, *headers: tuple[str, str], agent: str = CHROME) -> Answer:
        """Posts a JSON value, or bytes as they are."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await request(self.port, "POST", "/metrics/push", [JSON, ("User-Agent", agent), *headers], sent)

    async def get(self, path: str, *headers: tuple[str, str]) -> Answer:
        """Asks for a path."""
        return await request(self.port, "GET", path, headers)

    async def series(self) -> dict[str, str]:
        """What a scrape tells: the values by the names with their labels, without the prefix."""
        lines = (await self.get("/metrics")).text.splitlines()
        told = [line.removeprefix("jitsi_jcmc_").rpartition(" ") for line in lines if line and not line.startswith("#")]
        found = {name: value for name, _, value in told}
        assert len(found) == len(told), "a series is told twice"
        return found


@asynccontextmanager
async def collecting(
    settings: ClientMetrics | None = None, values: Values | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Collector]:
    """Serves client metrics."""
    collector = Collector(0, ClientMetricsStatistics())
    routes = client_metrics_routes(
        settings or ClientMetrics(),
        values=Held() if values is None else values,
        takes=lambda: collector.not_taken,
        statistics=collector.statistics,
    )
    server = web.Server(web.Routes(http=routes, cors=web.Cors()), web.Limits())
    async with trio.open_nursery() as nursery:
        (collector.port, *_) = await nursery.start(server.serve, host, 0)
        yield collector
        nursery.cancel_scope.cancel()


def pushed(
    client: str = CLIENT, participant: str = "a1b2", room: str = "standup", metrics: Any = None, **more: Any
) -> dict[str, Any]:
    """A push; `metrics` are those of a quality of 97.5 unless given."""
    labels = {"client_id": client, "participant_id": participant, "roomname": room}
    told = {"connectionquality": {"value": 97.5}} if metrics is None else metrics
    return {"default_labels": labels, "metrics": told, **more}


def rtt(value: float | str | None, src: str | None = "192.0.2.1", **labels: Any) -> dict[str, Any]:
    """The round trip of a transport."""
    return {"labels": {"src_ip": src, **labels}, "value": value}
