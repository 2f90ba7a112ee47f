"""Services that tests share, one of each a process: started when first asked for, skipped where not at hand.

Tests keep apart by names: a database, a prefix, a stream or a topic of their own. One that kills starts its own.
"""

from collections.abc import Iterator

import pytest

from tests.sinks.services.http_server import HttpServer
from tests.sinks.services.kafka import MockKafka, Tansu
from tests.sinks.services.mongod import Mongod
from tests.sinks.services.moto import Moto
from tests.sinks.services.seaweed import SeaweedFS
from tests.sinks.services.tcp_server import TcpServer
from tests.sinks.services.websocket_server import WebsocketServer


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    with Mongod(tmp_path_factory.mktemp("mongod")) as service:
        yield service


@pytest.fixture(scope="session")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    with Tansu(tmp_path_factory.mktemp("tansu")) as service:
        yield service


@pytest.fixture(scope="session")
def mock_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockKafka]:
    with MockKafka(tmp_path_factory.mktemp("kafka")) as service:
        yield service


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    with SeaweedFS(tmp_path_factory.mktemp("seaweed")) as service:
        yield service


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    with Moto(tmp_path_factory.mktemp("moto")) as service:
        yield service


@pytest.fixture(scope="session")
def http_server(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """It has what the stream of the contract takes."""
    with HttpServer(tmp_path_factory.mktemp("http")) as service:
        moto.create_stream("contract", service.url)
        yield service


@pytest.fixture(scope="session")
def websocket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebsocketServer]:
    with WebsocketServer(tmp_path_factory.mktemp("websocket")) as service:
        yield service


@pytest.fixture(scope="session")
def tcp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpServer]:
    with TcpServer(tmp_path_factory.mktemp("tcp")) as service:
        yield service
