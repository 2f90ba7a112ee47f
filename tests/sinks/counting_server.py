"""A receiver of lines over TCP, as a process, that says how many lines of a connection stand in its file.

Usage: counting_server.py PORT FILE.
"""

import os
import socketserver
import sys
from pathlib import Path

from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.services import ROOT
from tests.sinks.services.process import Service, accepts


class CountingServer(Service):
    """What it took stands in its file, which outlasts `kill`."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self.host = LOOPBACK
        self._file = folder / "arrived.jsonl"
        self._file.touch()
        command = [sys.executable, "-m", "tests.sinks.counting_server", str(self.port), str(self._file)]
        super().__init__(ROOT, command, lambda: accepts(self.port))
        self.log = folder / "service.log"

    def arrived(self) -> list[bytes]:
        """The lines that it took, in their order."""
        return self._file.read_bytes().splitlines()


class Lines(socketserver.StreamRequestHandler):
    """Counts the lines of one connection; what comes at once is counted at once."""

    def handle(self) -> None:
        kept, count = b"", 0
        while block := self.request.recv(65_536):
            whole, newline, kept = (kept + block).rpartition(b"\n")
            os.write(FILE, whole + newline)
            count += (whole + newline).count(b"\n")
            self.request.sendall(b"%d\n" % count)

    def finish(self) -> None:
        """There is nothing to flush, and the client may be gone."""


if __name__ == "__main__":
    FILE = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer((LOOPBACK, int(sys.argv[1])), Lines) as server:
        server.serve_forever()
