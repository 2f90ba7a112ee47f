"""What the pods of the observers are like."""

from pathlib import Path
from typing import Any

import pytest

from tests.helm.charts import (
    FULL,
    HELMS,
    NAMESPACE,
    configuration,
    container,
    objects,
    one,
    pod_spec,
    rendered,
    template,
)
from tests.helm.cluster_double import upgraded


def test_every_pod_fits_the_restricted_pod_security_standard() -> None:
    made = objects(template())
    specs = [it["spec"]["template"]["spec"] for it in made if it["kind"] == "StatefulSet"]
    specs += [it["spec"] for it in made if it["kind"] == "Pod"]

    assert len(specs) == 2
    for spec in specs:
        assert unrestricted(spec) == []


def unrestricted(spec: Any) -> list[str]:
    """What of a pod the Pod Security Standard `restricted` does not allow."""
    pod = spec.get("securityContext", {})
    found = [key for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    found += [
        volume["name"] for volume in spec.get("volumes", ()) if not {"configMap", "secret", "emptyDir"} & set(volume)
    ]
    if pod.get("runAsNonRoot") is not True or pod.get("runAsUser") == 0:
        found.append("runs as root")
    if pod.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        found.append("seccompProfile")
    for each in (*spec.get("initContainers", ()), *spec["containers"]):
        own = each.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            found.append("allowPrivilegeEscalation")
        if own.get("privileged") or own.get("capabilities") != {"drop": ["ALL"]}:
            found.append("capabilities")
        if own.get("readOnlyRootFilesystem") is not True:
            found.append("writable root")
        found += [str(port) for port in each.get("ports", ()) if "hostPort" in port]
    return found


def test_what_is_not_restricted_is_noticed() -> None:
    found = unrestricted(pod_spec("--set", "podSecurityContext=null,securityContext=null"))

    assert found == ["runs as root", "seccompProfile", "allowPrivilegeEscalation", "capabilities", "writable root"]


def test_openshift_chooses_users_and_groups_itself() -> None:
    made = objects(template("--api-versions", "security.openshift.io/v1"))
    specs = [it["spec"]["template"]["spec"] for it in made if it["kind"] == "StatefulSet"]
    specs += [it["spec"] for it in made if it["kind"] == "Pod"]

    assert len(specs) == 2
    for spec in specs:
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(spec["securityContext"])
        assert unrestricted(spec) == []


def test_a_group_that_is_asked_for_counts_on_openshift_too() -> None:
    spec = pod_spec("--api-versions", "security.openshift.io/v1", "--set", "podSecurityContext.fsGroup=20000")

    assert spec["securityContext"]["fsGroup"] == 20000


def test_the_api_is_open_to_observers_only_and_only_for_pods() -> None:
    role = one("Role")

    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
    assert one("ServiceAccount")["automountServiceAccountToken"] is False
    assert pod_spec()["automountServiceAccountToken"] is True
    assert one("Pod")["spec"]["automountServiceAccountToken"] is False


def test_one_alone_has_no_rights_and_no_port_for_others() -> None:
    alone = ("--set", "replicas=1,cluster.enabled=false,observer.sources.websocket.minRemotePeers=0")

    assert {"Role", "RoleBinding", "Secret"} & {kind for kind, _ in rendered(*alone)} == set()
    assert pod_spec(*alone)["automountServiceAccountToken"] is False
    assert [port["name"] for port in container(*alone)["ports"]] == ["samples", "ops"]


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe"])
def test_a_node_that_waits_for_others_is_not_started_anew(probe: str) -> None:
    assert container()[probe]["httpGet"] == {"path": "/health/liveness", "port": "ops"}


def test_no_clients_come_before_there_is_a_cluster() -> None:
    assert container()["readinessProbe"]["httpGet"] == {"path": "/health/readiness", "port": "ops"}


@pytest.mark.parametrize(
    ("values", "pause", "grace"),
    [
        ("logLevel=INFO", "5", 40),
        ("observer.shutdownGraceInS=0.5", "5", 16),
        ("observer.shutdownGraceInS=3600,preStopSleepSeconds=100", "100", 3710),
        ("terminationGracePeriodSeconds=300", "5", 300),
    ],
)
def test_a_pod_may_take_as_long_to_end_as_it_needs(values: str, pause: str, grace: int) -> None:
    assert container("--set", values)["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", pause]
    assert pod_spec("--set", values)["terminationGracePeriodSeconds"] == grace


def test_observers_start_together_and_are_replaced_one_by_one() -> None:
    spec = one("StatefulSet")["spec"]

    assert (spec["replicas"], spec["podManagementPolicy"]) == (3, "Parallel")
    assert spec["updateStrategy"] == {"type": "RollingUpdate"}
    assert one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_with_autoscaling_nothing_else_says_how_many_there_are() -> None:
    scaled = ("--set", "autoscaling.enabled=true,replicas=null")

    assert "replicas" not in one("StatefulSet", *scaled)["spec"]
    scaler = one("HorizontalPodAutoscaler", *scaled)["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 5)
    assert scaler["scaleTargetRef"]["name"] == one("StatefulSet", *scaled)["metadata"]["name"]


@pytest.mark.parametrize("by", HELMS)
def test_turning_autoscaling_on_leaves_as_many_as_there_are(by: str, tmp_path: Path) -> None:
    there = one("StatefulSet", "--set", "replicas=5")
    there = there | {"metadata": there["metadata"] | {"namespace": NAMESPACE}}

    made = upgraded(tmp_path, [there], "--set", "autoscaling.enabled=true,replicas=null", by=by)

    assert made["StatefulSet", "observer"]["spec"]["replicas"] == 5


def test_ports_name_their_protocol_as_old_servers_ask_helm_4_to() -> None:
    for service in ("observer", "observer-cluster"):
        assert {port.get("protocol") for port in one("Service", name=service)["spec"]["ports"]} == {"TCP"}
    assert {port.get("protocol") for port in container()["ports"]} == {"TCP"}


def test_another_configuration_replaces_the_pods() -> None:
    def checksum(*options: str) -> str:
        found: str = one("StatefulSet", *options)["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        return found

    assert checksum() != checksum("--set", "observer.shutdownGraceInS=20")


def test_other_certificates_do_not_replace_the_pods() -> None:
    first, second = (one("StatefulSet", values=f"tls: {{generated: {{validityDays: {days}}}}}") for days in (900, 901))

    assert first == second


def test_another_version_of_the_chart_alone_does_not_replace_the_pods() -> None:
    labels = one("StatefulSet")["spec"]["template"]["metadata"]["labels"]

    assert "helm.sh/chart" not in labels


def test_observers_avoid_each_others_machine() -> None:
    soft, hard = (
        pod_spec("--set", f"podAntiAffinity={how}")["affinity"]["podAntiAffinity"] for how in ("soft", "hard")
    )

    (preferred,) = soft["preferredDuringSchedulingIgnoredDuringExecution"]
    (required,) = hard["requiredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["podAffinityTerm"] == required
    assert required["topologyKey"] == "kubernetes.io/hostname"
    assert required["labelSelector"] == one("StatefulSet")["spec"]["selector"]
    assert "affinity" not in pod_spec("--set", "podAntiAffinity=none")


def test_ones_own_affinities_stand_beside_the_charts() -> None:
    assert set(pod_spec("--values", FULL)["affinity"]) == {"nodeAffinity", "podAntiAffinity"}


def test_a_constraint_of_spread_is_about_observers_unless_it_says_otherwise() -> None:
    (zones,) = pod_spec()["topologySpreadConstraints"]
    _, racks = pod_spec("--values", FULL)["topologySpreadConstraints"]

    assert zones["labelSelector"] == one("StatefulSet")["spec"]["selector"]
    assert racks["labelSelector"] == {"matchLabels": {"team": "media"}}


def test_reports_go_to_a_volume_of_ones_own_if_there_is_one() -> None:
    def volumes(*options: Any) -> list[str]:
        return [volume["name"] for volume in pod_spec(*options)["volumes"]]

    assert volumes() == ["config", "tls", "tmp", "data"]
    assert volumes("--values", FULL) == ["config", "tls", "tmp", "more"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container("--values", FULL)["volumeMounts"]}
    assert mounts["data"] == "/var/lib/webrtc-observer"


@pytest.mark.parametrize("name", ["data", "tmp"])
def test_a_volume_of_ones_own_takes_the_place_of_an_empty_one(name: str) -> None:
    own = {"name": name, "emptyDir": {"sizeLimit": "1Gi"}}
    volumes = pod_spec(values=f"extraVolumes: [{own}]")["volumes"]

    assert [volume for volume in volumes if volume["name"] == name] == [own]
    assert sorted(volume["name"] for volume in volumes) == ["config", "data", "tls", "tmp"]


@pytest.mark.parametrize("probe", ["startup", "liveness", "readiness"])
def test_a_probe_without_values_has_those_of_kubernetes(probe: str) -> None:
    assert set(container("--set", f"probes.{probe}=null")[f"{probe}Probe"]) == {"httpGet"}


def test_affinities_that_are_taken_away_leave_that_of_the_chart() -> None:
    assert pod_spec("--set", "affinity=null") == pod_spec()


def test_the_key_is_for_the_group_of_the_pod_only() -> None:
    (tls,) = (volume["secret"] for volume in pod_spec()["volumes"] if volume["name"] == "tls")

    assert tls["defaultMode"] == 0o440


def test_secrets_of_sinks_reach_the_observer_as_variables() -> None:
    names = [variable["name"] for variable in container("--values", FULL)["env"]]

    assert names == ["POD_NAME", "POD_IP", "NAMESPACE", "ARCHIVE", "PASSWORD"]
    assert container("--values", FULL)["envFrom"][0] == {"secretRef": {"name": "more-of-sinks"}}
    assert "${ARCHIVE:reports}" in configuration("--values", FULL)


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ("logLevel=INFO", "webrtc-observer:0.1.0"),
        ("image.repository=example.org/o,image.tag=x", "example.org/o:x"),
        (f"image.digest=sha256:{'a' * 64},image.tag=x", f"webrtc-observer@sha256:{'a' * 64}"),
    ],
)
def test_the_image_is_that_of_the_values(values: str, image: str) -> None:
    assert container("--set", values)["image"] == one("Pod", "--set", values)["spec"]["containers"][0]["image"] == image


def test_the_level_of_the_log_is_an_argument() -> None:
    assert container()["args"] == ["run", "--config", "/etc/webrtc-observer/observer.yaml"]
    assert container("--set", "logLevel=TRACE")["args"][-2:] == ["--log-level", "TRACE"]
