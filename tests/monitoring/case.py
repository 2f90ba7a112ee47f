"""What Prometheus is told in a test of one alert, on Kubernetes and from a static list of nodes alike."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.monitoring.rules import alerts, rule


@dataclass(frozen=True)
class Surroundings:
    """The labels that Prometheus gives what it scrapes; in those of a node, `{}` is its number."""

    cluster: Mapping[str, str]
    node: Mapping[str, str]
    cluster_named: str
    node_named: str

    def labels(self, node: int) -> dict[str, str]:
        """Those of one node."""
        return {**self.cluster, **{name: value.format(node) for name, value in self.node.items()}}


KUBERNETES = Surroundings(
    {"namespace": "calls", "job": "observer"},
    {"pod": "observer-{}", "instance": "10.0.0.{}:7081"},
    "calls/observer",
    "observer-1",
)
STATIC = Surroundings(
    {"job": "observer"},
    {"instance": "observer-{}.example.org:7081"},
    "observer",
    "observer-1.example.org:7081",
)

CLUSTER = {"namespace", "job"}
NODE = {*CLUSTER, "pod", "instance"}
POD = {"namespace", "pod"}


@dataclass(frozen=True)
class Series:
    """What one node tells, one value a minute in the notation of promtool."""

    node: int
    metric: str
    values: str
    labels: Mapping[str, str]

    def written(self, where: Surroundings) -> dict[str, str]:
        labels = {**where.labels(self.node), **self.labels}
        if self.metric.startswith("container_"):
            del labels["instance"]
        return {"series": f"{self.metric}{{{', '.join(f'{k}={json.dumps(v)}' for k, v in labels.items())}}}"} | {
            "values": self.values
        }


def told(node: int, metric: str, values: str, **labels: str) -> Series:
    """What a node tells of a metric with further labels."""
    return Series(node, metric, values, labels)


@dataclass(frozen=True)
class Case:
    """One alert is silent at some times and fires at another, with these further labels, and says this.

    `still` is when it fires as well, long after.

    It `keeps` these of the labels of node 1. `{node}` and `{cluster}` stand for their names in `says`.
    """

    alert: str
    series: Sequence[Series]
    silent: Sequence[str]
    fires: str
    says: str
    still: str | None = None
    keeps: Set[str] = frozenset(CLUSTER)
    labels: Mapping[str, str] = field(default_factory=dict)
    interval: str = "1m"
    surroundings: Sequence[Surroundings] = (KUBERNETES, STATIC)

    def __str__(self) -> str:
        return self.alert

    def write(self, folder: Path) -> Path:
        """The file for ``promtool test rules``, beside one with this rule alone: the others would only take time."""
        (folder / "rules.json").write_text(json.dumps({"groups": [{"name": "only", "rules": [rule(self.alert)]}]}))
        tests = [self._test(where) for where in self.surroundings]
        file = folder / "case.json"
        written = {"rule_files": ["rules.json"], "evaluation_interval": self.interval, "tests": tests}
        file.write_text(json.dumps(written))
        return file

    def _test(self, where: Surroundings) -> dict[str, Any]:
        alert = alerts()[self.alert]
        kept = {name: value for name, value in where.labels(1).items() if name in self.keeps}
        named = {"node": where.node_named, "cluster": where.cluster_named}
        fired = {
            "exp_labels": {**kept, **self.labels, "severity": alert.severity},
            "exp_annotations": {"summary": alert.summary, "description": self.says.format(**named)},
        }
        expected: list[tuple[str, list[Any]]] = [*((at, []) for at in self.silent), (self.fires, [fired])]
        if self.still:
            expected.append((self.still, [fired]))
        return {
            "interval": self.interval,
            "input_series": [series.written(where) for series in self.series],
            "alert_rule_test": [
                {"eval_time": at, "alertname": self.alert, "exp_alerts": firing} for at, firing in expected
            ],
        }
