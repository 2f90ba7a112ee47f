"""An authority for the certificates of a cluster, and certificates of it: what mutual TLS needs, and no more.

Keys are ECDSA on P-256. A certificate names one host, and is for both sides of a connection, for every member dials.
"""

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_NAME = "webrtc-observer cluster authority"

_CLOCKS_DIFFER = timedelta(hours=1)
_LONGEST_COMMON_NAME = 64
_LONGEST_HOST = 253
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both in PEM."""

    certificate: bytes
    key: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs the certificates of a cluster."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, host: str, days: int, now: datetime) -> Pair:
        """A certificate for a host, for so many days but not beyond the authority's; ValueError for what is no host."""
        name = general_name(host)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = host if len(host) <= _LONGEST_COMMON_NAME else "webrtc-observer"
        end = min(_later(now, days), self.certificate.not_valid_after_utc)
        authority_key = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            _builder(subject, key, now, end)
            .issuer_name(self.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_key), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        return _pair(certificate, key)

    def pair(self) -> Pair:
        """The authority itself, to be kept."""
        return _pair(self.certificate, self.key)


def new_authority(days: int, now: datetime) -> Authority:
    """An authority that nobody knows yet; it signs certificates of hosts only, not other authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(AUTHORITY_NAME, key, now, _later(now, days))
    certificate = (
        builder.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY_NAME)]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def read_authority(certificate: bytes, key: bytes, now: datetime) -> Authority:
    """The authority that was kept; raises `ValueError`, with words for the operator, if it cannot sign anything now."""
    try:
        read = x509.load_pem_x509_certificate(certificate)
        read.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        read_key = load_pem_private_key(key, None)
    except Exception as error:  # the library names no common class
        raise ValueError("the authority cannot be read") from error
    if not isinstance(read_key, ec.EllipticCurvePrivateKey) or read_key.public_key() != read.public_key():
        raise ValueError("the key of the authority is not that of its certificate")
    if not _signs_certificates(read):
        raise ValueError("the certificate of the authority is not one of an authority")
    if read.not_valid_after_utc <= now:
        raise ValueError(f"the authority expired at {read.not_valid_after_utc.isoformat()}")
    return Authority(read, read_key)


def general_name(host: str) -> x509.GeneralName:
    """The name of a host in a certificate: an IP address, a DNS name, or ``*.`` and a DNS name of at least two labels.

    Raises `ValueError` for anything else.
    """
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    labels = host.removeprefix("*.").split(".")
    if not all(map(_LABEL.fullmatch, labels)) or len(host) > _LONGEST_HOST:
        raise ValueError(f"{host!r} is neither a host name nor an IP address")
    if labels[-1].isdigit():
        raise ValueError(f"{host!r} is no IP address, and the last part of a host name is no number")
    if host.startswith("*.") and len(labels) < 2:
        raise ValueError(f"{host!r}: a wildcard stands before at least two labels, such as *.observer.example")
    return x509.DNSName(host)


def _builder(subject: str, key: ec.EllipticCurvePrivateKey, now: datetime, end: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signs_certificates(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate.not_valid_after_utc,
    )


def _later(now: datetime, days: int) -> datetime:
    """Raises `ValueError` for a number of days that no calendar holds."""
    try:
        return now + timedelta(days=days)
    except OverflowError as error:
        raise ValueError(f"{days} days are too many") from error
