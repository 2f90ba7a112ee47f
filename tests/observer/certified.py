"""Certificates of a cluster, in files."""

from datetime import UTC, datetime
from pathlib import Path

from cluster.certificates import Authority, new_authority


def write_certificates(
    folder: Path,
    host: str,
    *,
    ca: str = "ca.pem",
    cert: str = "cert.pem",
    key: str = "key.pem",
    authority: Authority | None = None,
) -> None:
    """Puts a new authority, a certificate of it for the host, and that certificate's key into the folder.

    An authority that is given is put there as well, but has not signed the certificate.
    """
    now = datetime.now(UTC)
    issuer = new_authority(2, now)
    pair = issuer.issue(host, 1, now)
    (folder / ca).write_bytes((authority or issuer).pair().certificate)
    (folder / cert).write_bytes(pair.certificate)
    (folder / key).touch(mode=0o600)
    (folder / key).write_bytes(pair.key)
