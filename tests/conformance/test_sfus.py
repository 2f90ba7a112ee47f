"""SFUs: what they show opens and closes, and their pads are matched with clients and with each other."""

from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from tests.conformance.bodies import Item, attachments, client, of_type, one, samples, track
from tests.nodes import Node, Told, running

CHANNEL = {"transportId": "t", "streamId": "st", "channelId": "ch"}
JOINED = (
    "SFU_JOINED",
    "SFU_TRANSPORT_OPENED",
    "SFU_RTP_PAD_ADDED",
    "SFU_RTP_PAD_ADDED",
    "SFU_SCTP_STREAM_ADDED",
)
LEFT = (
    "SFU_RTP_PAD_REMOVED",
    "SFU_RTP_PAD_REMOVED",
    "SFU_SCTP_STREAM_REMOVED",
    "SFU_TRANSPORT_CLOSED",
    "SFU_LEFT",
)
REPORTS = ["SFU_TRANSPORT", "SFU_INBOUND_RTP_PAD", "SFU_OUTBOUND_RTP_PAD", "SFU_SCTP_STREAM"]
ALL_OF_3_S = dict.fromkeys(
    (
        "sfuMaxIdleTimeInS",
        "sfuTransportMaxIdleTimeInS",
        "sfuInboundRtpPadMaxIdleTimeInS",
        "sfuOutboundRtpPadMaxIdleTimeInS",
        "sfuSctpChannelMaxIdleTimeInS",
    ),
    3,
)
FAR = ("remoteSfuId", "remoteTransportId", "remoteSinkId", "remoteRtpPadId")
A_SENDS = client("A", outboundAudioTracks=[track("ta", "pa", 1, sfuStreamId="S")])
B_RECEIVES = client("B", inboundAudioTracks=[track("tb", "pb", 2, sfuStreamId="S", sfuSinkId="K")])


def sfu(sfu_id: str = "s", at: int = 1000, **fields: object) -> Item:
    """One SfuSample."""
    return {"sfuId": sfu_id, "timestamp": at, **fields}


def pad_in(pad_id: str = "i1", ssrc: int = 1, transport_id: str = "t", **fields: object) -> Item:
    """One entry of inboundRtpPads."""
    return {"transportId": transport_id, "padId": pad_id, "ssrc": ssrc, "streamId": "S", **fields}


def pad_out(pad_id: str = "o1", ssrc: int = 2, transport_id: str = "t", sink: str = "K", **fields: object) -> Item:
    """One entry of outboundRtpPads."""
    return {"transportId": transport_id, "padId": pad_id, "ssrc": ssrc, "streamId": "S", "sinkId": sink, **fields}


def whole(at: int = 1000) -> Item:
    """A transport with two pads and a channel."""
    return sfu(
        at=at,
        transports=[{"transportId": "t", "internal": False}],
        inboundRtpPads=[pad_in()],
        outboundRtpPads=[pad_out()],
        sctpChannels=[CHANNEL],
    )


async def post(node: Node, *sfus: Item, clients: tuple[Item, ...] = (), **fields: object) -> None:
    assert (await node.post(body=samples(*clients, sfuSamples=sfus, **fields))).status == 200


def sfu_events(reports: list[Told]) -> list[Told]:
    return of_type(reports, "SFU_EVENT")


def sfu_names(reports: list[Told]) -> list[str]:
    return [event["name"] for event in sfu_events(reports)]


async def test_an_sfu_shows_a_transport_two_pads_and_a_channel(tmp_path: Path) -> None:
    """C26: what opens, then what was measured."""
    async with running(tmp_path) as node:
        await post(node, whole())
        reports = await node.reports()

    assert sfu_names(reports) == list(JOINED)
    assert [report.type for report in reports if report.type != "SFU_EVENT"] == REPORTS
    assert {
        (report["serviceId"], report["mediaUnitId"], report["sfuId"], report["timestamp"]) for report in reports
    } == {("svc", "mu", "s", 1000)}


async def test_what_an_sfu_opens_is_described(tmp_path: Path) -> None:
    """C26: ids, messages and attachments."""
    async with running(tmp_path) as node:
        await post(node, whole())
        joined, opened, added_in, added_out, added_stream = sfu_events(await node.reports())

    assert (joined["message"], joined["attachments"]) == ("Sfu is joined", None)
    assert (opened["message"], opened["transportId"]) == ("Sfu Transport is opened", "t")
    assert attachments(opened) == {"internal": False}
    ids = ("transportId", "rtpPadId", "mediaStreamId", "mediaSinkId", "message")
    assert [added_in[name] for name in ids] == ["t", "i1", "S", None, "Sfu Rtp Pad is added"]
    assert [added_out[name] for name in ids] == ["t", "o1", "S", "K", "Sfu Rtp Pad is added"]
    assert attachments(added_in) == {"streamDirection": "INBOUND", "internal": False}
    assert attachments(added_out) == {"streamDirection": "OUTBOUND", "internal": False}
    assert (added_stream["transportId"], added_stream["sctpStreamId"]) == ("t", "st")
    assert added_stream["message"] == "Sfu SCTP stream is added"


async def test_pads_are_those_of_the_clients_who_send_and_receive(tmp_path: Path) -> None:
    """C27: within one batch already, and in the next."""
    told: list[Told] = []
    async with running(tmp_path) as node:
        for at in (1000, 2000):
            await post(node, whole(at), clients=(A_SENDS | {"timestamp": at}, B_RECEIVES | {"timestamp": at}))
            told += await node.reports()

    call_id = one(told, "CALL_STARTED")["callId"]
    ids = ("callId", "clientId", "trackId")
    received, sent = ([[it[name] for name in ids] for it in of_type(told, type_)] for type_ in REPORTS[1:3])
    assert received == [[call_id, "A", "ta"]] * 2
    assert sent == [[call_id, "B", "tb"]] * 2


async def two_sfus(node: Node, near_ssrc: int) -> list[Told]:
    """The reports of two SFUs that a stream of a client passes through; its end at the second has this SSRC."""
    far = sfu("s1", outboundRtpPads=[pad_out("po", 9, "t1", sink="KI", internal=True)])
    near = sfu("s2", inboundRtpPads=[pad_in("pi", near_ssrc, "t2", internal=True)])
    await post(node, far, near, clients=(A_SENDS,))
    return await node.reports()


async def test_an_internal_pad_is_matched_with_that_of_the_other_sfu(tmp_path: Path) -> None:
    """C28."""
    async with running(tmp_path) as node:
        reports = await two_sfus(node, 9)

    pad = one(reports, "SFU_INBOUND_RTP_PAD")
    assert (pad["sfuId"], pad["internal"], pad["clientId"], pad["trackId"]) == ("s2", True, "A", "ta")
    assert [pad[name] for name in FAR] == ["s1", "t1", "KI", "po"]


@pytest.mark.parametrize(("ssrc", "told"), [(9, 1), (8, 0)])
async def test_unmatched_reports_of_internal_pads_can_be_dropped(tmp_path: Path, ssrc: int, told: int) -> None:
    """C28."""
    analyser = {"sfuSamplesAnalyser": {"dropUnmatchedInternalInboundReports": True}}
    async with running(tmp_path, evaluators=analyser) as node:
        reports = await two_sfus(node, ssrc)

    assert len(of_type(reports, "SFU_INBOUND_RTP_PAD")) == told
    assert len(of_type(reports, "SFU_OUTBOUND_RTP_PAD")) == 1


@pytest.mark.parametrize(
    ("setting", "left"),
    [
        ("dropUnmatchedInboundReports", ["SFU_OUTBOUND_RTP_PAD"]),
        ("dropUnmatchedOutboundReports", ["SFU_INBOUND_RTP_PAD"]),
    ],
)
async def test_reports_of_pads_without_a_client_can_be_dropped(tmp_path: Path, setting: str, left: list[str]) -> None:
    async with running(tmp_path, evaluators={"sfuSamplesAnalyser": {setting: True}}) as node:
        await post(node, sfu(inboundRtpPads=[pad_in()], outboundRtpPads=[pad_out()]))
        reports = await node.reports()

    assert [report.type for report in reports if report.type != "SFU_EVENT"] == left


async def test_a_pad_that_wants_no_report_is_added_all_the_same(tmp_path: Path) -> None:
    """C29."""
    async with running(tmp_path) as node:
        await post(node, sfu(inboundRtpPads=[pad_in(noReport=True)]))
        reports = await node.reports()

    assert [report.name for report in reports] == ["SFU_JOINED", "SFU_TRANSPORT_OPENED", "SFU_RTP_PAD_ADDED"]


async def test_an_sfu_that_goes_on_sending_neither_leaves_nor_joins_again(tmp_path: Path, clock: MockClock) -> None:
    """C30."""
    told: list[Told] = []
    async with running(tmp_path, repository=ALL_OF_3_S) as node:
        for second in range(10):
            await post(node, whole(1000 * second))
            await node.pass_time(1)
        told += await node.reports()

    assert sfu_names(told) == list(JOINED)


async def test_an_sfu_that_falls_silent_leaves_with_all_that_is_in_it(tmp_path: Path, clock: MockClock) -> None:
    """C31: children before parents, each at its own last sample."""
    async with running(tmp_path, repository=ALL_OF_3_S) as node:
        await post(node, whole(1000))
        await node.reports()
        await post(node, whole(2500))
        await node.reports()
        await node.pass_time(20)
        reports = await node.reports_until(*LEFT)

    assert sfu_names(reports) == list(LEFT)
    assert {event["timestamp"] for event in reports} == {2500}
    assert {event["rtpPadId"] for event in reports[:2]} == {"i1", "o1"}


async def test_an_sfu_that_says_goodbye_leaves_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await post(node, whole(1000))
        await node.reports()
        await post(node, whole(2000), controls={"close": True})
        reports = await node.reports()

    assert sfu_names(reports) == list(LEFT)
    assert one(reports, "SFU_LEFT")["timestamp"] == 2000


async def test_what_an_sfu_makes_up_itself_is_told(tmp_path: Path) -> None:
    event: dict[str, Any] = {"name": "X", "transportId": "t", "sfuStreamId": "S", "sfuSinkId": "K", "timestamp": 5}
    extension = {"type": "load", "payload": "not JSON"}
    async with running(tmp_path) as node:
        await post(node, sfu(customSfuEvents=[event, {"name": "SFU_LEFT"}], extensionStats=[extension]))
        reports = await node.reports()

    told = one(reports, "X")
    ids = ("sfuId", "transportId", "mediaStreamId", "mediaSinkId", "timestamp")
    assert [told[name] for name in ids] == ["s", "t", "S", "K", 5]
    assert one(reports, "SFU_EXTENSION_DATA")["payload"] == "not JSON"
    assert sfu_names(reports) == ["SFU_JOINED", "X", "CUSTOM_SFU_LEFT"]


async def test_a_poor_sample_of_an_sfu_costs_only_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await post(node, {"sfuId": "poor"}, None, sfu("poor", inboundRtpPads=[None, {"ssrc": None}]), whole())  # type: ignore[arg-type]
        reports = await node.reports()
        rejected = await node.by_reason("observertc_sources_rejected_total")

    assert [event["sfuId"] for event in sfu_events(reports)] == ["poor", *"s" * 5]
    assert rejected == {"timestamp_missing": 1, "not_an_object": 2, "transport_id_missing": 1}
