"""When sessions are looked at."""

import math
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from web.watching import LONGEST, MOST_AT_ONCE, Watch

WRITE_TIMEOUT = 20.0


class Session:
    """Notes when it is looked at; each time it says that it is due after so long, or never again."""

    def __init__(self, *waits: float | None) -> None:
        self.waits = list(waits)
        self.looks = list[float]()
        self.ended_unread = list[float]()

    def look(self, now: float, nursery: trio.Nursery) -> float | None:
        self.looks.append(now)
        wait = self.waits.pop(0) if self.waits else None
        return None if wait is None else now + wait

    def end_unread(self, nursery: trio.Nursery) -> None:
        self.ended_unread.append(trio.current_time())

    async def stop(self) -> None:
        raise AssertionError("nothing stops here")


@asynccontextmanager
async def watching() -> AsyncIterator[Watch]:
    watch = Watch(WRITE_TIMEOUT)
    async with trio.open_nursery() as nursery:
        watch.begin(nursery)
        yield watch
        nursery.cancel_scope.cancel()


def add(watch: Watch, session: Session) -> int:
    number = watch.new_number()
    watch.add(number, session)
    return number


@pytest.mark.parametrize("moment", [0.0, 0.3, 1.0])
async def test_a_session_is_looked_at_soon_and_then_when_it_is_due(autojump_clock: MockClock, moment: float) -> None:
    session = Session(7.5, 3, 1, 0.2, None)
    async with watching() as watch:
        await trio.sleep(moment)
        add(watch, session)
        began = trio.current_time()
        await trio.sleep(100)

    waits = [0, 7.5, 3, 1, 0.2]
    due = [before + wait for before, wait in zip([began, *session.looks], waits, strict=False)]
    assert [when == pytest.approx(at + 1, abs=1) for when, at in zip(session.looks, due, strict=True)] == [True] * 5


async def test_a_session_that_is_never_due_is_looked_at_now_and_then(autojump_clock: MockClock) -> None:
    session = Session(*[math.inf] * 100)
    async with watching() as watch:
        add(watch, session)
        await trio.sleep(10 * LONGEST)

    assert len(session.looks) == pytest.approx(10, abs=1)


async def test_who_is_due_at_once_is_looked_at_each_second(autojump_clock: MockClock) -> None:
    session = Session(*[0] * 100)
    async with watching() as watch:
        add(watch, session)
        await trio.sleep(10.5)

    assert len(session.looks) == pytest.approx(10, abs=1)


async def test_who_is_removed_is_neither_looked_at_nor_held(autojump_clock: MockClock) -> None:
    session = Session(5, 5, 5)
    async with watching() as watch:
        number = add(watch, session)
        await trio.sleep(2)
        looks = session.looks
        watch.remove(number)
        held = weakref.ref(session)
        del session
        await trio.sleep(10)

        assert held() is None
        assert len(looks) == 1


async def test_a_loop_that_was_held_up_passes_over_nobody(autojump_clock: MockClock) -> None:
    sessions = [Session(1 + number / 10) for number in range(100)]
    async with watching() as watch:
        for session in sessions:
            add(watch, session)
        await trio.sleep(1.5)
        autojump_clock.jump(20)
        await trio.sleep(1)

    assert {len(session.looks) for session in sessions} == {2}


async def test_many_that_are_due_together_do_not_keep_others_waiting(autojump_clock: MockClock) -> None:
    looked_at = list[int]()

    async def note() -> None:
        for _ in range(30):
            looked_at.append(sum(bool(session.looks) for session in sessions))
            await trio.lowlevel.checkpoint()

    class First(Session):
        def look(self, now: float, nursery: trio.Nursery) -> float | None:
            nursery.start_soon(note)
            return super().look(now, nursery)

    sessions = [First(), *(Session() for _ in range(10 * MOST_AT_ONCE))]
    async with watching() as watch:
        for session in sessions:
            add(watch, session)
        await trio.sleep(2)

    # Within a turn the order is trio's: the others may be first in one, and last in the next.
    assert max(after - before for before, after in pairwise(looked_at)) <= 2 * MOST_AT_ONCE
    assert looked_at[-1] == len(sessions)


async def test_who_sends_what_is_not_read_for_too_long_is_ended(autojump_clock: MockClock) -> None:
    slow, quick = Session(None), Session(None)
    async with watching() as watch:
        of_slow, of_quick = add(watch, slow), add(watch, quick)
        await trio.sleep(5)
        watch.sending[of_slow] = watch.sending[of_quick] = trio.current_time()
        await trio.sleep(WRITE_TIMEOUT - 1)
        del watch.sending[of_quick]
        began = watch.sending[of_slow]
        await trio.sleep(3)

    assert slow.ended_unread[0] - began == pytest.approx(WRITE_TIMEOUT + 1, abs=1)
    assert quick.ended_unread == []


async def test_who_sends_and_is_not_watched_is_left_alone(autojump_clock: MockClock) -> None:
    session = Session(None)
    async with watching() as watch:
        number = add(watch, session)
        watch.sending[number] = trio.current_time()
        watch.remove(number)
        await trio.sleep(2 * WRITE_TIMEOUT)

    assert session.ended_unread == []


async def test_what_is_heard_now_counts_as_heard_within_a_second(autojump_clock: MockClock) -> None:
    ahead = list[float]()
    async with watching() as watch:
        for _ in range(50):
            ahead.append(watch.next_look - trio.current_time())
            await trio.sleep(0.3)

    assert all(0 <= seconds <= 1.01 for seconds in ahead)
