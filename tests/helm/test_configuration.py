"""The observer takes what the chart writes for it, and understands it as it was meant."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from discovery.pods import Pods
from observer.config import Configuration, parse
from observer.config.configuration import load
from observer.config.hamok import Peers
from sinks.file import FileSink
from tests.docs.documents import blocks
from tests.helm.charts import FULL, NAMESPACE, configuration, container, rendered
from tests.observer.certified import write_certificates
from tests.services import ROOT

ALONE = ("--set", "replicas=1,cluster.enabled=false,observer.sources.websocket.minRemotePeers=0")


def taken(folder: Path, *options: str | Path, values: str = "", pod: str = "observer-0") -> Configuration:
    """What an observer in this pod makes of its file; raises ConfigError if that is nothing.

    Its certificate is that of the chart; if the chart makes none, one for its name.
    """
    text = configuration(*options, values=values)
    write_certificates(
        folder, f"{pod}.observer-cluster.rtc.svc.cluster.local", ca="ca.crt", cert="tls.crt", key="tls.key"
    )
    for (kind, name), secret in rendered(*options, values=values).items():
        if kind == "Secret" and name.endswith("-tls"):
            for key, value in secret["data"].items():
                (folder / key).write_bytes(base64.b64decode(value))
                (folder / key).chmod(0o440)
    text = text.replace("/etc/webrtc-observer/tls", str(folder))
    own = {"POD_NAME": pod, "POD_IP": "10.1.2.3", "NAMESPACE": NAMESPACE}
    return parse(text, secrets_of(container(*options, values=values)) | own)


def secrets_of(container: Any) -> dict[str, str]:
    """The variables of a container that Secrets must have, each with a long value that tells which it is."""
    wanted = {variable["name"]: variable.get("valueFrom", {}).get("secretKeyRef", {}) for variable in container["env"]}
    return {
        name: f"{secret['name']}/{secret['key']}".ljust(40, "x")
        for name, secret in wanted.items()
        if secret and not secret.get("optional")
    }


def test_by_default_observers_find_each_other_among_the_pods(tmp_path: Path) -> None:
    hamok = taken(tmp_path).observer.hamok

    assert hamok.discovery.config == Pods(
        namespace="rtc",
        prefix="observer-",
        label_selector="app.kubernetes.io/component=observer,app.kubernetes.io/instance=observer,"
        "app.kubernetes.io/name=webrtc-observer",
        port=5601,
        service="observer-cluster",
        cluster_domain="cluster.local",
    )


def test_an_observer_is_known_by_the_name_of_its_pod_which_its_certificate_has(tmp_path: Path) -> None:
    endpoint = taken(tmp_path, pod="observer-2").observer.hamok.endpoint

    assert endpoint is not None
    assert endpoint.config.advertised_host == "observer-2.observer-cluster.rtc.svc.cluster.local"
    assert endpoint.config.tls is not None


def test_nothing_that_the_chart_writes_by_default_is_in_vain(tmp_path: Path) -> None:
    assert taken(tmp_path).notices == ()


def test_by_default_reports_are_counted_in_the_log(tmp_path: Path) -> None:
    assert taken(tmp_path).observer.sinks == {}


def test_no_value_is_spoiled_on_its_way(tmp_path: Path) -> None:
    configuration = taken(tmp_path, "--values", FULL, pod="rtc-observer-0")

    observer = configuration.observer
    assert observer.sources.websocket.max_message_size == 100_000_000
    assert observer.repository.bounds.max_clients == 12_345_678
    assert observer.repository.bounds.max_tracks == 2_000_000_000
    assert observer.buffers.samples_collector.max_bytes == 2_147_483_648
    assert observer.sources.allowed_service_ids == ["my-service", "007"]
    assert observer.evaluators.client_samples_analyser.match_tracks is False
    assert observer.shutdown_grace_in_s == 40.5
    assert observer.hamok.storage_grid.follower_max_idle_in_ms == 1000
    assert configuration.micronaut.server.limits.max_connections == 30_000


def test_variables_are_left_to_the_observer(tmp_path: Path) -> None:
    sink = taken(tmp_path, "--values", FULL, pod="rtc-observer-0").observer.sinks["archive"].sink

    assert isinstance(sink, FileSink)
    assert str(sink.path) == "/var/lib/webrtc-observer/reports.jsonl"


def test_secrets_come_from_a_secret_and_stand_in_no_object_of_the_chart(tmp_path: Path) -> None:
    [values] = [block.text for block in blocks("text") if "${HASH_SALT}" in block.text]

    observer = taken(tmp_path, values=values).observer
    tokens = observer.sources.security.access_tokens
    assert tokens is not None
    assert tokens.secret == "observer-secrets/token".ljust(40, "x")
    assert not tokens.former_secret
    assert observer.security.obfuscations.hash_salt == "observer-secrets/salt".ljust(40, "x")
    assert "secret: ${TOKEN_SECRET}" in configuration(values=values)


def test_what_the_values_say_of_endpoint_and_discovery_counts(tmp_path: Path) -> None:
    hamok = taken(tmp_path, "--values", FULL, pod="rtc-observer-0").observer.hamok

    assert hamok.endpoint is not None
    assert hamok.endpoint.config.server_port == 5602
    assert hamok.endpoint.config.limits.max_outbox_size == 33_554_433
    assert isinstance(hamok.discovery.config, Pods)
    assert (hamok.discovery.config.port, hamok.discovery.config.limits.list_every_in_s) == (5602, 300)


def test_an_observer_can_be_bound_to_the_address_of_its_pod(tmp_path: Path) -> None:
    bound = taken(
        tmp_path,
        values="""
            observer: {hamok: {endpoint: {config: {serverHost: "${POD_IP}"}}}}
            micronaut: {server: {host: "${POD_IP}"}}
            endpoints: {all: {host: "${POD_IP}"}}
        """,
    )

    endpoint = bound.observer.hamok.endpoint
    assert endpoint is not None
    assert {endpoint.config.server_host, bound.micronaut.server.host, bound.endpoints.all.host} == {"10.1.2.3"}


@pytest.mark.parametrize(("family", "host"), [("IPv4", "0.0.0.0"), ("IPv6", "::")])
def test_all_three_ports_listen_in_the_family_of_the_pods(family: str, host: str, tmp_path: Path) -> None:
    configuration = taken(tmp_path, "--set", f"ipFamily={family}")

    endpoint = configuration.observer.hamok.endpoint
    assert endpoint is not None
    hosts = {endpoint.config.server_host, configuration.micronaut.server.host, configuration.endpoints.all.host}
    assert hosts == {host}


def test_the_observers_own_sample_works_as_values(tmp_path: Path) -> None:
    given = taken(tmp_path, "--values", ROOT / "observer.yaml")
    own = load(ROOT / "observer.yaml", {})

    assert isinstance(given.observer.hamok.discovery.config, Pods)
    assert given.observer.hamok.endpoint is not None
    assert (given.micronaut, given.endpoints) == (own.micronaut, own.endpoints)
    assert given.observer.sources == own.observer.sources
    assert given.observer.buffers == own.observer.buffers


def test_a_sink_that_a_later_file_of_values_takes_away_is_gone(tmp_path: Path) -> None:
    (tmp_path / "without.yaml").write_text("observer: {sinks: {calls: null}}")
    later = ("--values", FULL, "--values", tmp_path / "without.yaml")

    assert set(taken(tmp_path, *later, pod="rtc-observer-0").observer.sinks) == {"archive"}


def test_one_alone_has_no_cluster(tmp_path: Path) -> None:
    hamok = taken(tmp_path, *ALONE).observer.hamok

    assert hamok.endpoint is None
    assert hamok.discovery.config == Peers()


def test_peers_that_are_listed_count_instead_of_the_pods(tmp_path: Path) -> None:
    hosts = [f"observer-{number}.observer-cluster.rtc.svc.cluster.local" for number in range(3)]
    peers = {f"p{number}": {"host": host, "port": 5601} for number, host in enumerate(hosts)}
    listed = {"observer": {"hamok": {"discovery": {"type": "StaticDiscovery", "config": {"peers": peers}}}}}

    hamok = taken(tmp_path, values=yaml.safe_dump(listed)).observer.hamok

    assert isinstance(hamok.discovery.config, Peers)
    assert [peer.host for peer in hamok.discovery.config.peers.values()] == hosts
