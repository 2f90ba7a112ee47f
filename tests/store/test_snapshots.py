"""Snapshots: all replicated state, nothing else, and back again."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.claims import all_of
from store.commands import RTP_PAD, ClientSeen, Command, encode
from store.entities import INBOUND
from store.machine import Machine
from store.records import MOST_TOGETHER
from tests.build import (
    LIMITS,
    NOW,
    client_seen,
    client_with,
    expired,
    gone,
    inbound_seen,
    leave,
    observe,
    observe_sfus,
    outbound_pad_seen,
    rtp_pad_seen,
    sctp_channel_seen,
    sfu_leaves,
    sfu_seen,
    sfu_with,
    sweep,
    told,
    touch_call,
    touch_client,
    touch_sfu,
    touch_track,
    track_seen,
)
from tests.store.agreement import assert_indexes_agree, rows_of, sfu_rows_of
from tests.store.copies import ROW_BY_ROW, copy_of, parts_of
from tests.store.strategies import commands

FACTS = settings(deadline=None, max_examples=200, derandomize=True)


def full() -> Machine:
    """A machine with something of everything: two rooms, both directions, a stream, a superseded call, SFUs, and one
    who left."""
    machine = Machine(ROW_BY_ROW)
    seen = [
        client_with(track_seen(ssrcs=[1, 2]), inbound_seen(), user="u", marker="m", zone=1.5),
        client_with(track_seen(stream="st", sink="si"), client="bob", room="attic", own_call="first"),
        client_seen("carol", room="attic", own_call="second"),
    ]
    machine.apply(encode(observe("n1", 1, *seen)))
    machine.apply(encode(observe("n2", 1, client_seen("dave"), now=NOW + 1)))
    pads = [rtp_pad_seen(), outbound_pad_seen(internal=True)]
    sfus = [sfu_with(*pads, sctp_channel_seen(), marker="m", zone=1.5), sfu_seen(sfu="other")]
    machine.apply(encode(observe_sfus("n3", 1, *sfus, now=NOW + 1)))
    machine.apply(encode(observe("n3", 2, client_seen("erin"), now=NOW + 1)))
    machine.apply(encode(leave("n3", 3, "erin", now=NOW + 1)))
    return machine


def test_a_restored_machine_gives_the_same_snapshot() -> None:
    machine = full()

    assert parts_of(copy_of(machine)) == parts_of(machine)


@pytest.mark.parametrize(
    "command",
    [
        observe("n1", 2, client_with(track_seen(ssrcs=[3]))),
        observe("n1", 2, client_with(track_seen(), client="bob", room="attic", own_call="first")),
        observe("n1", 2, client_seen("erin", room="attic", spare_call="third")),
        observe("n1", 2, mark=1),
        observe("n1", 2, touches=[touch_track(at=NOW + 9)]),
        sweep("n1", 2, now=expired(LIMITS.inbound_track)),
        sweep("n1", 2, now=expired(LIMITS.call) + 1),
        gone("n1", 2, "n2"),
        gone("n1", 2, "n3"),
        observe("n1", 2, client_seen("erin", at=NOW - 1)),
        observe_sfus("n1", 2, sfu_with(outbound_pad_seen(internal=True, stream="new", at=NOW + 1))),
        observe_sfus("n1", 2, sfu_seen(sfu="third")),
        sfu_leaves("n3", 4, "sfu", certain=False),
        observe("n1", 2, touches=[touch_sfu("transport", INBOUND, "pad", what=RTP_PAD, at=NOW + 9)]),
        sweep("n1", 2, now=expired(LIMITS.sfu_inbound_pad) + 1),
    ],
    ids=[
        *["ssrc", "superseded", "current", "mark", "touch", "tracks expire", "all expires", "gone", "gone with SFUs"],
        *["late", "pad changes", "SFU joins", "SFU leaves", "pad touched", "pads expire"],
    ],
)
def test_a_restored_machine_goes_on_as_the_first(command: Command) -> None:
    machine = full()
    copy = copy_of(machine)

    assert copy.apply(encode(command)) == machine.apply(encode(command))
    assert parts_of(copy) == parts_of(machine)


def test_a_retry_hears_its_outcome_from_a_restored_machine() -> None:
    machine = full()
    command = encode(observe("n2", 1, client_seen("dave"), now=NOW + 1))

    outcome = copy_of(machine).apply(command)

    assert told(outcome.opened) == [("client", "dave")]
    assert outcome.calls == ["call"]


def test_a_restored_registry_has_the_same_claims() -> None:
    registry = copy_of(full()).registry

    assert list(registry.rooms["service", "lobby"].ssrcs) == [1, 2]
    assert list(registry.streams) == [("service", "attic", "st")]


def test_a_superseded_call_that_outlived_its_successor_does_not_get_its_room_back() -> None:
    machine = full()
    late = expired(LIMITS.call) + 1
    touches = [touch_client("bob", at=late), touch_call("first", room="attic", at=late)]
    machine.apply(encode(sweep("n1", 2, now=late)._replace(touches=touches)))
    assert [call.call_id for call in machine.registry.calls.values()] == ["first"]

    assert copy_of(machine).registry.rooms == {}


def test_what_a_node_alone_remembers_is_not_written() -> None:
    machine = full()
    before = parts_of(machine)

    client = machine.registry.clients["service", "alice"]
    client.heard_sample, client.heard_server, client.unsettled = NOW + 5, NOW + 5, 1000

    assert parts_of(machine) == before


def test_a_restored_row_was_heard_when_it_was_touched() -> None:
    client = copy_of(full()).registry.clients["service", "dave"]

    assert (client.heard_sample, client.heard_server, client.unsettled) == (NOW, NOW + 1, 0)


def test_the_empty_registry_can_be_restored() -> None:
    assert parts_of(copy_of(Machine(ROW_BY_ROW))) == parts_of(Machine(ROW_BY_ROW))


def test_without_any_part_the_registry_is_empty_afterwards() -> None:
    machine = full()

    machine.restoring().finish()

    assert parts_of(machine) == parts_of(Machine(ROW_BY_ROW))


def test_while_parts_are_taken_the_state_is_the_one_from_before() -> None:
    machine = Machine(ROW_BY_ROW)
    machine.apply(encode(observe("n1", 1, client_seen("zoe"))))
    restoring = machine.restoring()

    for part in parts_of(full()):
        restoring.take(part)

    assert list(machine.registry.clients) == [("service", "zoe")]


def test_what_does_not_fit_in_one_record_goes_on_in_the_next() -> None:
    many = 3 * MOST_TOGETHER + 1
    machine = Machine(ROW_BY_ROW)
    machine.apply(encode(observe("n1", 1, client_with(*(track_seen(f"t{n}", ssrcs=[n]) for n in range(many))))))
    machine.apply(encode(observe("n1", 2, *(client_seen(f"c{n}") for n in range(many)))))
    below = [row for n in range(many) for row in (rtp_pad_seen(f"p{n}"), sctp_channel_seen(f"ch{n}"))]
    machine.apply(encode(observe_sfus("n1", 3, sfu_with(*below))))
    machine.apply(encode(observe_sfus("n1", 4, *(sfu_seen(sfu=f"f{n}") for n in range(many)))))
    machine.apply(encode(sfu_leaves("n1", 5, *(f"f{n}" for n in range(1, many)))))
    machine.apply(encode(leave("n1", 6, *(f"c{n}" for n in range(many)))))

    copy = copy_of(machine)

    assert rows_of(copy.registry) == rows_of(machine.registry)
    assert sfu_rows_of(copy.registry) == sfu_rows_of(machine.registry)
    assert copy.registry.departed.rows == machine.registry.departed.rows
    assert copy.registry.sfu_half.departed.rows == machine.registry.sfu_half.departed.rows
    assert copy.registry.origins["n1"].last == machine.registry.origins["n1"].last
    assert copy.registry.origins["n1"].untold == machine.registry.origins["n1"].untold
    assert_indexes_agree(copy.registry)


def test_the_parts_are_as_large_as_was_asked_for() -> None:
    machine = Machine(part_bytes=1000)
    for number in range(100):
        machine.apply(encode(observe("n1", number + 1, client_with(track_seen(), client=f"c{number}"), mark=number)))

    head, *parts, last = parts_of(machine)

    assert {len(part) // 100 for part in parts} <= {10, 11}
    assert len(head) < 100
    assert len(last) < 1200


def test_claims_are_restored_in_the_order_of_claims_not_of_rows() -> None:
    machine = Machine(ROW_BY_ROW)
    streams = [track_seen("mic", ssrcs=[1]), track_seen("cam", ssrcs=[], stream="st")]
    for seq, client in enumerate(["alice", "bob", "carol"], start=1):
        machine.apply(encode(observe("n1", seq, client_with(*streams, client=client))))
    anew = [track_seen("mic", ssrcs=[2]), track_seen("cam", ssrcs=[], stream="st", sink="si")]
    machine.apply(encode(observe("n1", 4, client_with(*anew))))

    copy = copy_of(machine).registry

    room = copy.rooms["service", "lobby"]
    for claims in (room.ssrcs[1], copy.streams["service", "lobby", "st"], copy.sent["service", "st"]):
        assert [track.peer_connection.client.client_id for track in all_of(claims)] == ["bob", "carol", "alice"]


def test_what_tracks_of_several_rooms_claim_is_restored_in_the_order_of_claims() -> None:
    machine = Machine(ROW_BY_ROW)
    for seq, client in enumerate(["alice", "bob"], start=1):
        machine.apply(encode(observe("n1", seq, _playing(client))))
    machine.apply(encode(observe("n1", 3, _playing("alice", ssrcs=[2]))))

    copy = copy_of(machine).registry

    for claims in (copy.sent["service", "st"], copy.played["service", "si"]):
        assert [track.peer_connection.client.client_id for track in all_of(claims)] == ["bob", "alice"]


def _playing(client: str, ssrcs: Sequence[int] = (1,)) -> ClientSeen:
    """A client that is alone in its room, where streams are numbered as in all others."""
    sent = track_seen("mic", ssrcs=ssrcs, stream="st")
    played = track_seen("speaker", direction=INBOUND, ssrcs=ssrcs, stream="st", sink="si")
    return client_with(sent, played, client=client, room=client, spare_call=client)


@FACTS
@given(st.lists(commands, max_size=4))
def test_any_state_can_be_restored(applied: list[Command]) -> None:
    machine = Machine(ROW_BY_ROW)
    for command in applied:
        machine.apply(encode(command))

    assert parts_of(copy_of(machine)) == parts_of(machine)
