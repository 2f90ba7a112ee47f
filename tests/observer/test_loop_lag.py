from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from observer.loop_lag import LoopLag


@asynccontextmanager
async def measured() -> AsyncIterator[LoopLag]:
    lag = LoopLag()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lag.run)
        await wait_all_tasks_blocked()
        yield lag
        nursery.cancel_scope.cancel()


async def test_a_loop_that_is_never_blocked_has_no_lag(autojump_clock: MockClock) -> None:
    async with measured() as lag:
        await trio.sleep(60)

        assert lag.seconds == pytest.approx(0, abs=1e-9)


async def test_what_blocks_the_loop_shows(mock_clock: MockClock) -> None:
    async with measured() as lag:
        mock_clock.jump(2.1)
        await wait_all_tasks_blocked()

        assert lag.seconds == pytest.approx(2.0)


async def test_the_longest_lag_is_told_for_a_while(autojump_clock: MockClock) -> None:
    async with measured() as lag:
        autojump_clock.jump(2.1)
        await trio.sleep(14)

        assert lag.seconds == pytest.approx(2.0)


async def test_a_lag_is_forgotten_in_time(autojump_clock: MockClock) -> None:
    async with measured() as lag:
        autojump_clock.jump(2.1)
        await trio.sleep(31)

        assert lag.seconds == pytest.approx(0, abs=1e-9)
