"""What a server has counted. Plain numbers: whoever serves metrics reads them."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Ended(StrEnum):
    """Why we ended a connection or refused what came over it. The values are metric labels: a small, fixed set."""

    TOO_MANY_CONNECTIONS = "too_many_connections"
    MALFORMED = "malformed"
    HEAD_TOO_LARGE = "head_too_large"
    HEAD_TIMEOUT = "head_timeout"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TIMEOUT = "body_timeout"
    BODIES_FULL = "bodies_full"
    WRITE_TIMEOUT = "write_timeout"
    HANDSHAKE_INVALID = "handshake_invalid"
    MESSAGE_TOO_LARGE = "message_too_large"
    MESSAGE_UNFINISHED = "message_unfinished"
    PING_TIMEOUT = "ping_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    FAILED = "failed"


@dataclass(slots=True)
class Statistics:
    """Counts since the server was made; `open_connections` and `open_websockets` are as of now.

    `requests` counts answers by status. `failures` counts exceptions of our own handlers and connections.
    """

    open_connections: int = 0
    opened_connections: int = 0
    open_websockets: int = 0
    opened_websockets: int = 0
    closed_websockets: int = 0
    received_bytes: int = 0
    failures: int = 0
    requests: Counter[int] = field(default_factory=Counter)
    ended: Counter[Ended] = field(default_factory=Counter)
