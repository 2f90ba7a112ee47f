"""One attempt to put many objects: what is not there at its end."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from sinks.aws_errors import Refused
from sinks.s3_attempt import TOO_SLOW, Attempt

Put = Callable[[int], Awaitable[None]]


def attempt(at_once: int = 2, within_s: float = 30) -> Attempt:
    return Attempt(at_once, trio.current_time() + within_s)


def putting(failing: dict[int, Exception], tried: list[int], takes_s: float = 1) -> Put:
    async def put(thing: int) -> None:
        tried.append(thing)
        await trio.sleep(takes_s)
        if thing in failing:
            raise failing[thing]

    return put


async def test_when_all_is_there_nothing_is_left(autojump_clock: MockClock) -> None:
    some = attempt()

    assert await some.left(range(5), putting({}, [])) == []
    assert some.reason == ""


async def test_so_many_go_at_once(autojump_clock: MockClock) -> None:
    await attempt(at_once=4).left(range(10), putting({}, []))

    assert trio.current_time() == pytest.approx(3)


async def test_what_is_refused_is_left_and_the_others_are_tried(autojump_clock: MockClock) -> None:
    some = attempt()

    left = await some.left(range(6), putting({1: Refused("not this", 403), 4: Refused("nor that", 403)}, []))

    assert left == [1, 4]
    assert some.reason == "not this"


async def test_when_the_service_cannot_be_reached_no_other_is_tried(autojump_clock: MockClock) -> None:
    some, tried = attempt(at_once=1), list[int]()

    left = await some.left(range(100), putting({2: ConnectionError("gone")}, tried))

    assert (left, tried) == (list(range(2, 100)), [0, 1, 2])
    assert some.reason == "gone"


async def test_nothing_more_is_tried_after_that(autojump_clock: MockClock) -> None:
    some, tried = attempt(), list[int]()
    await some.left([0], putting({0: ConnectionError("gone")}, []))

    assert await some.left([1, 2], putting({}, tried)) == [1, 2]
    assert tried == []


async def test_at_the_deadline_what_is_there_stays_there(autojump_clock: MockClock) -> None:
    some = attempt(within_s=2.5)

    left = await some.left(range(8), putting({}, []))

    assert left == [4, 5, 6, 7]
    assert some.reason == TOO_SLOW
    assert trio.current_time() == pytest.approx(2.5)


async def test_an_error_of_our_own_passes_as_it_is(autojump_clock: MockClock) -> None:
    with pytest.raises(KeyError, match="ours"):
        await attempt().left(range(8), putting({3: KeyError("ours"), 2: KeyError("ours")}, []))


async def test_nothing_at_all_is_there_at_once(autojump_clock: MockClock) -> None:
    assert await attempt().left([], putting({}, [])) == []
