"""Snapshots: all replicated state, nothing else, and back again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.commands import Command, encode
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
    observe,
    sweep,
    told,
    touch_call,
    touch_client,
    touch_track,
    track_seen,
)
from tests.store.agreement import assert_indexes_agree, rows_of
from tests.store.copies import ROW_BY_ROW, copy_of, parts_of
from tests.store.strategies import commands

FACTS = settings(deadline=None, max_examples=200, derandomize=True)


def full() -> Machine:
    """A machine with something of everything: two rooms, both directions, a stream, a superseded call."""
    machine = Machine(ROW_BY_ROW)
    seen = [
        client_with(track_seen(ssrcs=[1, 2]), inbound_seen(), user="u", marker="m", zone=1.5),
        client_with(track_seen(stream="st", sink="si"), client="bob", room="attic", own_call="first"),
        client_seen("carol", room="attic", own_call="second"),
    ]
    machine.apply(encode(observe("n1", 1, *seen)))
    machine.apply(encode(observe("n2", 1, client_seen("dave"), now=NOW + 1)))
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
    ],
    ids=["ssrc", "superseded", "current", "mark", "touch", "tracks expire", "all expires", "gone"],
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
    client.heard_sample, client.heard_server, client.unsettled = NOW + 5, NOW + 5, True

    assert parts_of(machine) == before


def test_a_restored_row_was_heard_when_it_was_touched() -> None:
    client = copy_of(full()).registry.clients["service", "dave"]

    assert (client.heard_sample, client.heard_server, client.unsettled) == (NOW, NOW + 1, False)


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

    copy = copy_of(machine)

    assert rows_of(copy.registry) == rows_of(machine.registry)
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

    for claims in (copy.rooms["service", "lobby"].ssrcs[1], copy.streams["service", "lobby", "st"]):
        assert [track.peer_connection.client.client_id for track in claims] == ["bob", "carol", "alice"]


@FACTS
@given(st.lists(commands, max_size=4))
def test_any_state_can_be_restored(applied: list[Command]) -> None:
    machine = Machine(ROW_BY_ROW)
    for command in applied:
        machine.apply(encode(command))

    assert parts_of(copy_of(machine)) == parts_of(machine)
