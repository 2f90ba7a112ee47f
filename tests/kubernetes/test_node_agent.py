"""The node of these tests does what a node does: pods become processes, and the controllers hear how they are."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from observer.simulation.free_ports import free_ports
from tests.kubernetes.addresses import of_loopback, of_no_network
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.node_agent import NodeAgent
from tests.kubernetes.node_plan import Image
from tests.kubernetes.objects import APPS, Objects, new_namespace
from tests.kubernetes.release import until

pytestmark = [pytest.mark.timeout(240), pytest.mark.processes]

LABELS = {"app": "web"}


async def test_ready_pods_are_the_endpoints_of_a_service(control_plane: ControlPlane, tmp_path: Path) -> None:
    with of_no_network(2) as addresses:
        async with web(control_plane, tmp_path, addresses) as (known, agent):
            await until(lambda: has_endpoints(known, {pod.ip for pod in agent.pods.values()}, 2), "two endpoints")


async def test_a_deleted_pod_ends_and_comes_back_elsewhere(control_plane: ControlPlane, tmp_path: Path) -> None:
    async with web(control_plane, tmp_path) as (known, agent):
        first = agent.named("web-1")
        await known.delete("pods/web-1")
        await until(lambda: is_ready(agent, "web-1", not_at=first.ip), "another web-1 is ready")

        assert first.codes == [-15]


async def test_a_process_that_ends_is_started_again(control_plane: ControlPlane, tmp_path: Path) -> None:
    async with web(control_plane, tmp_path) as (known, agent):
        agent.named("web-0").kill()
        await until(lambda: was_started_again(known, "web-0"), "web-0 is ready again")


async def test_no_process_outlives_the_agent(control_plane: ControlPlane, tmp_path: Path) -> None:
    async with web(control_plane, tmp_path) as (_, agent):
        processes = [pod.process for pod in agent.pods.values()]

    assert [process.returncode for process in processes if process] == [-9, -9]


@asynccontextmanager
async def web(
    plane: ControlPlane, folder: Path, addresses: Iterator[str] | None = None
) -> AsyncIterator[tuple[Objects, NodeAgent]]:
    """A stateful set of two web servers that are ready, and a service."""
    known = await new_namespace(plane)
    async with trio.open_nursery() as nursery:
        image = Image((sys.executable, "-m", "http.server"), "web", {"PATH": os.environ["PATH"]})
        agent = NodeAgent(known, image, folder / "pods", lambda _: None, addresses or of_loopback())
        nursery.start_soon(agent.run)
        (port,) = free_ports(1)
        await known.create("services", service(port))
        await known.create("statefulsets", stateful_set(port), APPS)
        await until(lambda: are_ready(agent, 2), "two are ready")
        yield known, agent
        await known.delete("")
        nursery.cancel_scope.cancel()


async def is_ready(agent: NodeAgent, name: str, not_at: str = "") -> bool:
    return any(pod.name == name and pod.ready and pod.ip != not_at for pod in agent.pods.values())


async def are_ready(agent: NodeAgent, size: int) -> bool:
    return sum(pod.ready for pod in agent.pods.values()) == size


async def has_endpoints(known: Objects, ips: set[str], size: int) -> bool:
    subsets = (await known.get("endpoints/web")).get("subsets", [])
    there = {address["ip"] for subset in subsets for address in subset.get("addresses", [])}
    return there == ips and len(there) == size


async def was_started_again(known: Objects, name: str) -> bool:
    (container,) = (await known.get(f"pods/{name}"))["status"]["containerStatuses"]
    return bool(container["ready"] and container["restartCount"] == 1)


def service(port: int) -> dict[str, Any]:
    return {"metadata": {"name": "web"}, "spec": {"selector": LABELS, "ports": [{"port": port}]}}


def stateful_set(port: int) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "web",
        "args": ["--bind", "$(POD_IP)", str(port)],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "readinessProbe": {"httpGet": {"path": "/", "port": port}, "periodSeconds": 1},
    }
    return {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "serviceName": "web",
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
        },
    }
