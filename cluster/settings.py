"""What a member is told: where it listens, its certificate, how it keeps time, how much it may hold and take.

Safe to run with as it stands.
"""

from dataclasses import dataclass, field

_AT_LEAST_ONE = {"minimum": 1}
_SECONDS = {"minimum": 0.1, "maximum": 3600}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files of mutual TLS. They are read again when they change, so that certificates are renewed in place."""

    ca: str
    """The certificates of the authorities that peers' certificates are signed by."""

    cert: str
    """The certificate of this node, followed by those of intermediate authorities if there are any."""

    key: str
    """The private key of that certificate, without a passphrase."""


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """The limits of the cluster port: of links to members, and of connections that are no links (yet)."""

    max_frame_size: int = field(default=16 * 1024 * 1024, metadata={"minimum": 2_097_152, "maximum": 1_073_741_824})
    """How long one message of a member may be; a longer one closes its link. The same on every node. (bytes)"""

    max_outbox_size: int = field(default=32 * 1024 * 1024, metadata=_AT_LEAST_ONE)
    """How much may wait to be sent to one member; what would exceed it is not taken. (bytes)"""

    link_timeout_in_s: float = field(default=3.0, metadata=_SECONDS)
    """How long a member may be silent, or take to read anything at all, before its link is closed. (s)"""

    ping_interval_in_s: float = field(default=1.0, metadata=_SECONDS)
    """How long a link rests before a sign of life is sent; less than half of `linkTimeoutInS`. (s)"""

    redial_interval_in_s: float = field(default=0.3, metadata=_SECONDS)
    """How long to wait before a member that cannot be reached is dialed again, give or take a third. (s)"""

    dial_timeout_in_s: float = field(default=5.0, metadata=_SECONDS)
    """How long finding the address of a peer and connecting to it may take. (s)"""

    handshake_timeout_in_s: float = field(default=5.0, metadata=_SECONDS)
    """How long a TLS handshake may take, from the opening of a connection. (s)"""

    hello_timeout_in_s: float = field(default=5.0, metadata=_SECONDS)
    """How long the first message of a connection may take to arrive, after the handshake. (s)"""

    max_strangers: int = field(default=64, metadata=_AT_LEAST_ONE)
    """How many connections may be open that have not said hello; one more closes the oldest of them."""

    max_questions: int = field(default=64, metadata=_AT_LEAST_ONE)
    """How many questions of peers may wait for our answers; one more is closed at once."""

    max_stranger_frame_size: int = field(default=65_536, metadata={"minimum": 4_096})
    """How long the first message of a connection, and an answer to a question, may be. (bytes)"""

    answer_timeout_in_s: float = field(default=10.0, metadata=_SECONDS)
    """How long a question of a peer may wait for our answer; then its connection is closed. (s)"""

    def __post_init__(self) -> None:
        if self.max_frame_size >= self.max_outbox_size:
            raise ValueError("maxFrameSize is less than maxOutboxSize")
        if self.ping_interval_in_s * 2 >= self.link_timeout_in_s:
            raise ValueError("pingIntervalInS is less than half of linkTimeoutInS")


@dataclass(frozen=True, slots=True)
class Timing:
    """How members keep time. (s)

    Less than a third of `election_min` is `heartbeat`, so that one that is lost starts no election; `election_max` is
    well above `election_min`, so that two members seldom stand at once; `leader_fallback` and `evict_after` are several
    times `heartbeat`. All members of a cluster are told the same.
    """

    heartbeat: float = 0.05
    """How long a leader rests between two messages to a member. (s)"""

    election_min: float = 0.4
    """How long a member hears of no leader before it may stand for election: each time at random, at least this. (s)"""

    election_max: float = 0.9
    """The same, at most. (s)"""

    leader_fallback: float = 1.5
    """How long a leader may hear of no majority before it leads no more. (s)"""

    evict_after: float = 3.0
    """How long a member may be without a link before the leader removes it, if a majority is there without it; and how
    long one that joins may hear nothing. (s)"""

    join_limit: float = 15.0
    """How long joining may stand still before a member gives the attempt up and looks for a cluster anew. (s)"""

    retry: float = 1.0
    """How long a proposal may go without an answer before it is sent again. (s)"""


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How much of the log is kept for members that lag behind; one that lags further is sent all state."""

    max_entries: int = field(default=20_000, metadata={"minimum": 100, "maximum": 10_000_000})
    """How many entries that are applied may be kept."""

    max_bytes: int = field(default=64 * 1024 * 1024, metadata={"minimum": 1_048_576})
    """How much they may hold together. (bytes)"""

    max_times_in_transfer: int = field(default=4, metadata={"minimum": 1, "maximum": 100})
    """How many times as much may be kept while a member is sent all state; beyond that, its transfer is ended."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """All that a member is told of itself."""

    address: str
    """Where its peers find it, as in `cluster.names`."""

    host: str
    """The address to listen on; a host of `address` need not be one of this machine."""

    port: int
    """The port to listen on."""

    tls: TlsFiles | None = None
    """Without it everything is sent and believed as plain text: for loopback only."""

    limits: LinkLimits = field(default_factory=LinkLimits)
    """Of its port."""

    timing: Timing = field(default_factory=Timing)
    """How it keeps time."""

    log: LogLimits = field(default_factory=LogLimits)
    """How much of the log it keeps."""
