"""The tokens of rtcstats-js: whose session it is, as whoever has the secret says. Takes the time as a value.

A token is a JSON Web Token (RFC 7519) signed by HS256, whose claim ``rtcStats`` has ``user``, ``session`` and
``conference``, each if it is known. Nothing of a token stands in what is raised, logged or counted.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from schemas.samples import CONTROL, NO_ID, TooLong, identifier

LONGEST = 4096
"""How long a token may be. (characters)"""

_LARGEST_TIME = 2**53


class Invalid(Exception):
    """A token that does not count."""


class Named(NamedTuple):
    """Whose session it is, as far as that is told."""

    user: str | None = None
    session: str | None = None
    conference: str | None = None


def named_by(token: str, secrets: Sequence[bytes], leeway_ms: float, now_ms: int, longest_id: int) -> Named:
    """What a token that one of `secrets` has signed says. Raises `Invalid`, also for one that is over or not yet good.

    A token that does not say when it is over never is: whoever makes them decides.
    """
    if len(token) > LONGEST or not token.isascii() or token.count(".") != 2:
        raise Invalid
    signed, _, signature = token.rpartition(".")
    header, _, payload = signed.partition(".")
    if _object(header).get("alg") != "HS256":
        raise Invalid
    given = _bytes(signature)
    if not any(hmac.compare_digest(given, _signature(secret, signed)) for secret in secrets):
        raise Invalid
    claims = _object(payload)
    if now_ms >= _time(claims, "exp", _LARGEST_TIME) * 1000 + leeway_ms:
        raise Invalid
    if now_ms < _time(claims, "nbf", 0) * 1000 - leeway_ms:
        raise Invalid
    told = claims.get("rtcStats", {})
    if type(told) is not dict:
        raise Invalid
    return Named(*(_id(told.get(name), longest_id) for name in Named._fields))


def _signature(secret: bytes, signed: str) -> bytes:
    return hmac.new(secret, signed.encode("ascii"), hashlib.sha256).digest()


def _object(part: str) -> dict[str, Any]:
    try:
        value = orjson.loads(_bytes(part))
    except orjson.JSONDecodeError:
        raise Invalid from None
    if type(value) is not dict:
        raise Invalid
    return value


def _bytes(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Invalid from None


def _time(claims: dict[str, Any], name: str, otherwise: int) -> float:
    """The time that a claim names. (s since the epoch)"""
    value = claims.get(name, otherwise)
    if type(value) not in (int, float) or not 0 <= value <= _LARGEST_TIME:
        raise Invalid
    return float(value)


def _id(value: Any, longest: int) -> str | None:
    try:
        id_ = identifier(value, longest)
    except TooLong:
        raise Invalid from None
    if CONTROL.search(id_) if id_ else value not in NO_ID:
        raise Invalid
    return id_
