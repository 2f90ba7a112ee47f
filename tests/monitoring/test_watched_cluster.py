"""What a real Prometheus says of three real nodes."""

import subprocess

import pytest
import trio

from tests.monitoring import dashboard
from tests.monitoring.rules import alerts
from tests.monitoring.story import (
    IN_PASSING,
    JOB,
    KNOCKED,
    LOST_ALL,
    LOST_ONE,
    LOST_TWO,
    OF_THIS_MACHINE,
    SINK,
    Story,
    has_data,
    play,
)
from tests.services import tool

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

OF_PODS = "Discovery of pods"
"""The row that stays empty where peers are listed."""

NOT_HERE = {
    "WebrtcObserverDiscoveryFails",
    "WebrtcObserverDiscoverySilent",
    "WebrtcObserverPeerNotAMember",
    "WebrtcObserverMemoryNearLimit",
}
"""Alerts of Kubernetes."""

NOT_YET = {"WebrtcObserverMemoryGrows", "WebrtcObserverSamplesStopped", "WebrtcObserverSfuSamplesStopped"}
"""Alerts that look further back than the story lasts."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    tool("prometheus")
    return trio.run(play, tmp_path_factory.mktemp("watched"))


def test_prometheus_evaluates_every_alert(story: Story) -> None:
    went = {rule["name"]: (rule["health"], rule.get("lastError")) for rule in story.rules}

    assert went == dict.fromkeys(alerts(), ("ok", None))


def test_nothing_fires_while_all_is_well(story: Story) -> None:
    assert set(story.well) - OF_THIS_MACHINE == set()


def test_what_an_alert_selects_is_there(story: Story) -> None:
    missing = {selector for selector, count in story.counts.items() if count == 0}

    elsewhere = ("observertc_discovery_", "container_")
    assert {selector for selector in missing if not selector.startswith(elsewhere)} == set()
    assert len(story.counts) > 70


def test_what_an_alert_calculates_is_there(story: Story) -> None:
    assert {name for name, figures in story.figures.items() if not has_data(figures)} == NOT_HERE | NOT_YET


def test_clocks_of_nodes_on_one_machine_agree(story: Story) -> None:
    assert max(story.figures["WebrtcObserverClocksDiffer"]) < 1


def test_every_query_of_the_dashboard_is_taken(story: Story) -> None:
    assert story.refused == {}


def test_every_query_of_the_dashboard_has_data(story: Story) -> None:
    empty = {
        (query.panel, query.expression)
        for query in dashboard.queries()
        if not has_data(story.answers[query.expression])
    }

    of_pods = {(query.panel, query.expression) for query in dashboard.queries() if query.row == OF_PODS}
    assert empty == of_pods


def test_a_reader_of_the_dashboard_may_choose_nodes_and_clusters(story: Story) -> None:
    # Without a label there is one group, of all that have none.
    assert story.choices == {"cluster": 1, "namespace": 1, "job": 1, "instance": 3}


def test_promtool_finds_nothing_to_mend_in_the_metrics_of_a_node(story: Story) -> None:
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=story.text, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_node_tells_a_bounded_number_of_series(story: Story) -> None:
    assert len([line for line in story.text.splitlines() if line and not line.startswith("#")]) < 600


def test_a_node_that_stops_in_order_and_comes_back_leaves_no_alert(story: Story) -> None:
    assert set(story.updated) - IN_PASSING == set()


def test_strangers_at_the_cluster_port_are_told(story: Story) -> None:
    assert set(story.knocked) - IN_PASSING == KNOCKED
    (knocking,) = story.knocked["WebrtcObserverStrangersRefused"]
    assert knocking["labels"]["reason"] == "handshake_failed"


def test_the_loss_of_a_node_and_of_a_sink_are_told(story: Story) -> None:
    assert set(story.without_one) - KNOCKED - IN_PASSING == LOST_ONE
    (down,) = story.without_one["WebrtcObserverNodeDown"]
    assert down["labels"]["job"] == JOB
    (failing,) = story.without_one["WebrtcObserverSinkFailing"]
    assert failing["labels"]["sink"] == SINK
    assert f"The sink {SINK} of 127.0.0.1:" in failing["annotations"]["description"]


def test_the_loss_of_the_majority_is_told(story: Story) -> None:
    assert set(story.without_two) >= LOST_TWO
    turned_away = {alert["labels"]["reason"] for alert in story.without_two["WebrtcObserverSendersTurnedAway"]}
    assert turned_away <= {"not_ready", "no_quorum"}


def test_the_loss_of_all_nodes_is_told(story: Story) -> None:
    assert set(story.without_all) >= LOST_ALL
    assert len(story.without_all["WebrtcObserverNodeDown"]) == 3


def test_what_is_told_can_be_read(story: Story) -> None:
    told = [
        alert
        for seen in (story.knocked, story.without_one, story.without_two, story.without_all)
        for a in seen.values()
        for alert in a
    ]

    assert [alert for alert in told if "<no value>" in str(alert) or "error expanding" in str(alert)] == []
