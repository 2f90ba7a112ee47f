"""What Prometheus and Grafana get."""

import json

import yaml

from tests.helm.charts import CHART, FULL, one


def test_prometheus_finds_every_pod_by_the_service_monitor() -> None:
    monitor = one("ServiceMonitor", "--values", FULL)
    headless = one("Service", "--values", FULL, name="rtc-observer-cluster")

    spec = monitor["spec"]
    assert headless["metadata"]["labels"].items() >= spec["selector"]["matchLabels"].items()
    assert spec["selector"]["matchLabels"]["app.kubernetes.io/component"] == "cluster"
    (endpoint,) = spec["endpoints"]
    assert endpoint["port"] in {port["name"] for port in headless["spec"]["ports"]}
    assert (endpoint["path"], endpoint["interval"]) == ("/metrics", "30s")
    assert spec["namespaceSelector"] == {"matchNames": ["rtc"]}
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_each_release_is_a_job_of_its_own() -> None:
    monitor = one("ServiceMonitor", "--set", "serviceMonitor.enabled=true")

    label = monitor["spec"]["jobLabel"]
    assert one("Service", name="observer-cluster")["metadata"]["labels"][label] == "observer"


def test_annotations_lead_prometheus_to_the_pods_where_there_is_no_service_monitor() -> None:
    def annotations(*options: object) -> dict[str, str]:
        pod = one("StatefulSet", *map(str, options))["spec"]["template"]["metadata"]
        return {key: value for key, value in pod["annotations"].items() if key.startswith("prometheus.io/")}

    expected = {"prometheus.io/scrape": "true", "prometheus.io/port": "7081", "prometheus.io/path": "/metrics"}
    assert annotations() == expected
    assert annotations("--set", "serviceMonitor.enabled=true") == {}
    assert annotations("--set", "endpoints.prometheus.enabled=false") == {}


def test_the_rules_are_those_of_the_file() -> None:
    rule = one("PrometheusRule", "--set", "prometheusRule.enabled=true")

    assert rule["spec"] == yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())


def test_the_dashboard_is_that_of_the_file() -> None:
    made = one("ConfigMap", "--set", "dashboard.enabled=true", name="observer-dashboard")

    assert json.loads(made["data"]["webrtc-observer.json"]) == json.loads(
        (CHART / "files" / "dashboard.json").read_text()
    )
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_another_prefix_of_metrics_is_that_of_rules_and_dashboard() -> None:
    rule = json.dumps(one("PrometheusRule", "--values", FULL)["spec"])
    dashboard = one("ConfigMap", "--values", FULL, name="rtc-observer-dashboard")["data"]["webrtc-observer.json"]

    for text in (rule, dashboard):
        assert "rtc_cluster_quorum" in text
        assert "observertc_" not in text
