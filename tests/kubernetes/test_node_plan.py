"""What a node makes of a pod, as facts about data."""

from base64 import b64encode
from typing import Any

import pytest

from tests.kubernetes.node_plan import Image, Plan, Probe, Store, Unmet, plan

IMAGE = Image(("python", "-m", "observer"), environment={"PATH": "/bin"})


def test_the_name_of_the_image_stands_for_its_entry_point() -> None:
    assert planned(args=["run"]).command == ["python", "-m", "observer", "run"]


def test_a_command_takes_the_place_of_the_entry_point() -> None:
    assert planned(command=["sh", "-c"], args=["true"]).command == ["sh", "-c", "true"]


def test_paths_that_are_mounted_lie_below_the_root_of_the_pod() -> None:
    there = planned(args=["--config", "/etc/x/observer.yaml"], **volume("/etc/x", configMap={"name": "maps"}))

    assert there.command[-1] == "/root/etc/x/observer.yaml"
    assert there.files == {"/root/etc/x/observer.yaml": b"ca: /root/etc/x/ca.crt, other: /etc/xyz"}


def test_a_path_within_another_is_moved_once() -> None:
    there = planned(
        args=["/etc/x/tls/ca.crt"],
        volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "secret": {"secretName": "tls"}}],
        volumeMounts=[{"name": "a", "mountPath": "/etc/x"}, {"name": "b", "mountPath": "/etc/x/tls"}],
    )

    assert (there.command[-1], there.files) == ("/root/etc/x/tls/ca.crt", {"/root/etc/x/tls/ca.crt": b"\0ca"})


def test_a_root_whose_path_begins_like_a_mount_is_not_moved_again() -> None:
    there = planned(args=["/etc/x"], root="/tmp/root", **volume("/tmp", emptyDir={}))

    assert (there.folders, there.command[-1]) == (["/tmp/root/tmp"], "/etc/x")


def test_what_a_node_adds_is_not_moved() -> None:
    there = planned(env=[{"name": "FILE", "value": "/bin/x"}], **volume("/bin", emptyDir={}))

    assert there.environment == {"PATH": "/bin", "FILE": "/root/bin/x"}


def test_a_folder_of_the_node_is_a_link() -> None:
    there = planned(**volume("/reports", hostPath={"path": "/kept"}))

    assert (there.links, there.folders) == ({"/root/reports": "/kept"}, [])


def test_a_part_of_a_volume_is_a_file() -> None:
    there = planned(
        volumes=[{"name": "a", "configMap": {"name": "maps"}}],
        volumeMounts=[{"name": "a", "mountPath": "/etc/o.yaml", "subPath": "observer.yaml"}],
    )

    assert (list(there.files), there.folders) == (["/root/etc/o.yaml"], [])


def test_items_say_which_files_a_volume_has() -> None:
    asked = {"name": "maps", "items": [{"key": "observer.yaml", "path": "deep/o.yaml"}]}

    assert list(planned(**volume("/etc/x", configMap=asked)).files) == ["/root/etc/x/deep/o.yaml"]


def test_the_environment_comes_from_fields_and_secrets_and_what_was_said_before() -> None:
    there = planned(
        envFrom=[{"secretRef": {"name": "keys"}, "prefix": "P_"}],
        env=[
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}},
            {"name": "NONE", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k", "optional": True}}},
            {"name": "ALL", "value": "$(IP)/$(POD)/$(NOBODY)/$$(IP)"},
        ],
    )

    assert there.environment == {
        "PATH": "/bin",
        "P_k": "secret",
        "IP": "127.0.0.9",
        "POD": "pod-0",
        "LABEL": "it",
        "KEY": "secret",
        "ALL": "127.0.0.9/pod-0/$(NOBODY)/$(IP)",
    }


@pytest.mark.parametrize(
    "asked",
    [
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}]},
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "none"}}}]},
        {"volumes": [{"name": "a", "secret": {"secretName": "none"}}]},
        {"volumes": [{"name": "a", "secret": {"secretName": "tls", "items": [{"key": "none", "path": "x"}]}}]},
    ],
)
def test_a_pod_waits_for_what_is_not_there(asked: Any) -> None:
    mounts = [{"name": "a", "mountPath": "/x"}] if "volumes" in asked else []

    with pytest.raises(Unmet):
        planned(volumeMounts=mounts, **asked)


def test_a_probe_names_its_port() -> None:
    there = planned(
        ports=[{"name": "ops", "containerPort": 7081}],
        readinessProbe={"httpGet": {"path": "/ready", "port": "ops"}, "periodSeconds": 2},
    )

    assert (there.readiness, there.liveness) == (Probe(7081, "/ready", 2.0, 1.0, 3, 1), None)


def test_a_pod_works_where_its_image_says_if_that_is_a_volume() -> None:
    mounted = planned(**volume("/var/lib/webrtc-observer", emptyDir={}))

    assert (mounted.works_in, planned().works_in) == ("/root/var/lib/webrtc-observer", "/root")


def planned(volumes: Any = (), root: str = "/root", **container: Any) -> Plan:
    metadata = {"name": "pod-0", "namespace": "ns", "labels": {"app": "it"}}
    pod = {"metadata": metadata, "spec": {"containers": [{"name": "c", **container}], "volumes": volumes}}
    store = Store(
        {"maps": {"observer.yaml": "ca: /etc/x/ca.crt, other: /etc/xyz"}},
        {"keys": {"k": encoded(b"secret")}, "tls": {"ca.crt": encoded(b"\0ca")}},
    )
    return plan(pod, store, IMAGE, "127.0.0.9", root)


def volume(path: str, **source: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "v", **source}], "volumeMounts": [{"name": "v", "mountPath": path}]}


def encoded(value: bytes) -> str:
    return b64encode(value).decode()
