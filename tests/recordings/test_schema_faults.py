"""What the schemas of reports object to is found."""

from typing import Any

import pytest

from schemas.reports import NAMES, ReportType
from tests.recordings.schema_faults import SCHEMAS, schema_faults

pytestmark = pytest.mark.skipif(not SCHEMAS.exists(), reason="the reference's schemas are not beside the repository")


def report(type_: ReportType, **fields: Any) -> dict[str, Any]:
    payload = dict.fromkeys(NAMES[type_]) | {"serviceId": "svc", "timestamp": 1} | fields
    return {"type": type_.value, "schemaVersion": "2.2.0", "payload": payload}


def event(**fields: Any) -> dict[str, Any]:
    return report(ReportType.SFU_EVENT, name="SFU_JOINED", **fields)


def inbound_audio(**fields: Any) -> dict[str, Any]:
    ids = {"callId": "call", "roomId": "lobby", "clientId": "alice", "peerConnectionId": "pc", "trackId": "rx"}
    return report(ReportType.INBOUND_AUDIO_TRACK, **ids | {"ssrc": 1, "sampleSeq": 1, "mediaUnitId": "mu"} | fields)


def test_what_is_right_has_no_fault() -> None:
    assert schema_faults([event(sfuId="sfu")]) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (event(timestamp="now"), "timestamp"),
        (event(timestamp=None), "timestamp"),
        (event(sfuId=7), "sfuId"),
        (event(extra=1), "other fields"),
        ({**event(), "payload": dict(reversed(event()["payload"].items()))}, "another order"),
        ({**event(), "schemaVersion": "2.0.4"}, "2.0.4"),
        ({**event(), "type": "SOUP"}, "no type"),
    ],
)
def test_what_is_wrong_is_found(wrong: dict[str, Any], told: str) -> None:
    assert any(told in fault for fault in schema_faults([event(), wrong]))


def test_like_faults_are_counted_together() -> None:
    [fault] = schema_faults([event(sfuId=1), event(sfuId=2)])

    assert fault.startswith("2 reports: ")


def test_a_fraction_is_kept_where_real_clients_send_one() -> None:
    assert schema_faults([inbound_audio(totalSamplesDuration=1.5)]) == []
    assert schema_faults([inbound_audio(totalSamplesDuration="1.5")]) != []


def test_clients_need_not_number_their_samples() -> None:
    assert schema_faults([inbound_audio(sampleSeq=None)]) == []
    assert schema_faults([inbound_audio(sampleSeq="1")]) != []
