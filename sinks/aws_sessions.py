"""How credentials for AWS are looked for, and how those that end are renewed.

All calls block: they belong in a thread.
"""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from botocore.config import Config
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.session import Session

from sinks.aws_errors import SKEWED

RENEWED_BEFORE_END_S = 900
"""From when on a session is renewed while the old one still serves, should that fail. (s before its end)"""
REQUIRED_BEFORE_END_S = 60
"""From when on nothing is sent before it is renewed. (s before its end)"""


class Calls(NamedTuple):
    """How services are called on the way to credentials, and by default in which region."""

    region_id: str
    config: Config


class Source(Protocol):
    """Where credentials come from. The dataclasses of `sinks.aws_credentials` are the ones that exist."""

    def found(self, calls: Calls) -> Credentials:
        """The credentials. Raises what botocore raises, or OSError; both tell no secret."""
        ...


def session_of(source: Source | None, calls: Calls) -> Session:
    """A session with these credentials, or with those that the default chain of AWS finds when first needed."""
    session = Session()
    session.set_default_client_config(calls.config)
    if source is not None:
        session.register_component("credential_provider", _Found(source.found(calls)))
    return session


def renewed(ask: Callable[[], dict[str, Any]], method: str) -> Credentials:
    """Credentials that `ask` is called for now, and again before they end; its answer is one of STS."""

    def fetch() -> dict[str, str]:
        told = ask()["Credentials"]
        if told["Expiration"] <= datetime.now(UTC):
            raise ConnectionError(f"the session was not valid any more when it came: {SKEWED}")
        return {
            "access_key": told["AccessKeyId"],
            "secret_key": told["SecretAccessKey"],
            "token": told["SessionToken"],
            "expiry_time": told["Expiration"].isoformat(),
        }

    made: Credentials = RefreshableCredentials.create_from_metadata(
        fetch(), fetch, method, advisory_timeout=RENEWED_BEFORE_END_S, mandatory_timeout=REQUIRED_BEFORE_END_S
    )
    return made


def in_environment(access_key: Sequence[str], secret_key: Sequence[str], token: Sequence[str]) -> Credentials:
    """Keys that stand in variables of the environment; each has one or two names."""
    keys = (variable(*access_key), variable(*secret_key), next(filter(None, map(os.environ.get, token)), None))
    return Credentials(*keys, method="env")


def variable(*names: str) -> str:
    """What the first of these variables says that is set. Raises `ConnectionError` if none is."""
    for name in names:
        if value := os.environ.get(name):
            return value
    raise ConnectionError(f"the environment has no {' or '.join(names)}")


class _Found:
    """What botocore asks for credentials, in place of its chain of sources."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Credentials:
        """The credentials, which renew themselves."""
        return self._credentials
