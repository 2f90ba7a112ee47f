"""Indexes: by which keys what began is found."""

from base64 import b64encode
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reports import ReportType, report_with, to_json
from sinks.encoding import EncodingType
from sinks.lines import Line, batch_of
from sinks.s3_indexes import Index, indexes_of
from sinks.s3_keys import part_of
from sinks.s3_objects import grouped

CLIENT: dict[str, Any] = {
    "serviceId": "s",
    "callId": "c",
    "roomId": "r",
    "clientId": "l",
    "peerConnectionId": "p",
    "mediaTrackId": "t",
}
SFU: dict[str, Any] = {
    "serviceId": "s",
    "sfuId": "f",
    "transportId": "n",
    "rtpPadId": "d",
    "mediaSinkId": "k",
    "mediaStreamId": "m",
}


def made(*lines: Line, encoding: EncodingType = EncodingType.JSON) -> list[Index]:
    return list(indexes_of(grouped(batch_of(lines), lambda _: "place", encoding)))


def event(name: str, type_: ReportType = ReportType.CALL_EVENT, **values: Any) -> Line:
    return to_json(report_with(type_, {**values, "name": name}))


def keys(type_: ReportType, name: str, **values: Any) -> list[str]:
    return [index.key for index in made(event(name, type_, **values))]


def attached(**values: Any) -> str:
    return b64encode(orjson.dumps(values)).decode()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("CALL_STARTED", ["calls/s/c", "service-rooms/s/r/c"]),
        ("CLIENT_JOINED", ["clients/s/l"]),
        ("PEER_CONNECTION_OPENED", ["peer-connections/s/p"]),
        ("MEDIA_TRACK_ADDED", ["media-tracks/s/t"]),
        ("CLIENT_LEFT", []),
        ("CALL_ENDED", []),
        ("CUSTOM_CALL_STARTED", []),
    ],
)
def test_what_begins_in_a_call_is_found_by_its_ids(name: str, told: list[str]) -> None:
    assert keys(ReportType.CALL_EVENT, name=name, **CLIENT) == [f"__indexes/{one}" for one in told]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("SFU_TRANSPORT_OPENED", ["sfu-transports/s/n"]),
        ("SFU_RTP_PAD_ADDED", ["sfu-rtp-pads/s/d", "sfu-media-sinks/s/k", "sfu-media-streams/s/m"]),
        ("SFU_JOINED", []),
    ],
)
def test_what_begins_at_an_sfu_is_found_by_its_ids(name: str, told: list[str]) -> None:
    assert keys(ReportType.SFU_EVENT, name=name, **SFU) == [f"__indexes/{one}" for one in told]


def test_a_track_is_found_by_what_its_attachments_say_as_well() -> None:
    attachments = attached(sfuStreamId="stream", sfuSinkId="sink", mediaKind="AUDIO")

    assert keys(ReportType.CALL_EVENT, name="MEDIA_TRACK_ADDED", attachments=attachments, **CLIENT) == [
        "__indexes/media-tracks/s/t",
        "__indexes/sfu-streams/s/stream",
        "__indexes/sfu-sinks/s/sink",
    ]


@pytest.mark.parametrize("attachments", ["", "no base64!", b64encode(b"[1]").decode(), attached(sfuStreamId=7)])
def test_attachments_of_another_form_make_no_index(attachments: str) -> None:
    told = keys(ReportType.CALL_EVENT, name="MEDIA_TRACK_ADDED", attachments=attachments, **CLIENT)

    assert told == ["__indexes/media-tracks/s/t"]


def test_an_id_that_is_absent_makes_no_index() -> None:
    assert keys(ReportType.CALL_EVENT, name="CALL_STARTED", serviceId="s", callId="c") == ["__indexes/calls/s/c"]


def test_the_object_is_the_event_in_readable_json() -> None:
    (index,) = made(event("CLIENT_JOINED", **CLIENT))

    assert orjson.loads(index.object.body)["clientId"] == "l"
    assert index.object.body.startswith(b'{\n  "serviceId": "s",\n')
    assert index.object.headers["ContentType"] == "application/json"


def test_other_reports_make_no_index() -> None:
    assert made(to_json(report_with(ReportType.CALL_META_DATA, {"serviceId": "s", "callId": "c"}))) == []


@pytest.mark.parametrize("encoding", EncodingType)
def test_an_index_knows_the_group_that_it_was_made_of(encoding: EncodingType) -> None:
    some = made(
        event("SFU_TRANSPORT_OPENED", ReportType.SFU_EVENT, **SFU),
        event("CLIENT_JOINED", **CLIENT),
        encoding=encoding,
    )

    assert [index.group for index in some] == ([0, 1] if encoding is EncodingType.CSV else [0, 0])


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(st.sampled_from("/.!a"), min_size=1))
def test_no_client_writes_over_what_another_service_says(service: str, call: str) -> None:
    told = keys(ReportType.CALL_EVENT, name="CALL_STARTED", serviceId=service, callId=call)

    assert told == [f"__indexes/calls/{part_of(service, '')}/{part_of(call, '')}"]
    assert told[0].count("/") == 3
