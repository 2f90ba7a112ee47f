"""The chart, installed by Helm on a real control plane: its pods are observers, and they are one cluster."""

from pathlib import Path

import pytest

from tests.faults.crowd import crowd
from tests.kubernetes.addresses import of_no_network
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.objects import APPS, CORE, NETWORK, POLICY, RBAC
from tests.kubernetes.release import FULL_NAME, Deployment, deployment, until

pytestmark = [pytest.mark.timeout(400), pytest.mark.processes]

KINDS = {
    "configmaps": CORE,
    "secrets": CORE,
    "services": CORE,
    "endpoints": CORE,
    "serviceaccounts": CORE,
    "pods": CORE,
    "statefulsets": APPS,
    "controllerrevisions": APPS,
    "roles": RBAC,
    "rolebindings": RBAC,
    "poddisruptionbudgets": POLICY,
    "networkpolicies": NETWORK,
}
"""All kinds of objects that the chart makes, by itself or with the help of controllers."""

TLS = f"{FULL_NAME}-cluster-tls"


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
async def test_an_installed_chart_is_one_cluster(control_plane: ControlPlane, tmp_path: Path, helm: str) -> None:
    async with deployment(control_plane, tmp_path, helm=helm) as it:
        await it.helm.install(it.values)
        await it.whole(3)

        assert len(await it.cluster_ids()) == 1


async def test_clients_are_led_to_the_observers_that_are_ready(control_plane: ControlPlane, tmp_path: Path) -> None:
    with of_no_network(3) as addresses:
        async with deployment(control_plane, tmp_path, addresses=addresses) as it:
            await it.start()
            await until(lambda: leads_to_all(it, 3), "the Service leads to three observers")


async def test_an_upgrade_and_its_rollback_lose_nothing(control_plane: ControlPlane, tmp_path: Path) -> None:
    async with deployment(control_plane, tmp_path) as it:
        await it.start()
        cluster, secret = await it.cluster_ids(), await it.objects.secret(TLS)
        async with crowd(it.replicas) as clients:
            await it.helm.upgrade(it.values, "--set", "logLevel=DEBUG")
            await it.whole(3)
            await it.helm.rollback(1)
            await it.whole(3)
            await clients.leave()
        stayed = (await it.cluster_ids(), await it.objects.secret(TLS))
        codes, verdict = await it.end(clients)

    verdict.assert_clean()
    assert verdict.events > 4 * len(clients.clients)
    assert (codes, verdict.lost, verdict.again) == ([0] * 9, {}, {})
    assert it.begun()[3:] == ["observer-2", "observer-1", "observer-0"] * 2
    assert stayed == (cluster, secret)


async def test_a_broken_upgrade_stops_at_the_first_pod_and_a_rollback_mends_it(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    async with deployment(control_plane, tmp_path) as it:
        await it.start()
        async with crowd(it.replicas) as clients:
            await it.helm.change(it.values, "--set", "observer.sinks.file.type=NoSuchSink")
            await until(lambda: has_failed(it, "observer-2"), "observer-2 ends again and again")
            await it.helm.rollback(1)
            await it.whole(3)
            await clients.leave()
        codes, verdict = await it.end(clients)

    verdict.assert_clean()
    assert (set(codes), verdict.lost, verdict.again) == ({0, 2}, {}, {})
    assert it.begun()[3:] == ["observer-2"] * 2


async def test_the_cluster_follows_the_number_of_replicas(control_plane: ControlPlane, tmp_path: Path) -> None:
    async with deployment(control_plane, tmp_path) as it:
        await it.start()
        cluster = await it.cluster_ids()
        async with crowd(it.replicas) as clients:
            await it.helm.upgrade(it.values, "--set", "replicas=5")
            await it.whole(5)
            await it.helm.upgrade(it.values, "--set", "replicas=3")
            await it.whole(3)
            await clients.leave()
        stayed = await it.cluster_ids()
        codes, verdict = await it.end(clients)

    verdict.assert_clean()
    assert (codes, verdict.lost, verdict.again) == ([0] * 5, {}, {})
    assert stayed == cluster


async def test_nothing_is_left_when_the_release_is_taken_away(control_plane: ControlPlane, tmp_path: Path) -> None:
    async with deployment(control_plane, tmp_path) as it:
        await it.start()
        there = await everything(it)
        await it.helm.uninstall()
        codes = await it.gone()
        await until(lambda: is_empty(it), "nothing is left")

        assert codes == [0] * 3
        assert {kind for kind, _ in there} == set(KINDS)


async def leads_to_all(it: Deployment, size: int) -> bool:
    addresses = await it.ready_addresses()
    return len(addresses) == size and addresses == {pod.ip for pod in it.agent.running()}


async def has_failed(it: Deployment, name: str) -> bool:
    return it.agent.named(name).codes[:2] == [2, 2]


async def is_empty(it: Deployment) -> bool:
    return not await everything(it)


async def everything(it: Deployment) -> set[tuple[str, str]]:
    """Kind and name of all objects, but those that controllers make in every namespace."""
    found = [(kind, one["metadata"]["name"]) for kind, api in KINDS.items() for one in await it.objects.list(kind, api)]
    return {one for one in found if one[1] not in ("default", "kube-root-ca.crt")}
