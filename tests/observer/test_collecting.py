"""The collector of cycles: it is spared what lives, and nothing that a node does in the steady state needs it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
from trio.testing import MockClock

from observer.collecting import PORTION, Collecting


class Loop:
    """Refers to itself: only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self
        Loop.living += 1

    def __del__(self) -> None:
        Loop.living -= 1

    living = 0


def lists(count: int) -> list[list[object]]:
    return [[] for _ in range(count)]


@contextmanager
def sparing() -> Iterator[Collecting]:
    collecting = Collecting()
    with collecting.sparing():
        Loop.living = 0
        yield collecting


def test_a_new_cycle_is_freed() -> None:
    with sparing():
        Loop()

        kept = lists(2 * PORTION)

        assert Loop.living == 0
        assert kept


def test_what_has_outlived_a_look_is_not_looked_at_again() -> None:
    with sparing():
        kept = lists(2 * PORTION)

        assert len(gc.get_objects()) < 2 * PORTION
        assert kept


def test_each_look_is_told_as_a_pause() -> None:
    with sparing() as collecting:
        before = sum(collecting.pauses.counts)

        kept = lists(5 * PORTION)

        assert sum(collecting.pauses.counts) - before >= 4
        assert kept


def test_a_cycle_that_was_set_aside_is_freed_when_everything_is_looked_at() -> None:
    with sparing() as collecting:
        loop = Loop()
        kept = lists(2 * PORTION)
        del loop
        assert Loop.living == 1

        collecting.look_at_everything()

        assert Loop.living == 0
        assert kept


async def test_everything_is_looked_at_in_time(autojump_clock: MockClock) -> None:
    with sparing() as collecting:
        loop = Loop()
        gc.freeze()
        del loop
        with trio.move_on_after(90_000):
            await collecting.run()

        assert Loop.living == 0


def test_afterwards_the_collector_is_as_it_was() -> None:
    before = gc.get_threshold(), list(gc.callbacks)
    with sparing():
        pass

    assert (gc.get_threshold(), list(gc.callbacks)) == before
    assert gc.get_freeze_count() == 0


@pytest.fixture(autouse=True)
def _no_loops_of_others() -> Iterator[None]:
    gc.collect()
    yield
    Loop.living = 0
