"""Certificates that are made for one test: of an authority, for any host and any time."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cluster.certificates import Authority, Pair, new_authority
from cluster.settings import TlsFiles
from cluster.tls import Tls

LONG = 30
"""Days for which a certificate holds that is not to expire."""


class Certificates:
    """An authority and its certificates, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = new_authority(LONG, datetime.now(UTC))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ca.pem").write_bytes(self.authority.pair().certificate)

    def files(
        self, host: str = "127.0.0.1", *, days: int = LONG, ago: int = 0, by: Authority | None = None
    ) -> TlsFiles:
        """A new certificate for a host, issued so many days ago; replaces the one that this host had."""
        pair = (by or self.authority).issue(host, days, datetime.now(UTC) - timedelta(days=ago))
        return self.write(pair, host)

    def write(self, pair: Pair, name: str) -> TlsFiles:
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        cert.write_bytes(pair.certificate)
        key.write_bytes(pair.key)
        key.chmod(0o600)
        return TlsFiles(ca=str(self.folder / "ca.pem"), cert=str(cert), key=str(key))

    def tls(self, host: str = "127.0.0.1") -> Tls:
        return tls(self.files(host))


def tls(files: TlsFiles) -> Tls:
    return Tls(files.ca, files.cert, files.key)


def any_client(files: TlsFiles | None) -> ssl.SSLContext:
    """The TLS of a client that trusts whom it meets, and shows the certificate, whatever it is worth."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if files is not None:
        context.load_cert_chain(files.cert, files.key)
    return context
