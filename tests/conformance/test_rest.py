"""REST: what is taken, how it is answered, and what is left out."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from observer.simulation.protobuf_messages import written
from schemas.protobuf.formats import format_of
from schemas.versions import SchemaVersion
from tests.conformance.bodies import attachments, client, names, of_type, one, samples, track, transport, types
from tests.ingest.tokens import OTHER_SECRET, SECRET, token
from tests.nodes import NOW, running

TOKENS = {"security": {"accessTokens": {"algorithm": "HS256", "secret": SECRET}}}
SFU = {"sfuId": "s", "timestamp": 1000, "transports": [{"transportId": "t"}]}


@pytest.mark.parametrize(
    "content_type",
    ["application/octet-stream", "application/json", "application/json; charset=utf-8", "Application/JSON"],
)
async def test_samples_are_answered_with_nothing(tmp_path: Path, content_type: str) -> None:
    """C36."""
    async with running(tmp_path) as node:
        answer = await node.post(client(), headers={"Content-Type": content_type})
        reports = await node.reports()

    assert (answer.status, answer.body) == (200, b"")
    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]


@pytest.mark.parametrize("version", ["2.0.4", "2.1.3", "2.2.0", "2.2.12", "3.0.0", "3.5.0"])
async def test_a_version_of_the_known_families_is_taken(tmp_path: Path, version: str) -> None:
    """C36."""
    async with running(tmp_path) as node:
        answer = await node.post(client(), schemaVersion=version, format="json")

    assert answer.status == 200


@pytest.mark.parametrize("version", ["9.9", "9.9.9", "two", ""])
async def test_another_version_is_refused_and_the_right_ones_named(tmp_path: Path, version: str) -> None:
    """C36."""
    async with running(tmp_path) as node:
        answer = await node.post(client(), schemaVersion=version)

    assert answer.status == 400
    assert all(family in answer.text for family in ("2.0", "2.1", "2.2", "3.x"))


@pytest.mark.parametrize("version", ["2.0.4", "2.1.8", "2.2.0", "2.2.12"])
async def test_protobuf_gives_the_reports_that_json_gives(tmp_path: Path, version: str) -> None:
    """C37."""
    sample = client(
        "A",
        pcTransports=[transport(packetsSent=1)],
        inboundAudioTracks=[track("t", "p1", 1, packetsLost=1)],
        outboundVideoTracks=[track("u", "p1", 2, frameWidth=640)],
    )
    form = format_of(SchemaVersion(*map(int, version.split("."))))
    told = []
    for number, written_as in enumerate(("json", "protobuf")):
        (folder := tmp_path / str(number)).mkdir()
        body = samples(sample) if written_as == "json" else written({"clientSamples": [sample]}, form)
        async with running(folder) as node:
            answer = await node.post(body=body, format=written_as, schemaVersion=version)
            reports = await node.reports()
        assert answer.status == 200
        told.append([(report.type, _without_chance(report.payload)) for report in reports])

    assert told[0] == told[1]
    assert "INBOUND_AUDIO_TRACK" in dict(told[0])


def _without_chance(payload: Mapping[str, object]) -> Mapping[str, object]:
    """A payload without the id that a call is given, and the text that names it."""
    return {name: value for name, value in payload.items() if name not in ("callId", "message", "timestamp")}


async def test_protobuf_without_what_is_required_is_refused(tmp_path: Path) -> None:
    """C37."""
    lacking = client("A", inboundAudioTracks=[track("t", "p1", None)])
    body = written({"clientSamples": [lacking]}, format_of(SchemaVersion(2, 2, 0)))
    async with running(tmp_path) as node:
        answer = await node.post(body=body, format="protobuf", schemaVersion="2.2.0")

    assert answer.status == 400
    assert "ssrc" in answer.text


async def test_a_content_type_of_protobuf_says_the_format(tmp_path: Path) -> None:
    body = written({"clientSamples": [client()]}, format_of(SchemaVersion(2, 2, 0)))
    async with running(tmp_path) as node:
        answer = await node.post(body=body, headers={"Content-Type": "application/x-protobuf"})
        reports = await node.reports()

    assert answer.status == 200
    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]


async def test_a_sample_of_3_gives_events_and_reports_as_one_of_2_does(tmp_path: Path) -> None:
    stream = {"ssrc": 1, "kind": "audio", "trackIdentifier": "t", "packetsLost": 3}
    sample = {
        "clientId": "A",
        "callId": "NULL",
        "timestamp": 1000.5,
        "attachments": {"roomId": "r", "userId": "u"},
        "peerConnections": [{"peerConnectionId": "p", "inboundRtps": [stream]}],
    }
    async with running(tmp_path) as node:
        answer = await node.post(body=json.dumps(sample).encode())
        reports = await node.reports()

    assert answer.status == 200
    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]
    inbound = one(reports, "INBOUND_AUDIO_TRACK")
    assert [inbound[name] for name in ("roomId", "userId", "clientId", "packetsLost")] == ["r", "u", "A", 3]


async def test_the_address_may_say_whose_samples_they_are(tmp_path: Path) -> None:
    sample = {"timestamp": 1000, "score": 1, "callId": "c", "peerConnections": []}
    async with running(tmp_path) as node:
        await node.post(body=json.dumps(sample).encode(), roomId="lobby", userId="me", clientId="alice")
        reports = await node.reports()

    joined = one(reports, "CLIENT_JOINED")
    assert [joined[name] for name in ("roomId", "userId", "clientId")] == ["lobby", "me", "alice"]
    assert attachments(joined)


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (None, 401),
        ("garbage", 401),
        (token(OTHER_SECRET, exp=NOW), 401),
        (token(exp=NOW // 1000 - 60), 401),
        (token(serviceId="other", exp=NOW), 403),
        (token(exp=NOW), 200),
    ],
    ids=["none", "garbage", "of another key", "expired", "of another service", "good"],
)
async def test_where_tokens_are_asked_for_one_must_be_shown(tmp_path: Path, shown: str | None, status: int) -> None:
    headers = {} if shown is None else {"Authorization": f"Bearer {shown}"}
    async with running(tmp_path, sources=TOKENS) as node:
        answer = await node.post(client(), headers=headers)

    assert answer.status == status
    assert ("www-authenticate" in answer.headers) == (status != 200)


async def test_samples_that_a_token_is_not_for_are_dropped_and_counted(tmp_path: Path) -> None:
    shown = {"Authorization": f"Bearer {token(roomId='r', exp=NOW)}"}
    async with running(tmp_path, sources=TOKENS) as node, node.websocket(accessToken=token(exp=NOW)) as session:
        answer = await node.post(client("A"), client("B", room="other"), headers=shown)
        reports = await node.reports(session)
        rejected = await node.by_reason("observertc_sources_rejected_total")

    assert answer.status == 200
    assert {report["roomId"] for report in reports} == {"r"}
    assert rejected["not_authorized"] == 1


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x"])
async def test_another_content_type_is_refused(tmp_path: Path, content_type: str) -> None:
    """C36."""
    async with running(tmp_path) as node:
        answer = await node.post(client(), headers={"Content-Type": content_type})

    assert answer.status == 415


@pytest.mark.parametrize(
    "body", [b"not json", b"[]", b"null", b"1", b"", b"\xff", b'{"clientSamples":', b"[" * 100_000]
)
async def test_a_body_that_is_no_json_object_is_refused(tmp_path: Path, body: bytes) -> None:
    async with running(tmp_path) as node:
        bad = await node.post(body=body)
        good = await node.post(client())
        reports = await node.reports()

    assert (bad.status, good.status) == (400, 200)
    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]


async def test_a_body_may_be_compressed(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        answer = await node.post(body=gzip.compress(samples(client())), headers={"Content-Encoding": "gzip"})
        reports = await node.reports()

    assert answer.status == 200
    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]


async def test_a_page_of_another_origin_may_post(tmp_path: Path) -> None:
    origin = {"Origin": "https://app.example"}
    asks = origin | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    async with running(tmp_path) as node:
        may_i = await node.preflight(asks)
        answer = await node.post(client(), headers=origin)

    assert may_i.status in (200, 204)
    assert "POST" in may_i.headers["access-control-allow-methods"]
    assert "content-type" in may_i.headers["access-control-allow-headers"].lower() or (
        may_i.headers["access-control-allow-headers"] == "*"
    )
    for told in (may_i, answer):
        assert told.headers["access-control-allow-origin"] in ("*", "https://app.example")


async def test_rest_can_be_switched_off(tmp_path: Path) -> None:
    async with running(tmp_path, sources={"rest": {"enabled": False}}) as node, node.websocket() as session:
        answer = await node.post(client())
        await session.send(samples(client()))
        reports = await node.reports(session)

    assert answer.status == 403
    assert answer.body
    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]


async def test_samples_of_a_service_that_is_not_allowed_are_dropped(tmp_path: Path) -> None:
    """C39."""
    async with running(tmp_path, sources={"allowedServiceIds": ["ok"]}) as node:
        bad = await node.post(client("A"), service="bad")
        good = await node.post(client("B"), service="ok")
        reports = await node.reports(service="ok")

    assert (bad.status, good.status) == (200, 200)
    assert {report["serviceId"] for report in reports} == {"ok"}


async def test_sfu_samples_can_be_left_out(tmp_path: Path) -> None:
    """C40."""
    async with running(tmp_path, sources={"acceptSfuSamples": False}) as node:
        answer = await node.post(body=samples(client(pcTransports=[transport()]), sfuSamples=[SFU]))
        reports = await node.reports()

    assert answer.status == 200
    assert types(reports) == ["PEER_CONNECTION_TRANSPORT"]


async def test_client_samples_can_be_left_out(tmp_path: Path) -> None:
    """C40, the other way round."""
    async with running(tmp_path, sources={"acceptClientSamples": False}) as node:
        answer = await node.post(client(pcTransports=[transport()]))
        reports = await node.stop_and_wait()

    assert answer.status == 200
    assert reports == []


async def test_what_is_bad_costs_only_itself(tmp_path: Path) -> None:
    """C41."""
    bad_neighbours = (
        client("A", pcTransports=[transport("pa")]),
        None,
        client("C", room=None, pcTransports=[transport("pc")]),
        client("D", inboundAudioTracks=[track("td", "pd", None)]),
        client("E", None, pcTransports=[transport("pe")]),
        client("F", pcTransports=[None, 1, transport("pf")], codecs={"no": "list"}, inboundVideoTracks="x"),
    )
    async with running(tmp_path) as node:
        answer = await node.post(*bad_neighbours)
        first = await node.reports()
        await node.post(client("A", 2000, pcTransports=[transport("pa")]))
        second = await node.reports()
        rejected = await node.by_reason("observertc_sources_rejected_total")

    assert answer.status == 200
    assert {r["clientId"] for r in of_type(first, "PEER_CONNECTION_TRANSPORT")} == {"A", "F"}
    assert [r["clientId"] for r in of_type(first, "INBOUND_AUDIO_TRACK")] == ["D"]
    assert {r["clientId"] for r in first} == {None, "A", "D", "F"}
    assert types(second) == ["PEER_CONNECTION_TRANSPORT"]
    assert set(rejected) >= {"not_an_object", "room_id_missing", "timestamp_missing", "not_a_list"}


async def test_tracks_without_their_ids_are_reported_all_the_same(tmp_path: Path) -> None:
    """A track without peer connection or id is no entity, but it was measured."""
    tracks = [track(None, "p1", 1, packetsLost=1), track("t2", None, 2, packetsLost=2)]
    async with running(tmp_path) as node:
        await node.post(client(inboundAudioTracks=tracks))
        reports = await node.reports()

    assert [r["packetsLost"] for r in of_type(reports, "INBOUND_AUDIO_TRACK")] == [1, 2]
    assert "MEDIA_TRACK_ADDED" not in names(reports)


async def test_unknown_fields_and_drifted_types_are_taken(tmp_path: Path) -> None:
    """As today's browsers send them."""
    sample = client(
        "A",
        1000.25,
        inboundAudioTracks=[
            track("t", "p1", 1, totalSamplesDuration=0.25, remoteTimestamp=99.5, id="x", freezeCount=1, mid="0")
        ],
        codecs=[{"payloadType": 111}],
        somethingNew={"deep": [1]},
    )
    async with running(tmp_path) as node:
        await node.post(body=json.dumps({"clientSamples": [sample], "more": 1}).encode())
        reports = await node.reports()

    (inbound,) = of_type(reports, "INBOUND_AUDIO_TRACK")
    assert inbound["totalSamplesDuration"] == 0.25
    assert "freezeCount" not in inbound.payload
    assert len(of_type(reports, "CALL_META_DATA")) == 1
