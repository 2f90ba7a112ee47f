"""One pod as a process of this machine: started, asked whether it is ready, started again, and stopped in order."""

import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from observer.simulation.asking import ask
from tests.kubernetes.node_plan import Object, Plan, Probe, Unmet
from tests.services import tool

Process = subprocess.Popen[bytes]

HASTE = 10.0
"""How much faster than on a real node is asked whether a pod is ready, and it is started again."""

_BEFORE_STOP = 0.5
"""How long what comes before SIGTERM may take. (s)"""

_RESTART_S = 10.0
_WAIT_S = 5.0


class PodProcess:
    """A pod that this node runs.

    `codes` are the exit codes of its processes so far; a process that was killed has a negative one.
    """

    def __init__(self, pod: Object, ip: str, folder: Path, started: Callable[["PodProcess"], None]) -> None:
        self.pod = pod
        self.name: str = pod["metadata"]["name"]
        self.ip = ip
        self.root = folder / f"{self.name}-{pod['metadata']['uid'][:8]}"
        self.log = self.root / "log"
        self.codes: list[int] = []
        self.process: Process | None = None
        self.ready = False
        self.unmet: str | None = None
        self.leave = trio.Event()
        self.ended = trio.Event()
        self.told: Object | None = None
        self._started = started

    async def run(self, planned: Callable[["PodProcess"], Awaitable[Plan]]) -> None:
        """Runs the container until the pod is to leave, again and again if need be."""
        self.root.mkdir(parents=True)
        try:
            while not self.leave.is_set():
                try:
                    plan = await planned(self)
                except Unmet as unmet:
                    self.unmet = str(unmet)
                    await self._wait(_WAIT_S / HASTE)
                else:
                    self.unmet = None
                    await self._container(plan)
                    await self._wait(_RESTART_S / HASTE)
        finally:
            self.ended.set()

    def kill(self) -> None:
        """Ends the process with SIGKILL, if there is one."""
        if self.process and self.process.poll() is None:
            self.process.kill()

    def runs(self) -> bool:
        """Whether there is a process."""
        return self.process is not None and self.process.poll() is None

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_bytes()[-3000:].decode(errors="replace") if self.log.exists() else ""

    def status(self) -> dict[str, Any]:
        """What a node says of the pod."""
        runs = self.runs()
        state = {"running": {}} if runs else {"waiting": {"reason": "CrashLoopBackOff" if self.codes else "Pending"}}
        (container,) = self.pod["spec"]["containers"]
        conditions = {"PodScheduled": True, "Initialized": True, "ContainersReady": self.ready, "Ready": self.ready}
        return {
            "phase": "Running" if runs or self.codes else "Pending",
            "podIP": self.ip,
            "podIPs": [{"ip": self.ip}],
            "hostIP": "127.0.0.1",
            "conditions": [{"type": name, "status": str(holds)} for name, holds in conditions.items()],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "ready": self.ready,
                    "started": runs,
                    "restartCount": len(self.codes),
                    "state": state,
                }
            ],
        }

    async def _container(self, plan: Plan) -> None:
        _write(plan)
        with self.log.open("ab") as log:
            # It dies with the thread that starts it. Those of trio, which would start it, end when they are not needed.
            process = subprocess.Popen(  # noqa: ASYNC220
                [str(tool("setpriv")), "--pdeathsig", "KILL", *plan.command],
                env=plan.environment,
                cwd=plan.works_in,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.process = process
        self._started(self)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._ask, plan, process)
                nursery.start_soon(self._stop, plan, process)
                await _wait_ended(process)
                nursery.cancel_scope.cancel()
        finally:
            self.ready = False
            self.kill()
            self.codes.append(process.wait())

    async def _stop(self, plan: Plan, process: Process) -> None:
        """Once the pod is to leave: what comes before the signal, the signal, and force if that does not do."""
        await self.leave.wait()
        with trio.move_on_after(plan.grace):
            if plan.before_stop:
                with trio.move_on_after(_BEFORE_STOP):
                    await trio.run_process(plan.before_stop, env=dict(plan.environment), cwd=plan.works_in, check=False)
            process.send_signal(signal.SIGTERM)
            await _wait_ended(process)
        process.kill()

    async def _ask(self, plan: Plan, process: Process) -> None:
        if plan.startup:
            await self._until(plan.startup, True)
        async with trio.open_nursery() as nursery:
            if plan.liveness:
                nursery.start_soon(self._watch_life, plan.liveness, process)
            if plan.readiness is None:
                self.ready = True
                return
            while True:
                await self._until(plan.readiness, True)
                self.ready = True
                await self._until(plan.readiness, False)
                self.ready = False

    async def _watch_life(self, probe: Probe, process: Process) -> None:
        await self._until(probe, False, haste=1.0)
        process.send_signal(signal.SIGTERM)

    async def _until(self, probe: Probe, wanted: bool, haste: float = HASTE) -> None:
        """Asks until the answer is so as often in a row as the probe says."""
        missing = needed = probe.successes if wanted else probe.failures
        while missing:
            missing = missing - 1 if await _succeeds(probe, self.ip) is wanted else needed
            await trio.sleep(probe.period / haste)

    async def _wait(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self.leave.wait()


async def _wait_ended(process: Process) -> None:
    file = os.pidfd_open(process.pid)
    try:
        await trio.lowlevel.wait_readable(file)
    finally:
        os.close(file)


async def _succeeds(probe: Probe, ip: str) -> bool:
    with trio.move_on_after(probe.timeout):
        try:
            return 200 <= (await ask(ip, probe.port, probe.path))[0] < 400
        except OSError:
            return False
    return False


def _write(plan: Plan) -> None:
    """The files of a container, as they are now."""
    for folder in (plan.works_in, *plan.folders):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for name, target in plan.links.items():
        if not os.path.lexists(name):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).symlink_to(target)
    for name, content in plan.files.items():
        file = Path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
