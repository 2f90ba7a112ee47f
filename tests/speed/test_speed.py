"""A message costs what it cost: counted, not timed, so that it holds on a busy machine too."""

import pytest

from tests.speed.counts import counts
from tests.speed.figures import HERE, Change, Figures, changes, in_yardsticks, stored, verdict
from tests.speed.instructions import PATIENCE_S, YARDSTICK, instructions, valgrind
from tests.speed.replay import WAYS

STORED = stored()

of_here = pytest.mark.skipif(STORED is None, reason=f"no figures are stored for {HERE}: make speed-guard")


def judged(now: Figures) -> str:
    assert STORED is not None
    return verdict([*changes(STORED, now)])


@of_here
@pytest.mark.skipif(valgrind() is None, reason="Valgrind is not at hand")
@pytest.mark.timeout(PATIENCE_S + 20)
def test_a_message_takes_as_many_instructions_as_it_did() -> None:
    assert judged(in_yardsticks(instructions())) == ""


@of_here
def test_a_message_takes_as_many_calls_and_as_much_memory_as_it_did() -> None:
    assert judged(counts()) == ""


@of_here
def test_every_way_has_its_figures() -> None:
    assert STORED is not None
    assert [kind for kind, ways in STORED.items() if {*ways} != {*WAYS}] == []


def test_a_figure_is_told_that_grew_beyond_its_margin() -> None:
    [told] = changes({"calls": {"REST": 100.0}}, {"calls": {"REST": 105.5}})

    assert told.dearer
    assert "+5.5%" in verdict([told])


def test_a_figure_within_its_margin_is_let_pass() -> None:
    assert verdict([Change("calls", "REST", 100.0, 104.5), Change("calls", "REST", 100.0, 95.0)]) == ""


def test_a_figure_is_to_be_renewed_that_fell_by_more_than_twice_its_margin() -> None:
    assert "cheaper" in verdict([Change("calls", "REST", 100.0, 89.5)])


def test_what_had_no_figure_is_dearer() -> None:
    [told] = changes({}, {"kept": {"REST": 1.1}})

    assert told.dearer


def test_instructions_are_told_in_yardsticks() -> None:
    assert in_yardsticks({YARDSTICK: 200.0, "REST": 500.0}) == {"instructions": {"REST": 2.5}}
