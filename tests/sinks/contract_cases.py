"""For each type of sink: how to make one that reaches its real service, and how to read what arrived there.

The contract (`test_contract`) is checked with each of them. A new type of sink needs a `Case` here.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sinks.aws_credentials import AwsCredentials, AwsStatic
from sinks.encoding import EncodingType
from sinks.file import FileSink
from sinks.firehose import FirehoseSink
from sinks.kafka import KafkaSink
from sinks.lines import Line
from sinks.logger import LoggerSink
from sinks.mongo import MongoSink
from sinks.s3 import AwsS3Sink
from sinks.sink import Sink
from sinks.socket import SocketConfirmation, SocketSink
from sinks.websocket import WebsocketSink

STREAM = "contract"
"""A stream of the fixture `moto`, if the case needs `http_server`, which has what it takes."""


@dataclass(frozen=True)
class World:
    """Where sinks of a test write: each into a place of the test's own, which has its `name` where it needs one."""

    name: str
    folder: Path
    caplog: pytest.LogCaptureFixture
    services: Mapping[str, Any]
    """The services that the case needs, by the names of their fixtures."""


@dataclass(frozen=True)
class Case:
    """A sink that reaches its destination, and the envelopes that its destination has, in their order."""

    sink: Callable[[World], Sink]
    arrived: Callable[[World], list[object]]
    needs: Sequence[str] = ()


def envelopes(some: Iterable[Line]) -> list[object]:
    """What these lines say."""
    return [json.loads(one) for one in some]


def _file(world: World) -> Sink:
    return FileSink(str(world.folder / "reports.jsonl"))


def _filed(world: World) -> list[object]:
    return envelopes((world.folder / "reports.jsonl").read_bytes().splitlines())


def _logged(world: World) -> list[object]:
    told = [record.getMessage() for record in world.caplog.records if record.name == "sink.mySink"]
    return [json.loads(message.removeprefix("Report: ")) for message in told if message.startswith("Report: ")]


def _kafka(world: World) -> Sink:
    tansu = world.services["tansu"]
    tansu.create_topic(world.name)
    return KafkaSink({"bootstrap.servers": tansu.bootstrap}, world.name)


def _in_topic(world: World) -> list[object]:
    return envelopes(record.value for record in world.services["tansu"].arrived(world.name))


def _mongo(world: World) -> Sink:
    return MongoSink(world.name, world.services["mongod"].uri)


def _in_collection(world: World) -> list[object]:
    return list(world.services["mongod"].arrived(world.name, "reports"))


def _s3(world: World) -> Sink:
    store = world.services["seaweed"]
    return AwsS3Sink(
        store.bucket,
        store.region,
        EncodingType.JSON,
        default_prefix=world.name,
        credentials=_credentials(store),
        endpoint_url=store.endpoint,
    )


def _credentials(service: Any) -> AwsCredentials:
    return AwsCredentials("AwsStatic", AwsStatic(service.access_key, service.secret_key))


def _in_objects(world: World) -> list[object]:
    objects = world.services["seaweed"].arrived(f"{world.name}/").values()
    return [envelope for content in objects for envelope in envelopes(content.splitlines())]


def _firehose(world: World) -> Sink:
    moto = world.services["moto"]
    world.services["http_server"].forget()
    return FirehoseSink(
        moto.region,
        STREAM,
        encoding_type=EncodingType.JSON,
        credentials=_credentials(moto),
        endpoint_url=moto.endpoint,
    )


def _websocket(world: World) -> Sink:
    server = world.services["websocket_server"]
    server.forget()
    return WebsocketSink(server.uri)


def _socket(world: World) -> Sink:
    server = world.services["tcp_server"]
    server.forget()
    return SocketSink(server.host, server.port, confirmation=SocketConfirmation.CLOSE)


def _received(name: str) -> Callable[[World], list[object]]:
    return lambda world: envelopes(world.services[name].arrived())


CASES: Mapping[str, Case] = {
    "AwsS3Sink": Case(_s3, _in_objects, ["seaweed"]),
    "FileSink": Case(_file, _filed),
    "FirehoseSink": Case(_firehose, _received("http_server"), ["moto", "http_server"]),
    "KafkaSink": Case(_kafka, _in_topic, ["tansu"]),
    "LoggerSink": Case(lambda _: LoggerSink(print_reports=True), _logged),
    "MongoSink": Case(_mongo, _in_collection, ["mongod"]),
    "SocketSink": Case(_socket, _received("tcp_server"), ["tcp_server"]),
    "WebsocketSink": Case(_websocket, _received("websocket_server"), ["websocket_server"]),
}
