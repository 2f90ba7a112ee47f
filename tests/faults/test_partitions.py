"""Partitions between nodes in networks of their own, with mutual TLS: the majority goes on, and all heals by itself."""

import random
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from tests.faults.crowd import Crowd, Joins, crowd
from tests.faults.doors import NOT_READY, post_is_refused, session_refusal
from tests.faults.ledger import judge
from tests.faults.network import Networks, needs_networks, networks
from tests.faults.node import Node
from tests.faults.standing import Nodes, Place, nodes

pytestmark = [pytest.mark.processes, needs_networks]

LONGEST_GAP = 1.5
TO_NOTICE = 4.0
TO_HEAL = 10.0
HOLDS = 5.0
STORM = 60.0
LONGER_THAN_THE_GRACE = 32.0


@dataclass
class Standing:
    """A cluster in networks of its own, under load."""

    cluster: Nodes
    between: Networks
    clients: Crowd

    def part(self, *sides: Sequence[Node]) -> float:
        """Parts the sides; when that was."""
        self.between.part(*([node.host for node in side] for side in sides))
        return self._silenced()

    def silence(self, sender: Node, receiver: Node) -> float:
        """Lets nothing through in one direction; when that was."""
        self.between.silence(sender.host, receiver.host)
        return self._silenced()

    def _silenced(self) -> float:
        now = trio.current_time()
        for node in self.cluster:
            node.life.silenced.append(now)
        return now


@asynccontextmanager
async def standing(folder: Path) -> AsyncIterator[Standing]:
    """Three nodes; at the end all heals, all leave, and what was told is judged."""
    with networks(3) as between:
        places = [Place(host, between.prefix(host), tls) for host, tls in _certificates(folder, between.hosts).items()]
        async with nodes(folder, places) as cluster:
            async with crowd(cluster) as clients:
                await trio.sleep(1)
                yield Standing(cluster, between, clients)
                between.heal()
                healed = trio.current_time()
                print(f"healed after {await cluster.wait_whole(TO_HEAL) - healed:.2f} s")
                await trio.sleep(1)
                await clients.leave()
            codes = [await node.stop() for node in cluster]
            verdict = judge(clients.said, cluster)
    print(verdict)
    verdict.assert_clean()
    assert (codes, verdict.lost) == ([0] * 3, {})


@pytest.mark.parametrize("leads", [True, pytest.param(False, marks=pytest.mark.long)], ids=["leader", "follower"])
async def test_one_that_is_cut_off_takes_nothing_and_the_others_go_on(tmp_path: Path, leads: bool) -> None:
    async with standing(tmp_path) as it:
        alone = await it.cluster.leader() if leads else await it.cluster.follower()
        others = it.cluster.besides(alone)
        joins = Joins(others)
        cut = it.part([alone], others)
        gap = await joins.first(it.clients.began, cut) - cut
        noticed = await alone.wait_readiness(503, TO_NOTICE) - cut
        refused = (await session_refusal(alone), await post_is_refused(alone))
        await trio.sleep(HOLDS)
        leads_others = (await others.leader()) in others
        print(f"next join after {gap:.3f} s, not ready after {noticed:.2f} s")

    assert gap < LONGEST_GAP
    assert refused == (NOT_READY, True)
    assert leads_others


@pytest.mark.long
async def test_three_that_are_cut_off_from_each_other_wait_and_come_together_again(tmp_path: Path) -> None:
    async with standing(tmp_path) as it:
        it.part(*([node] for node in it.cluster))
        for node in it.cluster:
            await node.wait_readiness(503, TO_NOTICE)
        await trio.sleep(HOLDS)
        ready = [await node.is_ready() for node in it.cluster]

    assert ready == [False] * 3


@pytest.mark.long
@pytest.mark.parametrize("hears", [True, False], ids=["hears", "is-heard"])
@pytest.mark.parametrize("leads", [True, False], ids=["leader", "follower"])
async def test_a_link_that_passes_one_way_only_stops_nobody_for_long(tmp_path: Path, leads: bool, hears: bool) -> None:
    async with standing(tmp_path) as it:
        leader = await it.cluster.leader()
        one = leader if leads else it.cluster.besides(leader)[0]
        another = it.cluster.besides(leader)[-1]
        cut = it.silence(another, one) if not hears else it.silence(one, another)
        joins = Joins(it.cluster)
        gap = await joins.first(it.clients.began, cut) - cut
        await trio.sleep(HOLDS)
        later = trio.current_time()
        again = await joins.first(it.clients.began, later) - later
        print(f"next join after {gap:.3f} s, and much later {again:.3f} s")

    assert max(gap, again) < LONGEST_GAP


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_storm_of_cuts_passes(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    async with standing(tmp_path) as it:
        until, cuts = trio.current_time() + STORM, 0
        while trio.current_time() < until:
            one, another = rng.sample(it.cluster, 2)
            match rng.choice(["part", "silence", "silence"]):
                case "part":
                    it.part([one], it.cluster.besides(one))
                case _:
                    it.silence(one, another)
            cuts += 1
            await trio.sleep(rng.uniform(0.1, 4.0))
            if rng.random() < 0.6:
                it.between.heal()
                await trio.sleep(rng.uniform(0.1, 2.0))
        print(f"{cuts} cuts")

    assert cuts > STORM / 6


@pytest.mark.long
async def test_clients_that_leave_a_node_that_is_cut_off_for_long_stay_in_their_calls(tmp_path: Path) -> None:
    async with standing(tmp_path) as it:
        alone = await it.cluster.leader()
        others = it.cluster.besides(alone)
        await it.clients.move_to(alone)
        await trio.sleep(1)
        it.part([alone], others)
        await trio.sleep(2)
        await it.clients.move_to(others[0])
        await trio.sleep(LONGER_THAN_THE_GRACE)


def _certificates(folder: Path, hosts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Those of a new authority, made as an operator makes them."""
    out = folder / "tls"
    subprocess.run(
        [sys.executable, "-m", "observer", "certificates", "--out", str(out), *hosts], check=True, capture_output=True
    )
    return {
        host: {"ca": str(out / "ca.pem"), "cert": str(out / f"{host}.pem"), "key": str(out / f"{host}.key")}
        for host in hosts
    }
