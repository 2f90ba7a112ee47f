"""Snapshots: all replicated state, nothing else, and back again."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.commands import Command, encode
from store.machine import Machine
from store.snapshots import FORMAT, MalformedSnapshot, dump, load
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
from tests.store.strategies import commands, damaged, json_values

FACTS = settings(deadline=None, max_examples=200, derandomize=True)


def full() -> Machine:
    """A machine with something of everything: two rooms, both directions, a stream, a superseded call."""
    machine = Machine()
    seen = [
        client_with(track_seen(ssrcs=[1, 2]), inbound_seen(), user="u", marker="m", zone=1.5),
        client_with(track_seen(stream="st", sink="si"), client="bob", room="attic", own_call="first"),
        client_seen("carol", room="attic", own_call="second"),
    ]
    machine.apply(encode(observe("n1", 1, *seen)))
    machine.apply(encode(observe("n2", 1, client_seen("dave"), now=NOW + 1)))
    return machine


def restored(machine: Machine) -> Machine:
    """A machine that was given the state of another."""
    copy = Machine()
    copy.restore(machine.snapshot())
    return copy


def test_a_restored_machine_gives_the_same_snapshot() -> None:
    machine = full()

    assert restored(machine).snapshot() == machine.snapshot()


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
    copy = restored(machine)

    assert copy.apply(encode(command)) == machine.apply(encode(command))
    assert copy.snapshot() == machine.snapshot()


def test_a_retry_hears_its_outcome_from_a_restored_machine() -> None:
    machine = full()
    command = encode(observe("n2", 1, client_seen("dave"), now=NOW + 1))

    outcome = restored(machine).apply(command)

    assert told(outcome.opened) == [("client", "dave")]
    assert outcome.calls == ["call"]


def test_a_restored_registry_has_the_same_claims() -> None:
    registry = restored(full()).registry

    assert list(registry.rooms["service", "lobby"].ssrcs) == [1, 2]
    assert list(registry.streams) == [("service", "attic", "st")]


def test_a_superseded_call_that_outlived_its_successor_does_not_get_its_room_back() -> None:
    machine = full()
    late = expired(LIMITS.call) + 1
    touches = [touch_client("bob", at=late), touch_call("first", room="attic", at=late)]
    machine.apply(encode(sweep("n1", 2, now=late)._replace(touches=touches)))
    assert [call.call_id for call in machine.registry.calls.values()] == ["first"]

    assert restored(machine).registry.rooms == {}


def test_what_a_node_alone_remembers_is_not_written() -> None:
    machine = full()
    before = machine.snapshot()

    client = machine.registry.clients["service", "alice"]
    client.heard_sample, client.heard_server, client.unsettled = NOW + 5, NOW + 5, True

    assert machine.snapshot() == before


def test_a_restored_row_was_heard_when_it_was_touched() -> None:
    client = restored(full()).registry.clients["service", "dave"]

    assert (client.heard_sample, client.heard_server, client.unsettled) == (NOW, NOW + 1, False)


def test_the_empty_registry_can_be_restored() -> None:
    assert restored(Machine()).snapshot() == Machine().snapshot()


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b'"abcde"', b"\xff", b"[%d,0,0,[],[]]" % (FORMAT + 1), b"[1,0,0,[[]],[]]"]
)
def test_what_is_no_snapshot_is_refused_and_the_state_kept(data: bytes) -> None:
    machine = full()
    before = machine.snapshot()

    with pytest.raises(MalformedSnapshot):
        machine.restore(data)

    assert machine.snapshot() == before


@FACTS
@given(st.lists(commands, max_size=4))
def test_any_state_can_be_restored(applied: list[Command]) -> None:
    machine = Machine()
    for command in applied:
        machine.apply(encode(command))

    assert restored(machine).snapshot() == machine.snapshot()


@pytest.mark.hostile
@FACTS
@given(json_values | damaged(orjson.loads(full().snapshot())))
def test_a_damaged_snapshot_is_taken_or_refused(plain: object) -> None:
    try:
        registry = load(plain)  # type: ignore[arg-type]
    except MalformedSnapshot:
        return
    dump(registry)
