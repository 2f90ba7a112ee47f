"""Commands as bytes: `decode` gives what `encode` was given, and what is no command harms no replica."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.commands import Command, MalformedCommand, Outcome, Touch, decode, encode
from store.machine import Machine
from tests.build import NOW, client_with, observe, registry_of, touch_client, track_seen
from tests.store.copies import parts_of, restored
from tests.store.strategies import commands, damaged

FACTS = settings(deadline=None, max_examples=200, derandomize=True)


@FACTS
@given(commands)
def test_decode_gives_what_encode_was_given(command: Command) -> None:
    assert decode(encode(command)) == command


@FACTS
@given(commands)
def test_every_command_can_be_applied_and_its_state_written(command: Command) -> None:
    machine = Machine()

    told = machine.apply(encode(command))

    assert told.failed is None
    assert Machine().apply(encode(command)) == told
    assert parts_of(machine)


@FACTS
@given(st.binary(max_size=40))
def test_bytes_that_are_no_command_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedCommand):
        decode(data)


@pytest.mark.hostile
@FACTS
@given(st.data(), commands)
def test_a_damaged_command_applies_or_fails_and_then_changes_nothing(data: st.DataObject, command: Command) -> None:
    plain = data.draw(damaged(orjson.loads(encode(command))))
    machine = Machine()
    machine.apply(encode(observe("n1", 1, client_with(track_seen()))))
    before = parts_of(machine)

    told = machine.apply(orjson.dumps(plain))

    after = parts_of(machine)
    assert told.failed is None or (after == before and told[:3] == ((), (), ()))
    restored(after)


@pytest.mark.parametrize(
    "fields",
    [
        "abcdefghi",
        {},
        [],
        ["n1", 1, NOW, 0, [], [], [], [], None],
        ["n1", 1, NOW, 0, [], [], [], [], None, [], None],
        ["n1", "1", NOW, 0, [], [], [], [], None, []],
        ["n1", True, NOW, 0, [], [], [], [], None, []],
        ["n1", 1e30, NOW, 0, [], [], [], [], None, []],
        ["n1", 1, None, 0, [], [], [], [], None, []],
        ["n1", 1, NOW, 0, ["abcd"], [], [], [], None, []],
        ["n1", 1, NOW, 0, [["call", ["s"], 1, 1]], [], [], [], None, []],
        ["n1", 1, NOW, 0, [["sfu", ["s"], 1, 1]], [], [], [], None, []],
        ["n1", 1, NOW, 0, [["rtpPad", ["s", "f", "t", "p"], 1, 1]], [], [], [], None, []],
        ["n1", 1, NOW, 0, [["room", ["s", "c"], 1, 1]], [], [], [], None, []],
        ["n1", 1, NOW, 0, [["client", ["s", 1], 1, 1]], [], [], [], None, []],
        ["n1", 1, NOW, 0, [], [["s", "r", "c"]], [], [], None, []],
        ["n1", 1, NOW, 0, [], [], [["s", "f", 1, 1]], [], None, []],
        ["n1", 1, NOW, 0, [], [], [], [["client", "s", "c", 1]], None, []],
        ["n1", 1, NOW, 0, [], [], [], [["call", "s", "c", True]], None, []],
        ["n1", 1, NOW, 0, [], [], [], [], list(range(9)), []],
        ["n1", 1, NOW, 0, [], [], [], [], [*range(9), "9"], []],
        ["n1", 1, NOW, 0, [], [], [], [], None, [1]],
    ],
)
def test_fields_that_are_no_command_fail(fields: object) -> None:
    told = Machine().apply(orjson.dumps(fields))

    assert told == Outcome(failed=told.failed)
    assert str(told.failed).startswith("malformed command: ")


def test_a_malformed_command_fails_alike_everywhere() -> None:
    assert Machine().apply(b"no command") == Machine().apply(b"no command")


def test_a_touch_from_the_future_is_one_from_now() -> None:
    registry = registry_of(client_with(track_seen()))
    touch: Touch = touch_client(age=-60_000)

    registry.apply(observe("n1", 2, touches=[touch]))

    assert registry.clients["service", "alice"].server_touched == NOW
