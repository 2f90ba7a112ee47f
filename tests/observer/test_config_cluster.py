"""The cluster's block: what it is bound to, and what a member is told in consequence."""

import pytest

from cluster.settings import LinkLimits, LogLimits, Timing, TlsFiles
from observer.config import ConfigError, parse
from observer.config.clustering import endpoint, listed_peers, own_address, timing
from observer.config.effective import effective
from observer.config.hamok import ClusterEndpoint, ClusterPort, Hamok, PeerDiscovery, StorageGrid

ALONE_ON_LOOPBACK = "serverHost: 127.0.0.1"


def hamok(text: str) -> Hamok:
    return parse(f"observer: {{hamok: {{{text}}}}}", {}).observer.hamok


def discovery(peers: str) -> PeerDiscovery:
    return hamok(f"discovery: {{config: {{peers: {{{peers}}}}}}}").discovery


def told(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        hamok(text)
    return [str(problem) for problem in caught.value.problems]


def test_without_an_endpoint_a_node_is_alone() -> None:
    assert endpoint(Hamok()) is None


@pytest.mark.parametrize("nothing", ["", "null", "{}"])
def test_an_endpoint_with_nothing_behind_it_is_none(nothing: str) -> None:
    assert hamok(f"endpoint: {nothing}").endpoint is None


def test_the_defaults_of_the_yaml_are_those_of_the_cluster() -> None:
    assert timing(StorageGrid()) == Timing()
    assert StorageGrid().log == LogLimits()
    assert ClusterPort().limits == LinkLimits()


def test_members_are_told_the_times_of_the_storage_grid_in_seconds() -> None:
    grid = StorageGrid(
        heartbeat_in_ms=100,
        follower_max_idle_in_ms=2000,
        request_timeout_in_ms=4000,
        peer_max_idle_in_ms=5000,
        join_limit_in_s=7,
    )

    assert timing(grid) == Timing(
        heartbeat=0.1,
        election_min=2.0,
        election_max=4.5,
        leader_fallback=3.0,
        evict_after=5.0,
        join_limit=7,
        retry=4.0,
    )


def test_what_an_endpoint_says_reaches_the_member() -> None:
    grid = "storageGrid: {log: {maxEntries: 1000, maxBytes: 2000000}}"
    told = endpoint(hamok(f"{grid}, endpoint: {{config: {{{ALONE_ON_LOOPBACK}, limits: {{maxStrangers: 3}}}}}}"))

    assert told is not None
    assert (told.host, told.port, told.address) == ("127.0.0.1", 5601, "127.0.0.1:5601")
    assert told.limits == LinkLimits(max_strangers=3)
    assert told.log == LogLimits(max_entries=1000, max_bytes=2_000_000)
    assert told.tls is None


def test_the_files_of_tls_reach_the_member() -> None:
    files = TlsFiles("ca.pem", "cert.pem", "key.pem")

    told = endpoint(Hamok(endpoint=ClusterEndpoint(config=ClusterPort(tls=files))))

    assert told is not None
    assert told.tls == files
    assert told.host == "0.0.0.0"


@pytest.mark.parametrize(
    ("config", "address"),
    [
        (ClusterPort(server_host="10.0.0.1", advertised_host="observer-0.observer"), "observer-0.observer:5601"),
        (ClusterPort(server_host="10.0.0.1"), "10.0.0.1:5601"),
        (ClusterPort(server_host="::1", server_port=7), "[::1]:7"),
        (ClusterPort(), "machine:5601"),
        (ClusterPort(server_host="::"), "machine:5601"),
    ],
)
def test_a_node_is_known_by_the_best_name_it_is_given(config: ClusterPort, address: str) -> None:
    assert own_address(config, lambda: "Machine") == address


def test_the_addresses_of_listed_peers_are_in_one_spelling() -> None:
    listed = discovery("a: {host: Observer-1}, my-b: {host: '[::1]', port: 7}, C: {host: 10.0.0.1, port: 8}")

    assert listed_peers(listed) == {"observer-1:5601", "[::1]:7", "10.0.0.1:8"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("discovery: {config: {peers: {a: {port: 1}}}}", "discovery.config.peers.a: host is required"),
        (
            "discovery: {config: {peers: {a: {host: 'b:5601'}}}}",
            "discovery.config.peers.a.host: expected the name or IP address of a host",
        ),
        (
            "discovery: {config: {peers: {a: {host: 0.0.0.0}}}}",
            "discovery.config.peers.a.host: expected a host that others can connect to",
        ),
        ("discovery: {config: {peers: {a: {host: b, port: 0}}}}", "discovery.config.peers.a.port: must be at least 1"),
        ("discovery: {config: {peers: [a]}}", "discovery.config.peers: expected a mapping of keys to values"),
        ("discovery: {type: Consul}", "discovery.type: expected one of StaticDiscovery, K8sPodsDiscovery"),
        ("endpoint: {type: KafkaEndpoint}", "endpoint.type: expected one of WebsocketEndpoint"),
        ("endpoint: {config: {tls: {ca: a, cert: b}}}", "endpoint.config.tls: key is required"),
        ("endpoint: {config: {tls: {}}}", "endpoint.config.tls: ca is required"),
        ("endpoint: 5601", "endpoint: expected a mapping of keys to values"),
        (
            "endpoint: {config: {limits: {pingIntervalInS: 2, linkTimeoutInS: 4}}}",
            "endpoint.config.limits: pingIntervalInS is less than half of linkTimeoutInS",
        ),
        ("storageGrid: {heartbeatInMs: 9}", "storageGrid.heartbeatInMs: must be at least 10"),
        (
            "storageGrid: {heartbeatInMs: 150}",
            "storageGrid: followerMaxIdleInMs must be more than three times heartbeatInMs",
        ),
        (
            "storageGrid: {heartbeatInMs: 100, peerMaxIdleInMs: 300}",
            "storageGrid: peerMaxIdleInMs must be more than three times heartbeatInMs",
        ),
    ],
)
def test_what_is_wrong_with_a_clusters_key_is_told(text: str, problem: str) -> None:
    assert any(one.startswith(f"line 1: observer.hamok.{problem}") for one in told(text))


def test_the_cluster_in_force_can_be_loaded_again() -> None:
    peers = "discovery: {config: {peers: {a-b: {host: localhost, port: 5602}}}}"
    before = hamok(f"{peers}, endpoint: {{config: {{{ALONE_ON_LOOPBACK}}}}}")

    after = parse(effective({"observer": {"hamok": before}}), {}).observer.hamok

    assert after == before
