"""Reports: one a measured thing, every field of its type, in order."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.reports import FIELDS, ReportType
from tests.conformance.bodies import Item, attachments, client, names, of_type, one, samples, track, transport, types
from tests.nodes import NOW, Told, running

EVERYTHING: Item = client(
    "A",
    1000,
    userId="alice",
    marker="m",
    sampleSeq=7,
    os={"name": "Linux", "version": "6"},
    pcTransports=[transport("p1", label="x", packetsSent=1)],
    iceCandidatePairs=[{"candidatePairId": "c", "peerConnectionId": "p1", "localCandidateId": "l", "nominated": True}],
    inboundAudioTracks=[track("t1", "p1", 1, packetsReceived=2, jitter=0.5)],
    inboundVideoTracks=[track("t2", "p1", 2, framesDecoded=3)],
    outboundAudioTracks=[track("t3", "p1", 3, bytesSent=4)],
    outboundVideoTracks=[track("t4", "p1", 4, framesSent=5, qualityLimitationReason="cpu")],
    dataChannels=[{"peerConnectionId": "p1", "label": "chat", "messageSent": 6}],
    extensionStats=[{"type": "t", "payload": '{"a":1}'}],
    customCallEvents=[{"name": "HAND_RAISED"}],
    customObserverEvents=[{"name": "NOTICED", "message": "text"}],
)
IN_ORDER = [
    "PEER_CONNECTION_TRANSPORT",
    "ICE_CANDIDATE_PAIR",
    "INBOUND_AUDIO_TRACK",
    "INBOUND_VIDEO_TRACK",
    "OUTBOUND_AUDIO_TRACK",
    "OUTBOUND_VIDEO_TRACK",
    "PEER_CONNECTION_DATA_CHANNEL",
    "CALL_META_DATA",
    "CLIENT_EXTENSION_DATA",
    "OBSERVER_EVENT",
]
SFU: Item = {
    "sfuId": "s",
    "timestamp": 1000,
    "marker": "m",
    "transports": [{"transportId": "t", "localAddress": "10.0.0.1", "localPort": 5, "rtpBytesSent": 7}],
    "inboundRtpPads": [{"transportId": "t", "padId": "i", "streamId": "S", "ssrc": 3, "jitter": 0.5}],
    "outboundRtpPads": [{"transportId": "t", "padId": "o", "streamId": "S", "sinkId": "K", "ssrc": 4}],
    "sctpChannels": [{"transportId": "t", "channelId": "c", "streamId": "d", "messageSent": 3}],
    "extensionStats": [{"type": "t", "payload": "{}"}],
    "customSfuEvents": [{"name": "X"}],
}
TURN: Item = {"serverId": "turn", "sessions": [{"sessionId": "1"}, {"sessionId": "2", "clientId": "A"}]}
SCHEMAS = Path(__file__).parents[3] / "shared" / "reference" / "schemas" / "reports-2.2.json"
NEVER_MADE = "SFU_META_DATA"


async def test_one_report_is_made_of_every_thing(tmp_path: Path) -> None:
    reports = await told(tmp_path, EVERYTHING)

    assert types(reports) == IN_ORDER
    measured = [report for report in reports if report.type != "CALL_EVENT"]
    identity = ("serviceId", "mediaUnitId", "roomId", "clientId", "userId", "marker", "timestamp", "sampleSeq")
    assert {tuple(report[name] for name in identity) for report in measured} == {
        ("svc", "mu", "r", "A", "alice", "m", 1000, 7)
    }


async def test_an_envelope_has_all_fields_of_its_type_in_order(tmp_path: Path) -> None:
    """C46: absent values are null."""
    reports = await told(tmp_path, EVERYTHING)

    assert {report.type for report in reports} == {*IN_ORDER, "CALL_EVENT"}
    for report in reports:
        assert list(report.envelope) == ["type", "schemaVersion", "payload"]
        assert report.envelope["schemaVersion"] == "2.2.0"
        assert list(report.payload) == [field.name for field in FIELDS[ReportType(report.type)]]


@pytest.mark.skipif(not SCHEMAS.exists(), reason="the schemas of the reference are not at hand")
async def test_every_type_of_report_is_valid_by_the_schemas_of_the_reference(tmp_path: Path) -> None:
    """C46."""
    validator = Draft202012Validator(json.loads(SCHEMAS.read_text()))
    async with running(tmp_path) as node:
        await node.post(EVERYTHING)
        await node.post(body=samples(sfuSamples=[SFU], turnSamples=[TURN]))
        reports = await node.reports()

    assert {report.type for report in reports} == {*ReportType} - {NEVER_MADE}
    assert [
        (error.json_path, error.message) for report in reports for error in validator.iter_errors(report.envelope)
    ] == []


async def test_values_are_of_the_kind_of_their_field(tmp_path: Path) -> None:
    """C46."""
    kinds: dict[str, type | tuple[type, ...]] = {"s": str, "b": bool, "t": int, "i": (int, float), "l": (int, float)}
    reports = await told(tmp_path, EVERYTHING)

    for report in reports:
        for field in FIELDS[ReportType(report.type)]:
            value = report[field.name]
            assert value is None or isinstance(value, kinds.get(field.kind, (int, float))), (report.type, field)
            assert value != ""


async def test_values_are_carried_by_name(tmp_path: Path) -> None:
    reports = await told(tmp_path, EVERYTHING)

    pair = one(reports, "ICE_CANDIDATE_PAIR")
    assert (pair["localCandidateId"], pair["nominated"], pair["remoteCandidateId"]) == ("l", True, None)
    assert one(reports, "PEER_CONNECTION_TRANSPORT")["packetsSent"] == 1
    assert (one(reports, "INBOUND_AUDIO_TRACK")["packetsReceived"], one(reports, "INBOUND_AUDIO_TRACK")["ssrc"]) == (
        2,
        1,
    )
    assert one(reports, "INBOUND_AUDIO_TRACK")["jitter"] == 0.5
    assert one(reports, "INBOUND_VIDEO_TRACK")["framesDecoded"] == 3
    assert one(reports, "OUTBOUND_AUDIO_TRACK")["bytesSent"] == 4
    assert one(reports, "OUTBOUND_VIDEO_TRACK")["qualityLimitationReason"] == "cpu"


async def test_the_label_of_a_peer_connection_stands_in_the_reports_of_its_tracks(tmp_path: Path) -> None:
    reports = await told(tmp_path, EVERYTHING)

    labelled = [report for report in reports if report.type in ("PEER_CONNECTION_TRANSPORT", *IN_ORDER[2:6])]
    assert {report["label"] for report in labelled} == {"x"}


async def test_the_meta_data_of_a_client_is_reported(tmp_path: Path) -> None:
    """C22."""
    objects: dict[str, Item] = {
        "OPERATION_SYSTEM": {"name": "Linux", "version": "6.1", "versionName": "bookworm"},
        "ENGINE": {"name": "Blink", "version": "1"},
        "BROWSER": {"name": "Chrome", "version": "156"},
        "PLATFORM": {"type": "desktop", "vendor": "v", "model": "m"},
        "CERTIFICATE": {"fingerprint": "AA:BB", "fingerprintAlgorithm": "sha-256"},
    }
    codecs = [{"payloadType": "96", "mimeType": "video/VP8"}, {"payloadType": "111", "mimeType": "audio/opus"}]
    sample = client(
        os=objects["OPERATION_SYSTEM"],
        engine=objects["ENGINE"],
        browser=objects["BROWSER"],
        platform=objects["PLATFORM"],
        certificates=[objects["CERTIFICATE"]],
        codecs=codecs,
        iceServers=["stun:one", "turn:two"],
        localSDPs=["a", "b"],
        userMediaErrors=["e"],
        mediaConstraints=["audio"],
    )
    reports = of_type(await told(tmp_path, sample), "CALL_META_DATA")

    payloads: dict[str, list[str]] = {}
    for report in reports:
        payloads.setdefault(report["type"], []).append(report["payload"])
        assert (report["clientId"], report["peerConnectionId"], report["sampleTimestamp"]) == ("A", None, 1000)
    for type_, sent in objects.items():
        assert [without_nulls(payload) for payload in payloads.pop(type_)] == [sent]
    assert [without_nulls(payload) for payload in payloads.pop("CODEC")] == codecs
    assert payloads == {
        "ICE_SERVER": ["stun:one", "turn:two"],
        "LOCAL_SDP": ["a\nb"],
        "USER_MEDIA_ERROR": ["e"],
        "MEDIA_CONSTRAINT": ["audio"],
    }


@pytest.mark.parametrize(
    ("lists", "type_"),
    [
        ("mediaDevices", "MEDIA_DEVICE"),
        ("mediaSources", "MEDIA_SOURCE"),
        ("iceLocalCandidates", "ICE_LOCAL_CANDIDATE"),
        ("iceRemoteCandidates", "ICE_REMOTE_CANDIDATE"),
    ],
)
async def test_every_item_of_a_list_is_meta_data(tmp_path: Path, lists: str, type_: str) -> None:
    """C22."""
    reports = await told(tmp_path, client() | {lists: [{"id": "1"}, {"id": "2"}]})

    meta = of_type(reports, "CALL_META_DATA")
    assert [(report["type"], without_nulls(report["payload"])["id"]) for report in meta] == [(type_, "1"), (type_, "2")]


async def test_a_client_of_schema_2_1_tells_its_system_too(tmp_path: Path) -> None:
    """C38."""
    async with running(tmp_path) as node:
        await node.post(client(os={"name": "Linux"}, browser={"name": "Chrome"}), schemaVersion="2.1.5")
        reports = await node.reports()

    assert [r["type"] for r in of_type(reports, "CALL_META_DATA")] == ["OPERATION_SYSTEM", "BROWSER"]


async def test_an_extension_is_reported_when_its_payload_is_json(tmp_path: Path) -> None:
    """C23: what is not costs only itself."""
    extensions = [{"type": "t", "payload": '{"a":1}'}, {"type": "u", "payload": "not json"}, {"type": "v"}]
    async with running(tmp_path) as node:
        await node.post(client("A", 1000, extensionStats=extensions))
        first = await node.reports()
        await node.post(client("A", 2000, extensionStats=extensions[:1]))
        second = await node.reports()

    for reports in (first, second):
        report = one(reports, "CLIENT_EXTENSION_DATA")
        assert (report["extensionType"], report["payload"], report["peerConnectionId"]) == ("t", '{"a":1}', None)


async def test_a_custom_event_is_told_as_it_came(tmp_path: Path) -> None:
    """C24."""
    event = {
        "name": "X",
        "value": "v",
        "message": "text",
        "attachments": "not base64!",
        "peerConnectionId": "p1",
        "mediaTrackId": "t1",
        "timestamp": 5,
    }
    told_event = one(await told(tmp_path, client("A", sampleSeq=3, userId="alice", customCallEvents=[event])), "X")

    assert {name: told_event[name] for name in event} == event
    assert (told_event["clientId"], told_event["userId"], told_event["sampleSeq"]) == ("A", "alice", 3)
    assert (told_event["serviceId"], told_event["mediaUnitId"], told_event["roomId"]) == ("svc", "mu", "r")


async def test_a_custom_event_without_time_has_that_of_its_sample(tmp_path: Path) -> None:
    """C24."""
    reports = await told(tmp_path, client("A", 1000, customCallEvents=[{"name": "X"}]))

    assert one(reports, "X")["timestamp"] == 1000


@pytest.mark.parametrize("name", ["CALL_STARTED", "CALL_ENDED", "CLIENT_JOINED", "CLIENT_LEFT", "MEDIA_TRACK_ADDED"])
async def test_a_custom_event_that_bears_a_name_of_ours_is_told_as_custom(tmp_path: Path, name: str) -> None:
    reports = await told(tmp_path, client(customCallEvents=[{"name": name}]))

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED", f"CUSTOM_{name}"]


async def test_an_event_for_the_observer_is_told_as_it_came(tmp_path: Path) -> None:
    event = {"name": "X", "message": "text", "attachments": "not base64!", "timestamp": 5}
    sample = client("A", sampleSeq=3, userId="alice", customObserverEvents=[event])
    report = one(await told(tmp_path, sample), "OBSERVER_EVENT")

    assert {name: report[name] for name in event} == event
    assert (report["clientId"], report["userId"], report["sampleSeq"]) == ("A", "alice", 3)
    assert (report["sampleTimestamp"], report["value"], report["peerConnectionId"]) == (1000, None, None)


async def test_a_turn_server_is_told_as_an_extension_of_its_clients_or_of_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(client("A"))
        await node.post(body=samples(turnSamples=[TURN]))
        reports = await node.reports()

    own, theirs = one(reports, "SFU_EXTENSION_DATA"), one(reports, "CLIENT_EXTENSION_DATA")
    assert (own["sfuId"], own["extensionType"], without_nulls(own["payload"])["sessionId"]) == (
        "turn",
        "TURN_SESSION",
        "1",
    )
    assert (theirs["clientId"], theirs["roomId"], theirs["extensionType"]) == ("A", "r", "TURN_SESSION")
    assert without_nulls(theirs["payload"]) == {"sessionId": "2", "clientId": "A", "serverId": "turn"}


async def test_a_data_channel_is_reported(tmp_path: Path) -> None:
    """C25."""
    channel = {"peerConnectionId": "p1", "label": "l", "messageSent": 3, "messageReceived": 4, "state": "open"}
    sample = client(pcTransports=[transport("p1", label="x")], dataChannels=[channel])
    report = one(await told(tmp_path, sample), "PEER_CONNECTION_DATA_CHANNEL")

    assert (report["messagesSent"], report["messagesReceived"], report["state"]) == (3, 4, "open")
    assert (report["label"], report["peerConnectionLabel"], report["peerConnectionId"]) == ("l", "x", "p1")


async def test_large_numbers_are_reported_exactly(tmp_path: Path) -> None:
    """C42."""
    large = 5_000_000_000
    sample = client(
        pcTransports=[transport("p1", packetsSent=large, bytesSent=2**53 + 1)],
        inboundAudioTracks=[track("t", "p1", 1, totalSamplesReceived=large, audioLevel=0.4)],
    )
    reports = await told(tmp_path, sample)

    sent = one(reports, "PEER_CONNECTION_TRANSPORT")
    assert (sent["packetsSent"], sent["bytesSent"]) == (large, 2**53 + 1)
    received = one(reports, "INBOUND_AUDIO_TRACK")
    assert (received["totalSamplesReceived"], received["audioLevel"]) == (large, 0.4)


async def test_a_fractional_timestamp_is_cut(tmp_path: Path) -> None:
    reports = await told(tmp_path, client("A", 1795313133536.816, pcTransports=[transport()]))

    assert {r["timestamp"] for r in reports[1:]} == {1795313133536}


@pytest.mark.parametrize(
    ("offset", "zone"),
    [(180, "-03:00"), (-180, "+03:00"), (-330, "+05:30"), (3, "+03:00"), (-3, "-03:00"), (0, "Z"), (None, None)],
)
async def test_the_time_zone_of_a_client_stands_in_its_join(
    tmp_path: Path, offset: int | None, zone: str | None
) -> None:
    """C52: within 14 hours hours east, beyond minutes west."""
    fields = {} if offset is None else {"timeZoneOffsetInHours": offset}
    reports = await told(tmp_path, client() | fields)

    assert attachments(one(reports, "CLIENT_JOINED")) == {"timeZoneId": zone}


async def test_a_sink_may_want_call_events_only(tmp_path: Path) -> None:
    """C43."""
    async with running(tmp_path, sink={"reports": dict.fromkeys(FLAGS, False) | {"sendCallEvents": True}}) as node:
        await node.post(EVERYTHING)
        reports = await node.reports()

    assert {report.type for report in reports} == {"CALL_EVENT"}
    assert "CLIENT_JOINED" in names(reports)


async def test_a_flag_that_is_not_given_is_true(tmp_path: Path) -> None:
    """C43: as the README of the reference says."""
    async with running(tmp_path, sink={"reports": {"sendInboundAudioTracks": False}}) as node:
        await node.post(EVERYTHING)
        reports = await node.reports()

    assert types(reports) == [type_ for type_ in IN_ORDER if type_ != "INBOUND_AUDIO_TRACK"]
    assert "CLIENT_JOINED" in names(reports)


async def test_a_disabled_sink_is_told_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, sink={"enabled": False}) as node:
        await node.post(EVERYTHING)
        reports = await node.stop_and_wait()

    assert reports == []


async def test_the_server_may_give_the_time(tmp_path: Path) -> None:
    async with running(tmp_path, sources={"useServerTimestamp": True}) as node:
        await node.post(client("A", 1000, pcTransports=[transport()]))
        reports = await node.reports()

    assert all(NOW <= report["timestamp"] < NOW + 86_400_000_000 for report in reports)


async def test_text_frames_and_binary_frames_say_the_same(tmp_path: Path) -> None:
    async with running(tmp_path) as node, node.websocket() as session:
        await session.send(samples(client("A", pcTransports=[transport()])))
        await session.send(samples(client("B", pcTransports=[transport()])).decode())
        reports = await node.reports(session)

    assert names(reports).count("CLIENT_JOINED") == 2
    assert types(reports) == ["PEER_CONNECTION_TRANSPORT"] * 2


FLAGS = (
    "sendObserverEvents",
    "sendCallEvents",
    "sendCallMeta",
    "sendClientExtensions",
    "sendInboundAudioTracks",
    "sendInboundVideoTracks",
    "sendOutboundAudioTracks",
    "sendOutboundVideoTracks",
    "sendPeerConnectionTransports",
    "sendIceCandidatePairs",
    "sendClientDataChannels",
    "sendSfuEvents",
    "sendSfuMeta",
    "sendSfuTransports",
    "sendSfuSctpStreams",
    "sendSfuOutboundRtpStreams",
    "sendSfuInboundRtpStreams",
    "sendSfuExtensions",
)


async def told(folder: Path, sample: Item) -> list[Told]:
    """What a fresh node tells about one sample."""
    async with running(folder) as node:
        assert (await node.post(sample)).status == 200
        return await node.reports()


def without_nulls(payload: str) -> Any:
    return {name: value for name, value in json.loads(payload).items() if value is not None}
