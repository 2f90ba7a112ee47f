"""What is wrong with a cluster although each of its values fits."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster.certificates import new_authority
from observer.config import ConfigError, Configuration, parse
from observer.config.effective import effective
from tests.observer.certified import write_certificates

PLAIN_TEXT = "plain text only on loopback: set observer.hamok.endpoint.config.tls"

LOOPBACK = """\
observer:
  hamok:
    endpoint:
      config:
        serverHost: 127.0.0.1
        serverPort: 5601
    discovery:
      config:
        peers:
          me: {host: 127.0.0.1}
          other: {host: localhost, port: 5602}
          v6: {host: '::1'}
"""


def told(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, {})
    return [str(problem) for problem in caught.value.problems]


def noticed(configuration: Configuration) -> list[str]:
    return [str(notice) for notice in configuration.notices]


def with_tls(folder: Path, rest: str = "", host: str = "observer-0") -> str:
    """A member that is known as `observer-0`, with a certificate for the host."""
    write_certificates(folder, host)
    tls = f"{{ca: '{folder}/ca.pem', cert: '{folder}/cert.pem', key: '{folder}/key.pem'}}"
    return f"observer: {{hamok: {{endpoint: {{config: {{advertisedHost: observer-0, tls: {tls}}}}}{rest}}}}}"


def test_a_cluster_on_loopback_needs_no_tls() -> None:
    assert noticed(parse(LOOPBACK, {})) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "observer-0", "'::'"])
def test_plain_text_is_listened_to_on_loopback_only(host: str) -> None:
    assert told(LOOPBACK.replace("serverHost: 127.0.0.1", f"serverHost: {host}")) == [
        f"line 5: observer.hamok.endpoint.config.serverHost: {PLAIN_TEXT}"
    ]


def test_without_a_host_every_address_is_listened_on_so_there_must_be_tls() -> None:
    assert told("observer:\n  hamok:\n    endpoint:\n      config: {serverPort: 5601}\n") == [
        f"line 4: observer.hamok.endpoint.config.serverHost: {PLAIN_TEXT}"
    ]


@pytest.mark.parametrize("host", ["10.0.0.1", "observer-1", "localhost.localdomain"])
def test_plain_text_is_sent_to_peers_on_loopback_only(host: str) -> None:
    assert told(LOOPBACK.replace("other: {host: localhost", f"other: {{host: {host}")) == [
        f"line 11: observer.hamok.discovery.config.peers.other.host: {PLAIN_TEXT}"
    ]


def test_plain_text_is_advertised_on_loopback_only() -> None:
    assert told(LOOPBACK.replace("serverPort: 5601", "advertisedHost: observer-0")) == [
        f"line 6: observer.hamok.endpoint.config.advertisedHost: {PLAIN_TEXT}"
    ]


def test_with_tls_a_node_may_be_anywhere(tmp_path: Path) -> None:
    peers = ", discovery: {config: {peers: {a: {host: observer-1}}}}"

    assert noticed(parse(with_tls(tmp_path, peers), {})) == []


def test_every_file_of_tls_that_is_not_there_is_told(tmp_path: Path) -> None:
    text = with_tls(tmp_path)
    (tmp_path / "cert.pem").unlink()
    (tmp_path / "key.pem").unlink()
    (tmp_path / "key.pem").mkdir()

    assert told(text) == [
        "line 1: observer.hamok.endpoint.config.tls.cert: cannot read this file: No such file or directory",
        "line 1: observer.hamok.endpoint.config.tls.key: cannot read this file: Is a directory",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_of_tls_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    text = with_tls(tmp_path)
    (tmp_path / "key.pem").chmod(0)

    assert told(text) == ["line 1: observer.hamok.endpoint.config.tls.key: cannot read this file: Permission denied"]


def test_a_file_of_tls_that_holds_no_certificate_is_told(tmp_path: Path) -> None:
    text = with_tls(tmp_path)
    (tmp_path / "cert.pem").write_text("hunter2")

    (problem,) = told(text)

    assert problem.startswith("line 1: observer.hamok.endpoint.config.tls: ")
    assert "cert.pem" in problem
    assert "hunter2" not in problem


def test_a_certificate_of_another_authority_is_told(tmp_path: Path) -> None:
    text = with_tls(tmp_path)
    write_certificates(tmp_path, "observer-0", authority=new_authority(1, datetime.now(UTC)))

    (problem,) = told(text)

    assert "was not issued by an authority of" in problem


def test_a_certificate_that_names_another_node_is_told(tmp_path: Path) -> None:
    (problem,) = told(with_tls(tmp_path, host="observer-1"))

    assert problem.startswith(
        "line 1: observer.hamok.endpoint.config.tls.cert: the certificate does not name this node"
    )


def test_a_name_that_no_file_of_tls_can_have_is_told() -> None:
    files = '{ca: "a\\0b", cert: /dev/null, key: /dev/null}'

    (problem,) = told(f"observer: {{hamok: {{endpoint: {{config: {{tls: {files}}}}}}}}}")

    assert problem.endswith("tls.ca: cannot read this file: no file can have this name")


@pytest.mark.parametrize(
    ("port", "key"),
    [
        ("micronaut: {server: {port: 5601}}", "micronaut.server.port"),
        ("micronaut: {server: {port: 5601, host: localhost}}", "micronaut.server.port"),
        ("endpoints: {all: {port: 5601, host: 127.0.0.1}}", "endpoints.all.port"),
    ],
)
def test_the_cluster_has_a_port_of_its_own(port: str, key: str) -> None:
    assert told(f"{LOOPBACK}{port}\n") == [
        f"line 6: observer.hamok.endpoint.config.serverPort: is the port of {key} as well, on the same address"
    ]


def test_a_port_may_be_the_same_on_another_address() -> None:
    assert parse(f"{LOOPBACK}micronaut: {{server: {{port: 5601, host: 10.0.0.1}}}}\n", {})


def test_two_peers_with_one_address_are_told() -> None:
    twins = "peers:\n        a.b: {host: Observer-1, port: 5601}\n        c: {host: observer-1}\n"

    assert told(f"observer:\n  hamok:\n    discovery:\n     config:\n      {twins}") == [
        "line 7: observer.hamok.discovery.config.peers.c: "
        "has the same host and port as observer.hamok.discovery.config.peers.a.b"
    ]


def pods(folder: Path, config: str, host: str) -> list[str]:
    """What a node is told that looks for pods, and is known by a host."""
    text = with_tls(folder, f", discovery: {{type: K8sPodsDiscovery, config: {{{config}}}}}", host)
    return noticed(parse(text.replace("advertisedHost: observer-0", f'advertisedHost: "{host}"'), {}))


BY_NAME = "prefix: observer-, namespace: calls, service: peers"


def test_a_pod_that_is_known_by_its_name_in_the_service_is_fine(tmp_path: Path) -> None:
    assert pods(tmp_path, BY_NAME, "observer-0.peers.calls.svc.cluster.local") == []


def test_a_pod_that_is_known_by_its_ip_address_is_fine_without_a_service(tmp_path: Path) -> None:
    assert pods(tmp_path, "prefix: observer-", "10.0.0.7") == []


def test_a_pod_whose_peers_know_it_by_another_name_is_noticed(tmp_path: Path) -> None:
    assert pods(tmp_path, BY_NAME, "observer-0") == [
        "observer.hamok.endpoint.config.advertisedHost: take note: "
        "peers know this pod by its name, and .peers.calls.svc.cluster.local behind it"
    ]


def test_a_pod_whose_peers_know_it_by_its_address_and_not_by_its_name_is_noticed(tmp_path: Path) -> None:
    assert pods(tmp_path, "prefix: observer-", "observer-0") == [
        "observer.hamok.endpoint.config.advertisedHost: take note: "
        "peers know this pod by its IP address, as there is no service"
    ]


def test_pods_need_a_prefix_or_a_selector() -> None:
    text = LOOPBACK.replace("    discovery:\n", "    discovery:\n      type: K8sPodsDiscovery\n")

    assert told(text.replace("peers:", "").partition("          me:")[0]) == [
        "line 9: observer.hamok.discovery.config: prefix or labelSelector must say which pods are peers"
    ]


def test_a_list_of_peers_means_nothing_to_one_who_looks_for_pods() -> None:
    text = LOOPBACK.replace("    discovery:\n", "    discovery:\n      type: K8sPodsDiscovery\n")

    assert "line 10: observer.hamok.discovery.config.peers: unknown key" in told(text)


def test_pods_are_told_as_they_were_written() -> None:
    text = LOOPBACK.replace("    discovery:\n", "    discovery:\n      type: K8sPodsDiscovery\n")
    written = text.replace("        peers:\n", "        prefix: observer-\n").partition("          me:")[0]

    assert parse(effective(parse(written, {})), {}).observer.hamok == parse(written, {}).observer.hamok


def test_keys_in_another_case_have_their_line_all_the_same() -> None:
    text = LOOPBACK.replace("serverHost: 127.0.0.1", "server-host: 10.0.0.1")

    assert told(text) == [f"line 5: observer.hamok.endpoint.config.server-host: {PLAIN_TEXT}"]


def test_more_remote_peers_than_are_listed_are_noticed() -> None:
    assert noticed(parse(f"{LOOPBACK}  sources: {{websocket: {{minRemotePeers: 3}}}}\n", {})) == [
        "observer.sources.websocket.minRemotePeers: take note: "
        "more than the nodes that are listed: until others join, no WebSocket session is taken"
    ]


def test_as_many_remote_peers_as_are_listed_beside_oneself_are_fine() -> None:
    assert noticed(parse(f"{LOOPBACK}  sources: {{websocket: {{minRemotePeers: 2}}}}\n", {})) == []


def test_a_node_that_waits_for_remote_peers_without_an_endpoint_is_noticed() -> None:
    assert noticed(parse("observer: {sources: {websocket: {minRemotePeers: 1}}}", {})) == [
        "observer.sources.websocket.minRemotePeers: take note: "
        "without observer.hamok.endpoint this node runs alone, so no WebSocket session is ever taken"
    ]


def test_a_node_that_lists_only_itself_is_noticed() -> None:
    text = LOOPBACK[: LOOPBACK.index("          other")]

    assert noticed(parse(text, {})) == [
        "observer.hamok.discovery.config.peers: take note: "
        "no other node is listed: this one forms a cluster by itself, which others may join"
    ]
