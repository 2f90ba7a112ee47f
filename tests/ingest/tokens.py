"""Access tokens for tests: keys of every kind, and tokens that are signed with them."""

from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from ingest import AccessTokens, Algorithm

SECRET = "a secret that nobody can guess, ever"
OTHER_SECRET = "another secret that nobody can guess"
NOW = 1_000_000_000
"""When tests take place. (s since the epoch)"""

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(bits: int = 2048, which: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(which: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: PrivateKey) -> str:
    """The public key as its owner would publish it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def hs256(**settings: Any) -> AccessTokens:
    return AccessTokens(**{"algorithm": Algorithm.HS256, "secret": SECRET, "leeway_in_s": 0, **settings})


def token(key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token for the service `svc` for a minute; a claim that is `...` is left out."""
    told = {"serviceId": "svc", "exp": NOW + 60, **claims}
    told = {name: value for name, value in told.items() if value is not ...}
    return jwt.encode(told, key, algorithm, headers=headers)
