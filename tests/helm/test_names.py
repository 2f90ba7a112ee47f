"""Names, labels and annotations hold whatever releases, namespaces and labels are called."""

from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import yaml

from tests.helm.charts import CHART, HELMS, NAMESPACE, helm, one, rendered, template

OWN = {
    "app.kubernetes.io/name": "webrtc-observer",
    "app.kubernetes.io/instance": "observer",
    "app.kubernetes.io/component": "observer",
}
CLASHING = """
    commonLabels: {team: media, app.kubernetes.io/component: x, app.kubernetes.io/part-of: calls}
    podLabels: {team: observers, app.kubernetes.io/name: x}
    podAnnotations: {prometheus.io/scrape: "false", checksum/config: none}
    serviceMonitor: {labels: {team: metrics}}
    prometheusRule: {enabled: true, labels: {team: alerts}}
    dashboard: {enabled: true, labels: {team: pictures}}
"""


class OneOfEach(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        assert len(made) == len(node.value), f"a key stands twice: {node.start_mark}"
        return made


@pytest.mark.parametrize("release", ["true", "null", "1e3", "0x10", "2024"])
def test_a_release_whose_name_could_be_a_number_has_words_for_labels(release: str) -> None:
    done = helm("helm3", "template", release, CHART, "--namespace", "123", "--set", "fullnameOverride=observer")

    made = [it for it in yaml.safe_load_all(done.stdout) if it]
    assert {it["metadata"]["labels"]["app.kubernetes.io/instance"] for it in made} == {release}
    (stateful,) = (it for it in made if it["kind"] == "StatefulSet")
    assert stateful["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == release
    (binding,) = (it for it in made if it["kind"] == "RoleBinding")
    assert binding["subjects"][0]["namespace"] == "123"
    (config,) = (it for it in made if it["kind"] == "ConfigMap")
    assert f"app.kubernetes.io/instance={release}," in config["data"]["observer.yaml"]


@pytest.mark.parametrize("release", ["2024", "my.observer", "1-webrtc-observer"])
def test_a_release_whose_name_no_service_can_have_is_refused(release: str) -> None:
    done = helm("helm3", "template", release, CHART)

    assert "cannot be the name of a Service" in done.stderr
    assert "set fullnameOverride" in done.stderr


def test_labels_of_ones_own_never_hide_those_by_which_pods_are_found() -> None:
    made = rendered(values=CLASHING)

    stateful = made["StatefulSet", "observer"]
    assert stateful["spec"]["template"]["metadata"]["labels"].items() >= OWN.items()
    assert stateful["spec"]["selector"]["matchLabels"] == OWN
    assert made["Service", "observer-cluster"]["metadata"]["labels"]["app.kubernetes.io/component"] == "cluster"
    assert made["Pod", "observer-test"]["metadata"]["labels"]["app.kubernetes.io/component"] == "test"


def test_labels_that_are_closer_to_an_object_count_more() -> None:
    made = rendered("--set", "serviceMonitor.enabled=true", values=CLASHING)

    pod = made["StatefulSet", "observer"]["spec"]["template"]["metadata"]["labels"]
    assert (pod["team"], pod["app.kubernetes.io/part-of"]) == ("observers", "calls")
    owners = [("ServiceMonitor", "observer"), ("PrometheusRule", "observer"), ("ConfigMap", "observer-dashboard")]
    assert [made[key]["metadata"]["labels"]["team"] for key in owners] == ["metrics", "alerts", "pictures"]
    assert made["Service", "observer"]["metadata"]["labels"]["team"] == "media"


def test_annotations_of_ones_own_count_more_than_those_for_prometheus_and_never_hide_the_checksum() -> None:
    annotations = one("StatefulSet", values=CLASHING)["spec"]["template"]["metadata"]["annotations"]

    assert annotations["prometheus.io/scrape"] == "false"
    assert len(annotations["checksum/config"]) == 64


@pytest.mark.parametrize("more", [(), ("--set", "serviceMonitor.enabled=true")])
def test_nothing_is_said_twice_of_an_object(more: tuple[str, ...]) -> None:
    assert list(yaml.load_all(template(*more, values=CLASHING), Loader=OneOfEach))


@pytest.mark.parametrize("by", HELMS)
def test_the_chart_can_be_part_of_another(by: str, tmp_path: Path) -> None:
    copytree(CHART, tmp_path / "charts" / "webrtc-observer")
    needed = {"name": "webrtc-observer", "version": "0.1.0", "repository": "", "condition": "webrtc-observer.enabled"}
    (tmp_path / "Chart.yaml").write_text(
        yaml.safe_dump({"apiVersion": "v2", "name": "calls", "version": "1.0.0", "dependencies": [needed]})
    )
    given = {"enabled": True, "replicas": 5}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump({"webrtc-observer": given, "global": {"colour": "blue"}}))

    done = helm(by, "template", "calls", tmp_path, "--namespace", NAMESPACE)

    assert done.returncode == 0, done.stderr
    (stateful,) = (it for it in yaml.safe_load_all(done.stdout) if it and it["kind"] == "StatefulSet")
    assert (stateful["metadata"]["name"], stateful["spec"]["replicas"]) == ("calls-webrtc-observer", 5)
