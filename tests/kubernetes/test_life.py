"""What a cluster of pods lives through: pods that come back elsewhere, rights that are taken, an API that is away."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.faults.crowd import crowd
from tests.faults.doors import NOT_READY, session_refusal
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.objects import RBAC, Answered
from tests.kubernetes.release import FULL_NAME, Deployment, Replica, deployment, until

pytestmark = [pytest.mark.timeout(400), pytest.mark.processes]

ALL = ("observer-0", "observer-1", "observer-2")
BINDING = f"rolebindings/{FULL_NAME}"
PERMISSION = "the service account needs a Role with list and watch on pods"


async def test_a_leader_that_comes_back_at_another_address_loses_nothing(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    async with deployment(control_plane, tmp_path) as it:
        await it.start()
        leader = await it.replicas.leader()
        former = leader.host
        async with crowd(it.replicas) as clients:
            await it.replace(leader.name)
            await it.whole(3)
            await clients.leave()
        codes, verdict = await it.end(clients)

    verdict.assert_clean()
    assert (codes, verdict.lost, verdict.again) == ([0] * 4, {}, {})
    assert leader.host != former


async def test_a_drain_takes_one_observer_at_a_time_and_loses_nothing(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    async with deployment(control_plane, tmp_path) as it:
        await it.start()
        async with crowd(it.replicas) as clients:
            refused = [await evict(it, name) for name in ALL]
            await until(lambda: has_begun(it, 6), "the last is replaced")
            await it.whole(3)
            await clients.leave()
        codes, verdict = await it.end(clients)

    verdict.assert_clean()
    assert (codes, verdict.lost, verdict.again) == ([0] * 6, {}, {})
    assert all(refused[1:])


async def test_without_rights_nobody_is_let_in_and_each_says_what_is_missing(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    async with deployment(control_plane, tmp_path) as it:
        await it.helm.begin(it.values, "--set", "rbac.create=false")
        await until(lambda: say_why(it, 3), f"three observers say: {PERMISSION}")
        heard = [await session_refusal(node) for node in it.replicas]
        pods = [pod.ready for pod in it.agent.running()]
        await it.helm.upgrade(it.values)
        await it.whole(3)

        assert (heard, pods) == ([NOT_READY] * 3, [False] * 3)
        assert len(await it.cluster_ids()) == 1
        assert len(it.begun()) == 3, "a pod was started again for its rights"


async def test_rights_that_are_taken_away_hurt_only_who_starts_without_them(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    async with deployment(control_plane, tmp_path) as it:
        await it.start(eager(it.values))
        cluster, binding = await it.cluster_ids(), await it.objects.get(BINDING, RBAC)
        async with crowd(it.replicas) as clients:
            await it.objects.delete(BINDING, RBAC)
            await until(lambda: all_failed(it, "refused"), "all nodes are refused")
            newcomer = await it.replace("observer-1")
            await until(lambda: says_why(it.replicas.named("observer-1")), f"observer-1 says: {PERMISSION}")
            heard = await session_refusal(it.replicas.named("observer-1"))
            others = [await node.is_ready() for node in it.replicas if node.name != "observer-1"]
            await it.objects.create(
                "rolebindings", {key: binding[key] for key in ("roleRef", "subjects")} | meta(), RBAC
            )
            await it.whole(3)
            await clients.leave()
        stayed = await it.cluster_ids()
        codes, verdict = await it.end(clients)

    verdict.assert_clean()
    assert (others, heard) == ([True, True], NOT_READY)
    assert PERMISSION in newcomer.log.read_text()
    assert (stayed, codes, verdict.lost, verdict.again) == (cluster, [0] * 4, {}, {})


async def test_nodes_go_on_while_the_api_server_is_away(control_plane: ControlPlane, tmp_path: Path) -> None:
    async with deployment(control_plane, tmp_path) as it:
        await it.start(eager(it.values))
        async with crowd(it.replicas) as clients:
            control_plane.kill_api()
            await until(lambda: all_failed(it, "unreachable"), "no node reaches the API")
            ready = [await node.is_ready() for node in it.replicas]
            said = len(clients.said)
            await until(lambda: has_said(clients.said, said + 100), "samples are taken")
            control_plane.server.start()
            await trio.to_thread.run_sync(control_plane.wait_ready)
            await it.replace("observer-0")
            await it.whole(3)
            await clients.leave()
        codes, verdict = await it.end(clients)

    verdict.assert_clean()
    assert (ready, codes, verdict.lost, verdict.again) == ([True] * 3, [0] * 4, {}, {})


def eager(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with which a node asks the API anew each 2 s."""
    observer = values["observer"]
    limits = {"watchInS": 2, "longestRetryInS": 2}
    hamok = observer["hamok"] | {"discovery": {"config": {"limits": limits}}}
    return {**values, "observer": {**observer, "hamok": hamok}}


async def evict(it: Deployment, name: str) -> int:
    """Evicts a pod as a drain does: again and again while the budget refuses. How often that was."""
    refused = 0

    async def is_accepted() -> bool:
        nonlocal refused
        body = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": name}}
        try:
            await it.objects.create(f"pods/{name}/eviction", body)
        except Answered as answer:
            if answer.status != 429:
                raise
            refused += 1
            return False
        return True

    await until(is_accepted, f"{name} is evicted")
    return refused


async def say_why(it: Deployment, size: int) -> bool:
    running = [it.replicas.named(pod.name) for pod in it.agent.running()]
    return len(running) == size and all([await says_why(node) for node in running])


async def says_why(node: Replica) -> bool:
    status, told = await node.readiness()
    return status == 503 and PERMISSION in str(told.get("reason"))


async def all_failed(it: Deployment, reason: str) -> bool:
    return all([await it.replicas.named(name).failures(reason) > 0 for name in ALL])


async def has_begun(it: Deployment, size: int) -> bool:
    return len(it.begun()) == size


async def has_said(said: list[Any], size: int) -> bool:
    return len(said) >= size


def meta() -> dict[str, Any]:
    return {"metadata": {"name": FULL_NAME}}
