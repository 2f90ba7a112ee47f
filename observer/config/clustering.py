"""What a member of the cluster is told, made from what the operator wrote."""

import socket
from collections.abc import Callable, Mapping

from cluster.names import address
from cluster.settings import Endpoint, Timing
from observer.config.hamok import ClusterPort, Hamok, Peer, PeerDiscovery, Peers, StorageGrid
from observer.config.hosts import is_wildcard

_SPREAD = 2.25
"""The longest time without a leader, in shortest ones: so far apart that two members seldom stand at once."""


def endpoint(hamok: Hamok, host_name: Callable[[], str] = socket.gethostname) -> Endpoint | None:
    """What this node's member is told; None for a node that runs alone."""
    if hamok.endpoint is None:
        return None
    config = hamok.endpoint.config
    return Endpoint(
        address=own_address(config, host_name),
        host=config.server_host,
        port=config.server_port,
        tls=config.tls,
        limits=config.limits,
        timing=timing(hamok.storage_grid),
        log=hamok.storage_grid.log,
    )


def own_address(config: ClusterPort, host_name: Callable[[], str] = socket.gethostname) -> str:
    """Where peers find this node: by the name of the machine if nothing better is said."""
    named = config.advertised_host or (None if is_wildcard(config.server_host) else config.server_host)
    return address(named or host_name().lower(), config.server_port)


def listed_peers(discovery: PeerDiscovery) -> frozenset[str]:
    """The addresses of all who are listed, which may be one's own among them; none where pods are looked for."""
    return frozenset(address(peer.host, peer.port) for peer in named_peers(discovery).values())


def named_peers(discovery: PeerDiscovery) -> Mapping[str, Peer]:
    """Those who are listed, by their names in the list."""
    return discovery.config.peers if isinstance(discovery.config, Peers) else {}


def timing(grid: StorageGrid) -> Timing:
    """How a member keeps time.

    A leader without majority gives up a little after the first of the others may stand for election.
    """
    least = grid.follower_max_idle_in_ms / 1000
    return Timing(
        heartbeat=grid.heartbeat_in_ms / 1000,
        election_min=least,
        election_max=least * _SPREAD,
        leader_fallback=max(Timing().leader_fallback, least * 1.5),
        evict_after=grid.peer_max_idle_in_ms / 1000,
        join_limit=grid.join_limit_in_s,
        retry=grid.request_timeout_in_ms / 1000,
    )
