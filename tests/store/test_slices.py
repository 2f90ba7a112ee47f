"""A snapshot that is read while commands are applied tells of the moment when it was asked for, and of none later."""

from itertools import islice

import pytest

import cluster.machine
from store.commands import RTP_PAD, SCTP_CHANNEL, SFU_TRANSPORT, Command, Outcome, encode
from store.entities import INBOUND
from store.machine import Machine
from store.registry import Registry
from tests.build import (
    LIMITS,
    client_seen,
    client_with,
    expired,
    leave,
    observe,
    observe_sfus,
    outbound_pad_seen,
    rtp_pad_seen,
    sctp_channel_seen,
    sfu_leaves,
    sfu_seen,
    sfu_transport_seen,
    sfu_with,
    sweep,
    told,
    touch_call,
    touch_client,
    touch_peer_connection,
    touch_sfu,
    touch_track,
    track_seen,
)
from tests.store.copies import ROW_BY_ROW, machine_of, parts_of, restored


def lobby() -> Machine:
    """Alice, with a track, and bob in the lobby, carol in the attic."""
    machine = Machine(ROW_BY_ROW)
    seen = [client_with(track_seen(ssrcs=[1])), client_seen("bob"), client_seen("carol", room="attic")]
    machine.apply(encode(observe("n1", 1, *seen)))
    return machine


def sfus() -> Machine:
    """An SFU with two transports, pads of both directions and a channel, and another one."""
    machine = Machine(ROW_BY_ROW)
    transports = [sfu_transport_seen(*BELOW), sfu_transport_seen(id="second")]
    machine.apply(encode(observe_sfus("n1", 1, sfu_seen(*transports), sfu_with(rtp_pad_seen(), sfu="other"))))
    return machine


LATE = expired(LIMITS.call) + 1
HEARD = [touch_call(at=LATE), touch_call(room="attic", at=LATE), touch_client(at=LATE), touch_peer_connection(at=LATE)]
COMMANDS = {
    "joins": observe("n1", 2, client_seen("dave")),
    "joins elsewhere": observe("n1", 2, client_seen("dave", room="cellar")),
    "learns": observe("n1", 2, client_with(track_seen(ssrcs=[2]))),
    "touches call": observe("n1", 2, touches=[touch_call(at=LATE)]),
    "touches client": observe("n1", 2, touches=[touch_client(at=LATE)]),
    "touches peer connection": observe("n1", 2, touches=[touch_peer_connection(at=LATE)]),
    "touches track": observe("n1", 2, touches=[touch_track(at=LATE)]),
    "moves": observe("n1", 2, client_with(room="attic")),
    "leaves": leave("n1", 2, "alice"),
    "succeeds": observe("n1", 2, client_seen("dave", own_call="next")),
    "track expires": sweep("n1", 2, now=LATE)._replace(touches=HEARD),
    "peer connection expires": sweep("n1", 2, now=LATE)._replace(touches=HEARD[:-1]),
    "client expires": sweep("n1", 2, now=LATE)._replace(touches=HEARD[:-2]),
    "all expires": sweep("n1", 2, now=LATE),
}


BELOW = (rtp_pad_seen(), outbound_pad_seen(internal=True), sctp_channel_seen())
PAD = ("transport", INBOUND, "pad")
CHANNEL = ("transport", "channel")
HEARD_SFUS = [
    touch_sfu(at=LATE),
    touch_sfu("transport", what=SFU_TRANSPORT, at=LATE),
    touch_sfu("second", what=SFU_TRANSPORT, at=LATE),
    touch_sfu(*PAD, what=RTP_PAD, at=LATE),
]
OF_SFUS = {
    "joins": observe_sfus("n1", 2, sfu_seen(sfu="third")),
    "is told of": observe_sfus("n2", 2, sfu_seen()),
    "opens a transport": observe_sfus("n1", 2, sfu_seen(sfu_transport_seen(id="third"))),
    "adds a pad": observe_sfus("n1", 2, sfu_with(rtp_pad_seen("new"))),
    "learns": observe_sfus("n1", 2, sfu_with(rtp_pad_seen(stream="new"))),
    "adds a channel": observe_sfus("n1", 2, sfu_with(sctp_channel_seen("new"))),
    "learns of a channel": observe_sfus("n1", 2, sfu_with(sctp_channel_seen(stream="new"))),
    "touches SFU": observe("n1", 2, touches=[touch_sfu(at=LATE)]),
    "touches transport": observe("n1", 2, touches=[touch_sfu("transport", what=SFU_TRANSPORT, at=LATE)]),
    "touches pad": observe("n1", 2, touches=[touch_sfu(*PAD, what=RTP_PAD, at=LATE)]),
    "touches channel": observe("n1", 2, touches=[touch_sfu(*CHANNEL, what=SCTP_CHANNEL, at=LATE)]),
    "leaves": sfu_leaves("n1", 2, "sfu"),
    "pads and channel expire": sweep("n1", 2, now=LATE)._replace(touches=HEARD_SFUS[:3]),
    "channel expires": sweep("n1", 2, now=LATE)._replace(touches=HEARD_SFUS),
    "transports expire": sweep("n1", 2, now=LATE)._replace(touches=HEARD_SFUS[:1]),
    "all expires": sweep("n1", 2, now=LATE),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_changes_no_part_of_a_snapshot_under_way(command: Command) -> None:
    awaited = parts_of(lobby())
    for read in range(len(awaited) + 1):
        machine = lobby()
        snapshot = machine.snapshot()
        parts = list(islice(snapshot, read))

        machine.apply(encode(command))

        assert [*parts, *snapshot] == awaited


@pytest.mark.parametrize("command", OF_SFUS.values(), ids=OF_SFUS)
def test_a_command_about_sfus_changes_no_part_of_a_snapshot_under_way(command: Command) -> None:
    awaited = parts_of(sfus())
    for read in range(len(awaited) + 1):
        machine = sfus()
        snapshot = machine.snapshot()
        parts = list(islice(snapshot, read))

        machine.apply(encode(command))

        assert [*parts, *snapshot] == awaited


@pytest.mark.parametrize("command", OF_SFUS.values(), ids=OF_SFUS)
def test_a_command_about_sfus_changes_what_a_later_snapshot_tells(command: Command) -> None:
    machine = sfus()
    machine.apply(encode(observe("n1", 2)))
    before = parts_of(machine)[2:]

    machine.apply(encode(command._replace(seq=3)))

    assert parts_of(machine)[2:] != before


def test_clients_that_left_meanwhile_are_not_in_a_snapshot_under_way() -> None:
    machine = lobby()
    snapshot, awaited = machine.snapshot(), parts_of(machine)

    machine.apply(encode(leave("n1", 2, "alice")))

    assert list(snapshot) == awaited


def test_an_sfu_of_many_transports_is_held_in_small_pieces() -> None:
    machine = Machine(ROW_BY_ROW)
    transports = [sfu_transport_seen(rtp_pad_seen(), id=f"t{number}") for number in range(100)]
    machine.apply(encode(observe_sfus("n1", 1, sfu_seen(*transports))))
    snapshot = machine.snapshot()

    machine.apply(encode(observe_sfus("n1", 2, sfu_seen(sfu_transport_seen(rtp_pad_seen(stream="new"), id="t7")))))

    assert snapshot.held == len(["the SFU", "t7"])


def test_a_transport_that_is_new_in_an_sfu_is_not_held() -> None:
    machine = sfus()
    snapshot = machine.snapshot()
    machine.apply(encode(observe_sfus("n1", 2, sfu_seen(sfu_transport_seen(id="third")))))

    machine.apply(encode(observe("n1", 3, touches=[touch_sfu("third", what=SFU_TRANSPORT, at=LATE)])))

    assert snapshot.held == len(["the SFU"])


def test_a_transport_that_was_read_already_is_not_held() -> None:
    machine = sfus()
    snapshot = machine.snapshot()
    up_to_its_channels = list(islice(snapshot, 7))

    machine.apply(encode(observe("n1", 2, touches=[touch_sfu(at=LATE), touch_sfu("transport", what=SFU_TRANSPORT)])))

    assert len(up_to_its_channels) == 7
    assert snapshot.held == 0


def test_a_command_that_comes_twice_in_between_is_still_not_seen() -> None:
    awaited = parts_of(lobby())
    machine = lobby()
    snapshot = machine.snapshot()

    machine.apply(encode(observe("n1", 2, client_with(track_seen(ssrcs=[2])))))
    machine.apply(encode(leave("n1", 3, "alice", "bob")))

    assert list(snapshot) == awaited


def test_a_peer_connection_without_tracks_that_expires_changes_no_part() -> None:
    machine = Machine(ROW_BY_ROW)
    machine.apply(encode(observe("n1", 1, client_with())))
    machine.apply(encode(observe("n1", 2, touches=HEARD[:-1], now=LATE)))
    snapshot, awaited = machine.snapshot(), parts_of(machine)

    outcome = machine.apply(encode(sweep("n1", 3, now=LATE)))

    assert told(outcome.closed) == [("peerConnection", "pc")]
    assert list(snapshot) == awaited


def test_snapshots_under_way_do_not_see_each_other() -> None:
    machine = lobby()
    first, awaited_first = machine.snapshot(), parts_of(machine)
    machine.apply(encode(leave("n1", 2, "bob")))
    second, awaited_second = machine.snapshot(), parts_of(machine)
    parts = list(islice(first, 6))

    machine.apply(encode(sweep("n1", 3, now=LATE)))

    assert [*parts, *first] == awaited_first
    assert list(second) == awaited_second


def test_a_call_that_lost_its_room_and_is_empty_changes_no_part() -> None:
    machine = Machine(ROW_BY_ROW)
    machine.apply(encode(observe("n1", 1, client_seen("alice", own_call="first"))))
    machine.apply(encode(leave("n1", 2, "alice")))
    snapshot, awaited = machine.snapshot(), parts_of(machine)

    machine.apply(encode(sweep("n1", 3, now=LATE)))

    assert list(snapshot) == awaited


def test_a_snapshot_goes_on_when_the_machine_gets_another_state() -> None:
    machine = lobby()
    snapshot, awaited = machine.snapshot(), parts_of(machine)

    machine.restoring().finish()
    machine.apply(encode(leave("n1", 1, "alice")))

    assert list(snapshot) == awaited


def test_a_closed_snapshot_gives_nothing_more_and_keeps_nothing() -> None:
    machine = lobby()
    snapshot = machine.snapshot()
    next(snapshot)
    next(snapshot)

    snapshot.close()

    assert list(snapshot) == []
    assert machine.registry.watchers == []


def test_a_snapshot_that_was_read_to_its_end_watches_no_more() -> None:
    machine = lobby()

    parts_of(machine)

    assert machine.registry.watchers == []


def test_what_is_new_is_not_held_for_a_snapshot_that_began_before() -> None:
    registry = Registry()
    began = machine_of(registry).snapshot()

    registry.apply(observe("n1", 1, client_with(track_seen())))
    registry.apply(leave("n1", 2, "alice"))

    assert began.held == 0


def test_who_is_new_in_a_call_is_not_held_either() -> None:
    machine = lobby()
    began = machine.snapshot()
    machine.apply(encode(observe("n1", 2, client_seen("dave"))))
    before = began.held

    machine.apply(encode(observe("n1", 3, touches=[touch_client("dave", at=LATE)])))

    assert began.held == before == 1


def test_what_was_read_already_is_not_held() -> None:
    machine = lobby()
    snapshot = machine.snapshot()
    lobby_with_alice = list(islice(snapshot, 6))

    machine.apply(encode(observe("n1", 2, touches=[touch_track(at=LATE), touch_call(at=LATE)])))

    assert len(lobby_with_alice) == 6
    assert snapshot.held == 0


def test_a_client_that_joined_before_one_of_an_earlier_call_has_its_turn_all_the_same() -> None:
    machine = lobby()
    machine.apply(encode(observe("n1", 2, client_seen("dave"))))
    awaited = parts_of(machine)
    for read in range(len(awaited) + 1):
        snapshot = machine.snapshot()
        parts = list(islice(snapshot, read))

        machine.apply(encode(observe("n1", 3 + read, touches=[touch_client("carol", at=LATE + read)])))

        assert [*parts, *snapshot] == awaited
        awaited = parts_of(machine)


def test_a_machine_that_starts_from_a_snapshot_goes_on_with_what_came_since() -> None:
    machine = lobby()
    snapshot = machine.snapshot()
    since = [encode(COMMANDS["learns"]), encode(leave("n1", 3, "bob")), encode(sweep("n1", 4, now=LATE))]
    for command in since:
        machine.apply(command)

    copy = restored(snapshot)
    outcomes = [copy.apply(command) for command in since]

    assert parts_of(copy) == parts_of(machine)
    assert outcomes[-1] == machine.registry.origins["n1"].last


def test_it_is_a_machine_that_can_be_replicated() -> None:
    machine: cluster.machine.Machine[Outcome] = Machine()

    assert machine.apply(b"").failed
