"""What an application tells the observer is told on: events of ``customObserverEvents``."""

import json
from typing import Any

import pytest

from schemas.reports import NAMES, Report, ReportType
from schemas.samples import Reason
from tests.world import World, message, of_type, sample


def told(*events: Any, **fields: Any) -> list[Report]:
    """The reports of a sample with these events."""
    return World().tell(message(sample(**fields, customObserverEvents=list(events))))


def shown(event: dict[str, Any]) -> Any:
    """The payload of the report of one event."""
    (payload,) = of_type(told({"name": "X", **event}), ReportType.OBSERVER_EVENT)
    return payload


def test_an_observer_event_is_told_as_it_came() -> None:
    event = {"name": "X", "message": "text", "attachments": "not json!", "timestamp": 5, "value": "v"}
    (payload,) = of_type(told(event, sampleSeq=3, userId="u", marker="m"), ReportType.OBSERVER_EVENT)

    assert {name: payload[name] for name in event} == event
    assert tuple(payload) == NAMES[ReportType.OBSERVER_EVENT]
    assert {name: value for name, value in payload.items() if value is not None and name not in event} == {
        "serviceId": "svc", "mediaUnitId": "mu", "marker": "m", "callId": "call-1", "roomId": "lobby",
        "clientId": "alice", "userId": "u", "sampleTimestamp": 1000, "sampleSeq": 3,
    }  # fmt: skip


def test_an_observer_event_without_time_has_that_of_its_sample() -> None:
    assert shown({})["timestamp"] == 1000


@pytest.mark.parametrize(
    ("attachments", "told"),
    [
        (None, {"mediaTrackId": "t"}),
        ('{"a": 1}', {"a": 1, "mediaTrackId": "t"}),
        ({"a": 1}, {"a": 1, "mediaTrackId": "t"}),
        ("text", {"attachments": "text", "mediaTrackId": "t"}),
        ("[1]", {"attachments": "[1]", "mediaTrackId": "t"}),
        (7, {"attachments": "7", "mediaTrackId": "t"}),
    ],
)
def test_the_media_track_of_an_observer_event_stands_in_its_attachments(attachments: Any, told: Any) -> None:
    assert json.loads(shown({"attachments": attachments, "mediaTrackId": "t"})["attachments"]) == told


def test_attachments_without_a_media_track_are_told_as_they_came() -> None:
    assert shown({"attachments": '{ "a":1 }'})["attachments"] == '{ "a":1 }'


def test_an_observer_event_comes_last() -> None:
    types = [report.type for report in told({"name": "X"}, customCallEvents=[{"name": "Y"}], os={"name": "Linux"})]

    assert types[-3:] == [ReportType.CALL_META_DATA, ReportType.CALL_EVENT, ReportType.OBSERVER_EVENT]


def test_an_observer_event_that_bears_a_name_of_ours_is_told_as_custom() -> None:
    assert shown({"name": "CALL_STARTED"})["name"] == "CUSTOM_CALL_STARTED"


def test_an_observer_event_without_a_name_costs_only_itself() -> None:
    world = World()
    reports = world.tell(message(sample(customObserverEvents=[{"name": ""}, {"value": "v"}, {"name": "X"}])))

    assert [payload["name"] for payload in of_type(reports, ReportType.OBSERVER_EVENT)] == ["X"]
    assert world.rejected[Reason.NAME_MISSING] == 2
