"""Nodes behind real proxies stop, die and come back under load; half of the clients come through each."""

from pathlib import Path

import pytest

from tests.deploy.guests import guests
from tests.deploy.machines import REPORTS_EVERY, certify, machines
from tests.deploy.placed import Site
from tests.deploy.proxies import both
from tests.deploy.watched import open_websockets
from tests.faults.ledger import judge
from tests.faults.node import Node
from tests.faults.standing import Nodes

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

OK, BAD_GATEWAY, UNAVAILABLE = 200, 502, 503
GOING_AWAY = 1001


async def test_a_rolling_restart_behind_proxies_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    site = Site(tmp_path)
    certify(site)
    async with machines(site) as nodes, both(site) as proxies:
        async with guests(*proxies) as clients:
            await clients.wait_speaking()
            codes = []
            for node in nodes:
                codes.append(await node.stop())
                await nodes.start()
            await clients.wait_speaking()
            await clients.leave()
        codes += [await node.stop() for node in nodes]
        verdict = judge(clients.said, nodes, reports_every=REPORTS_EVERY)
    print(verdict, clients.answers, clients.ends)

    verdict.assert_clean()
    assert (codes, verdict.lost, verdict.again) == ([0] * 6, {}, {})
    # While the leader hands over, no node takes anything new for some ms.
    assert set(clients.answers["haproxy"]) <= {OK, UNAVAILABLE}
    assert set(clients.answers["nginx"]) <= {OK, UNAVAILABLE, BAD_GATEWAY}


async def test_no_post_is_refused_and_sessions_move_on_when_a_node_dies_with_posts_in_hand_or_is_drained(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    certify(site)
    async with machines(site) as nodes, both(site) as proxies:
        async with guests(*proxies) as clients:
            await clients.wait_speaking()
            dies, drained = await followers(nodes)
            dies.halt()
            clients.node_halted(dies.life.silenced[-1])
            await clients.wait_hanging()
            clients.node_killed(await dies.kill())
            await clients.wait_speaking()
            await nodes.start()
            before = {kind: ends.copy() for kind, ends in clients.ends.items()}
            code = await drained.stop()
            await clients.wait_speaking()
            ended = {kind: set(ends - before[kind]) for kind, ends in clients.ends.items()}
            await nodes.start()
            await clients.leave()
        for node in nodes:
            await node.stop()
        verdict = judge(clients.said, nodes, reports_every=REPORTS_EVERY)
    print(verdict, clients.answers, clients.ends)

    verdict.assert_clean()
    assert (code, ended) == (0, {"nginx": {GOING_AWAY}, "haproxy": {GOING_AWAY}})
    assert {kind: set(answers) for kind, answers in clients.answers.items()} == {"nginx": {OK}, "haproxy": {OK}}


async def followers(nodes: Nodes) -> list[Node]:
    """Those that do not lead; the one with fewer sessions, which is given more POSTs, comes first."""
    sessions = {node: await open_websockets(node) for node in nodes.besides(await nodes.leader())}
    return sorted(sessions, key=lambda node: sessions[node])
