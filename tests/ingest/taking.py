"""The port for samples over memory streams, and a pipeline that only notes what it is given."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import trio

from ingest import Sources, Statistics, routes
from ingest.decoder import Decoder, Heard
from ingest.incoming import Incoming
from schemas.messages import Samples
from schemas.samples import Budget
from tests.web.serving import Served, serving


@dataclass
class Pipeline:
    """Takes all samples while `has_room` says so."""

    taken: list[Samples] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    departures: list[tuple[str, set[str]]] = field(default_factory=list)
    departed_sfus: set[str] = field(default_factory=set)
    not_admitted: str | None = None
    not_taken: str | None = None
    full: bool = False
    room: trio.Event = field(default_factory=trio.Event)
    statistics: Statistics = field(default_factory=Statistics)

    def __post_init__(self) -> None:
        self.room.set()

    def offer(self, samples: Samples, size: int) -> bool:
        if samples.media_unit_id == "broken":
            raise RuntimeError("a secret")
        if self.full or not self.room.is_set():
            return False
        self.taken.append(samples)
        self.sizes.append(size)
        return True

    async def put(self, samples: Samples, size: int) -> None:
        await self.room.wait()
        assert self.offer(samples, size)

    def departed(self, service_id: str, client_ids: Collection[str], sfu_ids: Collection[str]) -> None:
        self.departures.append((service_id, set(client_ids)))
        self.departed_sfus.update(sfu_ids)

    @property
    def client_ids(self) -> list[str]:
        return [client.client_id for samples in self.taken for client in samples.clients]


def decode(
    data: bytes,
    of: Incoming | None = None,
    *,
    budget: Budget | None = None,
    heard: Collection[str] = (),
    heard_sfus: Collection[str] = (),
    timestamp: int | None = None,
) -> Samples:
    """The samples of the only message of a sender."""
    decoder = Decoder(of or Incoming("svc", "mu"), most_clients=10)
    return decoder.decode(data, budget or Budget(), heard=Heard(set(heard), set(heard_sfus)), timestamp=timestamp)


@asynccontextmanager
async def taking(
    sources: Sources | None = None,
    now: Callable[[], int] = lambda: 5000,
    obscure: Callable[[Samples], None] | None = None,
) -> AsyncIterator[tuple[Served, Pipeline]]:
    pipeline = Pipeline()
    answers = routes(
        sources or Sources(),
        offer=pipeline.offer,
        put=pipeline.put,
        admits=lambda: pipeline.not_admitted,
        takes=lambda: pipeline.not_taken,
        departed=pipeline.departed,
        now=now,
        statistics=pipeline.statistics,
        obscure=obscure,
    )
    async with serving(answers) as served:
        yield served, pipeline


def samples_of(*client_ids: str, **envelope: Any) -> bytes:
    clients = [{"clientId": client_id, "roomId": "lobby", "timestamp": 1000} for client_id in client_ids]
    return orjson.dumps({"clientSamples": clients, **envelope})
