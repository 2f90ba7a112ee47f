"""A release of the chart, installed by Helm on a real control plane, whose pods run as processes of this machine."""

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from observer.simulation.free_ports import free_ports
from tests.faults.crowd import Crowd
from tests.faults.ledger import Verdict, judge
from tests.faults.node import Life, Node
from tests.faults.standing import Nodes
from tests.kubernetes.addresses import of_loopback
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.node_agent import NodeAgent
from tests.kubernetes.node_plan import Image
from tests.kubernetes.objects import APPS, Answered, Objects, Unreached, new_namespace
from tests.kubernetes.pod_process import PodProcess
from tests.services import ROOT, tool

CHART = ROOT / "helm" / "webrtc-observer"
NAME = "observer"
"""The release."""

FULL_NAME = "observer"
"""What the names of its objects begin with."""

PATIENCE = 120.0
"""How long anything of Kubernetes may take on a busy machine. (s)"""

_POLL_S = 0.1
_TAKE_AWAY_S = 20.0

Values = Mapping[str, Any]


class Replica(Node):
    """The pods of one name of a stateful set, one after the other: what is a node elsewhere."""

    def __init__(self, name: str, folder: Path, ports: Sequence[int], domain: str) -> None:
        super().__init__(name, folder, "", ports, {})
        self._domain = domain
        self._pod: PodProcess | None = None

    @property
    def address(self) -> str:
        """Where its peers find it, whatever its IP address is."""
        return f"{self.name}.{self._domain}:{self.cluster_port}"

    @property
    def pod(self) -> PodProcess:
        """The latest pod."""
        assert self._pod is not None
        return self._pod

    def began(self, pod: PodProcess) -> None:
        """A process of a pod has been started."""
        self.reports.touch()
        self._pod, self.host = pod, pod.ip
        self.lives.append(Life(self.name, len(self.lives), self.reports.stat().st_size, trio.current_time()))

    def runs(self) -> bool:
        """Whether there is a process."""
        return self._pod is not None and self._pod.runs()

    def last_words(self) -> str:
        """The end of its log."""
        return self.pod.last_words()

    async def failures(self, reason: str) -> float:
        """How often the API was of no help to it for this reason, as its metrics say."""
        text = (await self.get("/metrics"))[1].decode()
        found = re.search(rf'^observertc_discovery_failures_total{{reason="{reason}"}} (\S+)$', text, re.MULTILINE)
        assert found, text
        return float(found[1])


class Replicas(Nodes):
    """The replicas of a release that have begun, by their names."""

    def named(self, name: str) -> Replica:
        """The one of this name."""
        (found,) = (node for node in self if node.name == name)
        assert isinstance(found, Replica)
        return found


@dataclass
class Helm:
    """One version of Helm, as the administrator of a namespace uses it."""

    program: Path
    namespace: str
    kubeconfig: Path
    folder: Path
    revisions: int = field(default=0, init=False)

    async def install(self, values: Values, *more: str) -> None:
        """Installs the chart, and waits until all pods are ready."""
        await self.begin(values, *_WAIT, *more)

    async def begin(self, values: Values, *more: str) -> None:
        """Installs the chart, and does not wait."""
        await self._run("install", NAME, str(CHART), *self._values(values), *more)

    async def upgrade(self, values: Values, *more: str) -> None:
        """Changes the values, and waits until all pods are new and ready."""
        await self.change(values, *_WAIT, *more)

    async def change(self, values: Values, *more: str) -> None:
        """Changes the values, and does not wait."""
        await self._run("upgrade", NAME, str(CHART), *self._values(values), *more)

    async def rollback(self, revision: int) -> None:
        """Goes back to a former revision, and waits likewise."""
        await self._run("rollback", NAME, str(revision), *_WAIT)

    async def uninstall(self) -> None:
        """Takes everything away, and does not wait."""
        await self._run("uninstall", NAME)

    def _values(self, values: Values) -> list[str]:
        self.revisions += 1
        file = self.folder / f"values-{self.revisions}.json"
        file.write_text(json.dumps(values))
        return ["--values", str(file)]

    async def _run(self, *arguments: str) -> None:
        homes = {f"HELM_{kind}_HOME": str(self.folder / "helm") for kind in ("CACHE", "CONFIG", "DATA")}
        done = await trio.run_process(
            [str(self.program), *arguments, "--namespace", self.namespace, "--kubeconfig", str(self.kubeconfig)],
            env={**os.environ, **homes},
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        assert done.returncode == 0, f"helm {arguments[0]}: {done.stderr.decode()}"


_WAIT = ("--wait", "--timeout", f"{PATIENCE:g}s")


@dataclass
class Deployment:
    """A namespace with a node agent; `replicas` are those of the release, by their ordinals, once they have begun."""

    helm: Helm
    objects: Objects
    replicas: Replicas
    values: Values
    agent: NodeAgent = field(init=False)

    async def start(self, values: Values | None = None) -> None:
        """Installs the chart with these values, or its own, and waits until three pods are one cluster."""
        await self.helm.begin(values or self.values)
        await self.whole(3)

    async def whole(self, size: int) -> None:
        """Waits until so many pods run and are one cluster."""
        await until(lambda: _true(len(self.replicas.running()) == size), f"{size} pods run")
        await self.replicas.wait_whole(PATIENCE)

    async def replace(self, name: str) -> PodProcess:
        """Deletes a pod, and waits until there is another of its name that runs; that one."""
        former = self.agent.named(name)
        await self.objects.delete(f"pods/{name}")
        await until(lambda: _true(self.agent.named(name) is not former and self.agent.named(name).runs()), "a new pod")
        return self.agent.named(name)

    async def end(self, clients: Crowd) -> tuple[list[int], Verdict]:
        """Takes the release away: the exit codes of all processes that there were, and how what the nodes told compares
        with what the clients said."""
        await self.helm.uninstall()
        return await self.gone(), judge(clients.said, self.replicas)

    async def gone(self) -> list[int]:
        """Waits until no pod is left; the exit codes of all processes that there were."""
        await until(self._is_gone, "no pod is left")
        return [code for pod in self.agent.pods.values() for code in pod.codes]

    async def _is_gone(self) -> bool:
        return not self.agent.running() and not await self.objects.list("pods")

    def begun(self) -> list[str]:
        """The names of all pods that there were, in the order in which they came."""
        return [pod.name for pod in self.agent.pods.values()]

    async def cluster_ids(self) -> set[str]:
        """What the nodes that run call their cluster."""
        return {(await node.standing())["clusterId"] for node in self.replicas.running()}

    async def stateful_set(self) -> Any:
        """The stateful set of the release."""
        return await self.objects.get(f"statefulsets/{FULL_NAME}", APPS)

    async def ready_addresses(self) -> set[str]:
        """The IP addresses that clients are led to."""
        subsets = (await self.objects.get(f"endpoints/{FULL_NAME}")).get("subsets", [])
        return {address["ip"] for subset in subsets for address in subset.get("addresses", [])}


async def _true(value: bool) -> bool:
    return value


async def until(holds: Callable[[], Awaitable[bool]], what: str, patience: float = PATIENCE) -> None:
    """Waits until something holds; raises `AssertionError` when it takes too long."""
    with trio.move_on_after(patience):
        while True:
            if await holds():
                return
            await trio.sleep(_POLL_S)
    raise AssertionError(f"not within {patience:g} s: {what}")


@asynccontextmanager
async def deployment(
    plane: ControlPlane,
    folder: Path,
    *,
    helm: str = "helm3",
    addresses: Iterator[str] | None = None,
    image: Image | None = None,
) -> AsyncIterator[Deployment]:
    """A namespace in which a release can be installed, its pods on loopback or at these addresses, of this image.

    Nothing of it runs afterwards.
    """
    known = await new_namespace(plane)
    ports = free_ports(3)
    domain = f"{FULL_NAME}-cluster.{known.namespace}.svc.cluster.local"
    replicas = Replicas()

    def began(pod: PodProcess) -> None:
        if pod.name not in (node.name for node in replicas):
            replicas.append(Replica(pod.name, folder, ports, domain))
            replicas.sort(key=lambda node: node.name)
        replicas.named(pod.name).began(pod)

    async with trio.open_nursery() as nursery:
        its_helm = Helm(tool(helm), known.namespace, plane.admin, folder)
        it = Deployment(its_helm, known, replicas, _values(folder, ports))
        it.agent = NodeAgent(known, image or _image(), folder / "pods", began, addresses or of_loopback())
        nursery.start_soon(it.agent.run)
        try:
            yield it
        except Exception as error:
            for pod in it.agent.pods.values():
                error.add_note(f"The end of the log of {pod.name} at {pod.ip}:\n{pod.last_words()}")
            raise
        finally:
            with trio.CancelScope(shield=True):
                await _take_away(it)
            nursery.cancel_scope.cancel()


async def _take_away(it: Deployment) -> None:
    """Ends the namespace, and its pods without asking them."""
    for pod in it.agent.running():
        pod.kill()
    with trio.move_on_after(_TAKE_AWAY_S):
        try:
            await it.objects.delete("")
            while await it.objects.list("pods"):
                for pod in it.agent.running():
                    pod.kill()
                await trio.sleep(_POLL_S)
        except (Answered, Unreached):
            return


def _image() -> Image:
    return Image((sys.executable, "-m", "observer"), environment={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)})


def _values(folder: Path, ports: Sequence[int]) -> Values:
    """What is different here: pods listen at addresses of loopback and at free ports, and reports stay in `folder`."""
    port, ops_port, cluster_port = ports
    own = "${POD_IP}"
    return {
        "observer": {
            "hamok": {"endpoint": {"config": {"serverHost": own, "serverPort": cluster_port}}},
            "buffers": {"reportsCollector": {"maxTimeInMs": 10}},
            "sinks": {
                "file": {
                    "type": "FileSink",
                    "config": {"path": "/reports/${POD_NAME}.jsonl", "maxBytes": 10**11},
                }
            },
        },
        "micronaut": {"server": {"host": own, "port": port}},
        "endpoints": {"all": {"host": own, "port": ops_port}},
        "extraVolumes": [{"name": "reports", "hostPath": {"path": str(folder)}}],
        "extraVolumeMounts": [{"name": "reports", "mountPath": "/reports"}],
    }
