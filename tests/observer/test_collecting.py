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


async def test_what_replaces_what_goes_is_looked_at_too(autojump_clock: MockClock) -> None:
    with sparing() as collecting:
        kept = lists(10 * PORTION)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collecting.run)
            for at in range(len(kept)):
                kept[at] = []
            await trio.sleep(1)
            nursery.cancel_scope.cancel()

        assert len(gc.get_objects()) < PORTION


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
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collecting.run)
            await trio.sleep(1)
            autojump_clock.jump(90_000)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()

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
