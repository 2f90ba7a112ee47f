"""All nodes stop, one after the other, as soon as a killed one is back: what it left untold is told all the same."""

from pathlib import Path

import pytest
import trio

from tests.faults.crowd import Crowd, crowd
from tests.faults.ledger import judge
from tests.faults.standing import Nodes, nodes

pytestmark = pytest.mark.processes

SLOW = 3000
"""How long reports wait for others: so long the killed node has told nothing. (ms)"""
LONG_ENOUGH = 2.5
"""How long before the kill the first client was taken: what came in the last second need not be told. (s)"""


async def test_what_a_killed_node_left_untold_is_told_although_all_stop_at_once(tmp_path: Path) -> None:
    async with nodes(tmp_path, reports_every=SLOW) as cluster:
        leader, victim = await cluster.leader(), await cluster.follower()
        async with crowd(cluster, clients=0, visitors=40.0) as there:
            await _taken(there)
            victim.life.behind = await victim.behind()
            await victim.kill()
            await victim.start()
            await cluster.wait_whole()
        codes = [await node.stop() for node in Nodes([leader, *cluster.besides(leader)])]

        judge(there.said, cluster, reports_every=SLOW / 1000).assert_clean()
        assert codes == [0, 0, 0]


async def _taken(there: Crowd, patience: float = 30.0) -> None:
    with trio.fail_after(patience):
        while not there.said or trio.current_time() - there.said[0].at < LONG_ENOUGH:  # noqa: ASYNC110 - it is seldom asked
            await trio.sleep(0.02)
