"""Values that all nodes hold: the last counts, each for its time, within bounds, alike on every replica."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from store.commands import Command, Keep, decode, encode
from store.machine import Machine
from store.registry import Registry
from store.values import (
    LONGEST_NAME,
    LONGEST_TIME,
    LONGEST_VALUE,
    MOST_BYTES_OF_A_KIND,
    MOST_KINDS,
    MOST_OF_A_KIND,
    Kept,
    Values,
)
from tests.build import NOW, observe
from tests.store.agreement import values_of
from tests.store.copies import ROW_BY_ROW, copy_of, parts_of

TTL = 30_000


def said(value: bytes | None = b"v", *, key: str = "k", kind: str = "x", ttl: int = TTL, age: int = 0) -> Keep:
    """A wish to keep a value."""
    return Keep(kind, key, value, ttl, age)


def after(*commands: Command) -> Registry:
    """A registry that took these commands."""
    registry = Registry()
    for command in commands:
        registry.apply(command)
    return registry


def keep(seq: int, *wishes: Keep, at: int = NOW, forget: int | None = None) -> Command:
    """A command with values."""
    return Command("n1", seq, at, 0, keep=wishes, forget=forget)


def value_of(registry: Registry, key: str = "k", kind: str = "x") -> bytes | None:
    """The value under a key."""
    row = registry.values.get(kind, key)
    return row and row.value


def test_a_value_is_kept_under_its_kind_and_key() -> None:
    registry = after(keep(1, said(b"1"), said(b"2", kind="y")))

    assert (value_of(registry), value_of(registry, kind="y"), value_of(registry, "other")) == (b"1", b"2", None)


def test_the_later_value_counts() -> None:
    assert value_of(after(keep(1, said(b"1")), keep(2, said(b"2"), at=NOW + 1))) == b"2"


def test_a_value_that_was_said_earlier_but_comes_later_is_passed_over() -> None:
    assert value_of(after(keep(1, said(b"new")), keep(2, said(b"old", age=100), at=NOW + 50))) == b"new"


@pytest.mark.parametrize(("late", "there"), [(0, True), (1, False)])
def test_a_value_is_forgotten_once_it_was_silent_for_its_time_and_a_tenth(late: int, there: bool) -> None:
    now = NOW + TTL + TTL // 10 + late

    registry = after(keep(1, said()), keep(2, at=now, forget=NOW))

    assert (value_of(registry) is not None) is there


def test_only_silence_to_which_somebody_listened_counts() -> None:
    registry = after(keep(1, said()), keep(2, at=NOW + 3_600_000, forget=NOW + 3_590_000))

    assert value_of(registry) == b"v"


def test_nothing_is_forgotten_unless_a_command_says_so() -> None:
    assert value_of(after(keep(1, said()), observe("n1", 2, now=NOW + 10 * TTL))) == b"v"


def test_a_touch_lets_a_value_stay() -> None:
    registry = after(keep(1, said()), keep(2, said(None), at=NOW + TTL), keep(3, at=NOW + 2 * TTL, forget=NOW))

    assert value_of(registry) == b"v"


def test_a_touch_of_nothing_keeps_nothing() -> None:
    assert len(after(keep(1, said(None))).values) == 0


@pytest.mark.parametrize(
    "wish", [said(ttl=-1), said(ttl=LONGEST_TIME + 1), said(age=TTL + 1), said(b"v" * (LONGEST_VALUE + 1))]
)
def test_what_is_out_of_bounds_is_not_kept(wish: Keep) -> None:
    assert len(after(keep(1, wish)).values) == 0


def test_names_that_are_too_long_are_not_kept() -> None:
    registry = after(keep(1, said(key="k" * (LONGEST_NAME + 1)), said(kind="x" * (LONGEST_NAME + 1))))

    assert len(registry.values) == 0


def test_a_kind_that_is_full_keeps_what_it_has_and_takes_no_more() -> None:
    values = Values()
    values.keep([said(key=str(number)) for number in range(MOST_OF_A_KIND)], NOW)

    values.keep([said(b"more", key="more"), said(b"new", key="0"), said(kind="y")], NOW)

    assert (len(values), values.get("x", "more")) == (MOST_OF_A_KIND + 1, None)
    assert values.get("x", "0") == Kept(b"new", NOW, TTL)


def test_the_bytes_of_a_kind_are_bounded() -> None:
    values, large = Values(), b"v" * LONGEST_VALUE

    values.keep([said(large, key=str(number)) for number in range(MOST_BYTES_OF_A_KIND // LONGEST_VALUE + 5)], NOW)

    assert MOST_BYTES_OF_A_KIND - LONGEST_VALUE - 10 < values.size <= MOST_BYTES_OF_A_KIND


def test_there_are_so_many_kinds() -> None:
    registry = after(keep(1, *(said(kind=str(number)) for number in range(MOST_KINDS + 3))))

    assert len(registry.values) == MOST_KINDS


def test_a_kind_that_is_empty_makes_room_for_another() -> None:
    registry = after(keep(1, *(said(kind=str(number), ttl=0) for number in range(MOST_KINDS))))

    registry.apply(keep(2, at=NOW + 1, forget=NOW))
    registry.apply(keep(3, said(kind="another"), at=NOW + 1))

    assert value_of(registry, kind="another") == b"v"


def test_what_would_be_forgotten_is_known_beforehand() -> None:
    values = after(keep(1, said(), said(key="other", ttl=2 * TTL))).values
    late = NOW + TTL + TTL // 10

    assert [values.any_silent(now, NOW) for now in (NOW, late, late + 1)] == [False, False, True]


def test_values_come_back_from_a_snapshot_in_their_order() -> None:
    machine = Machine(ROW_BY_ROW)
    wishes = [said(bytes([number]), key=f"k{number}", ttl=number, kind="xy"[number % 2]) for number in range(200)]
    machine.apply(encode(keep(1, *wishes)))

    copy = copy_of(machine)

    assert parts_of(copy) == parts_of(machine)
    assert values_of(copy.registry) == values_of(machine.registry)


def test_a_snapshot_shows_values_as_they_were_when_it_was_asked_for() -> None:
    machine = Machine(ROW_BY_ROW)
    machine.apply(encode(keep(1, said(b"1"))))
    awaited, parts = parts_of(machine), machine.snapshot()

    machine.apply(encode(keep(2, said(b"2"), said(key="new"))))

    assert list(parts) == awaited


def test_long_values_go_into_several_records() -> None:
    machine = Machine(ROW_BY_ROW)
    machine.apply(encode(keep(1, *(said(b"v" * LONGEST_VALUE, key=str(number)) for number in range(20)))))

    parts = parts_of(machine)

    assert max(map(len, parts)) < 3 * LONGEST_VALUE


def test_a_retry_keeps_nothing_twice() -> None:
    registry = after(keep(1, said(b"1")), keep(2, said(b"2")), keep(1, said(b"1"), at=NOW + 9))

    assert value_of(registry) == b"2"


def test_a_command_with_values_comes_back_from_its_bytes() -> None:
    wishes = (said(b"\x00\xff", age=5), said(None, key="\N{SNOWMAN}"))

    command = decode(encode(keep(1, *wishes, forget=7)))

    assert (command.keep, command.forget) == (wishes, 7)


def test_a_command_without_values_is_written_as_before_there_were_any() -> None:
    fields: Sequence[Any] = orjson.loads(encode(observe("n1", 1)))

    assert len(fields) == Command._fields.index("keep")


def test_a_command_from_before_there_were_values_can_be_read() -> None:
    assert decode(orjson.dumps(["n1", 1, NOW, 0, [], [], [], [], None, []])) == Command(
        "n1", 1, NOW, 0, [], [], [], [], None, []
    )
