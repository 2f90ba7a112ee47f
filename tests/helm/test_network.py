"""What can be reached, by whom, under which name."""

from typing import Any

import pytest

from tests.helm.charts import FULL, kinds, one, pod_spec, rendered


def ports(service: Any) -> dict[str, int]:
    return {port["name"]: port["port"] for port in service["spec"]["ports"]}


def allowed(policy: Any) -> dict[str, Any]:
    """Who may reach each port; None is everybody."""
    return {rule["ports"][0]["port"]: rule.get("from") for rule in policy["spec"]["ingress"]}


OBSERVERS = {
    "podSelector": {
        "matchLabels": {
            "app.kubernetes.io/name": "webrtc-observer",
            "app.kubernetes.io/instance": "observer",
            "app.kubernetes.io/component": "observer",
        }
    }
}


def test_clients_reach_samples_and_nothing_else() -> None:
    assert ports(one("Service", name="observer")) == {"samples": 7080}


def test_each_pod_has_a_name_even_before_it_is_ready() -> None:
    headless = one("Service", name="observer-cluster")

    assert (headless["spec"]["clusterIP"], headless["spec"]["publishNotReadyAddresses"]) == ("None", True)
    assert one("StatefulSet")["spec"]["serviceName"] == "observer-cluster"
    assert ports(headless) == {"cluster": 5601, "ops": 7081}


def test_ports_follow_the_configuration_everywhere() -> None:
    made = rendered("--values", FULL)

    assert ports(made["Service", "rtc-observer"]) == {"samples": 443}
    assert ports(made["Service", "rtc-observer-cluster"]) == {"cluster": 5602, "ops": 8081}
    (observer,) = (it for it in pod_spec("--values", FULL)["containers"] if it["name"] == "observer")
    assert [port["containerPort"] for port in observer["ports"]] == [8080, 8081, 5602]


def test_the_port_between_observers_is_for_them_alone() -> None:
    assert allowed(one("NetworkPolicy"))["cluster"] == [OBSERVERS]


def test_samples_come_from_everybody_and_metrics_go_to_pods_only() -> None:
    rules = allowed(one("NetworkPolicy"))

    assert rules["samples"] is None
    assert rules["ops"][0] == {"namespaceSelector": {}}


def test_who_may_come_can_be_narrowed_and_the_test_still_may() -> None:
    rules = allowed(one("NetworkPolicy", "--values", FULL))

    tester = {"podSelector": {"matchLabels": {**_of_test(), "app.kubernetes.io/component": "test"}}}
    assert rules["samples"] == [{"ipBlock": {"cidr": "198.51.100.0/24"}}, tester]
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert rules["ops"] == [monitoring, tester]
    assert rendered("--values", FULL)["Pod", "rtc-observer-test"]["metadata"]["labels"].items() >= _of_test().items()


def _of_test() -> dict[str, str]:
    return {"app.kubernetes.io/name": "webrtc-observer", "app.kubernetes.io/instance": "observer"}


def test_the_pod_of_the_test_is_taken_for_no_observer() -> None:
    selector = one("StatefulSet")["spec"]["selector"]["matchLabels"]

    assert not one("Pod")["metadata"]["labels"].items() >= selector.items()
    assert one("StatefulSet")["spec"]["template"]["metadata"]["labels"].items() >= selector.items()


def test_what_observers_may_reach_is_limited_on_demand() -> None:
    assert one("NetworkPolicy")["spec"]["policyTypes"] == ["Ingress"]
    egress = one("NetworkPolicy", "--values", FULL)["spec"]["egress"]
    assert [[port["port"] for port in rule["ports"]] for rule in egress] == [
        [53, 53, 5353, 5353],
        [5602],
        [443, 6443],
        [9092],
    ]


def test_the_ingress_leads_to_samples() -> None:
    ingress = one("Ingress", "--values", FULL)

    backend = {"service": {"name": "rtc-observer", "port": {"name": "samples"}}}
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == ["observer.example.org", "rtc.example.org"]
    for rule in ingress["spec"]["rules"]:
        assert rule["http"]["paths"] == [
            {"path": path, "pathType": "Prefix", "backend": backend} for path in ("/samples", "/rest")
        ]


def test_the_ingress_does_not_cut_a_silent_websocket_before_the_observer_does() -> None:
    annotations = one("Ingress", "--set", "ingress.enabled=true")["metadata"]["annotations"]

    for direction in ("read", "send"):
        assert int(annotations[f"nginx.ingress.kubernetes.io/proxy-{direction}-timeout"]) > 2 * (20 + 20)


def test_an_annotation_of_the_ingress_can_be_taken_away() -> None:
    key = "nginx.ingress.kubernetes.io/proxy-next-upstream"
    ingress = one("Ingress", values=f"ingress: {{enabled: true, annotations: {{{key}: null, colour: blue}}}}")

    assert key not in ingress["metadata"]["annotations"]
    assert ingress["metadata"]["annotations"]["colour"] == "blue"


def test_an_ingress_without_hosts_takes_all() -> None:
    (rule,) = one("Ingress", "--set", "ingress.enabled=true")["spec"]["rules"]

    assert set(rule) == {"http"}


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_services_are_of_the_family_that_observers_listen_in(family: str) -> None:
    for name in ("observer", "observer-cluster"):
        spec = one("Service", "--set", f"ipFamily={family}", name=name)["spec"]
        assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("SingleStack", [family])


def test_names_fit_whatever_the_release_is_called() -> None:
    long = "a-name-that-is-as-long-as-the-name-of-a-release-may-be"[:53]
    made = rendered("--set", f"fullnameOverride={long}-and-a-half")

    for kind, name in made:
        assert len(name) <= (52 if kind == "StatefulSet" else 63)


def test_without_monitoring_nothing_of_an_operator_is_made() -> None:
    assert kinds() == {
        *("ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Secret", "Service", "StatefulSet"),
        *("NetworkPolicy", "PodDisruptionBudget", "Pod"),
    }
