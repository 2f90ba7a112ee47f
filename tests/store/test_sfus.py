"""SFUs in the registry: what opens them, what is learnt of them, what touches them."""

import pytest
from msgspec.structs import asdict

from store.commands import RTP_PAD, SCTP_CHANNEL, SFU_TRANSPORT, Outcome, RtpPadSeen
from store.entities import INBOUND, OUTBOUND
from store.registry import Registry
from tests.build import (
    NOW,
    client_seen,
    observe,
    observe_sfus,
    outbound_pad_seen,
    rtp_pad_seen,
    sctp_channel_seen,
    sfu_seen,
    sfu_told,
    sfu_transport_seen,
    sfu_with,
    told,
    touch_sfu,
)
from tests.store.one_sfu import ALL, BELOW, pad_of, sfus_of

# What opens


def test_a_first_sample_opens_all_that_it_shows_parents_first() -> None:
    outcome = Registry().apply(observe_sfus("n1", 1, sfu_with(*BELOW)))

    assert sfu_told(outcome.sfus_opened) == ALL
    assert (outcome.opened, outcome.closed, outcome.sfus_closed) == ([], [], [])


def test_what_is_known_does_not_open_again() -> None:
    outcome = sfus_of(sfu_with(*BELOW)).apply(observe_sfus("n1", 2, sfu_with(*BELOW)))

    assert outcome == Outcome([], [], [], None, [], [])


def test_one_id_in_two_services_is_two_sfus() -> None:
    registry = sfus_of(sfu_seen(service="a"), sfu_seen(service="b"))

    assert list(registry.sfus) == [("a", "sfu"), ("b", "sfu")]
    assert registry.sfus_of == {"a": 1, "b": 1}


def test_ids_are_looked_up_within_their_parents() -> None:
    twice = [sfu_transport_seen(*BELOW, id=id) for id in ("t1", "t2")]

    outcome = Registry().apply(observe_sfus("n1", 1, sfu_seen(*twice), sfu_seen(*twice, sfu="other")))

    assert sfu_told(outcome.sfus_opened).count(("rtpPad", "pad")) == 4


def test_pads_of_one_id_and_both_directions_are_two() -> None:
    outcome = Registry().apply(observe_sfus("n1", 1, sfu_with(rtp_pad_seen("p"), outbound_pad_seen("p"))))

    assert [entry.direction for entry in outcome.sfus_opened if entry.what == "rtpPad"] == [INBOUND, OUTBOUND]


def test_an_sfu_keeps_what_its_first_sample_said_of_it() -> None:
    registry = sfus_of(sfu_seen(media_unit="unit-1", marker="m1", zone=2.0))

    registry.apply(observe_sfus("n2", 1, sfu_seen(media_unit="unit-2", marker="m2", zone=3.0)))

    sfu = registry.sfus["service", "sfu"]
    assert (sfu.media_unit_id, sfu.marker, sfu.time_zone_offset, sfu.origin) == ("unit-1", "m1", 2.0, "n2")


def test_a_transport_stays_as_internal_as_it_opened() -> None:
    registry = sfus_of(sfu_seen(sfu_transport_seen(internal=True)))

    registry.apply(observe_sfus("n1", 2, sfu_seen(sfu_transport_seen(internal=False))))

    assert registry.sfus["service", "sfu"].transports["transport"].internal


def test_what_opens_tells_whose_it_is() -> None:
    pad = outbound_pad_seen(internal=True, stream="st", sink="si")

    opened = Registry().apply(observe_sfus("n1", 1, sfu_with(pad, sctp_channel_seen(), marker="m"))).sfus_opened

    assert asdict(opened[2]) == {
        "what": "rtpPad",
        "service_id": "service",
        "sfu_id": "sfu",
        "timestamp": NOW,
        "media_unit_id": "unit",
        "marker": "m",
        "transport_id": "transport",
        "internal": True,
        "direction": OUTBOUND,
        "pad_id": "out",
        "stream_id": "st",
        "sink_id": "si",
        "channel_id": None,
        "sctp_stream_id": None,
    }
    assert [opened[3].channel_id, opened[3].sctp_stream_id, opened[3].internal] == ["channel", "data", None]
    assert [(entry.transport_id, entry.internal) for entry in opened[:2]] == [(None, None), ("transport", False)]


def test_sfus_and_clients_of_one_command_are_told_apart() -> None:
    command = observe("n1", 1, client_seen())._replace(sfus=[sfu_seen()])

    outcome = Registry().apply(command)

    assert (told(outcome.opened), sfu_told(outcome.sfus_opened)) == ([("call", "call"), ("client", "alice")], ALL[:1])
    assert outcome.calls == ["call"]


# What is learnt


def test_a_newer_sample_changes_what_is_known_of_a_pad() -> None:
    registry = sfus_of(sfu_with(outbound_pad_seen(stream="s1", sink="k1", ssrc=1)))

    changed = outbound_pad_seen(at=NOW + 1, stream="s2", sink="k2", ssrc=2, internal=True)
    registry.apply(observe_sfus("n1", 2, sfu_with(changed)))

    pad = pad_of(registry, "out", OUTBOUND)
    assert (pad.stream_id, pad.sink_id, pad.ssrc, pad.internal) == ("s2", "k2", 2, True)


def test_an_older_sample_changes_nothing_of_a_pad() -> None:
    registry = sfus_of(sfu_with(outbound_pad_seen(stream="s1", sink="k1", ssrc=1), sctp_channel_seen()))

    changed = outbound_pad_seen(at=NOW - 1, stream="s2", sink="k2", ssrc=2, internal=True)
    registry.apply(observe_sfus("n1", 2, sfu_with(changed, sctp_channel_seen(at=NOW - 1, stream="other"))))

    pad = pad_of(registry, "out", OUTBOUND)
    assert (pad.stream_id, pad.sink_id, pad.ssrc, pad.internal) == ("s1", "k1", 1, False)
    assert pad.transport.channels["channel"].stream_id == "data"


def test_an_ssrc_of_zero_is_one() -> None:
    registry = sfus_of(sfu_with(rtp_pad_seen(ssrc=1)))

    registry.apply(observe_sfus("n1", 2, sfu_with(rtp_pad_seen(ssrc=0))))

    assert pad_of(registry).ssrc == 0


def test_what_a_sample_does_not_tell_of_a_pad_stays() -> None:
    registry = sfus_of(sfu_with(outbound_pad_seen(stream="s1", sink="k1", ssrc=0), sctp_channel_seen()))

    less = outbound_pad_seen(at=NOW + 1, stream=None, sink=None, ssrc=None)
    registry.apply(observe_sfus("n1", 2, sfu_with(less, sctp_channel_seen(at=NOW + 1, stream=None))))

    pad = pad_of(registry, "out", OUTBOUND)
    assert (pad.stream_id, pad.sink_id, pad.ssrc) == ("s1", "k1", 0)
    assert pad.transport.channels["channel"].stream_id == "data"


def test_a_channel_follows_its_newest_stream() -> None:
    registry = sfus_of(sfu_with(sctp_channel_seen()))

    registry.apply(observe_sfus("n1", 2, sfu_with(sctp_channel_seen(stream="other"))))

    assert registry.sfus["service", "sfu"].transports["transport"].channels["channel"].stream_id == "other"


@pytest.mark.parametrize(
    ("pad", "found"),
    [
        (outbound_pad_seen(internal=True), True),
        (outbound_pad_seen(internal=False), False),
        (outbound_pad_seen(internal=True, stream=None), False),
        (outbound_pad_seen(internal=True, ssrc=None), False),
        (rtp_pad_seen(internal=True), False),
    ],
    ids=["internal outbound", "to a client", "without a stream", "without an SSRC", "inbound"],
)
def test_internal_outbound_pads_are_found_by_their_stream_and_ssrc(pad: RtpPadSeen, found: bool) -> None:
    registry = sfus_of(sfu_with(pad))

    assert list(registry.internal_pads) == ([("service", "stream", 1)] if found else [])


def test_a_pad_that_changes_its_stream_is_found_by_the_new_one_alone() -> None:
    registry = sfus_of(sfu_with(outbound_pad_seen(internal=True, stream="s1")))

    registry.apply(observe_sfus("n1", 2, sfu_with(outbound_pad_seen(internal=True, stream="s2"))))

    assert {key: list(pads) for key, pads in registry.internal_pads.items()} == {
        ("service", "s2", 1): [pad_of(registry, "out", OUTBOUND)]
    }


# Touches


def test_each_kind_of_row_can_be_touched() -> None:
    registry = sfus_of(sfu_with(*BELOW))
    at = NOW + 1
    transport = ("transport",)
    touches = [
        touch_sfu(at=at),
        touch_sfu(*transport, what=SFU_TRANSPORT, at=at),
        touch_sfu(*transport, INBOUND, "pad", what=RTP_PAD, at=at),
        touch_sfu(*transport, OUTBOUND, "out", what=RTP_PAD, at=at),
        touch_sfu(*transport, "channel", what=SCTP_CHANNEL, at=at),
    ]

    registry.apply(observe("n1", 2, touches=touches))

    sfu = registry.sfus["service", "sfu"]
    row = sfu.transports["transport"]
    rows = [sfu, row, *row.pads.values(), *row.channels.values()]
    assert [(row.sample_touched, row.server_touched) for row in rows] == [(at, NOW)] * 5


def test_a_touch_of_what_is_not_there_does_nothing() -> None:
    registry = sfus_of(sfu_with(*BELOW))
    touches = [
        touch_sfu("other", what=SFU_TRANSPORT),
        touch_sfu("transport", OUTBOUND, "pad", what=RTP_PAD),
        touch_sfu("transport", "pad", what=SCTP_CHANNEL),
        touch_sfu("other", "channel", what=SCTP_CHANNEL),
    ]

    assert registry.apply(observe("n1", 2, touches=touches)) == Outcome([], [], [], None, [], [])
