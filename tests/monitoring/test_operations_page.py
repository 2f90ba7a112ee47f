"""The page for operators and the rules say the same."""

import re
from dataclasses import replace

from analysis.events import EVENT_NAMES
from discovery.pod_list import Failure
from observer.metrics.vitals import Vitals
from tests.docs.documents import TOP, rows, text_of
from tests.monitoring.rules import alerts, document
from tests.observer.exposed import exposed
from tests.observer.test_metrics import busy, member

PAGE = text_of(TOP / "docs" / "operations.md")
HEADINGS = {
    "webrtc-observer-nodes": "Nodes",
    "webrtc-observer-cluster": "The cluster",
    "webrtc-observer-samples": "Samples",
    "webrtc-observer-sinks": "Sinks",
    "webrtc-observer-resources": "Resources",
}


def test_every_alert_stands_in_the_page_as_it_is() -> None:
    listed = {
        group: [(name, severity, "0m" if after == "at once" else after) for name, severity, after, *_ in table(heading)]
        for group, heading in HEADINGS.items()
    }

    assert listed == {
        group["name"]: [
            (alert.name, alert.severity, alert.patience)
            for alert in (alerts()[rule["alert"]] for rule in group["rules"])
        ]
        for group in document()["groups"]
    }


def test_what_to_do_is_said_of_every_alert() -> None:
    silent = [name for heading in HEADINGS.values() for name, _, _, means, do in table(heading) if not (means and do)]

    assert silent == []


def test_every_reason_why_a_talk_with_kubernetes_fails_is_explained() -> None:
    listed = [row[0] for row in rows(PAGE, "Talks with the Kubernetes API that fail")]

    assert sorted(listed) == sorted(reason.value for reason in Failure)


async def test_every_metric_of_a_node_stands_in_the_page() -> None:
    node = replace(busy(), cluster=member(cluster="a:5601#f0"), vitals=Vitals(lambda: 0, round_age=lambda: 0.1))
    told = set(re.findall(r"^# TYPE (observertc_\S+)", (await exposed(node)).text, re.MULTILINE))
    # The page names some of the counters of events, and says that there is one for each.
    of_events = {f"observertc_reports_{name.lower()}_total" for name in EVENT_NAMES}

    assert len(told) > 100
    assert told - of_events - set(re.findall(r"observertc_\w+", PAGE)) == set()


def table(heading: str) -> list[list[str]]:
    """The rows of a table of alerts."""
    return rows(PAGE.partition("## Alerts\n")[2], heading)
