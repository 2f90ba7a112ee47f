"""Clusters of pods: an API server that hears of things late, and processes that see it as it was some time ago.

Pods have names that stay and IP addresses that do not. An API server knows a pod when it has a node, before it runs,
and until it is over; where it is, or that it moved, it hears later. A process lists what there is when it starts; from
then on it sees one state of the server after the other, as late as may be. A name leads to the IP address that the
asker knows for it, and there may be another pod by now.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from cluster.names import host_and_port
from cluster.settings import LogLimits
from discovery import Found
from discovery.pods import Pod, Pods, found_among, is_founder
from tests.cluster.simulation.plan import Plan, drawn
from tests.cluster.simulation.process import Process
from tests.cluster.simulation.random_run import endure
from tests.cluster.simulation.simulation import Simulation

SETTINGS = Pods(prefix="o-", service="s")
_BEHIND = ".s.default.svc.cluster.local:5601"


class PodsSimulation(Simulation):
    """What `disasters.Disasters` acts upon. A process that dies is a container that starts again."""

    def __init__(self, plan: Plan, line: Callable[[str], None] | None = None) -> None:
        self.states: list[dict[str, Pod]] = [{}]
        """What the API server has known, state by state."""
        self._ips: dict[str, str] = {}
        """Where pods really are, by name."""
        self._seen: dict[Process, int] = {}
        """The state that each process sees."""
        self._blind_until: dict[str, float] = {}
        super().__init__(plan, line)
        self.questions.leads_to = self._leads_to
        self._late = self.random.choice((0.1, 1.0, 4.0))
        """How late the API server hears of things, at most. (s)"""
        self._lag = self.random.choice((0.05, 1.0, 15.0))
        """How late a process hears of what the API server knows, at most. (s)"""
        self._static = self.random.random() < 0.2
        self._scale_down()

    # Pods

    def new_address(self) -> str:
        self._numbers += 1
        return f"o-{(self._numbers * 37) % 101}{_BEHIND}"

    def start_if_wanted(self, address: str) -> None:
        """The container of a pod starts; the pod, if there is none, is given a node first."""
        if address not in self.wanted or self.at(address) is not None:
            return
        name = _name(address)
        if name not in self.states[-1] and name not in self._ips:
            self._begin(name)
            return
        if name not in self._ips or self.random.random() < 0.3:
            self._ips[name] = self._free_ip()
        self.start(address)
        self._report_later(name)

    def _begin(self, name: str) -> None:
        """A new pod: it is given a node, then it starts. Only of a static pod, which the node itself has start, the API
        server hears later."""
        static = self._static and self.random.random() < 0.5
        self._ips[name] = self._free_ip()
        for delay, act in (
            (self.random.uniform(0, 2) if static else 0.0, lambda: self._write(Pod(name, name, "Pending", True))),
            (0.0 if static else self.random.uniform(0, 2), lambda: self.start_if_wanted(name + _BEHIND)),
        ):
            self.schedule.after(delay, act)

    def looks_around(self, process: Process) -> None:
        """It finds what there is in the state that it sees; the first one is that of a list."""
        if process not in self._seen:
            self._list(process)
            return
        found = self._found(process)
        if found is not None:
            process.discovers(found)

    def _rumour(self) -> None:
        """Whoever watches the API server hears of it there."""

    def _found(self, process: Process) -> Found | None:
        if process not in self._seen:
            return None
        pods = self.states[self._seen[process]].values()
        own = process.address
        return found_among(pods, SETTINGS, own) if is_founder(pods, SETTINGS, own) else None

    def reboot(self) -> None:
        """The machine that all pods are on starts again, and deals their IP addresses out anew."""
        self.tell("the machine starts again")
        for process in self.alive():
            process.crash(silently=True)
        names = sorted(self._ips)
        ips = [self._ips[name] for name in names]
        self.random.shuffle(ips)
        self._ips = dict(zip(names, ips, strict=True))
        for address in self.wanted:
            delay = self.random.uniform(0, 1)
            self.schedule.after(delay, lambda address=address: self.start_if_wanted(address))  # type: ignore[misc]

    def move(self, address: str) -> None:
        """A pod is deleted, and comes up elsewhere under its name."""
        self.end(address)
        self.schedule.after(2 * self._late, lambda: self.start_if_wanted(address))

    def end(self, address: str) -> None:
        """The process of a pod is over, and when the API server has heard of that, so is the pod."""
        process = self.at(address)
        if process is not None:
            process.crash(silently=self.random.random() < 0.4)
        self.schedule.after(self.random.uniform(0, self._late), lambda: self._delete(address))

    def _scale_down(self) -> None:
        """Pods that are wanted no more, and over, are deleted."""
        for name in self.states[-1]:
            if name + _BEHIND not in self.wanted:
                self._delete(name + _BEHIND)
        self.schedule.after(1.0, self._scale_down)

    def _delete(self, address: str) -> None:
        if self.at(address) is None:
            self._ips.pop(_name(address), None)
            self.states.append({name: pod for name, pod in self.states[-1].items() if name != _name(address)})

    def _write(self, pod: Pod) -> None:
        self.states.append({**self.states[-1], pod.name: pod})

    def _report_later(self, name: str) -> None:
        """The machine of a pod tells where it is."""

        def report() -> None:
            known = self.states[-1].get(name)
            if name not in self._ips:
                return
            if known is None:
                self._report_later(name)
            else:
                self._write(known._replace(phase="Running", ips=(self._ips[name],)))

        self.schedule.after(self.random.uniform(0, self._late), report)

    def _free_ip(self) -> str:
        taken = set(self._ips.values())
        return next(ip for number in range(1, 100) if (ip := f"10.0.0.{number}") not in taken)

    # Who sees what

    def blind(self, address: str, seconds: float) -> None:
        """A process hears nothing of the API server for a while."""
        self.tell(f"{address} hears nothing of the API server for {seconds:.1f} s")
        self._blind_until[address] = self.schedule.now + seconds

    def _sees(self, process: Process) -> bool:
        return process.paused_since is None and self._blind_until.get(process.address, 0.0) <= self.schedule.now

    def _list(self, process: Process) -> None:
        if self._sees(process):
            self._seen[process] = len(self.states) - 1
            self.looks_around(process)
            self._watch_later(process)
        elif process.alive:
            self.schedule.after(0.1, lambda: self._list(process))

    def _watch_later(self, process: Process) -> None:
        def watch() -> None:
            if not process.alive:
                return
            if self._sees(process):
                latest = len(self.states) - 1
                before = self._seen[process]
                self._seen[process] = latest if self.healing else self.random.randint(before, latest)
                self.looks_around(process)
            self._watch_later(process)

        self.schedule.after(self.random.uniform(0.02, 1.0 if self.healing else self._lag), watch)

    def _leads_to(self, asker: str, address: str) -> str:
        """Who is at the IP address that the asker knows for a name."""
        found = self._found(self.processes[asker])
        ip = found.hosts.get(host_and_port(address)[0]) if found else None
        if ip is None:
            return address
        return next((f"{name}{_BEHIND}" for name, at in self._ips.items() if at == ip), "nobody:1")

    def heal(self) -> None:
        self._blind_until.clear()
        self._lag = self._late = 0.1
        super().heal()


class ApiDisasters:
    """What happens to pods and their API server, at random, until it is told to stop."""

    def __init__(self, simulation: PodsSimulation, random: Random) -> None:
        self._simulation, self._random, self._on = simulation, random, True
        for every, act in ((3.0, self._blind), (6.0, self._move), (8.0, simulation.reboot)):
            if random.random() < 0.6:
                self._now_and_then(every, act)

    def clear(self) -> None:
        """No more of it."""
        self._on = False

    def _blind(self) -> None:
        for address in self._some():
            self._simulation.blind(address, self._random.choice((0.5, 3.0, 20.0)) * self._random.random())

    def _move(self) -> None:
        for address in self._some():
            self._simulation.move(address)

    def _some(self) -> list[str]:
        addresses = sorted(self._simulation.wanted)
        return self._random.sample(addresses, self._random.randint(1, len(addresses))) if addresses else []

    def _now_and_then(self, every: float, act: Callable[[], None]) -> None:
        def happen() -> None:
            if self._on:
                act()
                self._now_and_then(every, act)

        self._simulation.schedule.after(self._random.expovariate(1 / every), happen)


def _name(address: str) -> str:
    return address.partition(".")[0]


def run_pods(seed: int, line: Callable[[str], None] | None = None) -> PodsSimulation:
    """A whole run from a seed."""
    plan = replace(drawn(seed), registry=False, aliases=False, seconds=10.0, limits=LogLimits(), tight=False)
    simulation = PodsSimulation(plan, line)
    endure(simulation, plan, lambda: [ApiDisasters(simulation, simulation.random)])
    return simulation
