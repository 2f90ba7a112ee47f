"""What a sink costs: reports a second, and processor time of 1000 reports, for each type against its real service.

    python -m benchmarks.sinks [--reports 50000] [--rounds 3] [--only NAME] [--write docs/sinks.md]

The reports are those of simulated calls, written as lines beforehand. They wait, as after an outage, and are delivered
as fast as the service takes them, in batches of up to 10,000. Processor time is that of this process, all threads, user
and system: delivery and the sink, not the service, which has the rest of the machine. What is told is the median of the
rounds. The services are those of the tests (`make services`), on loopback; a way whose service is not at hand is left
out.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio

from benchmarks.messages import messages
from benchmarks.pages import with_tables
from benchmarks.table.results import here
from ingest.incoming import incoming
from ingest.intake import Intake
from ingest.sources import Sources
from ingest.statistics import Transport
from observer.config import parse
from sinks import ConfiguredSink
from sinks.delivery import Delivery
from sinks.encoding import Written, written
from sinks.fan_out import Deliveries
from sinks.lines import Piece
from sinks.settings import ReportsCollector
from tests.sinks.services.http_server import HttpServer
from tests.sinks.services.kafka import Tansu
from tests.sinks.services.mongod import Mongod
from tests.sinks.services.moto import Moto
from tests.sinks.services.process import Service
from tests.sinks.services.seaweed import SeaweedFS
from tests.sinks.services.tcp_server import TcpServer
from tests.sinks.services.websocket_server import WebsocketServer
from tests.world import NOW, World

HEAD = "| sink | service | reports/s | ms of CPU for 1000 reports |"
"""The head of the table; the one of the page is known by it."""

WHERE_HEAD = "| measured on | machine | with | reports | load average |"

_PIECE = 1000
_PATIENCE_S = 300.0
_round = count(1)

Block = Mapping[str, Any]


@dataclass(frozen=True)
class Way:
    """One sink in one setting. `block` makes its block of the configuration, in a place that is still empty."""

    name: str
    service: str
    block: Callable[[Any, str], Block]
    start: Callable[[Path], Service] | None = None


class Cost(NamedTuple):
    """How many reports went in a second, and the ms of processor time that 1000 of them took."""

    per_second: float
    ms: float


def _file(folder: Path, place: str) -> Block:
    return {"type": "FileSink", "config": {"path": str(folder / place), "maxBytes": 10**11}}


def _spooled(folder: Path, place: str) -> Block:
    return {**_file(folder, place), "spool": {"path": str(folder / "spool" / place)}}


def _kafka(service: Tansu, place: str) -> Block:
    service.create_topic(place)
    config = {
        "properties": {"bootstrap.servers": service.bootstrap},
        "topic": place,
        "keyAssignmentStrategy": "OBJECT_HIERACHY_BASED",
    }
    return {"type": "KafkaSink", "config": config}


def _mongo(service: Mongod, place: str) -> Block:
    return {"type": "MongoSink", "config": {"uri": service.uri, "database": place}}


def _aws(service: SeaweedFS | Moto) -> dict[str, Any]:
    keys = {"accessKeyId": service.access_key, "secretAccessKey": service.secret_key}
    return {
        "regionId": service.region,
        "endpointUrl": service.endpoint,
        "credentials": {"type": "AwsStatic", "config": keys},
    }


def _s3(**more: Any) -> Callable[[SeaweedFS, str], Block]:
    def block(service: SeaweedFS, place: str) -> Block:
        config = {"bucketName": service.bucket, "defaultPrefix": place, **more, **_aws(service)}
        return {"type": "AwsS3Sink", "config": config}

    return block


def _firehose(**more: Any) -> Callable[["_Streams", str], Block]:
    def block(service: _Streams, place: str) -> Block:
        service.create_stream(place, service.server.url)
        return {"type": "FirehoseSink", "config": {"defaultDeliveryStreamId": place, **more, **_aws(service)}}

    return block


class _Streams(Moto):
    """Streams that deliver to a receiver of HTTP: what they delivered into its own bucket would slow moto down."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = HttpServer(folder)

    def start(self) -> None:
        super().start()
        self.server.start()

    def close(self) -> None:
        self.server.close()
        super().close()


def _websocket(service: WebsocketServer, place: str) -> Block:
    service.forget()
    return {"type": "WebsocketSink", "config": {"uri": service.uri}}


def _socket(confirmation: str) -> Callable[[TcpServer, str], Block]:
    def block(service: TcpServer, place: str) -> Block:
        service.forget()
        config = {"host": service.host, "port": service.port, "confirmation": confirmation}
        return {"type": "SocketSink", "config": config}

    return block


WAYS = (
    Way("FileSink", "a file", _file),
    Way("FileSink with a `spool`", "a file", _spooled),
    Way("KafkaSink", "Tansu 0.6", _kafka, Tansu),
    Way("MongoSink", "MongoDB 6.0, a replica set of one", _mongo, Mongod),
    Way("AwsS3Sink, CSV", "SeaweedFS 4.48", _s3(), SeaweedFS),
    Way("AwsS3Sink, JSON", "SeaweedFS 4.48", _s3(encodingType="JSON"), SeaweedFS),
    Way("AwsS3Sink, JSON, `gzip`", "SeaweedFS 4.48", _s3(encodingType="JSON", gzip=True), SeaweedFS),
    Way("FirehoseSink, CSV", "moto 5.2", _firehose(), _Streams),
    Way("FirehoseSink, JSON", "moto 5.2", _firehose(encodingType="JSON"), _Streams),
    Way("WebsocketSink", "a receiver in Python", _websocket, WebsocketServer),
    Way("SocketSink, `TCP`", "a receiver in Python", _socket("TCP"), TcpServer),
    Way("SocketSink, `CLOSE`", "a receiver in Python", _socket("CLOSE"), TcpServer),
)


def pieces(reports: int) -> list[Piece]:
    """So many reports of simulated calls of two to four, as lines, 1000 to a piece."""
    lines = list(islice(_lines(), reports))
    return [Piece(len(some), b"".join(some)) for some in (lines[n : n + _PIECE] for n in range(0, len(lines), _PIECE))]


def _lines() -> Iterator[bytes]:
    for seed in count():
        world = World()
        intake = Intake(Sources(), lambda: NOW)
        decoder = intake.decoder(incoming({"serviceId": "svc", "mediaUnitId": "unit"}, {}, 255), Transport.WEBSOCKET)
        for message in messages(2 + seed % 3, clients=12, samples=20, seed=seed):
            reports = world.tell(intake.take(message, decoder))
            yield from written(reports).lines.text.splitlines(keepends=True)


def measured(way: Way, some: Sequence[Piece], rounds: int) -> Cost:
    """The median of the rounds. Skips, as tests do, what is not at hand; raises `trio.TooSlowError`."""
    with tempfile.TemporaryDirectory(prefix="webrtc-observer-sinks-") as folder:
        service = way.start(Path(folder)) if way.start else None
        try:
            if service:
                service.start()
            costs = [
                _cost(_configured(way.block(service or Path(folder), f"bench-{next(_round)}")), some)
                for _ in range(rounds)
            ]
        finally:
            if service:
                service.close()
    return Cost(*(statistics.median(figures) for figures in zip(*costs, strict=True)))


def _configured(block: Block) -> ConfiguredSink:
    # JSON is YAML.
    return parse(json.dumps({"observer": {"sinks": {"bench": block}}}), {}).observer.sinks["bench"]


def _cost(configured: ConfiguredSink, some: Sequence[Piece]) -> Cost:
    delivery = Delivery("bench", configured.sink, configured.settings, ReportsCollector())
    number = sum(piece.number for piece in some)

    async def deliver() -> tuple[float, float]:
        began, cpu = time.perf_counter(), time.process_time()
        for position, piece in enumerate(some, 1):
            delivery.offer(position, piece.number, Written(piece))
        deliveries = Deliveries([delivery])
        async with trio.open_nursery() as nursery:
            await nursery.start(deliveries.run)
            await deliveries.drain(_PATIENCE_S)
        return time.perf_counter() - began, time.process_time() - cpu

    seconds, cpu = trio.run(deliver)
    arrived = delivery.statistics().acknowledged
    if arrived < number:
        raise trio.TooSlowError(f"{arrived} of {number} reports arrived")
    return Cost(number / seconds, cpu / number * 1_000_000)


def tables(costs: Mapping[Way, Cost], some: Sequence[Piece]) -> list[list[str]]:
    """The tables of the page."""
    rows = [f"| {way.name} | {way.service} | {cost.per_second:,.0f} | {cost.ms:.1f} |" for way, cost in costs.items()]
    number, size = sum(piece.number for piece in some), sum(len(piece.text) for piece in some)
    it = here()
    machine = f"{it['processor']}, {it['system']}"
    reports = f"{number:,} of {size / number:,.0f} bytes"
    where = f"| {it['date']} | {machine} | Python {it['python']} | {reports} | {it['load average']} |"
    return [[HEAD, "|---|---|---|---|", *rows], [WHERE_HEAD, "|---|---|---|---|---|", where]]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", help="ways whose names begin like this (may be repeated)")
    parser.add_argument("--write", type=Path, help="puts the tables into this page")
    o = parser.parse_args()
    some, costs = pieces(o.reports), dict[Way, Cost]()
    for way in WAYS:
        if not o.only or way.name.startswith(tuple(o.only)):
            try:
                costs[way] = measured(way, some, o.rounds)
            except pytest.skip.Exception as missing:
                print(f"{way.name}: {missing}")
            else:
                print(
                    f"{way.name}: {costs[way].per_second:,.0f} reports/s, {costs[way].ms:.1f} ms for 1000", flush=True
                )
    made = tables(costs, some)
    print("\n\n".join("\n".join(table) for table in made))
    if o.write:
        o.write.write_text(with_tables(o.write.read_text(), made))


if __name__ == "__main__":
    main()
