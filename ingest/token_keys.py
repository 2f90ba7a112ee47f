"""The keys that signatures of access tokens are checked with, and what is wrong with those that cannot serve."""

import re
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

Key = bytes | RSAPublicKey | EllipticCurvePublicKey

SHORTEST_SECRET = 32
"""A secret is as long as the hash it is used with, or longer: RFC 7518, 3.2. (bytes)"""

SMALLEST_RSA = 2048
"""RFC 7518, 3.3. (bits)"""

_MOST_KEYS = 16
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


class Algorithm(StrEnum):
    """How access tokens are signed."""

    HS256 = "HS256"
    RS256 = "RS256"
    ES256 = "ES256"


def secret_key(secret: str, named: str) -> bytes:
    """The key that a secret is. Raises `ValueError` that names the setting, and never the secret."""
    key = secret.encode("utf-8", "surrogateescape")
    if len(key) < SHORTEST_SECRET:
        raise ValueError(f"{named} is too short: it needs at least {SHORTEST_SECRET} bytes")
    if b"-----BEGIN" in key:
        # Who knows a public key must not be able to sign with it.
        raise ValueError(f"{named} is a key in PEM; that belongs to publicKey, with another algorithm")
    return key


def public_keys(algorithm: Algorithm, pem: str, named: str) -> tuple[Key, ...]:
    """The public keys of a PEM text, one behind the other. Raises `ValueError` that names the setting."""
    blocks = list(_BLOCK.finditer(pem))
    if not blocks:
        raise ValueError(f"{named} holds no key in PEM")
    if len(blocks) > _MOST_KEYS:
        raise ValueError(f"{named} holds more than {_MOST_KEYS} keys")
    return tuple(_public_key(algorithm, block[1], block[0], named) for block in blocks)


def read_pem(path: str) -> str:
    """The text of a file of public keys. Raises `ValueError` that names the setting."""
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is no text in ASCII"
        raise ValueError(f"publicKeyFile {path} cannot be read: {told}") from None


def _public_key(algorithm: Algorithm, kind: str, pem: str, named: str) -> Key:
    if "PRIVATE" in kind:
        raise ValueError(f"{named} holds a private key; only the public one belongs here")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"{named} holds something that is no public key in PEM: {kind}") from None
    if algorithm is Algorithm.RS256 and isinstance(key, RSAPublicKey):
        if key.key_size < SMALLEST_RSA:
            raise ValueError(f"{named} is too small for RS256: it needs at least {SMALLEST_RSA} bits")
        return key
    if algorithm is Algorithm.ES256 and isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    fitting = "an RSA key" if algorithm is Algorithm.RS256 else "a key of the curve P-256"
    raise ValueError(f"{named} does not fit: {algorithm} needs {fitting}")
