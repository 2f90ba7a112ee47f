"""What peers may take of us: how long, how large, how many. Every field has a bound that is safe to run with."""

from dataclasses import dataclass, field

_AT_LEAST_ONE = {"minimum": 1}
_NOT_NEGATIVE = {"minimum": 0}


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one server: its connections, and the HTTP requests on them."""

    max_connections: int = field(default=20_000, metadata=_AT_LEAST_ONE)
    """How many connections may be open at once; one more is answered 503 and closed."""

    max_head_size: int = field(default=16_384, metadata=_AT_LEAST_ONE)
    """How long a request's head may be; a longer one is answered 431. (bytes)"""

    head_timeout_in_s: float = field(default=10.0, metadata=_NOT_NEGATIVE)
    """How long a request's head may take to arrive, counted from the opening of a connection for its first. (s)"""

    keep_alive_timeout_in_s: float = field(default=75.0, metadata=_NOT_NEGATIVE)
    """How long a connection may rest between two requests. (s)"""

    max_body_size: int = field(default=10 * 1024 * 1024, metadata=_NOT_NEGATIVE)
    """How long a request's body may be, inflated and as sent, where its route says nothing else; else 413. (bytes)"""

    body_timeout_in_s: float = field(default=30.0, metadata=_NOT_NEGATIVE)
    """How long a request's body may take to arrive; else 408. (s)"""

    max_bodies_size: int = field(default=256 * 1024 * 1024, metadata=_AT_LEAST_ONE)
    """How much all bodies that are in hand may hold together; what would exceed it is answered 503. (bytes)"""

    write_timeout_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a peer may take to read what we send; then its connection is cut. (s)"""

    close_timeout_in_s: float = field(default=5.0, metadata=_NOT_NEGATIVE)
    """How long a peer may take to close when we have closed; then its connection is cut. (s)"""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """The limits of the WebSocket sessions of one route."""

    max_message_size: int = field(default=1_000_000, metadata=_AT_LEAST_ONE)
    """How long a message may be; a longer one closes its session with 1009. (bytes)"""

    ping_interval_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a peer may be silent before it is pinged; 0 turns pings off. (s)"""

    ping_timeout_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a pinged peer may stay silent before its connection is cut. (s)"""

    idle_timeout_in_s: float = field(default=1200.0, metadata=_NOT_NEGATIVE)
    """How long a session may go without a message before it is closed with 1001. (s)"""
