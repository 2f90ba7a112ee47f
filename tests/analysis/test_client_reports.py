"""What a sample says comes out as reports: every field, in order, and one bad part costs only itself."""

import base64
import json
from typing import Any

import pytest

from schemas.reports import NAMES, ReportType
from schemas.samples import Reason
from tests.world import World, event, inbound, message, names, of_type, outbound, sample


def test_every_payload_has_all_fields_of_its_type_in_order() -> None:
    told = World().tell(
        message(
            sample(
                pcTransports=[{"peerConnectionId": "p"}],
                iceCandidatePairs=[{"peerConnectionId": "p"}],
                dataChannels=[{"peerConnectionId": "p"}],
                os={"name": "Linux"},
                extensionStats=[{"type": "x", "payload": "1"}],
                inboundAudioTracks=[{"ssrc": 1}],
                inboundVideoTracks=[{"ssrc": 2}],
                outboundAudioTracks=[{"ssrc": 3}],
                outboundVideoTracks=[{"ssrc": 4}],
            )
        )
    )

    assert {report.type for report in told} == set(ReportType) - {
        kind for kind in ReportType if kind.name.startswith(("SFU", "OBSERVER"))
    }
    for report in told:
        assert tuple(report.payload) == NAMES[report.type]


def test_a_track_report_tells_whose_it_is_and_what_the_client_measured() -> None:
    track = inbound("t1", 7, "p1", jitter=0.25, packetsReceived=5_000_000_000, unknown=1)

    (payload,) = of_type(
        World().tell(message(sample(userId="u", marker="m", sampleSeq=3, **track))), ReportType.INBOUND_AUDIO_TRACK
    )

    told = {key: value for key, value in payload.items() if value is not None}
    assert told == {
        "serviceId": "svc", "mediaUnitId": "mu", "marker": "m", "timestamp": 1000, "callId": "call-1",
        "roomId": "lobby", "clientId": "alice", "userId": "u", "peerConnectionId": "p1", "trackId": "t1",
        "sampleSeq": 3, "ssrc": 7, "jitter": 0.25, "packetsReceived": 5_000_000_000,
    }  # fmt: skip


def test_the_label_of_a_peer_connection_is_told_with_its_tracks_and_channels() -> None:
    told = World().tell(
        message(
            sample(
                pcTransports=[{"peerConnectionId": "p", "label": "main"}],
                dataChannels=[{"peerConnectionId": "p", "label": "chat", "messageSent": 3, "messageReceived": 4}],
                **outbound("t", 1, "p"),
            )
        )
    )

    (channel,) = of_type(told, ReportType.PEER_CONNECTION_DATA_CHANNEL)
    assert of_type(told, ReportType.OUTBOUND_AUDIO_TRACK)[0]["label"] == "main"
    assert (channel["peerConnectionLabel"], channel["label"]) == ("main", "chat")
    assert (channel["messagesSent"], channel["messagesReceived"]) == (3, 4)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"packetsLost": "12"}, 12),
        ({"packetsLost": 1.5}, 1.5),
        ({"packetsLost": "1.5"}, 1.5),
        ({"packetsLost": None}, None),
        ({"lastPacketReceivedTimestamp": 1795313071780.9}, 1795313071780),
        ({"decoderImplementation": 7}, "7"),
        ({"decoderImplementation": "opus"}, "opus"),
    ],
)
def test_values_that_drift_from_their_kind_are_mended(given: dict[str, Any], told: object) -> None:
    world = World()

    (payload,) = of_type(world.tell(message(sample(**inbound("t", 1, **given)))), ReportType.INBOUND_AUDIO_TRACK)

    assert payload[next(iter(given))] == told
    assert world.rejected == {}


@pytest.mark.parametrize(
    "given",
    [{"packetsLost": "many"}, {"packetsLost": [1]}, {"packetsLost": True}, {"decoderImplementation": {}},
     {"lastPacketReceivedTimestamp": 1e300}, {"packetsLost": "1e999"}],
)  # fmt: skip
def test_a_value_that_cannot_be_read_costs_only_its_field(given: dict[str, Any]) -> None:
    world = World()

    (payload,) = of_type(
        world.tell(message(sample(**inbound("t", 1, jitter=1, **given)))), ReportType.INBOUND_AUDIO_TRACK
    )

    assert payload[next(iter(given))] is None
    assert payload["jitter"] == 1
    assert world.rejected == {Reason.FIELD_INVALID: 1}


def test_meta_data_is_told_piece_by_piece_as_the_client_wrote_it() -> None:
    told = World().tell(
        message(
            sample(
                os={"name": "Linux", "version": None},
                codecs=[{"payloadType": 111}, {"payloadType": "96"}],
                iceServers=["stun:a", "turn:b"],
                localSDPs=["a", "b"],
                userMediaErrors=["e"],
            )
        )
    )

    metas = [(payload["type"], payload["payload"]) for payload in of_type(told, ReportType.CALL_META_DATA)]
    assert [(type_, json.loads(text)) for type_, text in metas if type_ in ("OPERATION_SYSTEM", "CODEC")] == [
        ("OPERATION_SYSTEM", {"name": "Linux", "version": None}),
        ("CODEC", {"payloadType": 111}),
        ("CODEC", {"payloadType": "96"}),
    ]
    assert [meta for meta in metas if meta[0] not in ("OPERATION_SYSTEM", "CODEC")] == [
        ("USER_MEDIA_ERROR", "e"),
        ("ICE_SERVER", "stun:a"),
        ("ICE_SERVER", "turn:b"),
        ("LOCAL_SDP", "a\nb"),
    ]


def test_an_extension_whose_payload_is_no_json_costs_only_itself() -> None:
    world = World()
    extensions = [{"type": "t", "payload": '{"a":1}'}, {"type": "u", "payload": "no"}, {"type": "v"}, {"payload": "1"}]

    told = of_type(world.tell(message(sample(extensionStats=extensions))), ReportType.CLIENT_EXTENSION_DATA)

    assert [(payload["extensionType"], payload["payload"]) for payload in told] == [("t", '{"a":1}')]
    assert world.rejected == {Reason.PAYLOAD_INVALID: 2, Reason.NAME_MISSING: 1}


def test_a_custom_event_is_told_with_its_own_ids_and_time() -> None:
    custom = {"name": "X", "value": "v", "timestamp": 5.9, "mediaTrackId": "t", "attachments": {"a": 1}}

    payload = event(World().tell(message(sample(sampleSeq=2, customCallEvents=[custom]))), "X")

    assert (payload["value"], payload["timestamp"], payload["mediaTrackId"]) == ("v", 5, "t")
    assert (payload["clientId"], payload["sampleSeq"], payload["attachments"]) == ("alice", 2, '{"a":1}')


def test_a_custom_event_without_a_time_has_that_of_its_sample() -> None:
    assert event(World().tell(message(sample(customCallEvents=[{"name": "X"}]))), "X")["timestamp"] == 1000


def test_a_custom_event_never_bears_a_name_of_ours() -> None:
    told = World().tell(message(sample(customCallEvents=[{"name": "CLIENT_LEFT"}, {"name": "MY_EVENT"}])))

    assert names(told)[2:] == ["CUSTOM_CLIENT_LEFT", "MY_EVENT"]


def test_what_nests_too_deeply_to_be_written_costs_only_itself() -> None:
    world = World()
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"deeper": deep}

    told = world.tell(message(sample(browser=deep, os={"name": "Linux"})))

    assert [payload["type"] for payload in of_type(told, ReportType.CALL_META_DATA)] == ["OPERATION_SYSTEM"]
    assert world.rejected == {Reason.FIELD_INVALID: 1}


def test_lists_and_entries_of_the_wrong_kind_cost_only_themselves() -> None:
    world = World()

    told = world.tell(
        message(
            sample(inboundAudioTracks="none", codecs=[1, {"a": 1}], iceServers=[{}, "stun:a"], os=[]),
            None,
            sample("bob", **outbound("t", 1)),
        )
    )

    assert len(of_type(told, ReportType.CALL_META_DATA)) == 2
    assert len(of_type(told, ReportType.OUTBOUND_AUDIO_TRACK)) == 1
    assert world.rejected == {Reason.NOT_A_LIST: 1, Reason.NOT_AN_OBJECT: 3, Reason.FIELD_INVALID: 1}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"clientId": None}, Reason.CLIENT_ID_MISSING),
        ({"clientId": "NULL"}, Reason.CLIENT_ID_MISSING),
        ({"clientId": ""}, Reason.CLIENT_ID_MISSING),
        ({"roomId": None}, Reason.ROOM_ID_MISSING),
        ({"roomId": ["r"]}, Reason.ROOM_ID_MISSING),
        ({"timestamp": None}, Reason.TIMESTAMP_MISSING),
        ({"timestamp": "soon"}, Reason.TIMESTAMP_INVALID),
        ({"timestamp": -1}, Reason.TIMESTAMP_INVALID),
        ({"timestamp": 1e300}, Reason.TIMESTAMP_INVALID),
        ({"clientId": "x" * 256}, Reason.ID_TOO_LONG),
        ({"marker": "x" * 256}, Reason.ID_TOO_LONG),
        ({"userId": "a\0b"}, Reason.ID_INVALID),
    ],
)
def test_a_sample_that_lacks_what_it_must_have_costs_only_itself(given: dict[str, Any], reason: Reason) -> None:
    world = World()

    told = world.tell(message(sample() | given, sample("bob")))

    assert event(told, "CLIENT_JOINED")["clientId"] == "bob"
    assert world.rejected == {reason: 1}


def test_events_tell_what_they_are_about() -> None:
    told = World().tell(
        message(
            sample(
                userId="u",
                marker="m",
                timeZoneOffsetInHours=-120,
                outboundVideoTracks=[{"trackId": "t", "peerConnectionId": "p", "ssrc": 9, "sfuStreamId": "S"}],
            )
        )
    )

    joined, added = event(told, "CLIENT_JOINED"), event(told, "MEDIA_TRACK_ADDED")
    assert json.loads(base64.b64decode(joined["attachments"])) == {"timeZoneId": "+02:00"}
    assert (joined["message"], joined["timestamp"], joined["userId"]) == ("Client is joined", 1000, "u")
    assert added["message"] == "Media Track is added. streamId: S, direction: OUTBOUND"
    assert (added["SSRC"], added["mediaTrackId"], added["peerConnectionId"]) == (9, "t", "p")
    assert json.loads(base64.b64decode(added["attachments"])) == {
        "streamDirection": "OUTBOUND", "mediaKind": "VIDEO", "sfuStreamId": "S", "sfuSinkId": None,
    }  # fmt: skip


def test_an_entry_that_says_nothing_gives_no_report() -> None:
    world = World()

    told = world.tell(message(sample(inboundAudioTracks=[{}, {"ssrc": 1}])))

    assert len(of_type(told, ReportType.INBOUND_AUDIO_TRACK)) == 1
    assert world.rejected[Reason.EMPTY_ITEM] == 1


def test_a_label_that_is_too_long_is_left_out() -> None:
    told = World().tell(message(sample(pcTransports=[{"peerConnectionId": "p", "label": "x" * 256}])))

    assert of_type(told, ReportType.PEER_CONNECTION_TRANSPORT)[0]["label"] is None


def test_meta_data_that_nests_widely_is_told_without_line_breaks() -> None:
    told = World().tell(message(sample(os={"a": [{}] * 20}, browser={"name": "Chrome"})))

    first, second = of_type(told, ReportType.CALL_META_DATA)
    assert "\n" not in first["payload"]
    assert json.loads(first["payload"]) == {"a": [{}] * 20}
    assert "\n" in second["payload"]
