"""What senders of every version and format say, through one decoder."""

import base64
import json
from typing import Any

import pytest

from ingest import BadSamples, Refused
from ingest.decoder import Decoder
from ingest.incoming import Format, Incoming, incoming
from schemas.messages import Samples
from schemas.samples import Budget, Reason
from schemas.versions import FAMILIES, SchemaVersion, UnsupportedVersion, parse_version
from tests.ingest.taking import decode

PATH = {"serviceId": "svc", "mediaUnitId": "unit"}


def asked(content_type: str = "", **query: str) -> Incoming:
    return incoming(PATH, query, 255, content_type=content_type)


def three(**fields: Any) -> dict[str, Any]:
    """A client sample of 3.x."""
    return {"clientId": "alice", "callId": "call", "timestamp": 1000, "score": 1.0, "peerConnections": [], **fields}


def taken(message: Any, **query: str) -> Samples:
    return decode(json.dumps(message).encode(), asked(**query))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.0.4", (2, 0, 4)),
        (" 2.2.0.\t", (2, 2, 0)),
        ("2.2.1-rc.0", (2, 2, 1)),
        ("3.0.0", (3, 0, 0)),
        ("3.99.0", (3, 99, 0)),
        (None, None),
    ],
)
def test_versions_that_are_taken(text: str | None, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ({}, ("json", "unnamed")),
        ({"schemaVersion": "2.0.4"}, ("json", "2.0.x")),
        ({"schemaVersion": "3.99.1", "encoding": "delta"}, ("delta json", "3.x")),
        ({"format": "protobuf"}, ("protobuf", "2.2.x")),
        ({"format": "protobuf", "schemaVersion": "3.5.0"}, ("protobuf", "3.x")),
    ],
)
def test_how_a_sender_writes_is_told_in_few_words(query: dict[str, str], written: tuple[str, str]) -> None:
    assert asked(**query).written == written


@pytest.mark.parametrize(
    "text", ["", "3", "3.0", "2.3.0", "4.0.0", "-2.2.0", "2.2.0-", "2.2.0-" + "x" * 21, "\u0662.2.0"]
)
def test_versions_that_are_not_taken(text: str) -> None:
    with pytest.raises(UnsupportedVersion) as raised:
        parse_version(text)

    assert all(family in str(raised.value) for family in FAMILIES)
    assert len(str(raised.value).encode()) <= 123


@pytest.mark.parametrize(
    ("query", "content_type", "format_"),
    [
        ({}, "", Format.JSON),
        ({}, "application/json", Format.JSON),
        ({}, "application/octet-stream", Format.JSON),
        ({}, "application/protobuf", Format.PROTOBUF),
        ({}, "application/x-protobuf", Format.PROTOBUF),
        ({"format": "ProtoBuf"}, "", Format.PROTOBUF),
        ({"format": "protobuf"}, "application/json", Format.PROTOBUF),
        ({"format": "json"}, "application/protobuf", Format.JSON),
        ({"format": "other"}, "", Format.JSON),
        ({"encoding": "delta"}, "", Format.DELTA_JSON),
        ({"format": "json", "encoding": "Delta", "schemaVersion": "3.5.0"}, "", Format.DELTA_JSON),
        ({"format": "protobuf", "encoding": "delta", "schemaVersion": "3.5.0"}, "", Format.PROTOBUF),
    ],
)
def test_the_query_says_the_format_else_the_content_type(
    query: dict[str, str], content_type: str, format_: Format
) -> None:
    assert asked(content_type, **query).format is format_


def test_protobuf_without_a_version_is_of_2_2() -> None:
    assert asked(format="protobuf").version == SchemaVersion(2, 2, 0)


def test_json_without_a_version_has_none() -> None:
    assert asked().version is None


@pytest.mark.parametrize("version", [None, "2.2.0", "3.0.0"])
def test_a_sample_of_3_is_told_by_its_shape(version: str | None) -> None:
    query = {} if version is None else {"schemaVersion": version}
    samples = taken(three(attachments={"roomId": "lobby", "userId": "u"}), **query)

    [client] = samples.clients
    assert (client.client_id, client.room_id, client.user_id, client.call_id) == ("alice", "lobby", "u", "call")


@pytest.mark.parametrize("version", [None, "2.2.0", "3.0.0"])
def test_a_sample_of_2_is_told_by_its_shape(version: str | None) -> None:
    query = {} if version is None else {"schemaVersion": version}
    track = {"trackId": "t", "ssrc": 1}
    samples = taken({"clientId": "alice", "roomId": "r", "timestamp": 1, "inboundAudioTracks": [track]}, **query)

    assert [track.track_id for track in samples.clients[0].tracks] == ["t"]


def test_where_the_shape_does_not_tell_the_version_does() -> None:
    bare = {"clientId": "alice", "callId": "call", "timestamp": 1000, "attachments": {"roomId": "lobby"}}

    assert [client.room_id for client in taken(bare, schemaVersion="3.0.0").clients] == ["lobby"]
    assert taken(bare, schemaVersion="2.2.0").rejected == {Reason.ROOM_ID_MISSING: 1}


def test_samples_of_3_may_come_in_a_list_or_in_an_envelope() -> None:
    other = three(clientId="bob")

    assert len(taken([three(), other]).clients) == 2
    assert len(taken({"clientSamples": [three(), other]}).clients) == 2


@pytest.mark.parametrize(
    ("sample", "room"),
    [
        ({"attachments": {"roomId": "attached"}, "roomId": "beside"}, "attached"),
        ({"attachments": {"roomId": "NULL"}, "roomId": "beside"}, "beside"),
        ({"attachments": '{"roomId": "text"}'}, "text"),
        ({}, "url"),
        ({"roomId": "NULL", "attachments": {"userId": "u"}}, "url"),
    ],
)
def test_the_room_is_attached_else_beside_else_in_the_address(sample: dict[str, Any], room: str) -> None:
    assert [client.room_id for client in taken(three(**sample), roomId="url").clients] == [room]


def test_without_any_room_a_sample_of_3_is_in_that_of_its_call() -> None:
    assert [client.room_id for client in taken(three()).clients] == ["call"]


def test_without_any_room_a_sample_of_2_is_in_none() -> None:
    sample: dict[str, Any] = {"clientId": "alice", "callId": "call", "timestamp": 1, "pcTransports": []}

    assert taken(sample).rejected == {Reason.ROOM_ID_MISSING: 1}


@pytest.mark.parametrize("none", ["NULL", "", None])
def test_ids_of_the_address_stand_in_for_those_a_sample_lacks(none: str | None) -> None:
    sample: dict[str, Any] = {"clientId": none, "roomId": none, "userId": none, "timestamp": 1, "pcTransports": []}

    [client] = taken(sample, clientId="c", roomId="r", userId="u").clients
    assert (client.client_id, client.room_id, client.user_id) == ("c", "r", "u")


def test_ids_of_a_sample_stand_before_those_of_the_address() -> None:
    sample: dict[str, Any] = {
        "clientId": "alice",
        "roomId": "lobby",
        "userId": "me",
        "timestamp": 1,
        "pcTransports": [],
    }

    [client] = taken(sample, clientId="c", roomId="r", userId="u").clients
    assert (client.client_id, client.room_id, client.user_id) == ("alice", "lobby", "me")


def test_the_servers_time_replaces_that_of_a_sample_of_3() -> None:
    samples = decode(json.dumps(three()).encode(), asked(), timestamp=5000)

    assert [client.timestamp for client in samples.clients] == [5000]


def test_lists_of_3_count_among_those_of_the_message() -> None:
    streams = [{"ssrc": number, "kind": "audio", "trackIdentifier": f"{number}"} for number in range(1, 100)]
    peer_connection = {"peerConnectionId": "p", "inboundRtps": streams}
    samples = decode(json.dumps(three(peerConnections=[peer_connection])).encode(), asked(), budget=Budget(items=20))

    assert sum(len(client.tracks) for client in samples.clients) < 20
    assert samples.rejected[Reason.TOO_MANY_ITEMS] > 0


def test_deltas_in_json_are_filled_with_what_their_session_said_before() -> None:
    decoder = Decoder(asked(encoding="delta"), most_clients=10)
    stream = {"ssrc": 1, "kind": "audio", "trackIdentifier": "t", "packetsReceived": 5, "jitter": 0.5}
    whole = three(peerConnections=[{"peerConnectionId": "p", "inboundRtps": [stream]}])
    changed = {"ssrc": 1, "packetsReceived": 9}
    peer_connections = [{"peerConnectionId": "p", "inboundRtps": [changed]}]
    delta = {"clientId": "alice", "timestamp": 2000, "peerConnections": peer_connections}
    decoder.decode(json.dumps(whole).encode(), Budget())

    [client] = decoder.decode(json.dumps(delta).encode(), Budget()).clients

    assert client.room_id == "call"
    [track] = client.tracks
    assert (track.track_id, track.payload["packetsReceived"], track.payload["jitter"]) == ("t", 9, 0.5)


def test_another_session_knows_nothing_of_it() -> None:
    first, second = (Decoder(asked(encoding="delta"), most_clients=10) for _ in range(2))
    first.decode(json.dumps(three()).encode(), Budget())

    samples = second.decode(b'{"clientId": "alice", "timestamp": 2000}', Budget())

    assert samples.rejected == {Reason.ROOM_ID_MISSING: 1}


def test_a_message_holds_so_many_deltas() -> None:
    samples = taken([three()] * 101, encoding="delta")

    assert len(samples.clients) == 100
    assert samples.rejected == {Reason.TOO_MANY_ITEMS: 1, Reason.DELTA_FORGOTTEN: 1}


def test_json_in_a_session_of_protobuf_is_refused_in_words() -> None:
    with pytest.raises(BadSamples, match="JSON") as raised:
        taken({"clientSamples": []}, format="protobuf")

    assert (raised.value.close_code, raised.value.refused) == (4230, Refused.UNDECODABLE)
    assert len(raised.value.reason.encode()) <= 123


def test_no_message_of_protobuf_is_an_empty_one() -> None:
    samples = decode(b"", asked(format="protobuf"))

    assert (samples.clients, samples.sfus, samples.rejected) == ([], [], {})


def test_protobuf_that_is_cut_short_is_refused() -> None:
    with pytest.raises(BadSamples) as raised:
        decode(base64.b64decode("EgcKBWFsaWNl")[:-1], asked(format="protobuf"))

    assert raised.value.reason.startswith("Failed to decode Samples: ")
