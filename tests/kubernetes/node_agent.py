"""A node of a cluster for tests: it takes every pod of a namespace and runs it as a process of this machine.

It does what a scheduler and a kubelet do together: pods are bound to it, started, reported ready when their probe says
so, stopped in order when they are deleted, and only then forgotten. While the API server is away, everything goes on.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import trio

from tests.kubernetes.node_plan import Image, Object, Plan, Unmet, plan
from tests.kubernetes.objects import Answered, Objects, Unreached
from tests.kubernetes.pod_process import PodProcess

NODE = "this-machine"

_EVERY_S = 0.1


class NodeAgent:
    """Runs the pods of a namespace; `pods` are all that it ever ran, by their uid.

    `started` is called at the start of each process. Each pod gets one of the `addresses`.
    """

    def __init__(
        self,
        objects: Objects,
        image: Image,
        folder: Path,
        started: Callable[[PodProcess], None],
        addresses: Iterator[str],
    ) -> None:
        self.pods: dict[str, PodProcess] = {}
        self._objects = objects
        self._image = image
        self._folder = folder
        self._started = started
        self._addresses = addresses

    def named(self, name: str) -> PodProcess:
        """The latest pod of this name. Raises `KeyError` if there was none."""
        found = [pod for pod in self.pods.values() if pod.name == name]
        if not found:
            raise KeyError(name)
        return found[-1]

    def running(self) -> list[PodProcess]:
        """Those that have a process, in order of their names."""
        return sorted((pod for pod in self.pods.values() if pod.runs()), key=lambda pod: pod.name)

    async def run(self) -> None:
        """Keeps the pods as the API server has them, until it is cancelled; then no process is left."""
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    with suppress(Unreached):
                        await self._follow(nursery)
                    await trio.sleep(_EVERY_S)
        finally:
            for pod in self.pods.values():
                pod.kill()

    async def _follow(self, nursery: trio.Nursery) -> None:
        """One look at the API server, and what follows from it."""
        there = {pod["metadata"]["uid"]: pod for pod in await self._objects.list("pods")}
        for uid, pod in there.items():
            with suppress(Answered):
                if uid in self.pods:
                    await self._keep(self.pods[uid], pod)
                else:
                    await self._take(uid, pod, nursery)
        for uid, known in self.pods.items():
            if uid not in there:
                known.leave.set()

    async def _take(self, uid: str, pod: Object, nursery: trio.Nursery) -> None:
        name = pod["metadata"]["name"]
        if "deletionTimestamp" in pod["metadata"]:
            await self._objects.delete(f"pods/{name}", grace=0)
            return
        if "nodeName" not in pod["spec"]:
            body = {"metadata": {"name": name}, "target": {"apiVersion": "v1", "kind": "Node", "name": NODE}}
            await self._objects.create(f"pods/{name}/binding", body)
        taken = PodProcess(pod, next(self._addresses), self._folder, self._started)
        self.pods[uid] = taken
        nursery.start_soon(taken.run, self._planned)

    async def _keep(self, known: PodProcess, pod: Object) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            known.leave.set()
        if known.ended.is_set():
            await self._objects.delete(f"pods/{known.name}", grace=0)
            return
        status = known.status()
        if status != known.told:
            await self._objects.merge(f"pods/{known.name}/status", {"status": status})
            known.told = status

    async def _planned(self, pod: PodProcess) -> Plan:
        """How a pod is run, with what its namespace holds now; raises `Unmet` while that is not enough."""
        spec = pod.pod["spec"]
        environment = dict(self._image.environment)
        try:
            store = await self._objects.store()
            if spec.get("automountServiceAccountToken", True):
                account = spec.get("serviceAccountName", "default")
                file = await self._objects.kubeconfig(account, pod.root / "kubeconfig")
                environment["KUBECONFIG"] = str(file)
        except (Answered, Unreached) as error:
            raise Unmet(str(error)) from error
        image = Image(self._image.entrypoint, self._image.name, environment, self._image.works_in)
        return plan(pod.pod, store, image, pod.ip, str(pod.root))
