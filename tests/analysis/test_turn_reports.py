"""What TURN servers measured is told as extensions: of the client that they name, else of the server."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from analysis.turn_reports import TURN_PEER_ALLOCATION, TURN_SESSION, turn_reports
from schemas.messages import Samples
from schemas.reports import NAMES, Report, ReportType
from schemas.samples import Reason, Tally
from tests.world import World, message, sample

NOW = 1_700_000_000_000


class Turned:
    """The reports of TURN samples, in a world in which alice is in a call; and what was not taken."""

    def __init__(self, *turns: dict[str, Any], service: str = "svc") -> None:
        world = World()
        world.tell(message(sample("alice", userId="Alice", marker="m")))
        self.rejected: Tally = Tally()
        samples = Samples(service, "turns", [], turns=list(turns))
        self.reports = turn_reports(samples, world.registry, NOW, self.rejected)


def turn(**fields: Any) -> dict[str, Any]:
    return {"serverId": "t1", **fields}


def session(session_id: str = "1", **fields: Any) -> dict[str, Any]:
    return {"sessionId": session_id, "sentBytes": 7, **fields}


def allocation(session_id: str = "1", **fields: Any) -> dict[str, Any]:
    return {"peerId": "p", "sessionId": session_id, "relayedPort": 5, **fields}


def payload(report: Report) -> Any:
    return json.loads(report.payload["payload"])


def known(report: Report) -> Mapping[str, Any]:
    return {name: value for name, value in report.payload.items() if value is not None and name != "payload"}


def test_a_session_is_told_as_an_extension_of_its_server() -> None:
    (report,) = Turned(turn(sessions=[session()])).reports

    assert report.type is ReportType.SFU_EXTENSION_DATA
    assert tuple(report.payload) == NAMES[ReportType.SFU_EXTENSION_DATA]
    assert known(report) == {
        "serviceId": "svc",
        "mediaUnitId": "turns",
        "timestamp": NOW,
        "sfuId": "t1",
        "extensionType": TURN_SESSION,
    }
    assert payload(report) == {"sessionId": "1", "sentBytes": 7, "serverId": "t1"}


def test_an_allocation_is_told_as_an_extension_of_its_server() -> None:
    (report,) = Turned(turn(allocations=[allocation()])).reports

    assert (report.type, report.payload["extensionType"]) == (ReportType.SFU_EXTENSION_DATA, TURN_PEER_ALLOCATION)
    assert payload(report) == {"peerId": "p", "sessionId": "1", "relayedPort": 5, "serverId": "t1"}


def test_a_session_of_a_client_in_a_call_is_told_as_an_extension_of_the_client() -> None:
    (report,) = Turned(turn(sessions=[session(clientId="alice")])).reports

    assert report.type is ReportType.CLIENT_EXTENSION_DATA
    assert tuple(report.payload) == NAMES[ReportType.CLIENT_EXTENSION_DATA]
    assert known(report) == {
        "serviceId": "svc",
        "mediaUnitId": "turns",
        "marker": "m",
        "timestamp": NOW,
        "callId": "call-1",
        "roomId": "lobby",
        "clientId": "alice",
        "userId": "Alice",
        "extensionType": TURN_SESSION,
    }
    assert payload(report)["serverId"] == "t1"


def test_an_allocation_goes_with_its_session() -> None:
    sessions = [session("1", clientId="alice"), session("2", clientId="bob")]
    reports = Turned(turn(sessions=sessions, allocations=[allocation("1"), allocation("2"), allocation("3")])).reports

    assert [(r.payload["extensionType"], r.payload.get("clientId")) for r in reports] == [
        (TURN_SESSION, "alice"),
        (TURN_SESSION, None),
        (TURN_PEER_ALLOCATION, "alice"),
        (TURN_PEER_ALLOCATION, None),
        (TURN_PEER_ALLOCATION, None),
    ]


def test_a_client_of_another_service_is_not_meant() -> None:
    (report,) = Turned(turn(sessions=[session(clientId="alice")]), service="other").reports

    assert report.type is ReportType.SFU_EXTENSION_DATA


@pytest.mark.parametrize("client_id", [None, 7, "", ["alice"]])
def test_a_session_without_a_client_is_its_servers(client_id: Any) -> None:
    (report,) = Turned(turn(sessions=[session(clientId=client_id)])).reports

    assert report.type is ReportType.SFU_EXTENSION_DATA


@pytest.mark.parametrize(
    ("server_id", "reason"),
    [
        (None, Reason.SERVER_ID_MISSING),
        ("", Reason.SERVER_ID_MISSING),
        ({}, Reason.SERVER_ID_MISSING),
        ("t" * 256, Reason.ID_TOO_LONG),
        ("t\n", Reason.ID_INVALID),
    ],
)
def test_a_sample_of_a_server_without_a_usable_id_costs_only_itself(server_id: Any, reason: Reason) -> None:
    turned = Turned({"serverId": server_id, "sessions": [session()]}, turn(sessions=[session()]))

    assert [report.payload["sfuId"] for report in turned.reports] == ["t1"]
    assert turned.rejected == {reason: 1}


def test_what_is_no_list_costs_only_itself() -> None:
    turned = Turned(turn(sessions="none", allocations=[allocation()]))

    assert len(turned.reports) == 1
    assert turned.rejected == {Reason.NOT_A_LIST: 1}


def test_what_is_no_object_costs_only_itself() -> None:
    turned = Turned(turn(sessions=[7, session(), None]))

    assert len(turned.reports) == 1
    assert turned.rejected == {Reason.NOT_AN_OBJECT: 2}


def test_what_is_nested_too_deep_for_json_costs_only_itself() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    turned = Turned(turn(sessions=[session(realm=deep), session()]))

    assert len(turned.reports) == 1
    assert turned.rejected == {Reason.FIELD_INVALID: 1}


def test_a_session_cannot_name_another_server() -> None:
    (report,) = Turned(turn(sessions=[session(serverId="t2")])).reports

    assert payload(report)["serverId"] == "t1"


def test_a_server_without_sessions_is_not_told() -> None:
    assert Turned(turn(), turn(sessions=[], allocations=None)).reports == []
