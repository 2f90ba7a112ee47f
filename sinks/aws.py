"""Clients of the services of AWS, and of what speaks like them: made with the credentials of the configuration.

A client is made once for each opening, in a thread: it reads megabytes of tables, and may call STS. Its calls block and
may be made from many threads. It repeats nothing by itself: `sinks.delivery` does.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import trio
from botocore.config import Config

from sinks.aws_errors import aws_errors
from sinks.aws_sessions import Calls, Source, session_of
from sinks.threads import in_thread


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


@asynccontextmanager
async def opened_client(service: str, access: Access, threads: trio.CapacityLimiter) -> AsyncIterator[Any]:
    """A client of botocore for a service (``s3``, ``firehose``), made in one of the threads, and closed at the end.

    Raises `ConnectionError` or another OSError, with a text for the operator.
    """
    made = await in_thread(threads, lambda: client(service, access))
    try:
        yield made
    finally:
        made.close()


def client(service: str, access: Access) -> Any:
    """A client of botocore for a service. Blocks; raises as `opened_client`."""
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
