"""SFUs, their transports, pads and channels: what opens, what closes, and what a sample costs."""

import base64
from typing import Any

import orjson
import pytest

from schemas.reports import Report, ReportType
from schemas.samples import Reason
from tests.world import IDLE, World, event, message, names, of_type, pad_in, pad_out, sample, sfu, sfu_names

CHANNEL = {"transportId": "t", "channelId": "ch", "streamId": "st"}
WHOLE: dict[str, Any] = {
    "transports": [{"transportId": "t", "internal": False}],
    "inboundRtpPads": [pad_in(ssrc=1)],
    "outboundRtpPads": [pad_out(ssrc=2)],
    "sctpChannels": [CHANNEL],
}
"""A transport with two pads and a channel."""


def tell(world: World, at: int = 1000, **fields: Any) -> list[Report]:
    return world.tell(message(sfus=[sfu(at=at, **fields)]))


def attached(payload: Any) -> Any:
    return orjson.loads(base64.b64decode(payload["attachments"]))


def test_all_that_an_sfu_shows_opens_in_order() -> None:
    assert sfu_names(tell(World(), **WHOLE)) == [
        "SFU_JOINED",
        "SFU_TRANSPORT_OPENED",
        "SFU_RTP_PAD_ADDED",
        "SFU_RTP_PAD_ADDED",
        "SFU_SCTP_STREAM_ADDED",
    ]


def test_inbound_pads_are_told_before_outbound_pads_of_all_transports() -> None:
    told = tell(
        World(),
        inboundRtpPads=[pad_in("i1"), pad_in("i2", transport="u")],
        outboundRtpPads=[pad_out("o1"), pad_out("o2", transport="u")],
    )

    pads = [it["rtpPadId"] for it in of_type(told, ReportType.SFU_EVENT) if it["name"] == "SFU_RTP_PAD_ADDED"]
    assert pads == ["i1", "i2", "o1", "o2"]


def test_what_opens_is_told_before_the_reports() -> None:
    told = tell(World(), **WHOLE)

    assert [it.type for it in told[:5]] == [ReportType.SFU_EVENT] * 5
    assert ReportType.SFU_EVENT not in [it.type for it in told[5:]]


def test_an_sfu_joins_with_all_that_its_event_tells() -> None:
    told = World().tell(message(sfus=[sfu(at=7, marker="m")], unit="unit"))

    assert event(told, "SFU_JOINED") == {
        "serviceId": "svc",
        "mediaUnitId": "unit",
        "marker": "m",
        "timestamp": 7,
        "sfuId": "sfu",
        "callId": None,
        "transportId": None,
        "mediaStreamId": None,
        "mediaSinkId": None,
        "sctpStreamId": None,
        "rtpPadId": None,
        "name": "SFU_JOINED",
        "message": "Sfu is joined",
        "value": None,
        "attachments": None,
    }


@pytest.mark.parametrize("internal", [True, False])
def test_a_transport_opens_and_says_whether_it_is_internal(internal: bool) -> None:
    opened = event(tell(World(), transports=[{"transportId": "t", "internal": internal}]), "SFU_TRANSPORT_OPENED")

    assert (opened["transportId"], opened["message"]) == ("t", "Sfu Transport is opened")
    assert attached(opened) == {"internal": internal}


def test_an_inbound_pad_is_added_with_its_stream_and_no_sink() -> None:
    added = event(tell(World(), inboundRtpPads=[pad_in(ssrc=1)]), "SFU_RTP_PAD_ADDED")

    assert (added["transportId"], added["rtpPadId"], added["mediaStreamId"], added["mediaSinkId"]) == (
        "t",
        "in",
        "S",
        None,
    )
    assert added["message"] == "Sfu Rtp Pad is added"
    assert attached(added) == {"streamDirection": "INBOUND", "internal": False}


def test_an_outbound_pad_is_added_with_its_stream_and_sink() -> None:
    added = event(tell(World(), outboundRtpPads=[pad_out(internal=True)]), "SFU_RTP_PAD_ADDED")

    assert (added["rtpPadId"], added["mediaStreamId"], added["mediaSinkId"]) == ("out", "S", "K")
    assert attached(added) == {"streamDirection": "OUTBOUND", "internal": True}


def test_a_channel_is_added_with_its_stream() -> None:
    added = event(tell(World(), sctpChannels=[CHANNEL]), "SFU_SCTP_STREAM_ADDED")

    assert (added["transportId"], added["sctpStreamId"], added["message"]) == ("t", "st", "Sfu SCTP stream is added")


def test_two_pads_of_one_id_may_differ_in_direction() -> None:
    told = tell(World(), inboundRtpPads=[pad_in("pad")], outboundRtpPads=[pad_out("pad")])

    assert sfu_names(told).count("SFU_RTP_PAD_ADDED") == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"inboundRtpPads": [pad_in(internal=True)]},
        {"outboundRtpPads": [pad_out(internal=True)]},
        {"sctpChannels": [{**CHANNEL, "internal": True}]},
    ],
)
def test_a_transport_that_a_pad_or_channel_names_first_is_made_by_it(fields: Any) -> None:
    opened = event(tell(World(), **fields), "SFU_TRANSPORT_OPENED")

    assert attached(opened) == {"internal": True}


def test_a_pad_on_an_internal_transport_is_internal() -> None:
    told = tell(World(), transports=[{"transportId": "t", "internal": True}], inboundRtpPads=[pad_in()])

    assert attached(event(told, "SFU_RTP_PAD_ADDED"))["internal"] is True


def test_a_known_sfu_opens_nothing_again_and_costs_no_command() -> None:
    world = World()
    tell(world, **WHOLE)
    before = world.commands

    told = tell(world, at=2000, **WHOLE)

    assert sfu_names(told) == []
    assert world.commands == before


def test_what_is_new_below_a_known_sfu_opens_alone() -> None:
    world = World()
    tell(world, **WHOLE)

    told = tell(world, at=2000, **{**WHOLE, "outboundRtpPads": [pad_out(), pad_out("out2", sink="K2")]})

    assert sfu_names(told) == ["SFU_RTP_PAD_ADDED"]
    assert event(told, "SFU_RTP_PAD_ADDED")["timestamp"] == 2000


def test_what_two_samples_of_one_batch_show_opens_once() -> None:
    told = World().tell(message(sfus=[sfu(at=1000, **WHOLE), sfu(at=2000, **WHOLE)]))

    assert len(sfu_names(told)) == 5
    assert {it["timestamp"] for it in of_type(told, ReportType.SFU_EVENT)} == {1000}


def test_sfus_of_two_services_never_meet() -> None:
    told = World().tell(message(sfus=[sfu()], service="one"), message(sfus=[sfu()], service="two"))

    assert [it["serviceId"] for it in of_type(told, ReportType.SFU_EVENT)] == ["one", "two"]


def test_a_transport_is_that_of_its_sfu_alone() -> None:
    told = World().tell(message(sfus=[sfu("s1", **WHOLE), sfu("s2", **WHOLE)]))

    assert sfu_names(told).count("SFU_TRANSPORT_OPENED") == 2


def test_events_of_calls_come_before_those_of_sfus() -> None:
    told = World().tell(message(sample(), sfus=[sfu()]))

    assert [it.type for it in told] == [ReportType.CALL_EVENT] * 2 + [ReportType.SFU_EVENT]


def test_an_sfu_that_goes_on_sending_neither_leaves_nor_joins_again() -> None:
    world = World()
    told: list[Report] = []
    for at in range(0, 3 * IDLE, 20_000):
        told += tell(world, at=at, **WHOLE)
        told += world.pass_time(20_000)

    assert len(sfu_names(told)) == 5


def test_an_sfu_that_falls_silent_closes_children_first_at_the_time_of_its_last_sample() -> None:
    world = World()
    tell(world, at=1000, **WHOLE)
    tell(world, at=2000, **WHOLE)

    told = world.pass_time(2 * IDLE)

    assert sfu_names(told) == [
        "SFU_RTP_PAD_REMOVED",
        "SFU_RTP_PAD_REMOVED",
        "SFU_SCTP_STREAM_REMOVED",
        "SFU_TRANSPORT_CLOSED",
        "SFU_LEFT",
    ]
    assert {it["timestamp"] for it in of_type(told, ReportType.SFU_EVENT)} == {2000}


def test_what_closes_tells_what_it_told_when_it_opened() -> None:
    world = World()
    opened = {it["name"]: it for it in of_type(tell(world, **WHOLE), ReportType.SFU_EVENT)}
    closed = {it["name"]: it for it in of_type(world.pass_time(2 * IDLE), ReportType.SFU_EVENT)}

    pairs = {
        "SFU_JOINED": ("SFU_LEFT", "Sfu is left"),
        "SFU_TRANSPORT_OPENED": ("SFU_TRANSPORT_CLOSED", "Sfu Transport is closed"),
        "SFU_SCTP_STREAM_ADDED": ("SFU_SCTP_STREAM_REMOVED", "Sfu SCTP stream is removed"),
    }
    for name, (end, text) in pairs.items():
        assert closed[end] == {**opened[name], "name": end, "message": text}
    assert closed["SFU_RTP_PAD_REMOVED"]["message"] == "Sfu Rtp Pad is removed"


@pytest.mark.parametrize("limit", ["sfu", "sfu_transport", "sfu_inbound_pad", "sfu_outbound_pad", "sfu_sctp_channel"])
def test_what_goes_on_is_kept_however_short_its_own_limit_is(limit: str) -> None:
    world = World(idle={limit: 20_000})
    tell(world, **WHOLE)

    told: list[Report] = []
    for at in range(2000, 52_000, 1000):
        told += tell(world, at=at, **WHOLE)
        told += world.pass_time(1000)

    assert sfu_names(told) == []


@pytest.mark.parametrize(
    ("limit", "gone", "closed"),
    [
        ("sfu_inbound_pad", "inboundRtpPads", ["SFU_RTP_PAD_REMOVED"]),
        ("sfu_outbound_pad", "outboundRtpPads", ["SFU_RTP_PAD_REMOVED"]),
        ("sfu_sctp_channel", "sctpChannels", ["SFU_SCTP_STREAM_REMOVED"]),
    ],
)
def test_what_an_sfu_no_longer_shows_closes_alone(limit: str, gone: str, closed: list[str]) -> None:
    world = World(idle={limit: 20_000})
    tell(world, **WHOLE)
    rest: dict[str, Any] = {name: entries for name, entries in WHOLE.items() if name != gone}

    told: list[Report] = []
    for at in range(2000, 62_000, 5000):
        told += tell(world, at=at, **rest)
        told += world.pass_time(5000)

    assert sfu_names(told) == closed


def test_a_transport_that_is_no_longer_shown_closes_with_all_below_it() -> None:
    world = World(idle={"sfu_transport": 20_000})
    tell(world, **WHOLE)

    told: list[Report] = []
    for at in range(2000, 62_000, 5000):
        told += tell(world, at=at)
        told += world.pass_time(5000)

    assert sfu_names(told)[-1] == "SFU_TRANSPORT_CLOSED"
    assert len(sfu_names(told)) == 4


def test_an_sfu_that_comes_back_joins_again() -> None:
    world = World()
    tell(world, **WHOLE)
    world.pass_time(2 * IDLE)

    assert len(sfu_names(tell(world, at=9000, **WHOLE))) == 5


def test_an_sfu_that_says_that_it_leaves_closes_at_once() -> None:
    world = World()
    tell(world, **WHOLE)

    told = world.tell(message(sfus=[sfu(at=2000, **WHOLE)], leaving_sfus=("sfu",)))

    assert sfu_names(told)[-1] == "SFU_LEFT"
    assert event(told, "SFU_LEFT")["timestamp"] == 2000


def test_a_pad_that_wants_no_report_is_registered_and_kept() -> None:
    world = World()
    quiet: dict[str, Any] = {
        "inboundRtpPads": [pad_in(noReport=True)],
        "transports": [{"transportId": "t", "noReport": True}],
    }
    told = tell(world, **quiet, sctpChannels=[{**CHANNEL, "noReport": True}])

    assert {it.type for it in told} == {ReportType.SFU_EVENT}
    assert len(told) == 4


@pytest.mark.parametrize(
    ("name", "entry", "reason", "opened"),
    [
        ("transports", {"internal": True}, Reason.TRANSPORT_ID_MISSING, 0),
        ("inboundRtpPads", pad_in(transport=None), Reason.TRANSPORT_ID_MISSING, 0),
        ("outboundRtpPads", pad_out(transport=None), Reason.TRANSPORT_ID_MISSING, 0),
        ("sctpChannels", {"channelId": "ch", "streamId": "st"}, Reason.TRANSPORT_ID_MISSING, 0),
        ("inboundRtpPads", pad_in(None), Reason.PAD_ID_MISSING, 1),
        ("inboundRtpPads", pad_in(stream=None), Reason.STREAM_ID_MISSING, 1),
        ("outboundRtpPads", pad_out(None), Reason.PAD_ID_MISSING, 1),
        ("outboundRtpPads", pad_out(sink=None), Reason.SINK_ID_MISSING, 1),
        ("sctpChannels", {"transportId": "t", "streamId": "st"}, Reason.CHANNEL_ID_MISSING, 1),
        ("sctpChannels", {"transportId": "t", "channelId": "ch"}, Reason.STREAM_ID_MISSING, 1),
    ],
)
def test_what_lacks_an_id_is_reported_but_not_registered(name: str, entry: Any, reason: Reason, opened: int) -> None:
    world = World()
    fields: dict[str, Any] = {name: [entry]}

    told = tell(world, **fields)

    assert sfu_names(told) == ["SFU_JOINED", "SFU_TRANSPORT_OPENED"][: 1 + opened]
    assert len(told) == 1 + opened + 1
    assert world.rejected == {reason: 1}


def test_a_pad_that_is_known_need_not_name_its_stream_again() -> None:
    world = World(idle={"sfu_inbound_pad": 20_000})
    tell(world, inboundRtpPads=[pad_in()])

    told: list[Report] = []
    for at in range(2000, 62_000, 5000):
        told += tell(world, at=at, inboundRtpPads=[pad_in(stream=None)])
        told += world.pass_time(5000)

    assert sfu_names(told) == []
    assert world.rejected == {}


def test_a_pad_without_an_ssrc_harms_nothing() -> None:
    world = World()

    told = tell(world, inboundRtpPads=[pad_in(ssrc=None), pad_in("in2", ssrc="x")])

    assert sfu_names(told).count("SFU_RTP_PAD_ADDED") == 2


@pytest.mark.parametrize(
    ("change", "ids"),
    [
        ({"ssrc": 2}, ("S", "K", 2, False)),
        ({"sinkId": "K2"}, ("S", "K2", 1, False)),
        ({"streamId": "S2"}, ("S2", "K", 1, False)),
        ({"internal": True}, ("S", "K", 1, True)),
    ],
)
def test_a_pad_that_changes_is_told_to_the_registry_once(change: Any, ids: Any) -> None:
    world = World()
    changed = {**pad_out(ssrc=1), **change}
    tell(world, at=1000, outboundRtpPads=[pad_out(ssrc=1)])
    tell(world, at=2000, outboundRtpPads=[changed])
    commands = world.commands
    tell(world, at=3000, outboundRtpPads=[changed])

    pad = world.registry.sfus["svc", "sfu"].transports["t"].pads["OUTBOUND", "out"]
    assert (pad.stream_id, pad.sink_id, pad.ssrc, pad.internal) == ids
    assert world.commands == commands


def test_a_channel_that_changes_its_stream_is_told_to_the_registry_once() -> None:
    world = World()
    tell(world, at=1000, sctpChannels=[CHANNEL])
    tell(world, at=2000, sctpChannels=[{**CHANNEL, "streamId": "st2"}])
    commands = world.commands
    tell(world, at=3000, sctpChannels=[{**CHANNEL, "streamId": "st2"}])

    assert world.registry.sfus["svc", "sfu"].transports["t"].channels["ch"].stream_id == "st2"
    assert world.commands == commands


def test_ids_that_a_newer_sample_of_a_batch_does_not_tell_stay() -> None:
    world = World()
    told: dict[str, Any] = {"inboundRtpPads": [pad_in(ssrc=1)], "sctpChannels": [CHANNEL]}
    silent: dict[str, Any] = {"inboundRtpPads": [pad_in(stream=None)], "sctpChannels": [{**CHANNEL, "streamId": None}]}
    world.tell(message(sfus=[sfu(at=1000, **told), sfu(at=2000, **silent)]))

    transport = world.registry.sfus["svc", "sfu"].transports["t"]
    pad = transport.pads["INBOUND", "in"]
    assert (pad.stream_id, pad.ssrc, transport.channels["ch"].stream_id) == ("S", 1, "st")


def test_what_a_later_sample_of_a_batch_tells_of_an_sfu_first_is_known() -> None:
    world = World()
    transports: dict[str, Any] = {"transports": [{"transportId": "t"}]}
    world.tell(
        message(sfus=[sfu(at=1000, **transports), sfu(at=2000, marker="m", timeZoneOffsetInHours=1, **transports)])
    )

    row = world.registry.sfus["svc", "sfu"]
    assert (row.marker, row.time_zone_offset) == ("m", 1)
    assert (row.sample_touched, row.transports["t"].sample_touched) == (2000, 2000)


def test_a_late_sample_does_not_undo_what_a_newer_one_told() -> None:
    world = World()
    tell(world, at=2000, inboundRtpPads=[pad_in(ssrc=2)])
    commands = world.commands
    tell(world, at=1000, inboundRtpPads=[pad_in(ssrc=1)])

    assert world.registry.sfus["svc", "sfu"].transports["t"].pads["INBOUND", "in"].ssrc == 2
    assert world.commands == commands


def test_of_two_samples_of_one_batch_the_newer_one_is_believed() -> None:
    world = World()
    newer, older = (
        sfu(at=at, inboundRtpPads=[pad_in(ssrc=at)], sctpChannels=[{**CHANNEL, "streamId": str(at)}])
        for at in (2000, 1000)
    )
    world.tell(message(sfus=[newer, older]))

    transport = world.registry.sfus["svc", "sfu"].transports["t"]
    pad, channel = transport.pads["INBOUND", "in"], transport.channels["ch"]
    assert (pad.ssrc, pad.added) == (2000, 1000)
    assert (channel.stream_id, channel.opened) == ("2000", 1000)


def test_an_sfu_tells_its_time_zone_and_marker_like_a_client() -> None:
    world = World()
    tell(world, timeZoneOffsetInHours=2, marker="m")

    row = world.registry.sfus["svc", "sfu"]
    assert (row.time_zone_offset, row.marker, row.joined) == (2, "m", 1000)


def test_an_sfu_is_kept_by_the_node_that_hears_it() -> None:
    world = World()
    tell(world)
    world.name = "other"
    tell(world, at=2000)

    assert world.registry.sfus["svc", "sfu"].origin == "other"


def test_sfus_open_no_call() -> None:
    world = World()
    told = tell(world, **WHOLE)

    assert names(told) == []
    assert world.registry.calls == {}
