"""Every pad finds the client whose media it carries, or the pad of another SFU, and never a wrong one."""

from typing import Any

import pytest

from analysis.sfu_reports import SfuSamplesAnalyser
from schemas.messages import Samples
from schemas.reports import Report, ReportType
from schemas.samples import Reason
from tests.world import IDLE, World, inbound, message, of_type, outbound, pad_in, pad_out, sample, sfu

IN, OUT = ReportType.SFU_INBOUND_RTP_PAD, ReportType.SFU_OUTBOUND_RTP_PAD
NOBODY = (None, None, None)


def whose(told: list[Report], type_: ReportType) -> tuple[str | None, ...]:
    """Call, client and track of the one pad of a type."""
    (payload,) = of_type(told, type_)
    return payload["callId"], payload["clientId"], payload["trackId"]


def far(told: list[Report]) -> dict[str, tuple[str | None, ...]]:
    """The far pad of each inbound pad, by the SFU that tells of it."""
    keys = ("remoteSfuId", "remoteTransportId", "remoteSinkId", "remoteRtpPadId")
    return {payload["sfuId"]: tuple(payload[key] for key in keys) for payload in of_type(told, IN)}


def alice(at: int = 1000, room: str = "lobby", client: str = "alice", stream: str = "S", ssrc: int = 1) -> Any:
    return sample(client, at, room, **outbound("ta", ssrc, sfuStreamId=stream))


def bob(at: int = 1000, room: str = "lobby", client: str = "bob", sink: str = "K", ssrc: int = 2) -> Any:
    return sample(client, at, room, **inbound("tb", ssrc, sfuStreamId="S", sfuSinkId=sink))


def receives(*pads: Any, sfu_id: str = "sfu", at: int = 1000) -> Any:
    return sfu(sfu_id, at, inboundRtpPads=[*pads] or [pad_in(ssrc=1)])


def sends(*pads: Any, sfu_id: str = "sfu", at: int = 1000) -> Any:
    return sfu(sfu_id, at, outboundRtpPads=[*pads] or [pad_out(ssrc=2)])


def test_an_inbound_pad_is_that_of_the_client_who_sends_its_stream() -> None:
    told = World().tell(message(alice()), message(sfus=[receives()]))

    assert whose(told, IN) == ("call-1", "alice", "ta")


def test_an_outbound_pad_is_that_of_the_client_who_plays_its_sink() -> None:
    told = World().tell(message(bob()), message(sfus=[sends()]))

    assert whose(told, OUT) == ("call-1", "bob", "tb")


def test_both_sides_of_one_batch_see_each_other_in_either_order() -> None:
    told = World().tell(message(sfus=[receives(), sends()]), message(alice(), bob()))

    assert whose(told, IN) == ("call-1", "alice", "ta")
    assert whose(told, OUT) == ("call-1", "bob", "tb")


def test_a_client_that_comes_later_is_found_from_then_on() -> None:
    world = World()
    before = world.tell(message(sfus=[receives()]))
    world.tell(message(alice()))

    assert whose(before, IN) == NOBODY
    assert whose(world.tell(message(sfus=[receives(at=2000)])), IN) == ("call-1", "alice", "ta")


def test_a_client_that_left_is_no_longer_found() -> None:
    world = World()
    world.tell(message(alice(), leaving=("alice",)))

    assert whose(world.tell(message(sfus=[receives()])), IN) == NOBODY


def test_a_client_that_fell_silent_is_no_longer_found() -> None:
    world = World()
    world.tell(message(alice()))
    world.pass_time(2 * IDLE)

    assert whose(world.tell(message(sfus=[receives()])), IN) == NOBODY


def test_services_never_match_each_other() -> None:
    told = World().tell(message(alice(), bob(), service="other"), message(sfus=[receives(), sends()]))

    assert (whose(told, IN), whose(told, OUT)) == (NOBODY, NOBODY)


@pytest.mark.parametrize("pad", [pad_in(ssrc=7), pad_in(ssrc=None), pad_in("other", transport=None)])
def test_within_one_call_the_stream_alone_decides(pad: Any) -> None:
    told = World().tell(message(alice(ssrc=1)), message(sfus=[receives(pad)]))

    assert whose(told, IN) == ("call-1", "alice", "ta")


@pytest.mark.parametrize("pad", [pad_in(stream=None, ssrc=1), pad_in(stream="other", ssrc=1)])
def test_an_ssrc_alone_decides_nothing(pad: Any) -> None:
    told = World().tell(message(alice(ssrc=1)), message(sfus=[receives(pad)]))

    assert whose(told, IN) == NOBODY


def test_of_two_clients_of_one_call_the_one_that_took_the_stream_last_is_found() -> None:
    world = World()
    world.tell(message(alice()))
    world.tell(message(alice(client="carol")))

    assert whose(world.tell(message(sfus=[receives()])), IN) == ("call-1", "carol", "ta")


def in_two_rooms() -> World:
    """An SFU numbers its streams and sinks anew in each room."""
    world = World(ids=iter(["call-1", "spare", "call-2", "spare"]))
    world.tell(message(alice(room="one", ssrc=1), bob(room="one", ssrc=2)))
    world.tell(message(alice(room="two", client="carol", ssrc=3), bob(room="two", client="dave", ssrc=4)))
    return world


@pytest.mark.parametrize(
    ("ssrc", "found"), [(1, ("call-1", "alice", "ta")), (3, ("call-2", "carol", "ta")), (9, NOBODY), (None, NOBODY)]
)
def test_of_several_calls_the_ssrc_of_an_inbound_pad_decides(ssrc: int | None, found: tuple[str | None, ...]) -> None:
    told = in_two_rooms().tell(message(sfus=[receives(pad_in(ssrc=ssrc))]))

    assert whose(told, IN) == found


@pytest.mark.parametrize(("ssrc", "found"), [(2, ("call-1", "bob", "tb")), (4, ("call-2", "dave", "tb")), (9, NOBODY)])
def test_of_several_calls_the_ssrc_of_an_outbound_pad_decides(ssrc: int, found: tuple[str | None, ...]) -> None:
    told = in_two_rooms().tell(message(sfus=[sends(pad_out(ssrc=ssrc))]))

    assert whose(told, OUT) == found


@pytest.mark.parametrize(
    "named", [{"clientId": "dave"}, {"callId": "call-2"}, {"clientId": "dave", "trackId": "tb", "callId": "its own"}]
)
def test_of_several_calls_the_ids_that_a_pad_names_decide(named: Any) -> None:
    told = in_two_rooms().tell(message(sfus=[sends(pad_out(ssrc=9, **named))]))

    assert whose(told, OUT) == ("call-2", "dave", "tb")


@pytest.mark.parametrize("named", [{"clientId": "eve"}, {"trackId": "other"}, {"clientId": "dave", "trackId": "other"}])
def test_of_several_calls_none_is_taken_that_a_pad_does_not_name(named: Any) -> None:
    told = in_two_rooms().tell(message(sfus=[sends(pad_out(ssrc=4, **named))]))

    assert whose(told, OUT) == NOBODY


@pytest.mark.parametrize("named", [{"callId": "its own"}, {"trackId": "tb"}, {"clientId": "", "trackId": "NULL"}])
def test_where_the_ids_of_a_pad_do_not_decide_its_ssrc_does(named: Any) -> None:
    told = in_two_rooms().tell(message(sfus=[sends(pad_out(ssrc=4, **named))]))

    assert whose(told, OUT) == ("call-2", "dave", "tb")


def test_the_same_ssrc_in_two_calls_matches_nothing_rather_than_the_wrong_one() -> None:
    world = World()
    world.tell(message(alice(room="one", ssrc=1), alice(room="two", client="carol", ssrc=1)))

    assert whose(world.tell(message(sfus=[receives()])), IN) == NOBODY


def many_rooms() -> World:
    """As many rooms with a client each as no pad looks through; all number their streams and sinks alike."""
    world = World()
    world.tell(message(*(alice(room=f"r{n}", client=f"a{n}", ssrc=n) for n in range(200))))
    world.tell(message(*(bob(room=f"r{n}", client=f"b{n}", ssrc=1000 + n) for n in range(200))))
    return world


def test_of_very_many_rooms_the_ssrc_decides_whichever_came_first() -> None:
    pads = [pad_in(f"in{ssrc}", ssrc=ssrc) for ssrc in (0, 99, 199, 777, None)]

    told = many_rooms().tell(message(sfus=[receives(*pads)]))

    assert [it["clientId"] for it in of_type(told, IN)] == ["a0", "a99", "a199", None, None]


def test_of_very_many_rooms_the_ssrc_of_an_outbound_pad_decides() -> None:
    pads = [pad_out(f"out{ssrc}", ssrc=ssrc) for ssrc in (1000, 1099, 1199, 0)]

    told = many_rooms().tell(message(sfus=[sends(*pads)]))

    assert [it["clientId"] for it in of_type(told, OUT)] == ["b0", "b99", "b199", None]


def test_rooms_that_come_go_and_change_are_followed_among_very_many() -> None:
    world = many_rooms()
    world.tell(message(sfus=[receives(pad_in(ssrc=1))]))

    world.tell(message(leaving=("a1",)), message(alice(room="new", client="new", ssrc=500)))
    world.tell(message(alice(room="r2", client="a2", ssrc=501)))
    told = world.tell(message(sfus=[receives(*(pad_in(f"in{ssrc}", ssrc=ssrc) for ssrc in (1, 500, 501)))]))

    assert [it["clientId"] for it in of_type(told, IN)] == [None, "new", "a2"]


def test_what_a_pad_names_decides_among_very_many_rooms_before_its_ssrc() -> None:
    named: list[Any] = [{"clientId": "a3"}, {"clientId": "a3", "ssrc": 777}, {"clientId": "a3", "ssrc": 5}]
    named += [{"clientId": "b3", "ssrc": 5}, {"trackId": "other", "ssrc": 5}, {"trackId": "ta", "ssrc": 5}]
    pads = [pad_in(f"in{number}", **ids) for number, ids in enumerate(named)]

    told = many_rooms().tell(message(sfus=[receives(*pads)]))

    assert [it["clientId"] for it in of_type(told, IN)] == ["a3", "a3", "a3", None, None, "a5"]


def test_an_ssrc_that_very_many_rooms_share_matches_nothing() -> None:
    world = World()
    world.tell(message(alice(room="first", client="first", ssrc=1)))
    world.tell(message(*(alice(client=f"c{n}", ssrc=1) for n in range(100))))

    assert whose(world.tell(message(sfus=[receives(pad_in(ssrc=1))])), IN) == NOBODY


def pipe(sink: str = "KI", ssrc: int = 9, *, pad: str = "far", stream: str = "S", internal: bool = True) -> Any:
    return {**pad_out(pad, transport="tp", sink=sink), "streamId": stream, "ssrc": ssrc, "internal": internal}


def end(ssrc: int | None = 9, *, stream: str = "S") -> Any:
    return pad_in(stream=stream, ssrc=ssrc, internal=True)


FOUND = {"s2": ("s1", "tp", "KI", "far")}
NOT_FOUND = {"s2": (None, None, None, None)}


def test_an_internal_pad_finds_the_pad_of_the_other_sfu() -> None:
    told = World().tell(message(sfus=[sends(pipe(), sfu_id="s1")]), message(sfus=[receives(end(), sfu_id="s2")]))

    assert far(told) == FOUND


def test_an_internal_pad_is_found_whichever_sfu_comes_first() -> None:
    told = World().tell(message(sfus=[receives(end(), sfu_id="s2"), sends(pipe(), sfu_id="s1")]))

    assert far(told) == FOUND


def test_an_internal_pad_is_still_of_the_client_who_sends_its_stream() -> None:
    told = World().tell(message(alice(ssrc=1), sfus=[sends(pipe(), sfu_id="s1"), receives(end(), sfu_id="s2")]))

    assert whose(told, IN) == ("call-1", "alice", "ta")
    assert far(told) == FOUND


def test_pads_on_an_internal_transport_are_internal_also_if_they_do_not_say_so() -> None:
    near, away = ([{"transportId": name, "internal": True}] for name in ("t", "tp"))
    plain_end, plain_pipe = ({**entry, "internal": None} for entry in (end(), pipe()))

    told = World().tell(
        message(sfus=[sfu("s1", transports=away, outboundRtpPads=[plain_pipe])]),
        message(sfus=[sfu("s2", transports=near, inboundRtpPads=[plain_end])]),
    )

    assert far(told) == FOUND


@pytest.mark.parametrize(
    ("near", "away"),
    [
        (end(8), pipe()),
        (end(None), pipe()),
        (end(None), {**pipe(), "ssrc": None}),
        (end(stream="other"), pipe()),
        (end(), pipe(internal=False)),
        (pad_in(ssrc=9), pipe()),
    ],
)
def test_only_internal_pads_of_one_stream_and_ssrc_find_each_other(near: Any, away: Any) -> None:
    told = World().tell(message(sfus=[sends(away, sfu_id="s1"), receives(near, sfu_id="s2")]))

    assert far(told) == NOT_FOUND


def test_an_sfu_receives_nothing_from_itself() -> None:
    told = World().tell(message(sfus=[sfu("s2", outboundRtpPads=[pipe()], inboundRtpPads=[end()])]))

    assert far(told) == NOT_FOUND


def test_sfus_of_two_services_never_match() -> None:
    told = World().tell(
        message(sfus=[sends(pipe(), sfu_id="s1")], service="other"), message(sfus=[receives(end(), sfu_id="s2")])
    )

    assert far(told) == NOT_FOUND


def test_where_several_pads_fit_only_what_they_share_is_told() -> None:
    pipes = [pipe("K1", pad="p1"), pipe("K2", pad="p2")]

    told = World().tell(message(sfus=[sends(*pipes, sfu_id="s1"), receives(end(), sfu_id="s2")]))

    assert far(told) == {"s2": ("s1", "tp", None, None)}


def test_a_pad_that_closed_is_no_longer_found() -> None:
    world = World()
    world.tell(message(sfus=[sends(pipe(), sfu_id="s1")]))
    world.tell(message(leaving_sfus=("s1",)))

    assert far(world.tell(message(sfus=[receives(end(), sfu_id="s2")]))) == NOT_FOUND


def test_matching_of_internal_pads_can_be_turned_off_and_that_of_clients_goes_on() -> None:
    world = World(sfu_analyser=SfuSamplesAnalyser(match_rtp_pads=False))

    told = world.tell(message(alice(), sfus=[sends(pipe(), sfu_id="s1"), receives(end(), sfu_id="s2")]))

    assert far(told) == NOT_FOUND
    assert whose(told, IN) == ("call-1", "alice", "ta")


def dropping(**which: bool) -> World:
    return World(sfu_analyser=SfuSamplesAnalyser(**which))


def everything() -> list[Samples]:
    """Pads of each kind, matched and not."""
    pads = [
        receives(pad_in("known"), pad_in("unknown", stream="?"), sfu_id="s1"),
        sends(pad_out("known"), pad_out("unknown", sink="?"), pipe(), sfu_id="s1"),
        receives(end(), {**end(8), "padId": "lost"}, sfu_id="s2"),
    ]
    return [message(alice(), bob()), message(sfus=pads)]


@pytest.mark.parametrize(
    ("setting", "missing"),
    [
        ("drop_unmatched_inbound_reports", (IN, "unknown")),
        ("drop_unmatched_outbound_reports", (OUT, "unknown")),
        ("drop_unmatched_internal_inbound_reports", (IN, "lost")),
    ],
)
def test_unmatched_reports_can_be_dropped_and_are_counted(setting: str, missing: tuple[ReportType, str]) -> None:
    def reported(world: World) -> list[tuple[ReportType, str]]:
        return [(it.type, it.payload["rtpPadId"]) for it in world.tell(*everything()) if it.type in (IN, OUT)]

    world = dropping(**{setting: True})
    kept = reported(world)

    assert [*sorted(kept), missing] != sorted(kept)
    assert sorted([*kept, missing]) == sorted(reported(dropping()))
    assert world.rejected == {Reason.UNMATCHED: 1}


def test_a_pad_that_wants_no_report_is_not_counted_as_unmatched() -> None:
    world = dropping(drop_unmatched_inbound_reports=True)

    world.tell(message(sfus=[receives(pad_in(noReport=True))]))

    assert world.rejected == {}


def test_a_pad_that_wants_no_report_is_found_all_the_same() -> None:
    quiet = {**pipe(), "noReport": True}

    told = World().tell(message(sfus=[sends(quiet, sfu_id="s1"), receives(end(), sfu_id="s2")]))

    assert far(told) == FOUND
