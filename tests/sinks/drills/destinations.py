"""Where the observer of a drill sends its reports: for each type of sink its service, which can be killed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.sinks.drills.judging import Parts, reports
from tests.sinks.services.mongod import Mongod
from tests.sinks.services.tcp_server import TcpServer
from tests.sinks.services.websocket_server import WebsocketServer


class Killable(Protocol):
    """A service that is killed, and comes back with all that it had."""

    def start(self) -> None:
        """Starts it, also after `kill`, and waits until it is ready."""

    def kill(self) -> None:
        """Ends it, or the way to it, at once."""

    def close(self) -> None:
        """Ends it for good."""


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
    "MongoSink": mongo,
    "WebsocketSink": websocket,
    "SocketSink": socket,
}
"""For each type of sink with a service: how to make one in a folder. Skips the test where a service is not at hand."""
