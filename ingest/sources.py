"""How samples are taken in: the part ``observer.sources`` of the configuration."""

from dataclasses import dataclass, field

from ingest.token_keys import Algorithm, Key, public_keys, read_pem, secret_key

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
class AccessTokens:
    """JSON Web Tokens (RFC 7519) that senders of samples must show. Exactly one key source is given."""

    algorithm: Algorithm
    """How the tokens are signed; tokens that are signed otherwise are invalid."""

    secret: str | None = field(default=None, repr=False)
    """What tokens are signed with by HS256: at least 32 bytes, known to nobody but us and who makes the tokens."""

    former_secret: str | None = field(default=None, repr=False)
    """A secret that is good as well, while those who make the tokens change from one to the next."""

    public_key: str | None = None
    """The public key of RS256 or ES256, as PEM text; of several, one behind the other, each is good."""

    public_key_file: str | None = None
    """A file of the public key, or of several; it is read at the start."""

    audience: str | None = None
    """What a token must be made for, by its claim ``aud``; without one, only tokens that have no such claim are
    taken."""

    issuer: str | None = None
    """Who must have made a token, by its claim ``iss``; everybody who has the key where nobody is named."""

    require_expiry: bool = True
    """Whether a token must say when it expires."""

    leeway_in_s: float = field(default=30.0, metadata=_NOT_NEGATIVE)
    """How far our clock and that of who makes the tokens may differ. (s)"""

    max_sessions_per_token: int = field(default=20, metadata=_AT_LEAST_ONE)
    """How many WebSockets may be open with one token at once at this node; one more is closed with 4228."""

    max_length: int = field(default=4_096, metadata=_AT_LEAST_ONE)
    """How long a token may be. (characters)"""

    def __post_init__(self) -> None:
        """Raises `ValueError` for keys that are missing, too many, or unfit."""
        self.keys()

    def keys(self) -> tuple[Key, ...]:
        """The keys of which one must have signed a token. Raises `ValueError`."""
        sources = {"secret": self.secret, "publicKey": self.public_key, "publicKeyFile": self.public_key_file}
        given = [name for name, value in sources.items() if value]
        allowed = ["secret"] if self.algorithm is Algorithm.HS256 else ["publicKey", "publicKeyFile"]
        if len(given) != 1 or given[0] not in allowed:
            found = f", not {' and '.join(given)}" if given else ""
            raise ValueError(f"{self.algorithm} needs {' or '.join(allowed)}{found}")
        if self.former_secret and not self.secret:
            raise ValueError(f"formerSecret is of no use with {self.algorithm}")
        if self.secret:
            keys = [secret_key(self.secret, "secret")]
            return (*keys, secret_key(self.former_secret, "formerSecret")) if self.former_secret else tuple(keys)
        if self.public_key_file:
            return public_keys(self.algorithm, read_pem(self.public_key_file), f"publicKeyFile {self.public_key_file}")
        return public_keys(self.algorithm, self.public_key or "", "publicKey")


@dataclass(frozen=True, slots=True)
class Security:
    """Who may send samples."""

    access_tokens: AccessTokens | None = None
    """The tokens that senders must show; none are asked for where this is not set."""


@dataclass(frozen=True, slots=True)
class DeltaSamples:
    """Samples that leave out what did not change: what was sent before is remembered, and brought back."""

    max_samples_per_message: int = field(default=100, metadata=_AT_LEAST_ONE)
    """How many samples a message of deltas may hold; what is beyond is thrown away and counted. Clients send one, or
    wait with some."""

    max_size_per_message: int = field(default=8_000_000, metadata=_AT_LEAST_ONE)
    """How much a message of deltas may stand for, where a stream stands for some 5 kB; what is beyond is thrown away
    and counted, and its client is forgotten. Each MB keeps the processor busy for 5 to 15 ms. (bytes, roughly)"""

    max_remembered_size_per_session: int = field(default=4_000_000, metadata=_AT_LEAST_ONE)
    """How much the clients of one session may have said that is remembered, where a stream takes some 5 kB; beyond, the
    client that was heard longest ago is forgotten, and counted. (bytes, roughly)"""

    max_remembered_size: int = field(default=2_000_000_000, metadata=_AT_LEAST_ONE)
    """How much all sessions together may have said that is remembered, where a client in a call of two takes some
    50 kB; beyond, a session that says more forgets its clients, and they are counted. (bytes, roughly)"""


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

    max_told_items_per_session: int = field(default=1_000, metadata=_NOT_NEGATIVE)
    """How many codecs, certificates, candidates and media sources of the clients of one session are remembered as told:
    clients of schemas 3.x tell some dozens again in each sample. Each takes some 100 bytes."""

    majority_grace_in_ms: int = field(default=1_000, metadata=_NOT_NEGATIVE)
    """How long a cluster that had a majority may be without one before samples and sessions are refused, such as while
    another leader is elected. What is taken in this time waits. (ms)"""

    deltas: DeltaSamples = field(default_factory=DeltaSamples)
    """Samples that leave out what did not change: protobuf from 2.2.1 on, and ``encoding=delta``."""

    rest: Rest = field(default_factory=Rest)
    """Samples by HTTP POST."""

    websocket: Websocket = field(default_factory=Websocket)
    """Samples by WebSocket."""

    security: Security = field(default_factory=Security)
    """Who may send samples."""
