"""Clients of the services of AWS, and of what speaks like them: made with the credentials of the configuration.

A client is made in a thread: it reads megabytes of tables, and may call STS. Its calls block and may be made from many
threads. It repeats nothing by itself: `sinks.delivery` does.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import field
from typing import Any, NamedTuple

import trio
from botocore.config import Config

from sinks.aws_errors import Away, aws_errors
from sinks.aws_sessions import Calls, Source, session_of
from sinks.threads import in_thread

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 3600.0
_LASTED_S = 600.0
"""An opening that lasted so long was a good one. (s)"""


class Access(NamedTuple):
    """How a service is reached: the keys that all sinks of AWS have in common."""

    region_id: str
    credentials: Source | None = None
    """None for the default chain of AWS."""
    endpoint_url: str | None = None
    """None for AWS itself."""
    connect_timeout_in_ms: int = 5_000
    read_timeout_in_ms: int = 20_000
    connections: int = 10
    """How many calls may be made at once."""


class Clients:
    """The client of one sink, kept while the sink is closed and opened again.

    A client is 11 MB of objects that refer to each other, which nobody may free for a day: see `observer.collecting`.
    So a new one, with credentials that are read anew, is made only where an opening failed though the service was
    there: after a second, and twice as late each time that this was in vain, up to an hour.
    """

    def __init__(self) -> None:
        self._client: Any = None
        self._anew_at = math.inf
        self._pause_s = _FIRST_PAUSE_S

    @asynccontextmanager
    async def opened(self, service: str, access: Access, threads: trio.CapacityLimiter) -> AsyncIterator[Any]:
        """A client of botocore for a service (``s3``, ``firehose``), made in one of the threads if need be.

        Raises `ConnectionError` or another OSError, with a text for the operator.
        """
        if self._client is None or trio.current_time() >= self._anew_at:
            made = await in_thread(threads, lambda: client(service, access))
            if self._client is not None:
                self._client.close()
            self._client, self._anew_at = made, math.inf
        opened_at = trio.current_time()
        try:
            yield self._client
        except Away:
            raise
        except Exception:
            if trio.current_time() - opened_at >= _LASTED_S:
                self._pause_s = _FIRST_PAUSE_S
            if self._anew_at == math.inf:
                self._anew_at = trio.current_time() + self._pause_s
                self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
            raise


def clients() -> Any:
    """A field of a sink that holds its client."""
    return field(default_factory=Clients, init=False, repr=False, compare=False, metadata={"yaml": False})


def client(service: str, access: Access) -> Any:
    """A client of botocore for a service. Blocks; raises as `Clients.opened`."""
    config = Config(
        connect_timeout=access.connect_timeout_in_ms / 1000,
        read_timeout=access.read_timeout_in_ms / 1000,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=access.connections,
        tcp_keepalive=True,
        # Stores that only speak like S3 know neither buckets in the names of hosts nor the newer checksums.
        s3={"addressing_style": "path" if access.endpoint_url else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    with aws_errors():
        session = session_of(access.credentials, Calls(access.region_id, config))
        return session.create_client(service, access.region_id, endpoint_url=access.endpoint_url, config=config)
