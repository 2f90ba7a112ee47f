"""Faults of all kinds one after the other, without waiting for what was before: also of a node that is just joining."""

import random
import signal
from pathlib import Path

import pytest
import trio

from tests.faults.crowd import crowd
from tests.faults.ledger import judge
from tests.faults.node import Node
from tests.faults.standing import nodes

pytestmark = [pytest.mark.processes, pytest.mark.long, pytest.mark.timeout(300)]

LASTS = 90.0
REPORTS_EVERY = 100


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_storm_of_faults_passes(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    async with nodes(tmp_path, reports_every=REPORTS_EVERY) as cluster:
        async with crowd(cluster) as clients:
            until = trio.current_time() + LASTS
            faults = 0
            while trio.current_time() < until:
                await trio.sleep(rng.uniform(0, 1.5))
                one = rng.choice(cluster)
                if all([await other.is_ready() for other in cluster.besides(one)]):
                    await _fault(one, rng)
                    faults += 1
            await cluster.wait_whole()
            await clients.move_to(rng.choice(cluster))
            await clients.leave()
        codes = [await node.stop() for node in cluster]
        verdict = judge(clients.said, cluster, reports_every=REPORTS_EVERY / 1000)
    print(f"{faults} faults in {LASTS:g} s; {verdict}")

    verdict.assert_clean()
    assert codes == [0] * 3
    assert faults > 5


async def _fault(node: Node, rng: random.Random) -> None:
    match rng.choice(["kill", "kill", "stop", "halt"]):
        case "kill":
            await node.kill()
            await node.start()
        case "stop":
            starting = not await node.standing()
            # SIGTERM ends a process that is only starting up at once, as it ends any other.
            assert await node.stop() in ([0, -signal.SIGTERM] if starting else [0])
            await node.start()
        case _:
            node.halt()
            await trio.sleep(rng.uniform(0.1, 5.0))
            node.go_on()
