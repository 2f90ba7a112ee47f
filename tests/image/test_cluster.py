"""The three containers of docker-compose.yaml are one observer, and may do nothing that it does not need."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.image.cluster import Container, cluster, make_certificates, take, wait_until
from tests.image.compose import seconds, services
from tests.image.conftest import Image
from tests.image.proxy import proxy

pytestmark = [pytest.mark.timeout(600), pytest.mark.processes]


@pytest.fixture(scope="module")
def containers(image: Image) -> Iterator[Sequence[Container]]:
    with cluster(image) as three:
        yield three


def test_three_containers_form_one_cluster(containers: Sequence[Container]) -> None:
    said = [container.info()["cluster"] for container in containers]

    assert len({cluster["clusterId"] for cluster in said}) == 1
    assert {member.partition(":")[0] for member in said[2]["members"]} == {"node1", "node2", "node3"}


def test_the_health_check_of_the_image_passes_too(containers: Sequence[Container]) -> None:
    assert [container.is_alive() for container in containers] == [True] * 3


def test_what_two_containers_took_is_one_call(containers: Sequence[Container]) -> None:
    first, second, _ = containers
    first.take("a", "alice", outboundAudioTracks=[{"peerConnectionId": "pa", "trackId": "ta", "ssrc": 7}])
    wait_until(lambda: first.reports("OUTBOUND_AUDIO_TRACK"))
    second.take("b", "bob", inboundAudioTracks=[{"peerConnectionId": "pb", "trackId": "tb", "ssrc": 7}])

    (heard,) = wait_until(lambda: second.reports("INBOUND_AUDIO_TRACK"))

    assert heard["payload"]["remoteUserId"] == "alice"


def test_what_the_proxy_is_given_reaches_one_of_the_containers(containers: Sequence[Container], tmp_path: Path) -> None:
    def users() -> set[str]:
        told = [report for container in containers for report in container.reports("CALL_EVENT")]
        return {report["payload"].get("userId") for report in told}

    with proxy(containers, tmp_path) as authority:
        take(authority, "c", "carol", outboundAudioTracks=[{"peerConnectionId": "pc", "trackId": "tc", "ssrc": 8}])

    wait_until(lambda: "carol" in users())


@pytest.mark.parametrize("path", ["/etc/x", "/opt/webrtc-observer/x", "/etc/webrtc-observer/tls/x", "/x"])
def test_a_node_cannot_write_where_it_need_not(containers: Sequence[Container], path: str) -> None:
    refused = containers[0].python(f"open({path!r}, 'w')")

    assert b"Read-only file system" in refused.stderr or b"Permission denied" in refused.stderr


def test_a_node_can_write_its_reports_and_temporary_files(containers: Sequence[Container]) -> None:
    done = containers[0].python("[open(f'{at}/x', 'w').close() for at in ('/tmp', '/var/lib/webrtc-observer')]")

    assert done.returncode == 0


def test_a_node_has_no_privileges_and_can_get_none(containers: Sequence[Container]) -> None:
    status = containers[0].python("print(open('/proc/1/status').read())").stdout.decode()

    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(facts["Uid"].split()) == {"10001"}
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert facts["NoNewPrivs"] == "1"


def test_new_certificates_keep_the_authority(containers: Sequence[Container], image: Image) -> None:
    before = _files(image)
    make_certificates(image)

    after = _files(image)

    assert (after["ca.pem"], after.keys()) == (before["ca.pem"], before.keys())
    assert after["node1.pem"] != before["node1.pem"]


def test_a_container_that_is_stopped_ends_well_and_the_others_go_on(containers: Sequence[Container]) -> None:
    first, second, third = containers

    code, took = first.stop()

    assert code == 0
    assert took < seconds(services()["node1"].block["stop_grace_period"])
    for other in (second, third):
        other.wait_until_healthy()


def _files(image: Image) -> dict[str, str]:
    """The names of the files in the volume of certificates, and what those that all may read hold."""
    mount = "--volume=certificates:/certificates:ro"
    code = "import glob; [print(f, hash(open(f, 'rb').read())) for f in sorted(glob.glob('/certificates/*'))]"
    options = ["--rm", "--network=none", mount, "--env=PYTHONHASHSEED=0", "--entrypoint=python3"]
    told = image.engine.podman("run", *options, image.name, "-c", code).stdout.decode()
    return {line.split()[0].rpartition("/")[2]: line.split()[1] for line in told.splitlines()}
