"""A row is measured for real, in a second."""

import pytest

from analysis.hearing import touch_pace
from benchmarks.capacity_bench.readings import SAMPLES, Reading, Window
from benchmarks.table.crowd import WINDOW
from benchmarks.table.rounds import Trouble, Way, in_turn
from benchmarks.table.servers import Load, Server, load, one_node, ours, ours_at_rest
from benchmarks.table.steady import Steady, cost, steadily
from observer.config.settings import Repository
from observer.node import idle_limits

pytestmark = pytest.mark.processes


async def test_a_message_costs_a_node_something_and_less_than_a_hundredth_of_a_second() -> None:
    async with one_node() as node:
        flat, posted = await in_turn(
            [(ours(node), Way("1k", 2, 0.1)), (ours_at_rest(node, "rest"), Way("8k", 2, 0.1, calls_of=2))], 1
        )

    assert all(0 < cost < 0.01 for cost in flat + posted)
    assert len(flat) == len(posted) == 1


async def test_a_row_whose_connections_are_refused_does_not_count() -> None:
    async with one_node() as node:
        nowhere = Server("nowhere", node.process.pid, node.url, "/no/such/path")

        with pytest.raises(Trouble, match="404"):
            await in_turn([(nowhere, Way("1k", 1, 0.1))], 1)


FOR_ANY_MACHINE = 20.0
"""A machine that stands still for a moment gives a window too few messages, and the next too many."""


async def opened(made: Load) -> Load:
    assert (await made.do("open", 2))["failed"] == 0
    return made


async def test_nodes_are_loaded_at_once_and_each_window_tells_what_a_message_cost_each() -> None:
    async with one_node() as one, one_node() as other, load(ours(one), "1k") as here, load(ours(other), "1k") as there:
        loads = [await opened(made) for made in (here, there)]

        steady = Steady(rate=400, warm_up=0.2, window=1.0, windows=2, slack=FOR_ANY_MACHINE)
        costs = await steadily([one, other], loads, steady)

    assert [len(of_node) for of_node in costs] == [2, 2]
    assert all(0 < cost < 0.01 for of_node in costs for cost in of_node)


async def test_a_node_that_gets_fewer_messages_than_it_should_does_not_count() -> None:
    async with one_node() as node, load(ours(node), "1k") as made:
        await opened(made)

        with pytest.raises(Trouble, match="messages a second came, not 200000"):
            await steadily([node], [made], Steady(rate=200_000, warm_up=0.0, window=0.1, windows=1))


def window_of(messages: int) -> Window:
    before, after = (Reading(at, cpu, 0, {SAMPLES: samples}) for at, cpu, samples in ((0, 1, 7), (2, 3, 7 + messages)))
    return Window(before, after)


STEADY = Steady(rate=100, warm_up=0, window=2, windows=1)


@pytest.mark.parametrize("messages", [191, 200, 209])
def test_a_window_in_which_they_came_nearly_at_that_rate_tells_what_each_cost(messages: int) -> None:
    assert cost(window_of(messages), STEADY) == 2 / messages


@pytest.mark.parametrize("messages", [0, 189, 211])
def test_a_window_in_which_fewer_or_more_came_does_not_count(messages: int) -> None:
    with pytest.raises(Trouble, match=f"{messages / 2:.0f} messages a second came, not 100"):
        cost(window_of(messages), STEADY)


def test_a_window_holds_one_sign_of_life_of_each_client() -> None:
    assert touch_pace(idle_limits(Repository())).client == WINDOW * 1000
