"""A process that is halted for long, as a virtual machine that is moved, loses its place and finds a new one."""

from pathlib import Path

import pytest
import trio

from tests.faults.crowd import Crowd, crowd
from tests.faults.ledger import judge
from tests.faults.node import Node
from tests.faults.standing import nodes

pytestmark = [pytest.mark.processes, pytest.mark.long]

HALT = 10.0
TO_COME_BACK = 10.0


@pytest.mark.parametrize("leads", [True, False], ids=["leader", "follower"])
async def test_a_node_that_was_halted_is_evicted_comes_back_and_keeps_its_sessions(tmp_path: Path, leads: bool) -> None:
    async with nodes(tmp_path) as cluster:
        halted = await cluster.leader() if leads else await cluster.follower()
        before = (await halted.standing())["member"]
        async with crowd(cluster, visitors=10) as clients:
            await trio.sleep(1)
            halted.halt()
            from_then = trio.current_time()
            await trio.sleep(HALT)
            members = (await (await cluster.besides(halted).leader()).standing())["members"]
            halted.go_on()
            gone_on = trio.current_time()
            print(f"whole again {await cluster.wait_whole(TO_COME_BACK) - gone_on:.2f} s after it goes on")
            after = (await halted.standing())["member"]
            stayed = _stayed(clients, halted, from_then)
            await trio.sleep(1)
            await clients.leave()
        codes = [await node.stop() for node in cluster]
        verdict = judge(clients.said, cluster)

    assert before not in members
    assert after != before
    assert stayed
    verdict.assert_clean()
    assert (codes, verdict.lost) == ([0] * 3, {})


def _stayed(clients: Crowd, node: Node, halted: float) -> set[str]:
    """The clients whose session to the node was there all the time."""
    there = [one for one in clients.said if one.life is node.life and one.seq and one.cut is None]
    early = {one.client_id for one in there if one.at < halted}
    return early & {one.client_id for one in there if one.at > halted + HALT - 1}
