"""A door before a service that forgets what it holds when it is killed: the door is killed in its stead."""

import sys
from pathlib import Path

from tests.services import ROOT
from tests.sinks.services.process import Service, accepts


class Door(Service):
    """Forwards from one port of loopback to another. Its death cuts all connections: nobody listens then."""

    def __init__(self, folder: Path, port: int, behind: int) -> None:
        program = str(ROOT / "tests/sinks/services/forwarding.py")
        super().__init__(folder, [sys.executable, program, str(port), str(behind)], lambda: accepts(port))
