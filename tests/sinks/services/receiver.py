"""What receivers of reports share: a process of its own, and a file with what it took."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.services import ROOT
from tests.sinks.services.process import Service, accepts


class Receiver(Service):
    """What it took stands in its file, which outlasts `kill`. With a certificate and its key it speaks TLS."""

    def __init__(self, folder: Path, kind: str, certificate: Path | None = None, key: Path | None = None) -> None:
        (self.port,) = free_ports(1)
        self.host = LOOPBACK
        self.secure = certificate is not None
        self._file = folder / "arrived.jsonl"
        self._file.touch()
        pair = [str(path) for path in (certificate, key) if path is not None]
        program = str(ROOT / "tests/sinks/services/receiving.py")
        super().__init__(
            folder,
            [sys.executable, program, kind, str(self.port), str(self._file), *pair],
            lambda: accepts(self.port),
        )

    def arrived(self) -> list[bytes]:
        """The lines that it took, in their order."""
        return self._file.read_bytes().splitlines()

    def forget(self) -> None:
        """Empties the file."""
        self._file.write_bytes(b"")


def self_signed(folder: Path) -> Sequence[Path]:
    """The files of a fresh certificate of loopback, which is its own authority, and of its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *("-subj", "/CN=receiver", "-addext", f"subjectAltName=IP:{LOOPBACK},DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key
