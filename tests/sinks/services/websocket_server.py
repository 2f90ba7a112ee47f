"""A receiver of reports over WebSocket."""

from pathlib import Path

from tests.sinks.services.receiver import Receiver


class WebsocketServer(Receiver):
    """It answers a ping once all messages before it stand in the file. What it is asked with, it writes to its log."""

    def __init__(self, folder: Path, certificate: Path | None = None, key: Path | None = None) -> None:
        super().__init__(folder, "websocket", certificate, key)

    @property
    def uri(self) -> str:
        """Where it takes reports."""
        return f"{'wss' if self.secure else 'ws'}://{self.host}:{self.port}/reports"

    def requests(self) -> list[str]:
        """Path and headers of each connection."""
        return [line for line in self.log.read_text().splitlines() if line.startswith("/reports")]
