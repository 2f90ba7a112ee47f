"""What a page did is told under the names that ObserveRTC's own clients have for it, or not at all."""

from typing import Any

import pytest

from schemas.samples import Item
from schemas.webrtc_stats import Bounds, Skipped, Skips
from schemas.webrtc_traces import Trace, sent_tracks, told

PC = "alice:PC_0"


def events(method: str, value: Any = None, *extra: Any, of: str | None = PC) -> list[Item]:
    """Type and payload of what a trace tells as events."""
    found = told(Trace(method, of, value, extra, 5), Bounds(), Skips()).events
    assert all(event["timestamp"] == 5 for event in found)
    return [{event["type"]: event["payload"]} for event in found]


def meta_items(method: str, value: Any) -> list[Item]:
    """Type and payload of what a trace tells as meta data."""
    found = told(Trace(method, None, value, (), 5), Bounds(), Skips()).meta_items
    return [{item["type"]: item["payload"]} for item in found]


@pytest.mark.parametrize(
    ("method", "type_", "name"),
    [
        ("onconnectionstatechange", "PEER_CONNECTION_STATE_CHANGED", "connectionState"),
        ("oniceconnectionstatechange", "ICE_CONNECTION_STATE_CHANGED", "iceConnectionState"),
        ("onicegatheringstatechange", "ICE_GATHERING_STATE_CHANGED", "iceGatheringState"),
        ("onsignalingstatechange", "SIGNALING_STATE_CHANGE", "signalingState"),
    ],
)
@pytest.mark.parametrize("state", ["stable", '"stable"'])
def test_a_change_of_state_is_an_event(method: str, type_: str, name: str, state: str) -> None:
    assert events(method, state) == [{type_: {name: "stable", "peerConnectionId": PC}}]


@pytest.mark.parametrize("state", [None, 7, [], {}])
def test_a_state_that_is_none_is_none(state: object) -> None:
    assert events("onconnectionstatechange", state) == [
        {"PEER_CONNECTION_STATE_CHANGED": {"connectionState": None, "peerConnectionId": PC}}
    ]


def test_a_candidate_that_failed_is_told_without_addresses() -> None:
    value = {"address": "192.0.2.x", "port": 5, "url": "turn:x", "errorCode": 701, "errorText": "timed out"}

    assert events("onicecandidateerror", value) == [
        {"ICE_CANDIDATE_ERROR": {"url": "turn:x", "errorCode": 701, "errorText": "timed out", "peerConnectionId": PC}}
    ]
    assert len(events("onicecandidateerror", None)) == 1


def test_a_track_is_muted_by_its_sender_or_by_its_page() -> None:
    assert events("MediaStreamTrack.onmute", "t") == [{"MEDIA_TRACK_MUTED": {"trackId": "t", "peerConnectionId": PC}}]
    assert events("MediaStreamTrack.enabled", False, "t", of=None) == [{"MEDIA_TRACK_MUTED": {"trackId": "t"}}]
    assert events("MediaStreamTrack.enabled", True, of=None) == [{"MEDIA_TRACK_UNMUTED": {"trackId": None}}]


def test_an_event_of_the_application_bears_what_it_was_given() -> None:
    assert events(":rated", {"stars": 4}, of=None) == [{"rated": {"stars": 4}}]
    assert events(":rated", {"stars": 4}) == [{"rated": {"stars": 4, "peerConnectionId": PC}}]
    assert events(":rated", "well", of=None) == [{"rated": {"value": "well"}}]
    assert events(":rated", None, of=None) == [{"rated": {}}]


@pytest.mark.parametrize("value", ["x" * 5000, [0] * 5000, {"a": "x" * 5000}])
def test_an_event_that_bears_too_much_is_told_without(value: object) -> None:
    skipped = Skips()

    (event,) = told(Trace(":rated", None, value, (), 5), Bounds(), skipped).events

    assert event == {"type": "rated", "payload": {}, "timestamp": 5}
    assert skipped == {Skipped.EVENT_TOO_LARGE: 1}


@pytest.mark.parametrize("name", [":", ":" + "x" * 300])
def test_an_event_needs_a_name(name: str) -> None:
    assert events(name, {}) == []


def test_a_call_of_the_browser_that_failed_is_an_issue() -> None:
    found = told(Trace("createOfferOnFailure", PC, "Error: " + "x" * 5000, ("2-0",), 5), Bounds(), Skips())

    (issue,) = found.issues
    assert issue["type"] == "createOffer-failed"
    assert issue["payload"]["peerConnectionId"] == PC
    assert len(issue["payload"]["error"]) == 1000


@pytest.mark.parametrize(
    "method", ["getUserMedia", "navigator.mediaDevices.getUserMedia", "navigator.mediaDevices.getDisplayMedia"]
)
def test_what_was_asked_of_devices_and_why_it_failed_is_meta_data(method: str) -> None:
    assert meta_items(method, {"audio": True}) == [{"MEDIA_CONSTRAINT": {"audio": True}}]
    assert meta_items(f"{method}OnFailure", "NotAllowedError") == [{"USER_MEDIA_ERROR": "NotAllowedError"}]
    assert meta_items(f"{method}OnFailure", {}) == [{"USER_MEDIA_ERROR": method}]


def test_devices_are_meta_data() -> None:
    devices = [{"deviceId": "d", "kind": "audioinput"}, None, {"label": "x" * 5000}]

    assert meta_items("navigator.mediaDevices.enumerateDevices", devices) == [{"MEDIA_DEVICE": devices[0]}]
    assert len(meta_items("navigator.mediaDevices.enumerateDevices", [{"a": 1}] * 5000)) == 100
    assert meta_items("navigator.mediaDevices.enumerateDevices", {"a": 1}) == []


def test_what_a_page_runs_in_is_told_by_names_that_are_known() -> None:
    value = {"hardwareConcurrency": 8, "screen": {"width": 1}, "credential": "x"}

    assert meta_items("create", value) == [{"CLIENT_ENVIRONMENT": {"hardwareConcurrency": 8, "screen": {"width": 1}}}]
    assert meta_items("create", {"foo": 1}) == []


@pytest.mark.parametrize("method", ["setLocalDescription", "onicecandidate", "addTrack", "websocket", "", "unheard-of"])
def test_what_other_clients_do_not_tell_is_not_told(method: str) -> None:
    assert not told(Trace(method, PC, {"sdp": "v=0"}, (), 5), Bounds(), Skips())


def test_credentials_of_servers_are_never_told() -> None:
    value = {"iceServers": [{"urls": "turn:x", "credential": "secret"}]}

    assert "secret" not in str(told(Trace("create", PC, value, (), 5), Bounds(), Skips()))


def sending(*traces: tuple[str, Any]) -> dict[str, str]:
    known: dict[str, str] = {}
    for method, value in traces:
        sent_tracks(method, value, known)
    return known


def test_tracks_that_are_sent_are_followed() -> None:
    mic, camera = ["audio", "mic", "Mic", "s"], ["video", "camera", "Camera"]

    assert sending(("addTrack", mic), ("addTransceiver", [camera, {}])) == {"mic": "audio", "camera": "video"}
    assert sending(("addTrack", camera), ("replaceTrack", [camera, ["video", "screen"]])) == {"screen": "video"}
    assert sending(("addTrack", camera), ("replaceTrack", [camera, None])) == {}
    assert sending(("addTrack", "video:v stream:s"), ("removeTrack", "video:v")) == {}


@pytest.mark.parametrize("value", [None, 7, "", "x", "other:id", [], ["audio"], ["audio", 7], [["audio"]], {}])
def test_what_is_no_track_is_not_followed(value: object) -> None:
    methods = ("addTrack", "addTransceiver", "replaceTrack", "removeTrack")

    assert sending(*[(method, value) for method in methods], ("replaceTrack", [value, value])) == {}
