"""Each item of an SFU's sample gives one report, with all that its sender told."""

from typing import Any

import orjson
import pytest

from schemas.reports import NAMES, Report, ReportType
from schemas.samples import Reason
from tests.world import World, event, message, of_type, pad_in, pad_out, sfu, sfu_names

CHANNEL = {"transportId": "t", "channelId": "ch", "streamId": "st"}


def tell(world: World | None = None, /, **fields: Any) -> list[Report]:
    return (world or World()).tell(message(sfus=[sfu(**fields)], unit="unit"))


def only(told: list[Report], type_: ReportType) -> Any:
    (payload,) = of_type(told, type_)
    return payload


def said(payload: Any) -> dict[str, Any]:
    """What of a payload is told at all."""
    return {name: value for name, value in payload.items() if value is not None}


COMMON = {"serviceId": "svc", "mediaUnitId": "unit", "sfuId": "sfu", "marker": "m", "timestamp": 1000}


def test_a_transport_is_reported_as_its_sender_tells_it() -> None:
    entry = {"transportId": "t", "internal": True, "dtlsState": "connected", "localPort": 7, "rtpBytesSent": 5 * 10**9}

    payload = only(tell(marker="m", transports=[entry]), ReportType.SFU_TRANSPORT)

    assert said(payload) == {**COMMON, **entry}
    assert tuple(payload) == NAMES[ReportType.SFU_TRANSPORT]


def test_an_inbound_pad_is_reported_as_its_sender_tells_it() -> None:
    entry: dict[str, Any] = {"mediaType": "audio", "packetsReceived": 3, "jitter": 0.5, "internal": False}

    payload = only(tell(marker="m", inboundRtpPads=[pad_in(ssrc=1, **entry)]), ReportType.SFU_INBOUND_RTP_PAD)

    assert said(payload) == {
        **COMMON,
        **entry,
        "transportId": "t",
        "sfuStreamId": "S",
        "rtpPadId": "in",
        "ssrc": 1,
    }
    assert tuple(payload) == NAMES[ReportType.SFU_INBOUND_RTP_PAD]


def test_an_outbound_pad_is_reported_as_its_sender_tells_it() -> None:
    entry: dict[str, Any] = {"mediaType": "video", "packetsSent": 3, "roundTripTime": 0.25, "internal": False}

    payload = only(tell(marker="m", outboundRtpPads=[pad_out(ssrc=2, **entry)]), ReportType.SFU_OUTBOUND_RTP_PAD)

    assert said(payload) == {
        **COMMON,
        **entry,
        "transportId": "t",
        "sfuStreamId": "S",
        "sfuSinkId": "K",
        "rtpPadId": "out",
        "ssrc": 2,
    }
    assert tuple(payload) == NAMES[ReportType.SFU_OUTBOUND_RTP_PAD]


def test_what_a_pad_says_of_its_client_is_not_reported_unless_it_is_found() -> None:
    named = {"callId": "c", "clientId": "alice", "trackId": "ta"}

    payload = only(tell(outboundRtpPads=[pad_out(**named)]), ReportType.SFU_OUTBOUND_RTP_PAD)

    assert {payload[name] for name in named} == {None}


def test_a_channel_is_reported_as_its_sender_tells_it() -> None:
    entry = {**CHANNEL, "internal": True, "label": "l", "protocol": "p", "sctpMtu": 1200, "messageSent": 4}

    payload = only(tell(marker="m", sctpChannels=[entry]), ReportType.SFU_SCTP_STREAM)

    assert said(payload) == {**COMMON, **{name: value for name, value in entry.items() if name != "channelId"}}
    assert tuple(payload) == NAMES[ReportType.SFU_SCTP_STREAM]


@pytest.mark.parametrize(
    ("name", "entry", "type_"),
    [
        ("transports", {"transportId": "t"}, ReportType.SFU_TRANSPORT),
        ("inboundRtpPads", pad_in(), ReportType.SFU_INBOUND_RTP_PAD),
        ("outboundRtpPads", pad_out(), ReportType.SFU_OUTBOUND_RTP_PAD),
        ("sctpChannels", CHANNEL, ReportType.SFU_SCTP_STREAM),
    ],
)
@pytest.mark.parametrize(("flag", "told"), [(None, None), (False, False), (1, True)])
def test_whether_it_is_internal_is_what_its_sender_says(
    name: str, entry: Any, type_: ReportType, flag: object, told: bool | None
) -> None:
    assert only(tell(**{name: [{**entry, "internal": flag}]}), type_)["internal"] is told


def test_what_wants_no_report_has_none() -> None:
    quiet: dict[str, Any] = {"noReport": True}

    told = tell(
        transports=[{"transportId": "t", **quiet}],
        inboundRtpPads=[pad_in(**quiet)],
        outboundRtpPads=[pad_out(**quiet)],
        sctpChannels=[{**CHANNEL, **quiet}],
    )

    assert {report.type for report in told} == {ReportType.SFU_EVENT}


def test_reports_come_in_the_order_of_their_types() -> None:
    told = tell(
        customSfuEvents=[{"name": "n"}],
        extensionStats=[{"type": "t", "payload": "p"}],
        sctpChannels=[CHANNEL],
        outboundRtpPads=[pad_out()],
        inboundRtpPads=[pad_in()],
        transports=[{"transportId": "t"}],
    )

    assert [report.type for report in told[5:]] == [
        ReportType.SFU_TRANSPORT,
        ReportType.SFU_INBOUND_RTP_PAD,
        ReportType.SFU_OUTBOUND_RTP_PAD,
        ReportType.SFU_SCTP_STREAM,
        ReportType.SFU_EXTENSION_DATA,
        ReportType.SFU_EVENT,
    ]


def test_reports_of_clients_come_before_those_of_sfus() -> None:
    sample = {"clientId": "alice", "roomId": "lobby", "timestamp": 1, "pcTransports": [{"peerConnectionId": "pc"}]}

    told = World().tell(message(sample, sfus=[sfu(transports=[{"transportId": "t"}])]))

    assert [it.type for it in told[-2:]] == [ReportType.PEER_CONNECTION_TRANSPORT, ReportType.SFU_TRANSPORT]


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("no JSON", "no JSON"),
        ("", ""),
        ({"a": [1]}, '{"a":[1]}'),
        (7, "7"),
        (False, "false"),
    ],
)
def test_an_extension_is_told_whatever_its_payload_is(payload: object, told: str) -> None:
    extension = only(
        tell(marker="m", extensionStats=[{"type": "t", "payload": payload}]), ReportType.SFU_EXTENSION_DATA
    )

    assert said(extension) == {**COMMON, "extensionType": "t", "payload": told}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"payload": "p"}, Reason.NAME_MISSING),
        ({"type": "t"}, Reason.PAYLOAD_INVALID),
        ({"type": "t", "payload": None}, Reason.PAYLOAD_INVALID),
    ],
)
def test_an_extension_that_says_nothing_is_counted(item: Any, reason: Reason) -> None:
    world = World()

    told = tell(world, extensionStats=[item, {"type": "t", "payload": "p"}])

    assert len(of_type(told, ReportType.SFU_EXTENSION_DATA)) == 1
    assert world.rejected == {reason: 1}


def test_a_payload_deeper_than_json_goes_is_counted() -> None:
    world = World()
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}

    told = tell(world, extensionStats=[{"type": "t", "payload": deep}])

    assert of_type(told, ReportType.SFU_EXTENSION_DATA) == []
    assert world.rejected == {Reason.PAYLOAD_INVALID: 1}


def test_a_custom_event_is_told_with_its_ids() -> None:
    told = tell(
        marker="m",
        customSfuEvents=[
            {
                "name": "PRODUCER_PAUSED",
                "transportId": "t",
                "sfuStreamId": "S",
                "sfuSinkId": "K",
                "message": "text",
                "value": 5,
                "attachments": {"a": 1},
                "timestamp": 77.5,
            }
        ],
    )

    payload = event(told, "PRODUCER_PAUSED")
    assert said(payload) == {
        **COMMON,
        "timestamp": 77,
        "transportId": "t",
        "mediaStreamId": "S",
        "mediaSinkId": "K",
        "name": "PRODUCER_PAUSED",
        "message": "text",
        "value": "5",
        "attachments": orjson.dumps({"a": 1}).decode(),
    }
    assert tuple(payload) == NAMES[ReportType.SFU_EVENT]


def test_a_custom_event_without_a_time_is_of_the_time_of_its_sample() -> None:
    assert event(tell(customSfuEvents=[{"name": "n"}]), "n")["timestamp"] == 1000


@pytest.mark.parametrize("name", [None, "", {}])
def test_a_custom_event_without_a_name_is_counted(name: object) -> None:
    world = World()

    told = tell(world, customSfuEvents=[{"name": name, "message": "text"}])

    assert sfu_names(told) == ["SFU_JOINED"]
    assert world.rejected == {Reason.NAME_MISSING: 1}


@pytest.mark.parametrize("name", ["SFU_LEFT", "CALL_ENDED", "SFU_RTP_PAD_ADDED"])
def test_a_custom_event_never_bears_one_of_our_names(name: str) -> None:
    assert sfu_names(tell(customSfuEvents=[{"name": name}])) == ["SFU_JOINED", f"CUSTOM_{name}"]


def test_a_field_that_cannot_be_read_costs_only_itself() -> None:
    world = World()

    payload = only(tell(world, inboundRtpPads=[pad_in(jitter={}, packetsLost="5")]), ReportType.SFU_INBOUND_RTP_PAD)

    assert (payload["jitter"], payload["packetsLost"]) == (None, 5)
    assert world.rejected == {Reason.FIELD_INVALID: 1}


def test_nothing_makes_meta_data() -> None:
    told = tell(transports=[{"transportId": "t"}], meta={"a": 1}, codecs=[{"a": 1}])

    assert of_type(told, ReportType.SFU_META_DATA) == []
