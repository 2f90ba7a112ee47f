"""The majority, or everyone, is killed at once: the cluster is there again by itself, with all that is left of it."""

from pathlib import Path

import pytest
import trio

from tests.faults.crowd import Joins, crowd
from tests.faults.doors import NOT_READY, post_is_refused, session_refusal
from tests.faults.ledger import judge
from tests.faults.node import kill
from tests.faults.standing import nodes

pytestmark = pytest.mark.processes


@pytest.mark.long
async def test_a_new_cluster_forms_when_all_were_killed_at_once(tmp_path: Path) -> None:
    async with nodes(tmp_path) as cluster:
        before = {(await node.standing())["clusterId"] for node in cluster}
        async with crowd(cluster, clients=6) as clients:
            await trio.sleep(1)
            began = await kill(*cluster)
            joins = Joins(cluster)
            await cluster.start()
            after = {(await node.standing())["clusterId"] for node in cluster}
            await joins.first(clients.began, began)

    assert len(before) == len(after) == 1
    assert before != after


@pytest.mark.parametrize("leads", [True, pytest.param(False, marks=pytest.mark.long)], ids=["leader", "follower"])
async def test_one_that_survives_keeps_all_calls(tmp_path: Path, leads: bool) -> None:
    async with nodes(tmp_path) as cluster:
        survivor = await cluster.leader() if leads else await cluster.follower()
        before = await survivor.standing()
        async with crowd(cluster, visitors=0) as clients:
            await trio.sleep(2)
            await kill(*cluster.besides(survivor))
            await survivor.wait_readiness(503)
            refused = (await session_refusal(survivor), await post_is_refused(survivor))
            await cluster.start()
            after = await survivor.standing()
            await trio.sleep(1)
            await clients.leave()
        codes = [await node.stop() for node in cluster]
        verdict = judge(clients.said, cluster)

    assert refused == (NOT_READY, True)
    assert after["clusterId"] != before["clusterId"]
    verdict.assert_clean()
    assert codes == [0] * 3


@pytest.mark.long
async def test_one_that_survives_tells_nothing_twice(tmp_path: Path) -> None:
    async with nodes(tmp_path) as cluster:
        survivor = await cluster.leader()
        async with crowd(cluster, visitors=120) as clients:
            await trio.sleep(2)
            await kill(*cluster.besides(survivor))
            await cluster.start()
            await trio.sleep(1)
            await clients.leave()
        for node in cluster:
            await node.stop()
        verdict = judge(clients.said, cluster)

    verdict.assert_clean()
