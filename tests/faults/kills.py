"""kill -9 again and again under load, and what came of it."""

from dataclasses import dataclass, field
from pathlib import Path

import trio

from tests.faults.crowd import Crowd, Joins, crowd
from tests.faults.ledger import Verdict, judge
from tests.faults.node import Node
from tests.faults.standing import Nodes, nodes

_STEADY = 0.7
"""How long all goes well between a return and the next kill. (s)"""
_COMMITTED = 0.5
"""After that, what was said to one node is committed. If its client leaves through another before, what is older than
its last sample is dropped. (s)"""


@dataclass
class Outcome:
    """What came of it. Of the leader and of a follower, in s: from the kill until a client joined that came after it;
    from the start of the killed node until it was ready and all were whole again."""

    verdict: Verdict = field(default_factory=Verdict)
    leader_gaps: list[float] = field(default_factory=list)
    follower_gaps: list[float] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)
    """How far behind each was when it was killed: see `Life`. (s)"""
    unknown: int = 0
    """How many of the clients that stay a node that returned did not know."""
    exit_codes: list[int] = field(default_factory=list)

    @property
    def gaps(self) -> list[float]:
        """Of both."""
        return [*self.leader_gaps, *self.follower_gaps]


async def kills(
    folder: Path, *, leaders: int, followers: int, clients: int = 24, visitors: float = 30.0, reports_every: int = 10
) -> Outcome:
    """Kills the leader so often, then a follower, each time until all is well again; then all clients leave."""
    outcome = Outcome()
    async with nodes(folder, reports_every=reports_every) as cluster:
        async with crowd(cluster, clients=clients, visitors=visitors) as there:
            for number in range(leaders + followers):
                await trio.sleep(_STEADY)
                leads = number < leaders
                victim = await cluster.leader() if leads else await cluster.follower()
                behind = await victim.behind()
                gap, back = await _kill_and_return(cluster, victim, behind, there)
                (outcome.leader_gaps if leads else outcome.follower_gaps).append(gap)
                outcome.returns.append(back)
                outcome.behind.append(behind)
                outcome.unknown += await _unknown(victim, there)
                what = f"{'leader' if leads else 'follower'} {victim.life}"
                print(f"{what}: next join {gap:.3f} s, back {back:.2f} s, it was {behind:.3f} s behind")
            await there.move_to(victim)
            await trio.sleep(_COMMITTED)
            await there.leave()
        outcome.exit_codes = [await node.stop() for node in cluster]
        outcome.verdict = judge(there.said, cluster, reports_every=reports_every / 1000)
    return outcome


async def _kill_and_return(cluster: Nodes, victim: Node, behind: float, clients: Crowd) -> tuple[float, float]:
    """How long no client joined, and how long the return took. (s)"""
    joins = Joins(cluster.besides(victim))
    killed = await victim.kill()
    victim.life.behind = behind
    gap = await joins.first(clients.began, killed) - killed
    began = trio.current_time()
    await victim.start()
    return gap, await cluster.wait_whole() - began


async def _unknown(back: Node, clients: Crowd) -> int:
    """How many of those who stay a node does not know that has just returned; its other clients are visitors."""
    entries = await back.entries()
    wanted = {"peer_connections": len(clients.clients), "outbound_tracks": len(clients.clients)}
    return sum(max(0, count - entries[kind]) for kind, count in wanted.items())
