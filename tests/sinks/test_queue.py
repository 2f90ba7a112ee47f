"""The queue of one sink, against the plainest model of it: a list of who came when."""

from collections.abc import Sequence

import trio
from hypothesis import given
from hypothesis import strategies as st

from sinks.lines import Line, Piece, batch_of
from sinks.queue import LineQueue
from tests.sinks.sinks_for_tests import lines, names

LIMIT, MAX_ITEMS = 8, 3

offers = st.integers(0, 12)
"""So many lines are offered."""
actions = st.lists(offers | st.just("take") | st.just("settle"), max_size=60)


def piece(some: Sequence[Line]) -> Piece:
    return next(iter(batch_of(some).pieces), Piece(0, b""))


async def check(steps: Sequence[int | str]) -> None:
    queue = LineQueue(LIMIT, 100_000, MAX_ITEMS, 0)
    position, offered, unsettled, in_flight = 0, 0, list[tuple[str, int]](), 0
    for step in steps:
        if isinstance(step, int):
            position += 1
            some = lines(step, start=offered)
            offered += step
            taken = queue.offer(position, piece(some))
            assert taken == min(step, LIMIT - len(unsettled))
            unsettled += [(name, position) for name in names(some[:taken])]
        elif step == "take" and not in_flight:
            batch = names(queue.take())
            assert batch == [name for name, _ in unsettled[:MAX_ITEMS]]
            in_flight = len(batch)
        elif step == "settle":
            queue.settle()
            del unsettled[:in_flight]
            in_flight = 0

        assert queue.settled == (unsettled[0][1] - 1 if unsettled else position)
        assert queue.waiting == len(unsettled) - in_flight


@given(actions)
def test_a_position_is_settled_exactly_when_all_up_to_it_has_left(steps: list[int | str]) -> None:
    trio.run(check, steps)


async def test_lines_that_do_not_fit_are_not_taken() -> None:
    queue = LineQueue(100, 1000, 10, 0)

    assert queue.offer(1, piece([b"x" * 399] * 3)) == 2
    assert queue.offer(2, piece([b"x" * 200])) == 0
    assert queue.offer(3, piece([b"x" * 199])) == 1
    assert queue.bytes == 1000


async def test_bytes_are_held_until_their_lines_are_settled() -> None:
    queue = LineQueue(100, 1000, 2, 0)
    queue.offer(1, piece([b"x" * 299] * 3))

    queue.take()
    assert queue.bytes == 900
    queue.settle()
    assert queue.bytes == 300
    queue.abandon(0)
    assert queue.bytes == 0


async def test_what_is_in_flight_is_held_when_what_waits_is_forgotten() -> None:
    queue = LineQueue(100, 1000, 2, 0)
    queue.offer(1, piece([b"x" * 299] * 3))
    queue.take()

    assert queue.abandon(0) == 1
    assert queue.bytes == 600
