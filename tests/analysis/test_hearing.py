"""What this node remembers of clients and SFUs, and when it commits that."""

from analysis.bounds import Bounds, Vacancies
from analysis.hearing import Hearing, last_touches, last_touches_of_sfu, settling, touch_of, touch_pace
from store.commands import ClientTouch, Sweep
from store.entities import Client, Sfu, below, below_sfu, take_apart
from store.registry import Registry
from tests.build import (
    LIMITS,
    NOW,
    client_with,
    observe,
    observe_sfus,
    outbound_pad_seen,
    registry_of,
    rtp_pad_seen,
    sctp_channel_seen,
    sfu_with,
    track_seen,
)


def registry_of_sfus(*names: str) -> Registry:
    """A registry with SFUs, each with a row of every kind."""
    registry = Registry()
    seen = [sfu_with(rtp_pad_seen(), outbound_pad_seen(), sctp_channel_seen(), sfu=name) for name in names]
    registry.apply(observe_sfus("n1", 1, *seen))
    return registry


def heard(sfu: Sfu, hearing: Hearing) -> None:
    """A sample of all rows, each at a time of its own."""
    for number, row in enumerate(below_sfu(sfu), start=1):
        hearing.hear(row, NOW + number, NOW + 10 * number)


def test_the_last_touches_of_an_sfu_move_each_of_its_rows_to_what_was_heard() -> None:
    registry = registry_of_sfus("sfu")
    sfu = registry.sfus["service", "sfu"]
    heard(sfu, Hearing())

    registry.apply(observe("n1", 2, touches=last_touches_of_sfu(sfu, NOW + 100), now=NOW + 100))

    assert [(row.sample_touched, row.server_touched) for row in below_sfu(sfu)] == [
        (NOW + number, NOW + 10 * number) for number in range(1, 6)
    ]


def test_what_was_committed_already_needs_no_last_touch() -> None:
    assert last_touches_of_sfu(registry_of_sfus("sfu").sfus["service", "sfu"], NOW + 100) == []


def test_each_row_of_an_sfu_is_silent_after_the_pace_of_its_kind() -> None:
    registry, hearing = registry_of_sfus("sfu"), Hearing()
    for row in below_sfu(registry.sfus["service", "sfu"]):
        hearing.hear(row, NOW + 1, NOW)
    pace = touch_pace(LIMITS)

    silent = [[touch_of(row, NOW).what for row in hearing.silent(pace, NOW + after)] for after in range(0, 1000, 100)]

    of_pads = [["sctpChannel"], [], ["rtpPad"], [], ["rtpPad"], [], ["sfuTransport"], [], ["sfu"]]
    assert silent == [[], *of_pads]


def heard_alice() -> tuple[Registry, Hearing, Client]:
    """Alice with two tracks, of all of which one sample told; who holds the registry holds what is below her."""
    registry, hearing = registry_of(client_with(track_seen("mic"), track_seen("cam"))), Hearing()
    alice = registry.clients["service", "alice"]
    for row in below(alice.call):
        hearing.hear(row, NOW + 500, NOW + 1000)
    return registry, hearing, alice


def test_all_that_a_sample_told_of_a_client_is_one_touch() -> None:
    _registry, _, alice = heard_alice()

    (touch,) = settling([alice, *alice.peer_connections.values()], NOW + 1200)

    assert touch == ClientTouch("service", "alice", "call", NOW + 500, 200, 3)


def test_what_the_last_sample_did_not_show_is_no_part_of_the_touch_of_its_client() -> None:
    _registry, hearing, alice = heard_alice()
    (connection,) = alice.peer_connections.values()
    mic = connection.tracks["OUTBOUND", "AUDIO", "mic"]
    for row in (mic, connection, alice, alice.call):
        hearing.hear(row, NOW + 1500, NOW + 2000)

    touch, of_cam = settling([alice], NOW + 2000)

    assert touch == ClientTouch("service", "alice", "call", NOW + 1500, 0, [("pc", [mic.key])])
    assert of_cam == touch_of(connection.tracks["OUTBOUND", "AUDIO", "cam"], NOW + 2000)


def test_a_client_below_whom_nothing_is_left_is_touched_alone() -> None:
    _registry, _, alice = heard_alice()
    alice.peer_connections.clear()

    (touch,) = settling([alice], NOW + 1200)

    assert touch == ClientTouch("service", "alice", "call", NOW + 500, 200, [])


def test_the_last_touches_of_a_client_move_each_row_to_what_was_heard() -> None:
    registry, hearing, alice = heard_alice()
    (connection,) = alice.peer_connections.values()
    mic = connection.tracks["OUTBOUND", "AUDIO", "mic"]
    for row in (mic, connection, alice, alice.call):
        hearing.hear(row, NOW + 1500, NOW + 2000)
    hearing.hear(alice.call, NOW + 1600, NOW + 2100)

    touches = last_touches(alice, NOW + 3000)
    registry.apply(observe("n1", 2, touches=touches, now=NOW + 3000))

    of_mic, of_cam, *above = ((row.sample_touched - NOW, row.server_touched - NOW) for row in below(alice.call))
    assert (of_mic, of_cam) == ((1500, 2000), (500, 1000))
    assert above == [(1500, 2000), (1500, 2000), (1600, 2100)]


def test_a_client_whose_touch_is_due_is_told_once() -> None:
    _registry, hearing, alice = heard_alice()
    hearing.call_due(alice)
    hearing.call_due(alice)

    assert [hearing.due(), hearing.due()] == [[alice], []]


def test_a_client_that_falls_silent_is_touched_once_with_all_below_it() -> None:
    _registry, hearing, alice = heard_alice()
    pace = Sweep(*[2000] * len(Sweep._fields))

    silent = [hearing.silent(pace, NOW + after) for after in (2999, 3000, 9000)]

    assert silent == [[], [alice, alice.call], []]


def test_rows_that_are_heard_again_are_silent_later() -> None:
    registry, hearing = registry_of_sfus("sfu"), Hearing()
    sfu = registry.sfus["service", "sfu"]
    heard(sfu, hearing)
    hearing.hear(sfu, NOW + 2000, NOW + 2050)
    pace = Sweep(*[2000] * len(Sweep._fields))

    silent = [len(hearing.silent(pace, NOW + after)) for after in (2009, 2050, 4049, 4050, 9000)]

    assert silent == [0, 4, 0, 1, 0]


def test_a_track_that_falls_silent_is_touched_though_its_client_goes_on() -> None:
    registry, hearing, alice = heard_alice()
    (connection,) = alice.peer_connections.values()
    cam = connection.tracks["OUTBOUND", "AUDIO", "cam"]
    pace = Sweep(*[2000] * len(Sweep._fields))
    for number in range(2, 9):  # other nodes show the client meanwhile, so that its touch is never due
        now = NOW + 500 * number
        registry.apply(observe("n2", number, client_with(client="alice", at=now), now=now))
        hearing.hear(alice, now, now)
        touches = settling(hearing.silent(pace, now), now)
        registry.apply(observe("n1", number, touches=touches, now=now))

    assert (cam.sample_touched, cam.server_touched) == (NOW + 500, NOW + 1000)


def test_a_client_whose_touch_was_called_due_waits_anew() -> None:
    registry, hearing, alice = heard_alice()
    hearing.call_due(alice)
    registry.apply(observe("n1", 2, touches=settling(hearing.due(), NOW + 1500), now=NOW + 1500))
    for row in below(alice.call):
        hearing.hear(row, NOW + 2000, NOW + 2000)
    pace = Sweep(*[2000] * len(Sweep._fields))

    silent = [alice in hearing.silent(pace, NOW + after) for after in (3999, 4000)]

    assert silent == [False, True]


def test_a_client_waits_as_long_as_its_tracks_need() -> None:
    _registry, hearing, alice = heard_alice()
    pace = Sweep(*[3000] * len(Sweep._fields))._replace(sfu_sctp_channel=0, outbound_track=2000)

    silent = [alice in hearing.silent(pace, NOW + after) for after in (1000, 2999, 3000)]

    assert silent == [False, False, True]


def test_what_could_not_be_committed_is_silent_once_more() -> None:
    _registry, hearing, alice = heard_alice()
    at_once = Sweep(*[0] * len(Sweep._fields))
    hearing.call_due(alice)
    hearing.put_back([*hearing.due(), *hearing.silent(at_once, NOW + 1000)])

    assert hearing.silent(at_once, NOW + 1000) == [alice, alice.call]


def test_what_is_below_a_client_of_a_registry_that_is_replaced_is_touched_by_itself() -> None:
    _registry, hearing, alice = heard_alice()
    other = registry_of(client_with(track_seen("mic"), track_seen("cam"), track_seen("of another node")))
    hearing.part()
    take_apart(alice.call)

    due = hearing.silent(Sweep(*[0] * len(Sweep._fields)), NOW + 1000)
    other.apply(observe("n1", 2, touches=settling(due, NOW + 1000), now=NOW + 1000))

    (call,) = other.calls.values()
    assert [row.sample_touched - NOW for row in below(call)] == [500, 500, 0, 500, 500, 500]


def test_rows_that_were_touched_meanwhile_are_not_silent() -> None:
    registry, hearing, alice = heard_alice()
    registry.apply(observe("n1", 2, touches=settling([alice], NOW + 1200), now=NOW + 1200))

    assert (len(hearing), hearing.silent(Sweep(*[0] * len(Sweep._fields)), NOW + 1200), len(hearing)) == (2, [], 0)


def test_a_row_is_touched_as_often_as_its_parent_needs_it() -> None:
    limits = Sweep(*[100_000] * len(Sweep._fields))

    assert touch_pace(limits._replace(sfu=10_000))[5:] == (1_000,) * 5
    assert touch_pace(limits._replace(sfu_transport=10_000))[5:] == (10_000, *[1_000] * 4)
    assert touch_pace(limits._replace(sfu=10_000, sfu_transport=10_000))[:5] == (10_000,) * 5


def test_there_is_room_for_so_many_sfus_of_all_services_and_of_each() -> None:
    vacancies = Vacancies(registry_of_sfus("sfu"), Bounds(max_sfus=4, max_sfus_per_service=2))

    assert [vacancies.for_sfu("service") for _ in range(2)] == [True, False]
    assert [vacancies.for_sfu(service) for service in ("a", "a", "a", "b")] == [True, True, False, False]


def test_there_is_room_for_so_many_transports_of_all_sfus_and_of_each() -> None:
    vacancies = Vacancies(registry_of_sfus("sfu", "other"), Bounds(max_sfu_transports=4, max_sfu_transports_per_sfu=2))

    assert [vacancies.for_sfu_transport(of_sfu) for of_sfu in (2, 1, 1, 0)] == [False, True, True, False]


def test_there_is_room_for_so_many_pads_and_channels_of_all_transports_and_of_each() -> None:
    vacancies = Vacancies(registry_of_sfus("sfu", "other"), Bounds(max_sfu_pads=8, max_sfu_pads_per_transport=4))

    assert [vacancies.for_sfu_pad(of_transport) for of_transport in (4, 3, 3, 0)] == [False, True, True, False]
