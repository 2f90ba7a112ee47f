"""How samples are taken in: the part ``observer.sources`` of the configuration."""

from dataclasses import dataclass, field

_AT_LEAST_ONE = {"minimum": 1}
_NOT_NEGATIVE = {"minimum": 0}


@dataclass(frozen=True, slots=True)
class Rest:
    """Samples by HTTP POST."""

    enabled: bool = True
    """Whether samples are taken by POST; otherwise it is answered 403."""

    cors_allowed_origins: list[str] = field(default_factory=lambda: ["*"])
    """The origins whose pages may ask; ``*`` allows every origin."""

    cors_max_age_in_s: int = field(default=3600, metadata=_NOT_NEGATIVE)
    """How long a browser may remember that it may ask. (s)"""

    max_body_size: int = field(default=10 * 1024 * 1024, metadata=_NOT_NEGATIVE)
    """How long a body may be, inflated and as sent. (bytes)"""


@dataclass(frozen=True, slots=True)
class Websocket:
    """Samples by WebSocket."""

    enabled: bool = True
    """Whether samples are taken by WebSocket; otherwise a session is closed with 4229."""

    min_remote_peers: int = 0
    """How many other nodes must have been met before sessions are taken; until then they are closed with 4226."""

    leave_grace_in_s: float = field(default=30.0, metadata=_NOT_NEGATIVE)
    """How long the clients of a session that closed may stay silent before they count as left. (s)"""

    max_message_size: int = field(default=1_000_000, metadata=_AT_LEAST_ONE)
    """How long a message may be; a longer one closes its session with 1009. (bytes)"""

    max_clients_per_session: int = field(default=5_000, metadata=_NOT_NEGATIVE)
    """How many clients of one session are remembered; those beyond leave by their idle time only."""

    idle_timeout_in_s: float = field(default=1200.0, metadata=_NOT_NEGATIVE)
    """How long a session may go without a message before it is closed. (s)"""

    ping_interval_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a peer may be silent before it is pinged; 0 turns pings off. (s)"""

    ping_timeout_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a pinged peer may stay silent before its connection is cut. (s)"""

    keep_alive_interval_in_s: float = field(default=60.0, metadata=_NOT_NEGATIVE)
    """How long a sender of samples goes without the text ``message`` from us. (s)"""


@dataclass(frozen=True, slots=True)
class Sources:
    """What samples are taken, and from where."""

    accept_sfu_samples: bool = True
    """Whether samples of SFUs are taken; otherwise they are thrown away and counted."""

    accept_client_samples: bool = True
    """Whether samples of clients are taken; otherwise they are thrown away and counted."""

    allowed_service_ids: list[str] | None = None
    """The services whose samples are taken, all where there is no list; others are thrown away and counted."""

    use_server_timestamp: bool = False
    """Whether the time of arrival replaces the timestamp of each sample."""

    max_id_length: int = field(default=255, metadata=_AT_LEAST_ONE)
    """How long an id may be. (characters)"""

    max_items_per_message: int = field(default=5_000, metadata=_NOT_NEGATIVE)
    """How many entries all lists of a message may hold together; what is beyond is thrown away and counted."""

    majority_grace_in_ms: int = field(default=1_000, metadata=_NOT_NEGATIVE)
    """How long a cluster that had a majority may be without one before samples and sessions are refused, such as while
    another leader is elected. What is taken in this time waits. (ms)"""

    rest: Rest = field(default_factory=Rest)
    """Samples by HTTP POST."""

    websocket: Websocket = field(default_factory=Websocket)
    """Samples by WebSocket."""
