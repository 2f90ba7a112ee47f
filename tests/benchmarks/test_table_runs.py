"""A row is measured for real, in a second."""

import pytest

from benchmarks.table.rounds import Trouble, Way, in_turn
from benchmarks.table.servers import Server, one_node, ours, ours_at_rest

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
