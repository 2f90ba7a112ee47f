"""The queue of one sink, against the plainest model of it: a list of who came when."""

from collections.abc import Sequence

import trio
from hypothesis import given
from hypothesis import strategies as st

from sinks.queue import ReportQueue
from tests.sinks.sinks_for_tests import names, report, reports

LIMIT, MAX_ITEMS = 8, 3

offers = st.integers(0, 12)
"""So many reports are offered."""
actions = st.lists(offers | st.just("take") | st.just("settle"), max_size=60)


async def check(steps: Sequence[int | str]) -> None:
    queue = ReportQueue(LIMIT, 1000, MAX_ITEMS, 0)
    position, offered, unsettled, in_flight = 0, 0, list[tuple[str, int]](), 0
    for step in steps:
        if isinstance(step, int):
            position += 1
            some = reports(step, start=offered)
            offered += step
            taken = queue.offer(position, some)
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


async def test_reports_whose_text_does_not_fit_are_not_taken() -> None:
    queue = ReportQueue(100, 1000, 10, 0)

    assert queue.offer(1, [report("a", message="x" * 400) for _ in range(3)]) == 2
    assert queue.offer(2, [report("b")]) == 1
    assert queue.text == 803


async def test_text_is_held_until_its_reports_are_settled() -> None:
    queue = ReportQueue(100, 1000, 2, 0)
    queue.offer(1, [report("a", message="x" * 299) for _ in range(3)])

    queue.take()
    assert queue.text == 900
    queue.settle()
    assert queue.text == 300
    queue.clear()
    assert queue.text == 0
