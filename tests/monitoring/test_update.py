"""A rolling update on Kubernetes wakes nobody, and one that stops half-way does."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.monitoring.case import KUBERNETES
from tests.monitoring.rules import RULES
from tests.services import tool

PODS = 3
STEP = 30
"""How far scrapes, and evaluations, lie apart. (s)"""

FIRST, EVERY, AWAY, LENGTH = 8, 6, 2, 60
"""When the first pod stops, how long until the next does, for how long each is away, how long it is watched. (steps)"""

NEVER = LENGTH + 1


@dataclass(frozen=True)
class Life:
    """A process in a pod, from one step until another; it is in the cluster a step after it began."""

    pod: int
    version: str
    begins: int
    ends: int = NEVER

    def runs(self, step: int) -> bool:
        return self.begins <= step < self.ends

    def is_member(self, step: int) -> bool:
        return self.runs(step) and (self.begins == 0 or step > self.begins)

    def series(self, others: Sequence["Life"]) -> list[Mapping[str, str]]:
        """What it tells, while it runs. The oldest leads: so each that stops hands the lead over."""
        member, everyone = self.is_member, [*others, self]

        def members(step: int) -> int:
            return sum(life.is_member(step) for life in everyone) if member(step) else 0

        def leads(step: int) -> bool:
            return self is min(filter(lambda life: life.is_member(step), everyone), key=lambda o: (o.begins, o.pod))

        def changes(step: int) -> int:
            return sum(self.begins < life.ends <= step for life in others)

        told: Sequence[tuple[str, dict[str, str], Callable[[int], float]]] = [
            ("up", {}, lambda step: 1),
            ("observertc_build_info", {"version": self.version}, lambda step: 1),
            ("process_start_time_seconds", {}, lambda step: self.begins * STEP),
            ("observertc_ready", {}, member),
            ("observertc_clock_timestamp_seconds", {}, lambda step: step * STEP),
            ("observertc_pipeline_round_age_seconds", {}, lambda step: 0.01),
            ("observertc_pipeline_commit_wait_seconds", {}, lambda step: 0),
            ("observertc_cluster_info", {"cluster_id": "observer-0:5601#f0"}, lambda step: 1),
            ("observertc_cluster_quorum", {}, member),
            ("observertc_cluster_is_leader", {}, leads),
            ("observertc_cluster_role", {"role": "seeking"}, lambda step: not member(step)),
            ("observertc_cluster_members", {}, members),
            ("observertc_cluster_connected_peers", {}, lambda step: max(0, members(step) - 1)),
            ("observertc_discovery_peers", {}, lambda step: sum(life.runs(step) for life in others)),
            ("observertc_cluster_leader_changes_total", {}, changes),
            ("observertc_sources_refused_total", {"reason": "not_ready"}, lambda step: 5 if step > self.begins else 0),
        ]
        return [self._series(name, labels, figure) for name, labels, figure in told]

    def _series(self, name: str, more: dict[str, str], figure: Callable[[int], float]) -> Mapping[str, str]:
        instance = f"10.0.{len(self.version)}.{self.pod}:7081"
        labels = {**KUBERNETES.labels(self.pod), "instance": instance, **more}
        values = [f"{float(figure(step)):g}" if self.runs(step) else "_" for step in range(LENGTH)]
        if self.ends < LENGTH:
            values[self.ends] = "stale"
        written = ", ".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
        return {"series": f"{name}{{{written}}}", "values": " ".join(values)}


def updated() -> list[Life]:
    """The lives of pods of which one after the other is updated."""
    stops = [FIRST + pod * EVERY for pod in range(PODS)]
    before = [Life(pod, "1", 0, stop) for pod, stop in enumerate(stops)]
    return [*before, *(Life(pod, "2.0", stop + AWAY) for pod, stop in enumerate(stops))]


def stuck() -> list[Life]:
    """The lives of pods of which the first is stopped, and does not come back."""
    return [Life(0, "1", 0, FIRST), *(Life(pod, "1", 0) for pod in range(1, PODS))]


def firing(lives: Sequence[Life], expected: Mapping[str, str], folder: Path) -> str:
    """What promtool objects to, if these alerts fire at the end; if those are none, none ever fired."""
    series = [told for life in lives for told in life.series([other for other in lives if other is not life])]
    ever = {"expr": 'count_over_time(ALERTS{alertstate="firing"}[1h])', "exp_samples": []}
    at_the_end = {"expr": 'ALERTS{alertstate="firing"}', "exp_samples": [sample(*alert) for alert in expected.items()]}
    checks: list[dict[str, Any]] = [at_the_end] if expected else [at_the_end, ever]
    tests = [{**check, "eval_time": f"{(LENGTH - 1) * STEP}s"} for check in checks]
    written = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{STEP}s",
        "tests": [{"interval": f"{STEP}s", "input_series": series, "promql_expr_test": tests}],
    }
    file = folder / "update.json"
    file.write_text(json.dumps(written))
    command: list[str | Path] = [tool("promtool"), "test", "rules", file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def sample(alert: str, severity: str) -> Mapping[str, Any]:
    """An alert of the cluster that fires, as Prometheus keeps it."""
    labels = {"alertname": alert, "alertstate": "firing", "severity": severity, **KUBERNETES.cluster}
    return {
        "labels": f"ALERTS{{{', '.join(f'{key}={json.dumps(value)}' for key, value in labels.items())}}}",
        "value": 1,
    }


def test_a_rolling_update_fires_nothing(tmp_path: Path) -> None:
    assert firing(updated(), {}, tmp_path) == ""


def test_an_update_that_stops_half_way_is_told(tmp_path: Path) -> None:
    assert firing(stuck(), {"WebrtcObserverTooFewMembers": "warning"}, tmp_path) == ""
