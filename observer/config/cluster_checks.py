"""What is wrong, or not what it seems, with the cluster's block of a configuration in which each value by itself fits.

A problem keeps a node from starting: it lets strangers in, or leaves the node without the peers it was to have. What
does nothing, or leaves the node to wait, is told in a notice.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from cluster.names import host_and_port
from cluster.settings import TlsFiles
from cluster.tls import Tls, covers
from discovery.pods import Pods
from observer.config.clustering import listed_peers, named_peers, own_address
from observer.config.foreign import Notice, Status
from observer.config.hamok import ClusterPort, Hamok, Peer
from observer.config.hosts import is_loopback, is_name, overlap
from observer.config.problems import shown

HAMOK = ("observer", "hamok")
DISCOVERY = (*HAMOK, "discovery")
PEERS = (*DISCOVERY, "config", "peers")
ENDPOINT = (*HAMOK, "endpoint", "config")

PLAIN_TEXT = f"plain text only on loopback: set {'.'.join(ENDPOINT)}.tls"
NOT_NAMED = "the certificate does not name this node: peers know it as advertisedHost, serverHost or its machine's name"

Finding = tuple[tuple[str, ...], str]
"""The keys that lead to what is wrong, and what that is."""


def cluster_problems(hamok: Hamok, taken: Mapping[str, tuple[str, int]]) -> Iterator[Finding]:
    """All that keeps a node from joining a cluster; `taken` are the hosts and ports of other keys.

    The certificates of TLS are read and looked at.
    """
    peers = named_peers(hamok.discovery)
    yield from _twins(peers)
    if hamok.endpoint is None:
        return
    config = hamok.endpoint.config
    yield from _unusable(config, config.tls) if config.tls else _exposed(config, peers)
    yield from _clashes(config, taken)


def cluster_notices(hamok: Hamok, min_remote_peers: int) -> Iterator[Notice]:
    """What is set in vain, and what a node will wait for in vain."""
    waiting = "observer.sources.websocket.minRemotePeers"
    if hamok.endpoint is None:
        alone = "without observer.hamok.endpoint this node runs alone"
        if isinstance(hamok.discovery.config, Pods):
            yield Notice(".".join(DISCOVERY), Status.MEANINGLESS, alone)
        if named_peers(hamok.discovery):
            yield Notice(".".join(PEERS), Status.MEANINGLESS, alone)
        if min_remote_peers > 0:
            yield Notice(waiting, Status.DOUBTFUL, f"{alone}, so no WebSocket session is ever taken")
        return
    if isinstance(hamok.discovery.config, Pods):
        yield from _misnamed(hamok.endpoint.config, hamok.discovery.config)
        return
    others = len(listed_peers(hamok.discovery) - {own_address(hamok.endpoint.config)})
    if not others:
        reason = "no other node is listed: this one forms a cluster by itself, which others may join"
        yield Notice(".".join(PEERS), Status.DOUBTFUL, reason)
    if min_remote_peers > others:
        reason = "more than the nodes that are listed: until others join, no WebSocket session is taken"
        yield Notice(waiting, Status.DOUBTFUL, reason)


def _misnamed(config: ClusterPort, pods: Pods) -> Iterator[Notice]:
    host, _ = host_and_port(own_address(config))
    key = ".".join((*ENDPOINT, "advertisedHost"))
    behind = f".{pods.service}.{pods.namespace}.svc.{pods.cluster_domain}"
    if pods.service is not None and not host.endswith(behind):
        yield Notice(key, Status.DOUBTFUL, f"peers know this pod by its name, and {behind} behind it")
    elif pods.service is None and is_name(host):
        yield Notice(key, Status.DOUBTFUL, "peers know this pod by its IP address, as there is no service")


def _twins(peers: Mapping[str, Peer]) -> Iterator[Finding]:
    first: dict[Peer, str] = {}
    for name, peer in peers.items():
        if peer in first:
            yield (*PEERS, name), f"has the same host and port as {'.'.join(PEERS)}.{shown(first[peer])}"
        first.setdefault(peer, name)


def _unusable(config: ClusterPort, tls: TlsFiles) -> Iterator[Finding]:
    unreadable = [*_unreadable(tls)]
    yield from unreadable
    if unreadable:
        return
    try:
        names = Tls(tls.ca, tls.cert, tls.key).names
    except ValueError as error:
        yield (*ENDPOINT, "tls"), str(error)
        return
    host, _ = host_and_port(own_address(config))
    if not covers(names, host):
        yield (*ENDPOINT, "tls", "cert"), NOT_NAMED


def _unreadable(tls: TlsFiles) -> Iterator[Finding]:
    for key, name in (("ca", tls.ca), ("cert", tls.cert), ("key", tls.key)):
        try:
            Path(name).open("rb").close()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
            yield (*ENDPOINT, "tls", key), f"cannot read this file: {reason}"


def _exposed(config: ClusterPort, peers: Mapping[str, Peer]) -> Iterator[Finding]:
    if not is_loopback(config.server_host):
        yield (*ENDPOINT, "serverHost"), PLAIN_TEXT
    if config.advertised_host is not None and not is_loopback(config.advertised_host):
        yield (*ENDPOINT, "advertisedHost"), PLAIN_TEXT
    for name, peer in peers.items():
        if not is_loopback(peer.host):
            yield (*PEERS, name, "host"), PLAIN_TEXT


def _clashes(config: ClusterPort, taken: Mapping[str, tuple[str, int]]) -> Iterator[Finding]:
    for key, (host, port) in taken.items():
        if port == config.server_port and overlap(host, config.server_host):
            yield (*ENDPOINT, "serverPort"), f"is the port of {key} as well, on the same address"
