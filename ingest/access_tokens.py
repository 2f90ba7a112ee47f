"""Access tokens: what one allows, or why it is refused. It takes the time as a value and talks to nobody.

A token is a JSON Web Token (RFC 7519). Its claim ``serviceId`` names the service, or a list of them, whose samples may
be sent; ``mediaUnitId``, ``roomId``, ``clientId`` and ``userId`` bind further, each if it is there. Nothing of a token
stands in what is raised, logged or counted.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jwt

from ingest.grants import Grant
from ingest.incoming import BadSamples
from ingest.sources import AccessTokens
from ingest.statistics import Refused
from schemas.messages import Samples
from schemas.samples import Reason

if TYPE_CHECKING:
    from jwt.types import Options

EXPIRED, REQUIRED, OVERUSED, INVALID = 4224, 4225, 4228, 4231
"""Our close codes for tokens; clients of the reference know them, and the texts."""

_SHAPE = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_SCHEME = re.compile(r"bearer +", re.IGNORECASE)
_LARGEST_TIME = 2**53
_CHALLENGE = "Bearer"
_OPTIONS: "Options" = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
}
"""PyJWT leaves to us what it would ask the clock for, and does not check what no decision of ours rests on."""


def token_of(query: Mapping[str, str], headers: Mapping[str, str]) -> str | None:
    """The token that a request shows: that of its header ``Authorization``, else ``accessToken`` of its query."""
    scheme = _SCHEME.match(headers.get("authorization", ""))
    if scheme:
        return scheme.string[scheme.end() :].strip()
    return query.get("accessToken")


class AccessControl:
    """Decides on tokens as `settings` say. Raises `ValueError` for keys that cannot serve."""

    def __init__(self, settings: AccessTokens) -> None:
        self._settings = settings
        self._keys = settings.keys()
        self._open: Counter[bytes] = Counter()

    def grant(self, token: str | None, service_id: str, media_unit_id: str, now: int) -> Grant:
        """What a token allows there at `now` (ms since the epoch). Raises `BadSamples`."""
        if not token:
            raise BadSamples(
                "Access token is required to provide", Refused.ACCESS_REQUIRED, REQUIRED, 401, _challenge()
            )
        claims = self._claims(token)
        end = self._end(claims, now)
        services = claims.get("serviceId")
        if service_id not in (services if type(services) is list else [services]):
            raise _for_others("service")
        if _bound(claims, "mediaUnitId") not in (None, media_unit_id):
            raise _for_others("media unit")
        return Grant(
            _fingerprint(token),
            _bound(claims, "roomId"),
            _bound(claims, "clientId"),
            _bound(claims, "userId"),
            end,
        )

    @contextmanager
    def session(self, grant: Grant) -> Iterator[None]:
        """Counts a session of a token while it is open. Raises `BadSamples` if there are as many as may be."""
        if self._open[grant.fingerprint] >= self._settings.max_sessions_per_token:
            raise BadSamples(
                "There are too many websocket registered for the same access token", Refused.ACCESS_OVERUSED, OVERUSED
            )
        self._open[grant.fingerprint] += 1
        try:
            yield
        finally:
            self._open[grant.fingerprint] -= 1
            if not self._open[grant.fingerprint]:
                del self._open[grant.fingerprint]

    @property
    def tokens_in_use(self) -> int:
        """How many tokens have a session that is open."""
        return len(self._open)

    def _claims(self, token: str) -> Mapping[str, Any]:
        """What a token claims, once its signature, its audience and its issuer were found right."""
        settings = self._settings
        if len(token) > settings.max_length or not _SHAPE.fullmatch(token):
            raise _invalid()
        for key in self._keys:
            try:
                claims: Mapping[str, Any] = jwt.decode(
                    token,
                    key,
                    algorithms=[settings.algorithm.value],
                    audience=settings.audience,
                    issuer=settings.issuer,
                    options=_OPTIONS,
                )
                return claims
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
                break
        raise _invalid()

    def _end(self, claims: Mapping[str, Any], now: int) -> float | None:
        """When a token is over that is good at `now`, both in ms since the epoch. Raises `BadSamples` if it is not."""
        leeway = self._settings.leeway_in_s
        for name in ("nbf", "iat"):
            time = _time(claims, name)
            if time is not None and now < (time - leeway) * 1000:
                raise _invalid()
        expiry = _time(claims, "exp")
        if expiry is None:
            if self._settings.require_expiry:
                raise _invalid()
            return None
        end = (expiry + leeway) * 1000
        if now >= end:
            raise expired()
        return end


def keep_granted(samples: Samples, grant: Grant) -> None:
    """Takes out of `samples` what a token does not allow, and tallies it: other rooms, clients and users, and, where it
    is for some of these only, whatever is not of a client."""
    if not grant.is_bound:
        return
    kept = [
        client
        for client in samples.clients
        if grant.room_id in (None, client.room_id)
        and grant.client_id in (None, client.client_id)
        and grant.user_id in (None, client.user_id)
    ]
    dropped = len(samples.clients) - len(kept) + len(samples.sfus) + len(samples.turns)
    if dropped:
        samples.reject(Reason.NOT_AUTHORIZED, dropped)
    here = {client.client_id for client in kept}
    others = {client.client_id for client in samples.clients} - here
    samples.leaving = set(samples.leaving) - others
    samples.clients, samples.sfus, samples.turns, samples.leaving_sfus = kept, [], [], ()


def expired() -> BadSamples:
    """The refusal of a token that is over."""
    return BadSamples(
        "Access token is expired", Refused.ACCESS_EXPIRED, EXPIRED, 401, _challenge("invalid_token", "It is expired")
    )


def _invalid() -> BadSamples:
    return BadSamples(
        "The provided access token is invalid", Refused.ACCESS_INVALID, INVALID, 401, _challenge("invalid_token")
    )


def _for_others(what: str) -> BadSamples:
    return BadSamples(
        f"The provided access token is not for this {what}",
        Refused.ACCESS_ELSEWHERE,
        INVALID,
        403,
        _challenge("insufficient_scope"),
    )


def _challenge(error: str | None = None, description: str | None = None) -> tuple[tuple[str, str], ...]:
    """The header that says how to ask for admission: RFC 6750, 3."""
    told = [f'{name}="{value}"' for name, value in (("error", error), ("error_description", description)) if value]
    return (("WWW-Authenticate", f"{_CHALLENGE} {', '.join(told)}".strip()),)


def _fingerprint(token: str) -> bytes:
    """Of what was signed, for a signature can be written in several ways."""
    return hashlib.sha256(token.rpartition(".")[0].encode()).digest()


def _bound(claims: Mapping[str, Any], name: str) -> str | None:
    """The value of a claim that binds; a claim that is there and is no text binds to nothing that could be sent."""
    if name not in claims:
        return None
    value = claims[name]
    if type(value) is not str or not value:
        raise _invalid()
    return value


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """The time that a claim names, in s since the epoch. Raises `BadSamples` where it is none."""
    if name not in claims:
        return None
    value = claims[name]
    if type(value) not in (int, float) or not 0 <= value < _LARGEST_TIME:
        raise _invalid()
    return float(value)
