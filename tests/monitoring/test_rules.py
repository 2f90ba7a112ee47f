import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from analysis.bounds import Bounds
from observer.intake import SamplesCollector
from sinks.delivery import SinkSettings
from tests.monitoring import cases_of_nodes, cases_of_work
from tests.monitoring.case import Case
from tests.monitoring.rules import RULES, alerts
from tests.services import tool

CASES = [*cases_of_nodes.CASES, *cases_of_work.CASES]
WHERE = {"cluster", "namespace", "job"}

BOUNDS = Bounds()
SINK = SinkSettings("FileSink")

_DIVISOR = re.compile(r"/ (\d+)")
_GROUPING = re.compile(r"\b(?:by|on) \(([^)]*)\)")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_fires_when_it_should_and_not_before(case: Case, tmp_path: Path) -> None:
    command: list[str | Path] = [tool("promtool"), "test", "rules", case.write(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_made_to_fire_once() -> None:
    assert sorted(case.alert for case in CASES) == sorted(alerts())


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
    ("alert", "bounds"),
    [
        ("WebrtcObserverRegistryFilling", [BOUNDS.max_clients, BOUNDS.max_peer_connections, BOUNDS.max_tracks]),
        ("WebrtcObserverSamplesWait", [SamplesCollector().max_items, SamplesCollector().max_bytes]),
        ("WebrtcObserverSinkQueueFilling", [SINK.max_queued_reports, SINK.max_queued_text]),
    ],
)
def test_what_fills_up_is_measured_by_the_default_bounds(alert: str, bounds: Sequence[int]) -> None:
    divisors = [int(divisor) for divisor in _DIVISOR.findall(alerts()[alert].expression)]

    assert divisors == bounds


def test_calls_are_bounded_as_clients_are() -> None:
    assert BOUNDS.max_calls == BOUNDS.max_clients


def test_an_alert_tells_how_urgent_it_is_and_what_holds() -> None:
    for alert in alerts().values():
        assert alert.severity in {"critical", "warning"}
        assert "WebRTC observer" in alert.summary
        assert "$labels.job" in alert.description or "$labels.namespace" in alert.description
        assert alert.name.startswith("WebrtcObserver")
