"""Where the observer of a drill sends its reports: for each type of sink its service, which can be killed."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.sinks.drills.judging import Made, Parts, reports
from tests.sinks.services.door import Door
from tests.sinks.services.http_server import HttpServer
from tests.sinks.services.kafka import Tansu
from tests.sinks.services.mongod import Mongod
from tests.sinks.services.moto import Moto
from tests.sinks.services.process import Service
from tests.sinks.services.seaweed import SeaweedFS
from tests.sinks.services.tcp_server import TcpServer
from tests.sinks.services.websocket_server import WebsocketServer

_TOPIC = "drill"
_RARELY = {"maxTimeInMs": 250}
"""As operators do where each batch is an object, or a call that is paid for."""


class Killable(Protocol):
    """A service that is killed, and comes back with all that it had."""

    def start(self) -> None:
        """Starts it, also after `kill`, and waits until it is ready."""

    def kill(self) -> None:
        """Ends it, or the way to it, at once."""

    def close(self) -> None:
        """Ends it for good."""


@dataclass(frozen=True)
class BehindDoor:
    """A service that would forget all, so the door before it is killed. `founded` is called when it runs."""

    service: Service
    door: Door
    founded: Callable[[], None]
    store: Service | None = None
    """Another service that keeps what this one takes; it is never killed."""

    def start(self) -> None:
        """Starts both, or the door alone."""
        self.door.start()
        if not self.service.runs:
            self.service.start()
            if self.store:
                self.store.start()
            self.founded()

    def kill(self) -> None:
        """Ends the way to it at once."""
        self.door.kill()

    def close(self) -> None:
        """Ends both for good."""
        for one in (self.door, self.service, self.store):
            if one:
                one.close()


@dataclass(frozen=True)
class Destination:
    """A service, the block of its sink in the observer's configuration, and how to read what it has."""

    service: Killable
    block: Mapping[str, Any]
    arrived: Callable[[], Parts]


def mongo(folder: Path) -> Destination:
    """One collection."""
    mongod = Mongod(folder)
    config = {"uri": mongod.uri, "database": "drill", "connectTimeoutInMs": 1000}

    def arrived() -> Parts:
        return {"reports": mongod.arrived("drill", "reports")}

    return Destination(mongod, {"type": "MongoSink", "config": config}, arrived)


def kafka(folder: Path) -> Destination:
    """One topic of three partitions, the calls among them; a door before the broker is killed in its stead."""
    (port,) = free_ports(1)
    tansu = Tansu(folder, door=port)

    def arrived() -> Parts:
        parts = defaultdict[str, list[Made]](list)
        for record in tansu.arrived(_TOPIC):
            parts[f"partition {record.partition}"] += reports([record.value])
        return parts

    config = {
        "properties": {"bootstrap.servers": tansu.bootstrap},
        "topic": _TOPIC,
        "keyAssignmentStrategy": "OBJECT_HIERACHY_BASED",
    }
    block = {"type": "KafkaSink", "config": config}
    return Destination(
        BehindDoor(tansu, Door(folder, port, tansu.port), lambda: tansu.create_topic(_TOPIC)), block, arrived
    )


def s3(folder: Path) -> Destination:
    """Objects of JSON lines, one after the other by their names."""
    seaweed = SeaweedFS(folder)
    config = {
        "bucketName": seaweed.bucket,
        "regionId": seaweed.region,
        "endpointUrl": seaweed.endpoint,
        "encodingType": "JSON",
        "defaultPrefix": "drill",
        "connectTimeoutInMs": 1000,
        "credentials": _credentials(seaweed.access_key, seaweed.secret_key),
    }

    def arrived() -> Parts:
        objects = seaweed.arrived("drill/").values()
        return {"objects": [report for content in objects for report in reports(content.splitlines())]}

    return Destination(seaweed, {"type": "AwsS3Sink", "batch": _RARELY, "config": config}, arrived)


def firehose(folder: Path) -> Destination:
    """One stream of JSON lines, which are kept by a receiver of HTTP; a door before Firehose is killed in its stead."""
    (port,) = free_ports(1)
    moto, server = Moto(folder), HttpServer(folder)
    config = {
        "regionId": moto.region,
        "defaultDeliveryStreamId": "drill",
        "endpointUrl": f"http://{LOOPBACK}:{port}",
        "encodingType": "JSON",
        "connectTimeoutInMs": 1000,
        "credentials": _credentials(moto.access_key, moto.secret_key),
    }
    service = BehindDoor(moto, Door(folder, port, moto.port), lambda: moto.create_stream("drill", server.url), server)
    block = {"type": "FirehoseSink", "batch": _RARELY, "config": config}
    return Destination(service, block, lambda: {"stream": reports(server.arrived())})


def _credentials(access_key: str, secret_key: str) -> Mapping[str, Any]:
    return {"type": "AwsStatic", "config": {"accessKeyId": access_key, "secretAccessKey": secret_key}}


def websocket(folder: Path) -> Destination:
    """One file of messages."""
    server = WebsocketServer(folder)
    return Destination(
        server,
        {"type": "WebsocketSink", "config": {"uri": server.uri}},
        lambda: {"messages": reports(server.arrived())},
    )


def socket(folder: Path) -> Destination:
    """One file of lines, each batch confirmed by the receiver itself: what only the system took dies with it."""
    server = TcpServer(folder)
    config = {"host": server.host, "port": server.port, "confirmation": "CLOSE"}
    return Destination(server, {"type": "SocketSink", "config": config}, lambda: {"lines": reports(server.arrived())})


DESTINATIONS: Mapping[str, Callable[[Path], Destination]] = {
    "KafkaSink": kafka,
    "MongoSink": mongo,
    "AwsS3Sink": s3,
    "FirehoseSink": firehose,
    "WebsocketSink": websocket,
    "SocketSink": socket,
}
"""For each type of sink with a service: how to make one in a folder. Skips the test where a service is not at hand."""
