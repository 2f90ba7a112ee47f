"""A Jitsi client becomes a client in the room of its conference, also when it comes again, or to another node."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.client_samples import ClientSample, client_sample
from schemas.jitsi_codec import Envelope, Envelopes
from schemas.jitsi_session import JitsiSession, room_of
from schemas.samples import Budget, Item, Tally
from schemas.samples_3 import as_2_2, says_left
from schemas.webrtc_stats import Bounds, Guest, Skipped
from tests.schemas.any_json import ANYTHING

VECTORS = Path(__file__).parents[1] / "guests" / "vectors"
NOW = 1_700_000_000_000
ADDRESSED = Guest("s-1", "address")
TRANSPORT = {"T": {"type": "transport", "bytesSent": 1}}


def standard() -> list[Envelope]:
    frames: list[str] = json.loads((VECTORS / "jitsi_standard.json").read_text())
    envelopes = Envelopes(100_000)
    return [envelope for frame in frames for envelope in envelopes.feed(frame)]


def entry(*said: Any) -> Envelope:
    """A message of statistics or of what happened."""
    return Envelope("s-1", "stats-entry", json.dumps(said), {})


def identity(at: Any = NOW, seq: Any = 1, **members: Any) -> Envelope:
    return Envelope("s-1", "identity", ["identity", None, members, at, seq], {})


def other(type_: str) -> Envelope:
    return Envelope("s-1", type_, None, {})


def session(told: int = 0, **bounds: int) -> JitsiSession:
    return JitsiSession(ADDRESSED, Bounds(**bounds), told)


def taken(of: JitsiSession, *envelopes: Envelope, now: int = NOW) -> list[Item]:
    return [sample for envelope in envelopes for sample in of.take(envelope, now)]


def samples(*envelopes: Envelope) -> list[ClientSample]:
    """What the rest of the house gets of these messages; nothing of it is refused."""
    rejected = Tally()
    read = [client_sample(as_2_2(each), Budget(), rejected) for each in taken(session(), *envelopes)]
    assert rejected == {}
    return [each for each in read if each is not None]


def test_a_client_is_in_the_room_of_its_conference() -> None:
    told = samples(*standard())

    assert {(it.client_id, it.room_id, it.user_id) for it in told} == {
        ("s-1", "vpaas-magic-cookie-abc/room1", "u1"),
    }


def test_its_statistics_are_read_as_any_other() -> None:
    measured = [it for it in samples(*standard()) if it.transports]

    pairs = [pair.payload["currentRoundTripTime"] for it in measured for pair in it.candidate_pairs]
    received = [(track.ssrc, track.payload["packetsReceived"]) for track in measured[-1].tracks if track.inbound]
    assert pairs == [0.04, 0.08, 0.12]
    assert received == [(20, 600), (30, 900)]
    assert [it.timestamp - NOW for it in measured] == [1000, 2000, 3000]


def test_what_happened_is_told() -> None:
    told = [event["type"] for sample in taken(session(), *standard()) for event in sample["clientEvents"]]

    assert told == [
        "PEER_CONNECTION_OPENED",
        "ICE_CONNECTION_STATE_CHANGED",
        "PEER_CONNECTION_STATE_CHANGED",
        "setVideoType",
        "dominantSpeaker",
        "e2eRtt",
        "dominantSpeaker",
        "ICE_CONNECTION_STATE_CHANGED",
        "PEER_CONNECTION_STATE_CHANGED",
        "DTLS_STATE_CHANGED",
        "PEER_CONNECTION_CLOSED",
    ]


def test_a_failed_call_of_the_browser_is_an_issue() -> None:
    (issue,) = [it for sample in taken(session(), *standard()) for it in sample.get("clientIssues", ())]

    assert issue == {
        "type": "setRemoteDescription-failed",
        "payload": {"error": "OperationError", "peerConnectionId": "s-1:PC_0"},
        "timestamp": NOW + 22,
    }


@pytest.mark.parametrize(
    ("said", "room"),
    [
        ({"confName": "Room1"}, "room1"),
        ({"confName": "Room1", "confID": "https://meet.example/Room1"}, "room1"),
        ({"confName": "Room1", "confID": "meet.example/Tenant/Room1?x=1"}, "tenant/room1"),
        ({"confName": "Room1", "confID": "meet.example/other"}, "room1"),
        ({"confID": "https://meet.example/Tenant/Room1/"}, "tenant/room1"),
        ({"confName": "Room1", "isBreakoutRoom": True, "roomId": "B-1"}, "room1/b-1"),
        ({"confName": "Room1", "isBreakoutRoom": False, "roomId": "B-1"}, "room1"),
        ({"confName": "", "confID": ""}, None),
        ({"confName": {}, "confID": [], "isBreakoutRoom": True, "roomId": 7}, None),
        ({}, None),
    ],
)
def test_the_room_is_the_conference(said: Item, room: str | None) -> None:
    assert room_of(said) == room


def test_until_there_is_an_identity_the_address_tells() -> None:
    jitsi = session()
    rooms = [
        it["attachments"] for it in taken(jitsi, entry("create", "PC_0", {}, NOW, 1), identity(confName="R", seq=2))
    ]

    assert rooms == [{"roomId": "address"}, {"roomId": "r"}]
    assert jitsi.who.room_id == "r"


def test_several_identities_are_one() -> None:
    jitsi = session()
    taken(jitsi, identity(confName="R", userId="u"), identity(seq=2, displayName="Ann"), identity(seq=3, userId="v"))

    assert (jitsi.who.room_id, jitsi.who.user_id) == ("r", "v")


def test_a_client_without_a_user_goes_by_its_name() -> None:
    jitsi = session()
    taken(jitsi, identity(confName="R", displayName="Ann"))

    assert jitsi.who.user_id == "Ann"


def test_an_identity_tells_of_jitsi_as_an_extension() -> None:
    (told,) = samples(identity(confName="R", endpointId="ep1", deploymentInfo={"region": "eu"}, secret="x", userId="u"))

    assert told.told["extensionStats"] == [
        {
            "type": "JITSI_IDENTITY",
            "payload": {"endpointId": "ep1", "deploymentInfo": {"region": "eu"}},
        }
    ]


@pytest.mark.parametrize("name", ["x" * 2000, 7, None, {}, "x" * 300])
def test_a_conference_that_is_none_changes_nothing(name: object) -> None:
    jitsi = session()
    taken(jitsi, identity(confName=name))

    assert jitsi.who == ADDRESSED


def test_an_entry_that_comes_again_is_told_once() -> None:
    jitsi = session()
    said = [entry("getstats", "PC_0", TRANSPORT, NOW, 1), entry("getstats", "PC_0", {"T": {}}, NOW + 1, 2)]

    assert len(taken(jitsi, *said)) == 2
    assert taken(jitsi, *said) == []
    assert jitsi.seq == 2
    assert jitsi.skipped == {Skipped.TOLD_BEFORE: 2}


def test_what_another_node_told_only_makes_known_what_follows() -> None:
    jitsi = session(told=2)

    (sample,) = taken(
        jitsi,
        entry("getstats", "PC_0", TRANSPORT, NOW, 1),
        entry("onconnectionstatechange", "PC_0", "connected", NOW + 1, 2),
        entry("getstats", "PC_0", {"T": {"bytesReceived": 2}}, NOW + 2, 3),
    )

    assert sample["peerConnections"][0]["iceTransports"] == [
        {"id": "T", "type": "transport", "bytesSent": 1, "bytesReceived": 2}
    ]


def test_entries_without_a_number_are_told_as_they_come() -> None:
    said = [entry("getstats", "PC_0", TRANSPORT, NOW), entry("getstats", "PC_0", TRANSPORT, NOW)]

    assert len(taken(session(), *said)) == 2


def test_a_client_that_only_keeps_alive_is_there_by_its_own_clock() -> None:
    jitsi = session()
    taken(jitsi, identity(at=NOW - 60_000, confName="R"))

    told = [it["timestamp"] for s in range(0, 90, 10) for it in taken(jitsi, other("keepalive"), now=NOW + s * 1000)]

    assert told == [NOW - 30_000, NOW]


def test_a_client_that_closes_its_session_leaves() -> None:
    jitsi = session()

    _, last = taken(jitsi, identity(confName="R"), other("close"))

    assert says_left(last)
    assert last["attachments"] == {"roomId": "r"}
    assert jitsi.ended


@pytest.mark.parametrize(
    "data", [None, 7, "", "x", "[]", "{}", '["a"]', '["a",null,1]', '["a",null,1,2,3,4]', "[7,null,1,2]", [1], "[NaN]"]
)
def test_an_entry_that_is_none_costs_only_itself(data: object) -> None:
    jitsi = session()

    assert taken(jitsi, Envelope("s-1", "stats-entry", data, {})) == []
    assert jitsi.skipped == {Skipped.MALFORMED: 1}


@pytest.mark.parametrize("info", [{"x" * 256: 1}, {"region": "x" * 1001}, dict.fromkeys(map(str, range(21)), 1)])
def test_an_identity_that_says_too_much_is_not_told(info: object) -> None:
    (told,) = samples(identity(endpointId="ep1", deploymentInfo=info))

    assert told.told["extensionStats"] == [{"type": "JITSI_IDENTITY", "payload": {"endpointId": "ep1"}}]


@pytest.mark.parametrize("data", [None, 7, "x", [], {}, {"confName": "x"}, ["identity", None, [], NOW, 1]])
def test_an_identity_that_is_none_costs_only_itself(data: object) -> None:
    jitsi = session()

    assert taken(jitsi, Envelope("s-1", "identity", data, {})) == []
    assert jitsi.skipped == {Skipped.MALFORMED: 1}


@pytest.mark.parametrize("time", [None, "1", 1e308, -1, True, []])
def test_a_time_that_is_none_is_ours(time: object) -> None:
    jitsi = session()

    assert taken(jitsi, entry("getstats", "PC_0", TRANSPORT, time, 1))[0]["timestamp"] == NOW
    assert jitsi.skipped == {Skipped.TIME_INVALID: 1}


def test_faces_and_logs_are_not_told() -> None:
    jitsi = session()
    said = [entry(name, None, {"x": 1}, NOW, 1 + n) for n, name in enumerate(["create", "faceLandmarks", "logs"])]

    assert [event for sample in taken(jitsi, *said[1:]) for event in sample["clientEvents"]] == []


def test_tracks_of_browsers_that_do_not_name_them_are_told_by_the_page() -> None:
    stream = {"O": {"type": "outbound-rtp", "ssrc": 5, "kind": "audio"}, "T": {"type": "transport"}}

    told = samples(
        entry("create", "PC_0", {}, NOW, 1),
        entry("addTrack", "PC_0", "audio:mic stream:s", NOW, 2),
        entry("getstats", "PC_0", stream, NOW, 3),
    )

    assert [(track.track_id, track.ssrc) for it in told for track in it.tracks] == [("mic", 5)]


METHODS = st.sampled_from(["getstats", "identity", "create", "close", "addTrack", "replaceTrack", "dominantSpeaker"])
REPORTS = st.dictionaries(st.sampled_from(["type", "ssrc", "timestamp", "id", "x"]), ANYTHING, max_size=5)
VALUES = st.dictionaries(st.sampled_from(["A", "timestamp", "confName"]), REPORTS | ANYTHING, max_size=4) | ANYTHING
ENTRIES = st.tuples(METHODS | ANYTHING, st.none() | st.just("PC_0") | ANYTHING, VALUES, ANYTHING, ANYTHING)
TYPES = st.sampled_from(["identity", "stats-entry", "keepalive", "close"])


@given(st.lists(st.tuples(TYPES, ENTRIES | ANYTHING, st.booleans()), max_size=8))
def test_whatever_a_client_says_gives_samples_that_can_be_taken(said: list[tuple[str, Any, bool]]) -> None:
    jitsi = session()
    for type_, data, as_text in said:
        for sample in jitsi.take(Envelope("s-1", type_, json.dumps(data) if as_text else data, {}), NOW):
            assert client_sample(as_2_2(sample), Budget(), Tally()) is not None
