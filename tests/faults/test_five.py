"""Five nodes, two of which are killed at once; and a registry that takes a while to be handed over."""

from pathlib import Path

import orjson
import pytest
import trio

from observer.simulation.sessions import rest_session
from tests.faults.crowd import Joins, crowd
from tests.faults.ledger import judge
from tests.faults.node import Node, kill
from tests.faults.standing import Place, nodes

pytestmark = [pytest.mark.processes, pytest.mark.long]

LONGEST_GAP = 1.5
MANY, AT_ONCE = 30_000, 1_000


async def test_five_go_on_when_the_leader_and_another_are_killed_at_once(tmp_path: Path) -> None:
    async with nodes(tmp_path, [Place()] * 5) as cluster:
        async with crowd(cluster) as clients:
            await trio.sleep(1)
            leader = await cluster.leader()
            victims = leader, cluster.besides(leader)[0]
            joins = Joins(cluster.besides(*victims))
            killed = await kill(*victims)
            gap = await joins.first(clients.began, killed) - killed
            await cluster.start()
            await clients.leave()
        codes = [await node.stop() for node in cluster]
        verdict = judge(clients.said, cluster)
    print(f"next join after {gap:.3f} s; {verdict}")

    verdict.assert_clean()
    assert gap < LONGEST_GAP
    assert codes == [0] * 5


async def test_a_large_registry_is_handed_over_while_all_goes_on(tmp_path: Path) -> None:
    async with nodes(tmp_path) as cluster:
        await _fill(cluster[0])
        async with crowd(cluster) as clients:
            await trio.sleep(1)
            back = await cluster.follower()
            others = cluster.besides(back)
            await back.kill()
            await back.start()
            began, gaps = trio.current_time(), []
            while not await back.is_ready():
                now = trio.current_time()
                gaps.append(await Joins(others).first(clients.began, now) - now)
            took = trio.current_time() - began
            entries = await back.entries()
            await cluster.wait_whole()
            await clients.leave()
        codes = [await node.stop() for node in cluster]
        verdict = judge(clients.said, cluster)
    print(f"back after {took:.2f} s with {entries}, longest gap meanwhile {max(gaps):.3f} s; {verdict}")

    verdict.assert_clean()
    assert entries["clients"] >= MANY
    assert max(gaps) < LONGEST_GAP
    assert codes == [0] * 3


async def _fill(node: Node) -> None:
    """Lets very many clients join, and waits until all of them have."""
    async with rest_session(f"http://{node.host}:{node.port}/rest/samples/svc/mu", patience=20) as send:
        for first in range(0, MANY, AT_ONCE):
            samples = [
                {"clientId": f"filler-{n}", "roomId": f"full-{n // 10}", "timestamp": 1}
                for n in range(first, first + AT_ONCE)
            ]
            await send(orjson.dumps({"clientSamples": samples}))
    with trio.fail_after(30):
        while (await node.entries())["clients"] < MANY:  # noqa: ASYNC110 - a process tells when it is asked
            await trio.sleep(0.1)
