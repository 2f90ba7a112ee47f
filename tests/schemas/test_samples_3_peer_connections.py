"""Transports, candidates, channels and the like of 3.x in the form of 2.2."""

from typing import Any

import pytest

from schemas.samples import Item
from schemas.samples_3 import as_2_2


def brought(**lists: Any) -> Item:
    """A sample of 3.x with one peer connection, in the form of 2.2."""
    return as_2_2({"clientId": "a", "timestamp": 1, "peerConnections": [{"peerConnectionId": "pc", **lists}]})


def test_an_ice_transport_is_a_transport() -> None:
    transport = {"id": "T", "iceState": "connected", "dtlsState": "connected", "bytesSent": 5}

    assert brought(iceTransports=[transport])["pcTransports"] == [
        {**transport, "transportId": "T", "peerConnectionId": "pc"}
    ]


def test_a_candidate_pair_has_an_id() -> None:
    pair = {"id": "CP", "transportId": "T", "nominated": True, "state": "succeeded"}

    assert brought(iceCandidatePairs=[pair])["iceCandidatePairs"] == [
        {**pair, "candidatePairId": "CP", "peerConnectionId": "pc"}
    ]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("in-progress", "in-progress"),
        ("inProgress", "in-progress"),
        ("INPROGRESS", "in-progress"),
        ("IN_PROGRESS", "in-progress"),
        ("SUCCEEDED", "succeeded"),
        ("frozen", "frozen"),
        ("Something New", "Something New"),
        (7, 7),
    ],
)
def test_the_state_of_a_pair_is_spelt_as_in_2(said: object, meant: object) -> None:
    assert brought(iceCandidatePairs=[{"id": "CP", "state": said}])["iceCandidatePairs"][0]["state"] == meant


def sides(candidate: Item, **lists: Any) -> tuple[int, int]:
    """How many local and remote candidates there are."""
    sample = brought(iceCandidates=[candidate], **lists)
    return len(sample["iceLocalCandidates"]), len(sample["iceRemoteCandidates"])


PAIR = {"id": "CP", "localCandidateId": "L", "remoteCandidateId": "R"}


def test_the_pairs_tell_local_from_remote_candidates() -> None:
    sample = brought(iceCandidates=[{"id": "R", "port": 1}, {"id": "L", "port": 2}], iceCandidatePairs=[PAIR])

    assert sample["iceLocalCandidates"] == [{"id": "L", "port": 2, "peerConnectionId": "pc"}]
    assert sample["iceRemoteCandidates"] == [{"id": "R", "port": 1, "peerConnectionId": "pc"}]


def test_a_candidate_without_a_pair_is_of_the_end_of_its_user_name_fragment() -> None:
    mine = {"id": "x", "usernameFragment": "mine"}
    theirs = {"id": "y", "usernameFragment": "theirs"}
    known = {"id": "R", "usernameFragment": "theirs"}
    transport = {"id": "T", "iceLocalUsernameFragment": "mine"}

    sample = brought(iceCandidates=[mine, theirs, known], iceCandidatePairs=[PAIR], iceTransports=[transport])

    assert [candidate["id"] for candidate in sample["iceLocalCandidates"]] == ["x"]
    assert [candidate["id"] for candidate in sample["iceRemoteCandidates"]] == ["y", "R"]


@pytest.mark.parametrize("name", ["url", "relayProtocol", "networkType"])
def test_only_local_candidates_tell_how_they_were_gathered(name: str) -> None:
    assert sides({"id": "x", name: "something"}) == (1, 0)


def test_a_candidate_of_neither_end_is_left_out() -> None:
    assert sides({"id": "x", "port": 1}, iceCandidatePairs=[PAIR]) == (0, 0)


def test_a_data_channel_counts_its_messages() -> None:
    channel = {"id": "D", "label": "chat", "dataChannelIdentifier": 1, "messagesSent": 5, "messagesReceived": 6}

    (brought_channel,) = brought(dataChannels=[channel])["dataChannels"]

    assert (brought_channel["messageSent"], brought_channel["messageReceived"]) == (5, 6)
    assert (brought_channel["peerConnectionId"], brought_channel["label"]) == ("pc", "chat")


@pytest.mark.parametrize("name", ["mediaSources", "codecs", "certificates"])
def test_what_is_told_of_a_peer_connection_stays_as_it_is(name: str) -> None:
    assert brought(**{name: [{"id": "x", "payloadType": 111}]})[name] == [{"id": "x", "payloadType": 111}]


def test_a_peer_connection_may_have_a_label_attached() -> None:
    lists = {"iceTransports": [{"id": "T"}], "iceCandidatePairs": [{"id": "CP"}]}

    sample = brought(attachments={"label": "to-sfu"}, **lists)

    assert (sample["pcTransports"][0]["label"], sample["iceCandidatePairs"][0]["label"]) == ("to-sfu", "to-sfu")


def test_scores_are_extensions() -> None:
    tracks = [{"id": "t", "kind": "video", "score": 4.5, "scoreReasons": ["low-fps"]}]
    connection = {"peerConnectionId": "pc", "score": 4, "iceTransports": [{"id": "T"}], "outboundTracks": tracks}

    sample = as_2_2({"clientId": "a", "score": 3.5, "scoreReasons": "{}", "peerConnections": [connection]})

    assert sample["extensionStats"] == [
        {"type": "CLIENT_SCORE", "payload": {"score": 3.5, "scoreReasons": "{}"}},
        {"type": "PEER_CONNECTION_SCORE", "payload": {"peerConnectionId": "pc", "score": 4, "scoreReasons": None}},
        {
            "type": "TRACK_SCORE",
            "payload": {
                "peerConnectionId": "pc",
                "trackId": "t",
                "direction": "OUTBOUND",
                "kind": "video",
                "score": 4.5,
                "scoreReasons": ["low-fps"],
            },
        },
    ]


@pytest.mark.parametrize("score", [None, 0, "5", {}, True])
def test_a_score_that_nobody_measured_is_none(score: object) -> None:
    assert as_2_2({"clientId": "a", "score": score})["extensionStats"] == []


def test_a_score_of_nothing_for_a_reason_is_one() -> None:
    (told,) = as_2_2({"clientId": "a", "score": 0, "scoreReasons": ["frozen"]})["extensionStats"]

    assert told["payload"]["score"] == 0
