"""A client sample of 3.x is told by its shape and becomes one of 2.2: who sent it, what is closed, what is too much."""

from typing import Any

import orjson
import pytest

from schemas.client_samples import ClientSample, client_sample
from schemas.samples import Budget, Item, Reason, Tally
from schemas.samples_3 import as_2_2, is_3, says_left


def brought(**fields: Any) -> Item:
    """A sample of 3.x in the form of 2.2."""
    return as_2_2({"clientId": "alice", "timestamp": 1000, **fields})


def read(**fields: Any) -> ClientSample:
    """A sample of 3.x as the rest of the house gets it."""
    sample = client_sample(brought(**{"attachments": {"roomId": "lobby"}, **fields}), Budget(), Tally())
    assert sample is not None
    return sample


@pytest.mark.parametrize("name", ["peerConnections", "clientEvents", "clientMetaItems", "clientIssues", "score"])
def test_a_sample_of_3_is_told_by_any_field_that_only_3_has(name: str) -> None:
    assert is_3({"timestamp": 1, name: []})


@pytest.mark.parametrize("name", ["sampleSeq", "inboundAudioTracks", "pcTransports", "customCallEvents"])
def test_a_bare_sample_of_2_is_none_of_3(name: str) -> None:
    assert not is_3({"timestamp": 1, name: []})


def test_a_score_alone_does_not_make_a_sample_of_2_one_of_3() -> None:
    assert not is_3({"timestamp": 1, "score": 3, "inboundAudioTracks": []})


def test_a_sample_that_says_nothing_does_not_tell_its_version() -> None:
    assert not is_3({"clientId": "alice", "timestamp": 1})


def test_client_call_and_time_are_as_they_were() -> None:
    sample = read(callId="call", timestamp=1756000000000.75)

    assert (sample.client_id, sample.call_id, sample.timestamp) == ("alice", "call", 1756000000000)


def test_room_user_and_marker_are_attached() -> None:
    sample = read(attachments={"roomId": "lobby", "userId": "bob", "marker": "m"})

    assert (sample.room_id, sample.user_id, sample.marker) == ("lobby", "bob", "m")


def test_what_is_attached_may_be_json_text() -> None:
    assert read(attachments='{"roomId": "lobby", "userId": "bob"}').user_id == "bob"


def test_what_is_not_attached_may_stand_beside() -> None:
    assert read(attachments={"roomId": "NULL"}, roomId="lobby", userId="bob").room_id == "lobby"


def test_what_is_attached_is_worth_more_than_what_stands_beside() -> None:
    assert brought(attachments={"roomId": "attached"}, roomId="beside")["roomId"] == "attached"


@pytest.mark.parametrize("attachments", [None, "", "no object", "{broken", 7, [], {"roomId": None}, {"roomId": {}}])
def test_a_room_that_nothing_names_is_absent(attachments: object) -> None:
    assert "roomId" not in brought(attachments=attachments)


def test_a_sample_of_3_stays_as_it_is() -> None:
    entry = {
        "clientId": "alice",
        "clientEvents": [{"type": "E", "payload": {"trackId": "t", "more": 1}}],
        "peerConnections": [{"peerConnectionId": "pc", "codecs": [{"id": "c"}], "iceTransports": [{"id": "t"}]}],
    }
    before = orjson.dumps(entry)

    sample = as_2_2(entry)
    sample["codecs"][0]["id"] = "changed"
    sample["codecs"].clear()

    assert orjson.dumps(entry) == before


CLOSED = {"peerConnectionId": "pc", "score": 0, "peerConnectionTransports": [{"id": "P", "dataChannelsOpened": 0}]}
"""What is left of a peer connection that its page has closed, as clients 4.0.3 and 4.6.0 send it to their end."""


def test_a_closed_peer_connection_that_stays_in_the_samples_gives_nothing() -> None:
    sample = read(peerConnections=[CLOSED])

    assert (sample.transports, sample.tracks) == ([], [])


def test_a_peer_connection_whose_transports_are_closed_gives_nothing() -> None:
    stream = {"ssrc": 1, "kind": "audio", "trackIdentifier": "t"}

    sample = read(
        peerConnections=[{"peerConnectionId": "pc", "iceTransports": [{"iceState": "closed"}], "inboundRtps": [stream]}]
    )

    assert (sample.transports, sample.tracks) == ([], [])


def test_a_peer_connection_that_is_not_connected_yet_is_one() -> None:
    sample = read(peerConnections=[{"peerConnectionId": "pc", "iceTransports": [{"id": "T", "iceState": "new"}]}])

    assert [transport.peer_connection_id for transport in sample.transports] == ["pc"]


def test_a_client_says_that_it_leaves() -> None:
    assert says_left({"clientId": "alice", "clientEvents": [{"type": "CLIENT_LEFT", "payload": "{}"}]})


@pytest.mark.parametrize(
    "events", [None, [], [None], [{"type": "CLIENT_JOINED"}], [{"type": "CLIENT_LEFT", "payload": {"clientId": "bob"}}]]
)
def test_a_client_that_says_no_such_thing_of_itself_stays(events: object) -> None:
    assert not says_left({"clientId": "alice", "clientEvents": events})


def test_what_is_no_object_is_noticed() -> None:
    rejected = Tally()
    connections = ["no object", {"peerConnectionId": "pc", "codecs": 7, "iceCandidatePairs": [8], "inboundRtps": [9]}]

    client_sample(brought(roomId="lobby", peerConnections=connections), Budget(), rejected)

    assert rejected[Reason.NOT_AN_OBJECT] == 4


def test_more_entries_than_are_wanted_are_not_looked_at_but_noticed() -> None:
    rejected = Tally()
    streams = [{"ssrc": number, "kind": "audio", "trackIdentifier": "t"} for number in range(10)]
    connection = {"peerConnectionId": "pc", "inboundRtps": streams}

    entry = {"clientId": "a", "timestamp": 1, "roomId": "r", "peerConnections": [connection, connection]}
    sample = client_sample(as_2_2(entry, most_items=5), Budget(items=5), rejected)

    assert sample is not None
    assert len(sample.tracks) == 5
    assert sum(rejected.values()) > 0


def test_an_id_that_is_too_long_is_not_multiplied() -> None:
    connection = {
        "peerConnectionId": "x" * 10_000,
        "iceCandidatePairs": [{"id": "p"}] * 3,
        "iceCandidates": [{"id": "c", "url": "turn:x"}] * 3,
        "dataChannels": [{"id": "d"}] * 3,
        "score": 5,
        "iceTransports": [{"id": "t"}],
    }

    sample = brought(peerConnections=[connection])

    assert [sample[name] for name in ("iceCandidatePairs", "iceLocalCandidates", "dataChannels")] == [[], [], []]
    assert sample["extensionStats"] == []


@pytest.mark.parametrize("id_", [None, "NULL", "", {}, 1.5])
def test_a_peer_connection_without_an_id_has_none(id_: object) -> None:
    sample = brought(peerConnections=[{"peerConnectionId": id_, "iceCandidatePairs": [{"id": "p"}]}])

    assert sample["iceCandidatePairs"][0]["peerConnectionId"] is None
