"""All that the chart makes is valid, by the schemas of each Kubernetes that it supports."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helm.charts import CHART, FULL, HELMS, helm, objects, template
from tests.services import ROOT, tool

VERSIONS = [f"1.{minor}" for minor in range(25, 38)]
OF_OPERATORS = {"ServiceMonitor", "PrometheusRule", "Issuer", "Certificate"}
"""Kinds that Kubernetes has no schemas of."""

TOGGLES: dict[str, tuple[str | Path, ...]] = {
    "defaults": (),
    "full": ("--values", FULL),
    "the observer's own sample": ("--values", ROOT / "observer.yaml"),
    "one alone": ("--set", "replicas=1,cluster.enabled=false,observer.sources.websocket.minRemotePeers=0"),
    "one that others may join": ("--set", "replicas=1,observer.sources.websocket.minRemotePeers=0"),
    "autoscaling": ("--set", "autoscaling.enabled=true,replicas=null"),
    "cert-manager": ("--set", "tls.certManager.enabled=true"),
    "a Secret": ("--set", "tls.existingSecret=mine,serviceAccount.create=false,rbac.create=false"),
    "IPv6": ("--set", "ipFamily=IPv6,ingress.enabled=true,podAntiAffinity=none"),
    "nothing around it": (
        "--set",
        "networkPolicy.enabled=false,podDisruptionBudget.enabled=false,helmTest.enabled=false,preStopSleepSeconds=0,"
        "prometheusAnnotations=false,podSecurityContext=null,securityContext=null,resources=null,"
        "topologySpreadConstraints=null",
    ),
}


@pytest.mark.parametrize("name", HELMS)
@pytest.mark.parametrize("options", [(), ("--values", FULL)], ids=["defaults", "full"])
def test_the_chart_passes_lint(name: str, options: tuple[str | Path, ...]) -> None:
    done = helm(name, "lint", "--strict", CHART, *options)

    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_all_that_is_made_is_valid(version: str, tmp_path: Path) -> None:
    different = {json.dumps(_without_secrets(it)): it for by in TOGGLES.values() for it in objects(template(*by))}
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all(different.values()))

    done = subprocess.run(
        [tool("kubernetes-validate"), "-k", version, "--strict", file], capture_output=True, text=True, check=False
    )

    said = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in said if not line.startswith("INFO") and _of_kubernetes(line)] == []
    assert len(said) == len(different)


def _of_kubernetes(line: str) -> bool:
    without_schema = re.search(r"Couldn't find schema for kind (\w+)", line)
    return without_schema is None or without_schema[1] not in OF_OPERATORS


@pytest.mark.parametrize("name", TOGGLES)
def test_both_helms_make_the_same(name: str) -> None:
    three, four = (objects(template(*TOGGLES[name], by=by)) for by in HELMS)

    assert [_without_secrets(it) for it in three] == [_without_secrets(it) for it in four]


def _without_secrets(it: dict[str, object]) -> dict[str, object]:
    """The object as it is each time: certificates are not."""
    return it | {"data": None, "metadata": None} if it["kind"] == "Secret" else it


@pytest.mark.parametrize("name", TOGGLES)
def test_nothing_is_made_twice(name: str) -> None:
    names = [(it["kind"], it["metadata"]["name"]) for it in objects(template(*TOGGLES[name]))]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("version", "budget", "scaler"),
    [
        ("1.20", "policy/v1beta1", "autoscaling/v2beta2"),
        ("1.22", "policy/v1", "autoscaling/v2beta2"),
        ("1.37", "policy/v1", "autoscaling/v2"),
    ],
)
def test_an_old_api_gets_what_it_knows(version: str, budget: str, scaler: str) -> None:
    made = objects(template(*TOGGLES["autoscaling"], "--kube-version", version))

    versions = {it["kind"]: it["apiVersion"] for it in made}
    assert (versions["PodDisruptionBudget"], versions["HorizontalPodAutoscaler"]) == (budget, scaler)


def test_an_api_that_is_too_old_is_refused() -> None:
    done = helm("helm3", "template", CHART, "--kube-version", "1.19")

    assert "requires kubeVersion: >=1.20" in done.stderr
