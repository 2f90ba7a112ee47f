"""What a member may take of its peers and of strangers, and where its certificate is. Safe to run with as it stands."""

from dataclasses import dataclass, field

_AT_LEAST_ONE = {"minimum": 1}
_NOT_NEGATIVE = {"minimum": 0}


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

    max_frame_size: int = field(default=16 * 1024 * 1024, metadata={"minimum": 262_144, "maximum": 1_073_741_824})
    """How long one message of a member may be; a longer one closes its link. The same on every node. (bytes)"""

    max_outbox_size: int = field(default=32 * 1024 * 1024, metadata=_AT_LEAST_ONE)
    """How much may wait to be sent to one member; what would exceed it is not taken. (bytes)"""

    link_timeout_in_s: float = field(default=3.0, metadata=_NOT_NEGATIVE)
    """How long a member may be silent, or take to read anything at all, before its link is closed. (s)"""

    ping_interval_in_s: float = field(default=1.0, metadata=_NOT_NEGATIVE)
    """How long a link rests before a sign of life is sent; less than half of `linkTimeoutInS`. (s)"""

    redial_interval_in_s: float = field(default=0.3, metadata=_NOT_NEGATIVE)
    """How long to wait before a member that cannot be reached is dialed again, give or take a third. (s)"""

    dial_timeout_in_s: float = field(default=5.0, metadata=_NOT_NEGATIVE)
    """How long finding the address of a peer and connecting to it may take. (s)"""

    handshake_timeout_in_s: float = field(default=5.0, metadata=_NOT_NEGATIVE)
    """How long a TLS handshake may take, from the opening of a connection. (s)"""

    hello_timeout_in_s: float = field(default=5.0, metadata=_NOT_NEGATIVE)
    """How long the first message of a connection may take to arrive, after the handshake. (s)"""

    max_strangers: int = field(default=64, metadata=_AT_LEAST_ONE)
    """How many connections may be open that are no links (yet); one more is closed at once."""

    max_stranger_frame_size: int = field(default=65_536, metadata={"minimum": 4_096})
    """How long the first message of a connection, and an answer to a question, may be. (bytes)"""

    answer_timeout_in_s: float = field(default=10.0, metadata=_NOT_NEGATIVE)
    """How long a question of a peer may wait for our answer; then its connection is closed. (s)"""
