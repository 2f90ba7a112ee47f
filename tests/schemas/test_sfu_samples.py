"""Samples of SFUs are read leniently: what cannot be read costs only itself, and is told."""

from typing import Any

import pytest

from schemas.samples import Budget, Reason, Tally
from schemas.sfu_samples import RtpPad, SctpChannel, SfuSample, SfuTransport, sfu_sample


def read(item: object, budget: Budget | None = None) -> tuple[SfuSample | None, Tally]:
    rejected = Tally()
    return sfu_sample(item, budget or Budget(), rejected), rejected


def taken(**fields: Any) -> SfuSample:
    sample, rejected = read({"sfuId": "sfu", "timestamp": 1000, **fields})
    assert sample is not None
    assert rejected == {}
    return sample


def test_a_sample_is_of_its_sfu_and_time() -> None:
    sample = taken(marker="m", timeZoneOffsetInHours=2)

    assert (sample.sfu_id, sample.timestamp, sample.marker, sample.time_zone_offset) == ("sfu", 1000, "m", 2)


def test_a_sample_may_hold_nothing() -> None:
    sample = taken()

    assert (sample.transports, sample.pads, sample.channels) == ([], [], [])


def test_transports_are_read() -> None:
    entry = {"transportId": "t", "internal": True, "noReport": False}

    assert taken(transports=[entry]).transports == [SfuTransport("t", True, False, entry)]


def test_inbound_pads_stand_before_outbound_pads_whatever_their_order() -> None:
    inbound = {"transportId": "t", "padId": "i", "streamId": "S", "ssrc": 1}
    outbound = {"transportId": "t", "padId": "o", "streamId": "S", "sinkId": "K", "ssrc": 2.0, "noReport": True}

    pads = taken(outboundRtpPads=[outbound], inboundRtpPads=[inbound]).pads

    assert pads == [
        RtpPad("INBOUND", "t", "i", "S", None, 1, False, False, inbound),
        RtpPad("OUTBOUND", "t", "o", "S", "K", 2, False, True, outbound),
    ]


def test_an_inbound_pad_has_no_sink_whatever_its_sender_says() -> None:
    (pad,) = taken(inboundRtpPads=[{"padId": "i", "sinkId": "K"}]).pads

    assert pad.sink_id is None


def test_channels_are_read() -> None:
    entry = {"transportId": "t", "channelId": "ch", "streamId": "st"}

    assert taken(sctpChannels=[entry]).channels == [SctpChannel("t", "ch", "st", False, False, entry)]


@pytest.mark.parametrize(("flag", "set"), [(True, True), ("true", True), (1, True), (False, False), ("no", False)])
def test_a_flag_may_be_written_otherwise(flag: object, set: bool) -> None:
    (transport,) = taken(transports=[{"transportId": "t", "noReport": flag}]).transports

    assert transport.no_report is set


@pytest.mark.parametrize("flag", [None, [], {}, 1.5])
def test_what_is_no_flag_sets_nothing(flag: object) -> None:
    (transport,) = taken(transports=[{"transportId": "t", "internal": flag}]).transports

    assert transport.internal is False


@pytest.mark.parametrize("absent", ["", "NULL", None, {}, []])
def test_what_stands_for_no_id_is_none(absent: object) -> None:
    (pad,) = taken(outboundRtpPads=[{"transportId": absent, "sinkId": absent, "padId": 7}]).pads

    assert (pad.transport_id, pad.sink_id, pad.pad_id) == (None, None, "7")


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (None, Reason.NOT_AN_OBJECT),
        ([], Reason.NOT_AN_OBJECT),
        ({"timestamp": 1}, Reason.SFU_ID_MISSING),
        ({"sfuId": "NULL", "timestamp": 1}, Reason.SFU_ID_MISSING),
        ({"sfuId": "s"}, Reason.TIMESTAMP_MISSING),
        ({"sfuId": "s", "timestamp": "now"}, Reason.TIMESTAMP_INVALID),
        ({"sfuId": "s", "timestamp": -1}, Reason.TIMESTAMP_INVALID),
        ({"sfuId": "s", "timestamp": 2**53}, Reason.TIMESTAMP_INVALID),
        ({"sfuId": "s" * 256, "timestamp": 1}, Reason.ID_TOO_LONG),
        ({"sfuId": "s", "timestamp": 1, "marker": "m" * 256}, Reason.ID_TOO_LONG),
        ({"sfuId": "s\n", "timestamp": 1}, Reason.ID_INVALID),
        ({"sfuId": "s", "timestamp": 1, "marker": "\x1b"}, Reason.ID_INVALID),
    ],
)
def test_what_lacks_an_id_or_a_time_is_no_sample(item: object, reason: Reason) -> None:
    assert read(item) == (None, {reason: 1})


@pytest.mark.parametrize(
    "name", ["transports", "inboundRtpPads", "outboundRtpPads", "sctpChannels", "extensionStats", "customSfuEvents"]
)
def test_an_entry_that_cannot_be_read_costs_only_itself(name: str) -> None:
    sample, rejected = read({"sfuId": "s", "timestamp": 1, name: [None, {}, 5, {"transportId": "t"}]})

    assert sample is not None
    assert sample.stats[name] == [{"transportId": "t"}]
    assert rejected == {Reason.NOT_AN_OBJECT: 2, Reason.EMPTY_ITEM: 1}


def test_what_is_no_list_is_none() -> None:
    sample, rejected = read({"sfuId": "s", "timestamp": 1, "transports": {"transportId": "t"}})

    assert sample is not None
    assert sample.transports == []
    assert rejected == {Reason.NOT_A_LIST: 1}


def test_an_entry_with_an_endless_id_is_left_out() -> None:
    pads = [{"padId": "p" * 256}, {"padId": "p"}]

    sample, rejected = read({"sfuId": "s", "timestamp": 1, "inboundRtpPads": pads})

    assert sample is not None
    assert [pad.pad_id for pad in sample.pads] == ["p"]
    assert rejected == {Reason.ID_TOO_LONG: 1}


def test_all_lists_of_all_samples_share_one_budget() -> None:
    budget = Budget(items=3)
    two = {"transports": [{"transportId": "a"}, {"transportId": "b"}]}

    read({"sfuId": "s", "timestamp": 1, **two}, budget)
    sample, rejected = read({"sfuId": "s", "timestamp": 1, **two}, budget)

    assert sample is not None
    assert len(sample.transports) == 1
    assert rejected == {Reason.TOO_MANY_ITEMS: 1}
