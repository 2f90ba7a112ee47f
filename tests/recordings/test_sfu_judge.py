"""The judge of recorded SFUs finds what is wrong, and nothing in what is right."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.recordings.recording import Recording, Step
from tests.recordings.sfu_judge import faults_of_sfus

Envelope = dict[str, Any]

CALL = {"callId": "call"}
OF_ALICE = CALL | {"clientId": "alice", "trackId": "microphone"}
OF_BOB = CALL | {"clientId": "bob", "trackId": "what alice says"}
NOBODY = dict.fromkeys(OF_ALICE)


def recording() -> Recording:
    """Alice publishes on transport up, Bob subscribes on transport down."""
    at_sfu = [{"sfuId": "sfu", "timestamp": 1000}, {"sfuId": "sfu", "timestamp": 3000}]
    of_clients = [{"clientId": "alice", "timestamp": 1500}, {"clientId": "bob", "timestamp": 1600}]
    steps = [Step(0, "open", 1, "/samples/svc/unit?format=json")]
    steps += [Step(1, "message", 1, body=json.dumps({"sfuSamples": [sample]})) for sample in at_sfu]
    steps += [Step(1, "message", 1, body=json.dumps({"clientSamples": [sample]})) for sample in of_clients]
    up = {"sfuTransportId": "up", "streams": [{"padId": "in"}]}
    down = {"sfuTransportId": "down", "sinks": [{"padId": "out"}]}
    match = {
        "senderClientId": "alice",
        "senderTrackId": "microphone",
        "inboundPadId": "in",
        "receiverClientId": "bob",
        "inboundTrackId": "what alice says",
        "outboundPadId": "out",
    }
    truth = {
        "sfu": {"sfuId": "sfu"},
        "participants": [{"peerConnections": [up]}, {"peerConnections": [down]}],
        "sfuMatching": [match],
    }
    return Recording("one way through an SFU", 0, steps, truth)


def report(type_: str, **payload: Any) -> Envelope:
    return {"type": type_, "payload": payload}


def event(name: str, timestamp: int = 0, **ids: str) -> Envelope:
    nothing = {"transportId": None, "rtpPadId": None}
    return report("SFU_EVENT", sfuId="sfu", name=name, timestamp=timestamp, **nothing | ids)


def pad(type_: str, id_: str, **of: Any) -> Envelope:
    return report(f"SFU_{type_}_RTP_PAD", sfuId="sfu", rtpPadId=id_, **of)


def ideal() -> Iterator[Envelope]:
    """The pads are told before their clients, and again after them."""
    yield event("SFU_JOINED", 1000)
    yield from (event("SFU_TRANSPORT_OPENED", transportId=id_) for id_ in ("up", "down"))
    yield from (event("SFU_RTP_PAD_ADDED", rtpPadId=id_) for id_ in ("in", "out"))
    yield from (pad("INBOUND", "in", **NOBODY), pad("OUTBOUND", "out", **NOBODY))
    yield report("OUTBOUND_AUDIO_TRACK", **OF_ALICE)
    yield report("INBOUND_AUDIO_TRACK", **OF_BOB)
    yield from (pad("INBOUND", "in", **OF_ALICE), pad("OUTBOUND", "out", **OF_BOB))
    yield from (event("SFU_RTP_PAD_REMOVED", rtpPadId=id_) for id_ in ("in", "out"))
    yield from (event("SFU_TRANSPORT_CLOSED", transportId=id_) for id_ in ("up", "down"))
    yield event("SFU_LEFT", 3000)


def faults(reports: list[Envelope], *, ended: bool = True) -> list[str]:
    return faults_of_sfus(reports, [recording()], ended=ended)


def test_what_is_right_has_no_fault() -> None:
    assert faults([*ideal()]) == []


def test_a_recording_without_an_sfu_has_no_faults_of_one() -> None:
    assert faults_of_sfus([], [Recording("of clients", 0, [], {})], ended=True) == []


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize("times", [0, 2])
def test_a_beginning_that_is_missing_or_told_twice_is_a_fault(which: int, times: int) -> None:
    first, *rest = [*ideal()][which:]

    assert faults([*[*ideal()][:which], *[first] * times, *rest])


@pytest.mark.parametrize("which", range(1, 6))
@pytest.mark.parametrize("times", [0, 2])
def test_an_end_that_is_missing_or_told_twice_is_a_fault(which: int, times: int) -> None:
    reports = [*ideal()]
    one = reports.pop(-which)

    assert faults([*reports, *[one] * times])


def test_an_sfu_may_go_on() -> None:
    reports = [*ideal()][:-5]

    assert faults(reports, ended=False) == []
    assert faults(reports) != []


@pytest.mark.parametrize("name", ["SFU_JOINED", "SFU_LEFT"])
def test_a_wrong_time_is_a_fault(name: str) -> None:
    reports = [*ideal()]
    next(told["payload"] for told in reports if told["payload"].get("name") == name)["timestamp"] += 1

    assert any(name in fault for fault in faults(reports))


def test_a_pad_that_was_not_there_is_a_fault() -> None:
    assert any("strange" in fault for fault in faults([*ideal(), event("SFU_RTP_PAD_ADDED", rtpPadId="strange")]))


def test_an_sfu_that_was_not_there_is_a_fault() -> None:
    stranger = event("SFU_JOINED")
    stranger["payload"]["sfuId"] = "another"

    assert faults([*ideal(), stranger]) == ["There are 1 reports about SFU another, which was not there."]


@pytest.mark.parametrize("which", [-7, -6])
@pytest.mark.parametrize("wrong", [{"clientId": "carol"}, {"trackId": "camera"}, {"callId": "another"}])
def test_one_report_with_a_wrong_client_track_or_call_is_a_fault(which: int, wrong: dict[str, str]) -> None:
    reports = [*ideal()]
    reports[which]["payload"] |= wrong

    assert any("wrongly 1 times" in fault for fault in faults(reports))


@pytest.mark.parametrize("which", [-7, -6])
def test_a_pad_without_its_client_once_that_is_known_is_a_fault(which: int) -> None:
    reports = [*ideal()]
    reports[which]["payload"] |= NOBODY

    found = faults(reports)

    assert any("never matched" in fault for fault in found)
    assert any("1 reports without a client although" in fault for fault in found)


def test_a_pad_outlives_its_client() -> None:
    left = report("CALL_EVENT", name="CLIENT_LEFT", **OF_ALICE)

    assert faults([*[*ideal()][:-5], left, pad("INBOUND", "in", **NOBODY), *[*ideal()][-5:]]) == []
