"""Mutual TLS 1.3 between members, and whom a certificate names.

Whoever holds a certificate of our authority is a node of ours; as which member it may speak, its names say: both sides
check that the other's certificate covers the host of its address.
"""

import ipaddress
import logging
import os
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

logger = logging.getLogger(__name__)

_OTHERS = 0o007
_BOTH_USES = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH})

Signature = tuple[tuple[int, int, int], ...]
"""What changes when files do: modification times, sizes and inodes."""


class Tls:
    """The TLS of one node, from PEM files: authorities, own certificate (with intermediates), its private key.

    Files that have changed are read again at the next connection, so that certificates are renewed without a restart;
    while what they hold cannot be used, the former certificate stays in use. Links that are open are not touched.

    Raises:
        ValueError: The files cannot be used; the text names the file and says why, for the operator.
    """

    def __init__(self, ca: str, cert: str, key: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._files = (ca, cert, key)
        self._now = now
        self._seen = _signature(self._files)
        self._contexts = _read(*self._files, now())

    @property
    def names(self) -> frozenset[str]:
        """Whom the own certificate names, as `names_of` gives them."""
        return self._contexts.names

    @property
    def expires_at(self) -> datetime:
        """When the certificate in use expires, or the last of the authorities if that is sooner; renewed ones are read
        first."""
        return self._fresh().expires_at

    def accepting(self) -> ssl.SSLContext:
        """For a connection that was accepted."""
        return self._fresh().accepting

    def dialing(self) -> ssl.SSLContext:
        """For a connection that was dialed; the host that was dialed is to be given as `server_hostname`."""
        return self._fresh().dialing

    def _fresh(self) -> "_Contexts":
        try:
            seen = _signature(self._files)
        except ValueError:
            return self._contexts  # in the midst of being replaced, perhaps
        if seen != self._seen:
            self._seen = seen
            try:
                self._contexts = _read(*self._files, self._now())
                logger.info("The certificate was renewed; it expires at %s", self._contexts.expires_at.isoformat())
            except ValueError as error:
                logger.warning("The former certificate stays in use: %s", error)
        return self._contexts


def names_of(certificate: Mapping[str, object] | None) -> frozenset[str]:
    """The host names and IP addresses of a certificate as `ssl.SSLSocket.getpeercert` gives it. Its subject is none."""
    alternatives = (certificate or {}).get("subjectAltName", ())
    if not isinstance(alternatives, tuple):
        return frozenset()
    return frozenset(str(name).strip() for kind, name in alternatives if kind in ("DNS", "IP Address"))


def covers(names: Collection[str], host: str) -> bool:
    """Whether a certificate with these names speaks for a host.

    Addresses are compared as addresses, names without regard to case; ``*.x.y`` covers one label before ``.x.y``.
    """
    if (address := ip_address(host)) is not None:
        return any(ip_address(name) == address for name in names)
    host = host.lower()
    label, _, parent = host.partition(".")
    if label in ("", "*"):
        return False
    wanted = {host, f"*.{parent}"} if "." in parent else {host}
    return any(name.lower() in wanted for name in names)


def ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that a host is; None if it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Contexts:
    accepting: ssl.SSLContext
    dialing: ssl.SSLContext
    names: frozenset[str]
    expires_at: datetime


def _read(ca: str, cert: str, key: str, now: datetime) -> _Contexts:
    authorities, chain, private = _certificates(ca), _certificates(cert), _private_key(key)
    own = chain[0]
    if _public(private) != _public(own):
        raise ValueError(f"{key}: the key is not that of the certificate {cert}")
    _check_time(cert, own, now)
    authority = max(authorities, key=lambda authority: authority.not_valid_after_utc)
    _check_time(ca, authority, now)
    _check_uses(cert, own)
    names = _names_of_own(cert, own)
    if not _is_signed(own, chain[1:], authorities):
        raise ValueError(f"{cert}: the certificate was not issued by an authority of {ca}")
    return _Contexts(
        _context(ssl.PROTOCOL_TLS_SERVER, ca, cert, key),
        _context(ssl.PROTOCOL_TLS_CLIENT, ca, cert, key),
        names,
        min(own.not_valid_after_utc, authority.not_valid_after_utc),
    )


def _context(protocol: int, ca: str, cert: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = protocol == ssl.PROTOCOL_TLS_CLIENT
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(cert, key, password="")  # never ask at the terminal
        context.load_verify_locations(ca)
    except (OSError, ValueError) as error:  # `ssl.SSLError` is an OSError
        raise ValueError(f"{ca}, {cert}, {key}: {error}") from error
    if protocol == ssl.PROTOCOL_TLS_CLIENT:
        context.hostname_checks_common_name = False
    else:
        # Without tickets no connection skips the check of certificates that may have been replaced meanwhile.
        context.num_tickets = 0
    return context


def _contents(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error


def _certificates(path: str) -> list[x509.Certificate]:
    """At least one."""
    try:
        return x509.load_pem_x509_certificates(_contents(path))
    except ValueError as error:
        raise ValueError(str(error) if str(error).startswith(path) else f"{path}: no certificate in PEM") from error


def _private_key(path: str) -> PrivateKeyTypes:
    contents = _contents(path)
    if os.stat(path).st_mode & _OTHERS:
        logger.warning("%s can be read by everybody on this machine; its mode should be 0600", path)
    try:
        return load_pem_private_key(contents, None)
    except TypeError as error:
        raise ValueError(f"{path}: the key has a passphrase; it must have none") from error
    except Exception as error:  # the library names no common class
        raise ValueError(f"{path}: no private key in PEM") from error


def _public(of: PrivateKeyTypes | x509.Certificate) -> bytes:
    return of.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_time(path: str, certificate: x509.Certificate, now: datetime) -> None:
    if certificate.not_valid_after_utc < now:
        raise ValueError(f"{path}: the certificate expired at {certificate.not_valid_after_utc.isoformat()}")
    if certificate.not_valid_before_utc > now:
        raise ValueError(f"{path}: the certificate is not valid before {certificate.not_valid_before_utc.isoformat()}")


def _check_uses(path: str, certificate: x509.Certificate) -> None:
    try:
        uses = frozenset(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return
    if not uses >= _BOTH_USES:
        raise ValueError(f"{path}: the certificate must be for servers and for clients (serverAuth, clientAuth)")


def _names_of_own(path: str, certificate: x509.Certificate) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise ValueError(f"{path}: the certificate has no subject alternative name") from None
    addresses = found.get_values_for_type(x509.IPAddress)
    return frozenset((*found.get_values_for_type(x509.DNSName), *map(str, addresses)))


def _is_signed(
    certificate: x509.Certificate, others: list[x509.Certificate], authorities: list[x509.Certificate]
) -> bool:
    """Whether the certificate leads to one of the authorities, over some of the others."""
    if any(_issued(certificate, by=authority) for authority in authorities):
        return True
    for index, other in enumerate(others):
        if _issued(certificate, by=other):
            return _is_signed(other, [*others[:index], *others[index + 1 :]], authorities)
    return False


def _issued(certificate: x509.Certificate, *, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _signature(paths: Collection[str]) -> Signature:
    """Raises `ValueError` for a file that is not there."""
    found = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from error
        found.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)
