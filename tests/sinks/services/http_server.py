"""A destination of a stream of Firehose, which keeps what comes in the order in which it comes."""

from pathlib import Path

from tests.sinks.services.receiver import Receiver


class HttpServer(Receiver):
    """It answers once all records of a request stand in the file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "http")

    @property
    def url(self) -> str:
        """Where it takes records."""
        return f"http://{self.host}:{self.port}/"
