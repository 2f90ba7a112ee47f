import re
import subprocess
from pathlib import Path

import pytest

from analysis.patience import LONGEST_GAP
from observer.ops import STUCK_AFTER_S
from tests.monitoring import cases_of_nodes, cases_of_resources, cases_of_work
from tests.monitoring.case import Case
from tests.monitoring.rules import RULES, alerts, metrics_of
from tests.services import tool

CASES = [*cases_of_nodes.CASES, *cases_of_work.CASES, *cases_of_resources.CASES]
WHERE = {"cluster", "namespace", "job"}

_DIVISOR = re.compile(r"/ (\d+)")
_GROUPING = re.compile(r"\b(?:by|on) \(([^)]*)\)")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_fires_when_it_should_and_not_before(case: Case, tmp_path: Path) -> None:
    command: list[str | Path] = [tool("promtool"), "test", "rules", case.write(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_made_to_fire() -> None:
    assert {case.alert for case in CASES} == set(alerts())


def test_what_keeps_an_alert_silent_is_tried_while_it_is_waited_for_as_well() -> None:
    waited = {case.alert for case in CASES if len(case.silent) > 1}

    assert {name for name, alert in alerts().items() if alert.patience != "0m"} <= waited


def test_promtool_finds_nothing_to_mend_in_the_rules() -> None:
    done = subprocess.run(
        [tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", RULES], capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def test_what_is_summed_up_keeps_clusters_apart() -> None:
    groupings = [
        (name, grouping) for name, alert in alerts().items() for grouping in _GROUPING.findall(alert.expression)
    ]

    assert len(groupings) > len(alerts())
    of_containers = {"WebrtcObserverMemoryNearLimit"}
    apart = {name for name, grouping in groupings if not set(re.split(r",\s*", grouping)) >= WHERE}
    assert apart == of_containers


@pytest.mark.parametrize(
    "alert",
    [
        "WebrtcObserverRegistryFilling",
        "WebrtcObserverSamplesWait",
        "WebrtcObserverConnectionsNearLimit",
        "WebrtcObserverSinkQueueFilling",
    ],
)
def test_what_fills_up_is_measured_by_the_bounds_in_force(alert: str) -> None:
    expression = alerts()[alert].expression

    assert _DIVISOR.findall(expression) == []
    assert [metric for metric in metrics_of(expression) if metric.endswith("_limit")]


def test_a_pipeline_is_stuck_when_liveness_says_so() -> None:
    assert (
        f"observertc_pipeline_round_age_seconds > {STUCK_AFTER_S:g}"
        in alerts()["WebrtcObserverPipelineStuck"].expression
    )


def test_clocks_may_differ_by_the_longest_leap_that_does_no_harm() -> None:
    assert alerts()["WebrtcObserverClocksDiffer"].expression.endswith(f"> {LONGEST_GAP / 1000:g}\n")


def test_an_alert_tells_how_urgent_it_is_and_what_holds() -> None:
    for alert in alerts().values():
        assert alert.severity in {"critical", "warning"}
        assert "WebRTC observer" in alert.summary
        assert "$labels.job" in alert.description or "$labels.namespace" in alert.description
        assert alert.name.startswith("WebrtcObserver")
