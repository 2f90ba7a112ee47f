"""The page for operators and the rules say the same."""

from discovery.pod_list import Failure
from tests.docs.documents import TOP, rows, text_of
from tests.monitoring.rules import alerts, document

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


def table(heading: str) -> list[list[str]]:
    """The rows of a table of alerts."""
    return rows(PAGE.partition("## Alerts\n")[2], heading)
