"""The queue of one sink, against the plainest model of it: a list of who came when."""

from collections.abc import Sequence

import trio
from hypothesis import given
from hypothesis import strategies as st

from sinks.queue import ReportQueue
from tests.sinks.sinks_for_tests import names, reports

LIMIT, MAX_ITEMS = 8, 3

offers = st.integers(0, 12)
"""So many reports are offered."""
actions = st.lists(offers | st.just("take") | st.just("settle"), max_size=60)


async def check(steps: Sequence[int | str]) -> None:
    queue = ReportQueue(LIMIT, MAX_ITEMS, 0)
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
