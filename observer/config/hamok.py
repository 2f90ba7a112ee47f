"""The cluster, as it stands in YAML: `observer.hamok`, named after the clustering library of the reference.

What a member is told of it is made in `observer.config.clustering`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cluster.settings import LinkLimits, LogLimits, TlsFiles
from discovery.pods import Pods
from observer.config.binding import NOTHING, Binder, Place
from observer.config.hosts import host, reachable_host
from observer.config.names import canonical
from observer.config.yaml_text import Block

_PORT = {"minimum": 1, "maximum": 65_535}


@dataclass(frozen=True, slots=True)
class StorageGrid:
    """How the members keep together; the same on every node."""

    heartbeat_in_ms: int = field(default=50, metadata={"minimum": 10, "maximum": 10_000})
    """How long a leader rests between two messages to a member. (ms)"""

    follower_max_idle_in_ms: int = field(default=400, metadata={"minimum": 50, "maximum": 60_000})
    """How long a member hears of no leader before it stands for election: at random from this to 2.25 times this. More
    than three times `heartbeatInMs`. Where processors are scarce: 1000. (ms)"""

    request_timeout_in_ms: int = field(default=1_000, metadata={"minimum": 100, "maximum": 60_000})
    """How long a change to the registry may go without an answer before it is sent again. (ms)"""

    peer_max_idle_in_ms: int = field(default=3_000, metadata={"minimum": 200, "maximum": 600_000})
    """How long a member may be without a link to the leader before it is removed, if a majority is there without it; a
    silent one loses its link after `linkTimeoutInS`. More than three times `heartbeatInMs`. (ms)"""

    join_limit_in_s: float = field(default=15.0, metadata={"minimum": 1, "maximum": 3_600})
    """How long joining may stand still before a node gives the attempt up and looks for the cluster anew. (s)"""

    log: LogLimits = field(default_factory=LogLimits)
    """How much of the log is kept for members that lag behind; one that lags further is sent the whole registry."""

    def __post_init__(self) -> None:
        if self.follower_max_idle_in_ms <= 3 * self.heartbeat_in_ms:
            raise ValueError("followerMaxIdleInMs must be more than three times heartbeatInMs")
        if self.peer_max_idle_in_ms <= 3 * self.heartbeat_in_ms:
            raise ValueError("peerMaxIdleInMs must be more than three times heartbeatInMs")


@dataclass(frozen=True, slots=True)
class Peer:
    """Where another node listens for its peers."""

    host: str = field(metadata={"parse": reachable_host})
    """Its name or address: the one it advertises, and with TLS the one in its certificate."""

    port: int = field(default=5601, metadata=_PORT)
    """Its port."""


@dataclass(frozen=True, slots=True)
class Peers:
    """With `StaticDiscovery`: what is known of the peers."""

    peers: Mapping[str, Peer] = field(default_factory=dict)
    """The nodes of the cluster, each under a name of your choice. The node itself may be among them, so that all nodes
    may have one list. A cluster is formed once all of them have answered."""


@dataclass(frozen=True, slots=True)
class PeerDiscovery:
    """How a node finds its peers."""

    type: Literal["StaticDiscovery", "K8sPodsDiscovery"] = "StaticDiscovery"
    """Where they are known from: a list in this file, or the pods that the Kubernetes API tells of."""

    config: Peers | Pods = field(default_factory=Peers)
    """The list, or which pods they are."""


def _bind_discovery(binder: Binder, raw: object, place: Place) -> Any:
    """What `config` holds depends on `type`."""
    if not isinstance(raw, Block):
        return binder.problem(place, "expected a mapping of keys to values")
    key = next((key for key in raw if canonical(key) == "config"), "config")
    discovery = binder.instance(PeerDiscovery, raw.without(key), place)
    if discovery is NOTHING:
        return NOTHING
    kind = Pods if discovery.type == "K8sPodsDiscovery" else Peers
    known = binder.instance(kind, raw.get(key), place.below(raw, key))
    return NOTHING if known is NOTHING else replace(discovery, config=known)


@dataclass(frozen=True, slots=True)
class ClusterPort:
    """The port at which a node and its peers meet."""

    server_host: str = field(default="0.0.0.0", metadata={"parse": host})  # noqa: S104 - peers are other machines
    """The address to listen on; without `tls` a loopback address."""

    server_port: int = field(default=5601, metadata=_PORT)
    """The port to listen on."""

    advertised_host: str | None = field(default=None, metadata={"parse": reachable_host})
    """The name or address by which peers find this node: the one in their lists. Without it `serverHost`, unless that
    stands for all addresses: then the name of the machine."""

    tls: TlsFiles | None = None
    """The certificates by which nodes know each other, on both sides of a link. Without it everything is sent and
    believed as plain text, which is allowed on loopback only."""

    limits: LinkLimits = field(default_factory=LinkLimits)
    """What peers and strangers may take of it."""


@dataclass(frozen=True, slots=True)
class ClusterEndpoint:
    """How this node meets its peers."""

    type: Literal["WebsocketEndpoint"] = "WebsocketEndpoint"
    """The reference's name for its only kind. Here it means TCP with TLS: nodes of the reference cannot join."""

    config: ClusterPort = field(default_factory=ClusterPort)
    """Where it listens, and how it is known."""


def _bind_endpoint(binder: Binder, raw: object, place: Place) -> Any:
    """None for a mapping that holds nothing, which the reference's README shows for a node that is alone."""
    return None if raw == {} else binder.instance(ClusterEndpoint, raw, place)


@dataclass(frozen=True, slots=True)
class Hamok:
    """The cluster that this node belongs to: its nodes hold one registry, and any of them takes any sample."""

    storage_grid: StorageGrid = field(default_factory=StorageGrid)
    """How the members keep together."""

    discovery: PeerDiscovery = field(default_factory=PeerDiscovery, metadata={"bind": _bind_discovery})
    """How this node finds its peers."""

    endpoint: ClusterEndpoint | None = field(default=None, metadata={"bind": _bind_endpoint})
    """How this node meets its peers. Without it the node runs alone."""
