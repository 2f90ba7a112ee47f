"""A rolling restart under load: every node in turn ends on SIGTERM and comes back."""

from pathlib import Path

import pytest

from tests.faults.crowd import crowd
from tests.faults.ledger import judge
from tests.faults.standing import nodes

pytestmark = pytest.mark.processes


async def test_a_rolling_restart_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    async with nodes(tmp_path) as cluster:
        async with crowd(cluster) as clients:
            codes = []
            for node in cluster:
                codes.append(await node.stop())
                await cluster.start()
            await clients.leave()
        codes += [await node.stop() for node in cluster]
        verdict = judge(clients.said, cluster)

    verdict.assert_clean()
    assert verdict.events > 4 * len(clients.clients)
    assert (codes, verdict.lost, verdict.again) == ([0] * 6, {}, {})
