"""How guests are taken in: ``observer.guests.rtcstats`` and ``observer.guests.jitsi`` of the configuration."""

from dataclasses import dataclass, field

from schemas.webrtc_stats import Bounds

SHORTEST_SECRET = 16
"""How short what signs tokens may be: half of what RFC 7518, 3.2, asks for, since what guests use is there already.
(bytes)"""

_AT_LEAST_ONE = {"minimum": 1}
_NOT_NEGATIVE = {"minimum": 0}


@dataclass(frozen=True, slots=True)
class Rtcstats:
    """Pages with rtcstats-js."""

    path: str = "/rtcstats/{rest...}"
    """Where they connect to. What stands for ``{rest...}`` is the conference, where no token names it."""

    service_id: str = "rtcstats"
    """The service that their calls belong to."""

    media_unit_id: str = "rtcstats"
    """The media unit that their samples come from."""

    jwt_secret: str | None = field(default=None, repr=False)
    """What tokens are signed with, by HS256: at least 16 bytes, better 32. Without it tokens are not looked at, and
    everybody is taken."""

    former_jwt_secret: str | None = field(default=None, repr=False)
    """A secret that is good as well, while those who make the tokens change from one to the next."""

    require_jwt: bool = True
    """Whether who has no token is turned away, where there is a secret; who has an invalid one always is."""

    jwt_leeway_in_s: float = field(default=30.0, metadata=_NOT_NEGATIVE)
    """How far our clock and that of who makes the tokens may differ. (s)"""

    max_sockets: int = field(default=10_000, metadata=_AT_LEAST_ONE)
    """How many pages may be connected to this node at once; one more is closed with 1013."""

    max_frame_size: int = field(default=4_000_000, metadata=_AT_LEAST_ONE)
    """How long a frame may be; a longer one closes its socket with 1009. (bytes)"""

    idle_timeout_in_s: float = field(default=43_200.0, metadata=_NOT_NEGATIVE)
    """How long a page may go without a message before its socket is closed: it would not come back, and may well rest
    between two calls. (s)"""

    ping_interval_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a page may be silent before it is pinged; 0 turns pings off. (s)"""

    ping_timeout_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a pinged page may stay silent before its connection is cut. (s)"""

    remember_in_s: float = field(default=120.0, metadata=_NOT_NEGATIVE)
    """How long a session without a socket is remembered at this node, so that its next one can go on from there. (s)"""

    max_remembered_sessions: int = field(default=1_000, metadata=_NOT_NEGATIVE)
    """How many sessions without a socket are remembered at once."""

    resume_in_s: float = field(default=900.0, metadata=_AT_LEAST_ONE)
    """How long after its last message all nodes know what a session needs to go on. (s)"""

    bounds: Bounds = field(default_factory=Bounds)
    """What one session may hold."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for a path that is none, and for a secret that anybody could guess."""
        _check_path(self.path)
        if self.former_jwt_secret and not self.jwt_secret:
            raise ValueError("formerJwtSecret is of no use without jwtSecret")
        for name, secret in (("jwtSecret", self.jwt_secret), ("formerJwtSecret", self.former_jwt_secret)):
            if secret is not None and len(secret.encode("utf-8", "surrogateescape")) < SHORTEST_SECRET:
                raise ValueError(f"{name} is too short: it needs at least {SHORTEST_SECRET} bytes")

    @property
    def secrets(self) -> list[bytes]:
        """The secrets of which one must have signed a token."""
        given = (self.jwt_secret, self.former_jwt_secret)
        return [secret.encode("utf-8", "surrogateescape") for secret in given if secret]


@dataclass(frozen=True, slots=True)
class Jitsi:
    """Clients of Jitsi's rtcstats."""

    path: str = "/jitsi/{rest...}"
    """Where they connect to. What stands for ``{rest...}`` is the room, until a client says in which conference it
    is."""

    service_id: str = "jitsi"
    """The service that their calls belong to."""

    media_unit_id: str = "jitsi"
    """The media unit that their samples come from."""

    max_sockets: int = field(default=10_000, metadata=_AT_LEAST_ONE)
    """How many may be connected to this node at once; one more is closed with 1013, and comes back later."""

    max_sessions_per_socket: int = field(default=1_000, metadata=_AT_LEAST_ONE)
    """How many sessions the socket of a server may bring at once. Messages of more are skipped, and counted; a browser
    may bring 10, and brings one."""

    max_frame_size: int = field(default=4_000_000, metadata=_AT_LEAST_ONE)
    """How long a frame may be; a longer one closes its socket with 1009. (bytes)"""

    idle_timeout_in_s: float = field(default=60.0, metadata=_NOT_NEGATIVE)
    """How long a socket may go without a message before it is closed; clients send one in 30 s. (s)"""

    ping_interval_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a client may be silent before it is pinged; 0 turns pings off. (s)"""

    ping_timeout_in_s: float = field(default=20.0, metadata=_NOT_NEGATIVE)
    """How long a pinged client may stay silent before its connection is cut. (s)"""

    acknowledge_every_in_s: float = field(default=3.0, metadata=_NOT_NEGATIVE)
    """How often a client is told at most up to where its messages are kept. (s)"""

    remember_in_s: float = field(default=120.0, metadata=_NOT_NEGATIVE)
    """How long a session without a socket is remembered at this node, with its dump open, so that it can go on from
    there when it comes back. (s)"""

    max_remembered_sessions: int = field(default=1_000, metadata=_NOT_NEGATIVE)
    """How many sessions without a socket are remembered at once."""

    resume_in_s: float = field(default=900.0, metadata=_AT_LEAST_ONE)
    """How long after its last message all nodes know how far a session is, and what it needs to go on; clients try for
    600 s to come back. (s)"""

    bounds: Bounds = field(default_factory=Bounds)
    """What one session may hold."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for a path that is none."""
        _check_path(self.path)


def _check_path(path: str) -> None:
    """Raises `ValueError` for what cannot be the path of guests."""
    if not path.startswith("/") or "{" in path.removesuffix("{rest...}") or "?" in path:
        raise ValueError("path must begin with / and may end in {rest...}; it has no other names in braces")
