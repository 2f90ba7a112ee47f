"""A receiver of reports over TCP."""

from pathlib import Path

from tests.sinks.services.receiver import Receiver


class TcpServer(Receiver):
    """It closes a connection once all that came before its end stands in the file."""

    def __init__(self, folder: Path, certificate: Path | None = None, key: Path | None = None) -> None:
        super().__init__(folder, "tcp", certificate, key)
