"""One run: processes, a network between them, and a court that sees everything."""

from collections import Counter
from collections.abc import Callable
from random import Random
from zlib import crc32

from cluster.status import Role
from discovery import Found
from tests.cluster.simulation.application import Application, Ledger
from tests.cluster.simulation.court import Court
from tests.cluster.simulation.network import Network
from tests.cluster.simulation.plan import Plan
from tests.cluster.simulation.process import Process
from tests.cluster.simulation.questions import Questions
from tests.cluster.simulation.schedule import Schedule

LONGEST_PAUSE = 9.0
"""How long a process may stand still. (s)"""
HEALED_WITHIN = 20.0
"""How long it may take, after the last fault, until all are one cluster that commits everywhere. (s)"""
QUIET_WITHIN = 10.0
"""How long it may then take until everything is told and all machines are equal. (s)"""


class Simulation:
    """What a test drives. `line` is given the trace, if it wants it."""

    def __init__(self, plan: Plan, line: Callable[[str], None] | None = None) -> None:
        self.plan = plan
        self.random = Random(f"run/{plan.seed}")
        self.schedule = Schedule()
        self.network = Network(self.schedule, self.random)
        self.questions = Questions(self.network)
        self.network.outbox = plan.outbox
        self.network.link_timeout = plan.link_timeout
        self._line = line
        self.court = Court(self.alive, self.tell)
        self.processes: dict[str, Process] = {}
        """Who was last started at each address."""
        self.all: list[Process] = []
        """Whoever was started, in order."""
        self.wanted: dict[str, None] = {}
        """Where there should be processes."""
        self._numbers = 0
        self.healing = False
        self._leaving = 0
        self.healed_in = 0.0

    @property
    def fingerprint(self) -> int:
        """Of the whole run: of all that was sent and told."""
        return self.network.fingerprint

    def counts(self) -> Counter[str]:
        """What happened, how often."""
        counted = Counter(processes=len(self.all), acknowledged=len(self.court.acknowledged))
        counted["clusters"] = len(self.court.history.stories)
        counted["clusters formed anew"] = sum(story.parent is not None for story in self.court.history.stories.values())
        counted["events told twice"] = sum(len(tellers) > 1 for tellers in self.court.told.values())
        for process in self.all:
            statistics = process.member.statistics
            for name in ("elections", "rebirths", "evictions", "malformed"):
                counted[name] += getattr(statistics, name)
            for name in ("sent", "received", "aborted"):
                counted[f"snapshots {name}"] += getattr(statistics, f"snapshots_{name}")
            for outcome, number in statistics.proposals.items():
                counted[f"proposals {outcome}"] += number
        return counted

    # Processes

    def new_address(self) -> str:
        """One that was never used; not always greater than those before."""
        self._numbers += 1
        return f"10.0.0.{(self._numbers * 37) % 101 + 100}:5601"

    def begin(self) -> list[str]:
        """Starts as many processes as planned, at about the same time."""
        for _ in range(self.plan.size):
            self.wanted[self.new_address()] = None
        for address in self.wanted:
            self.schedule.after(self.random.uniform(0, 0.5), lambda address=address: self.start_if_wanted(address))  # type: ignore[misc]
        return [*self.wanted]

    def start(self, address: str) -> Process:
        """A process starts at an address."""
        process = Process(
            address,
            self._application(),
            self.network,
            self.questions,
            self.court,
            self.plan.timing,
            self.plan.limits,
            Random(self.random.getrandbits(64)),
            skew=self.plan.skew,
            pace=self.plan.pace,
            tell=self.tell,
        )
        self.processes[address] = process
        self.all.append(process)
        self.looks_around(process)
        return process

    def _application(self) -> Application:
        if self.plan.registry:
            from tests.cluster.simulation.registry import RegistryApplication

            return RegistryApplication()
        return Ledger()

    def start_if_wanted(self, address: str) -> None:
        """Starts one unless there is one, or none is wanted there any more."""
        if address in self.wanted and self.at(address) is None:
            self.start(address)

    def found(self, address: str) -> Found:
        """What discovery tells whoever is at an address."""
        addresses = frozenset(self.wanted) | {address} | {process.address for process in self.alive()}
        if self.plan.aliases:
            self.questions.aliases |= {f"alias-of-{each}": each for each in addresses}
            addresses |= {f"alias-of-{each}" for each in addresses}
        return Found(addresses, addresses)

    def at(self, address: str) -> Process | None:
        """Who is alive at an address."""
        process = self.processes.get(address)
        return process if process and process.alive else None

    def alive(self) -> list[Process]:
        """All that live."""
        return [process for process in self.processes.values() if process.alive]

    def leader(self) -> Process | None:
        """Who leads in the newest term."""
        leaders = [process for process in self.alive() if process.status.role is Role.LEADER]
        return max(leaders, key=lambda process: process.status.term, default=None)

    # Changes of who is there

    def add(self) -> str:
        """One more, at a new address."""
        address = self.new_address()
        self.wanted[address] = None
        self._rumour()
        self.schedule.after(self.random.uniform(0, 1), lambda: self.start_if_wanted(address))
        return address

    def replace(self, address: str) -> str:
        """No more at this address, but at another."""
        self.wanted.pop(address, None)
        return self.add()

    def retire(self, process: Process) -> None:
        """It leaves in order, for good; if that comes to nothing, it comes back, for others may wait for it."""
        if len(self.wanted) <= 1:
            return
        address = process.address
        self.wanted.pop(address, None)

        def left() -> None:
            if not process.left or self.healing:
                self.wanted[address] = None
                self.schedule.after(1.0, lambda: self.start_if_wanted(address))
            self._rumour()

        self.leave(process, left)

    def leave(self, process: Process, then: Callable[[], None]) -> None:
        """It tells all that it has to tell, leaves its cluster, and ends."""
        self.tell(f"{process.name} wants to leave")
        process.proposer.quiet = True
        given_up = self.schedule.now + 8.0
        self._leaving += 1

        def over() -> None:
            self._leaving -= 1
            then()

        process.left = False

        def end() -> None:
            self.tell(f"{process.name} leaves")
            process.crash(silently=False)
            over()

        def drained() -> None:
            if not process.alive:
                over()
            elif process.paused_since is None and (process.proposer.settled or self.schedule.now > given_up):
                process.do(lambda now: process.member.leave(has_left, now))
                self.schedule.after(0.05, gone)
            else:
                self.schedule.after(0.05, drained)

        def gone() -> None:
            if not process.alive:
                over()
            elif process.paused_since is None and (process.left or self.schedule.now > given_up):
                end()
            else:
                self.schedule.after(0.05, gone)

        def has_left() -> None:
            process.left = True

        drained()

    def _rumour(self) -> None:
        """Discovery finds out, for each process at another time."""
        for process in self.alive():
            self.schedule.after(
                self.random.uniform(0, 3),
                lambda process=process: self.looks_around(process),  # type: ignore[misc]
            )

    def looks_around(self, process: Process) -> None:
        """Discovery tells a process what it knows."""
        process.discovers(self.found(process.address))

    # The end

    def heal(self) -> None:
        """All faults are over: within bounds there is one cluster of all, which commits, and then all is told."""
        began = self.schedule.now
        self.healing = True
        self.tell("everything is well again")
        named = [name.partition("#")[0] for process in self.alive() for name in process.status.members]
        for address in dict.fromkeys([*self.wanted, *named]):
            self.wanted[address] = None
            self.schedule.after(self.random.uniform(0, 1), lambda address=address: self.start_if_wanted(address))  # type: ignore[misc]
        self._rumour()
        heard: dict[Process, int] = {}

        def healed() -> bool:
            if self._leaving or not self._one_cluster():
                return False
            for process in self.alive():
                heard.setdefault(process, process.proposer.heard)
            return all(process.proposer.heard > heard[process] for process in self.alive())

        # Who stood still goes on with what it heard before: only from then on is everything well for it.
        self._until(lambda: all(process.paused_since is None for process in self.alive()), LONGEST_PAUSE)
        if not self._until(healed, HEALED_WITHIN):
            self.court.found(f"not healed within {HEALED_WITHIN} s: {self._state()}")
            return
        self.healed_in = self.schedule.now - began
        for process in self.alive():
            process.proposer.quiet = True
        if not self._until(self._quiet, QUIET_WITHIN):
            self.court.found(f"not quiet within {QUIET_WITHIN} s: {self._state()}")
            return
        self._compare()

    def _until(self, done: Callable[[], bool], limit: float) -> bool:
        end = self.schedule.now + limit
        while self.schedule.now < end and not self.court.wrong:
            self.schedule.run(self.schedule.now + 0.05, self._stop)
            if done():
                return True
        return bool(self.court.wrong)

    def _stop(self) -> bool:
        return bool(self.court.wrong)

    def run(self, seconds: float) -> None:
        """Lets time pass, until something is wrong."""
        if not self.court.wrong:
            self.schedule.run(self.schedule.now + seconds, self._stop)

    def wait_until(self, done: Callable[[], bool], limit: float = 20.0) -> None:
        """Lets time pass until something holds; it is wrong if that takes too long."""
        if not self._until(done, limit):
            self.court.found(f"waited for {limit} s in vain: {self._state()}")

    def one_cluster(self) -> bool:
        """Whether all that are wanted are one cluster that is well."""
        return self._one_cluster()

    def _one_cluster(self) -> bool:
        alive = self.alive()
        if {process.address for process in alive} != set(self.wanted):
            return False
        names = tuple(sorted(process.name for process in alive))
        if any(not process.status.quorum or process.status.members != names for process in alive):
            return False
        if len({process.cluster for process in alive}) != 1:
            return False
        return sum(process.status.leads for process in alive) == 1

    def _quiet(self) -> bool:
        alive = self.alive()
        if not self._one_cluster() or not all(process.proposer.settled for process in alive):
            return False
        names = {process.name for process in alive}
        if any(not names.issuperset(process.witness.application.origins()) for process in alive):
            return False
        if any(process.witness.open_snapshots for process in alive):
            return False
        return len({(process.witness.number, process.witness.chain) for process in alive}) == 1

    def _compare(self) -> None:
        alive = self.alive()
        if self.court.wrong or not alive:
            return
        for process in alive:
            process.witness.holds()
        self.court.close(alive[0].cluster or "", [process.name for process in alive])

    def _state(self) -> str:
        return "".join(f"\n  {_words(process)}" for process in self.alive())

    def tell(self, line: str) -> None:
        """Writes into the trace."""
        line = f"{self.schedule.now:9.4f} {line}"
        self.network.fingerprint = crc32(line.encode(), self.network.fingerprint)
        if self._line:
            self._line(line)


def _words(process: Process) -> str:
    status, proposer, witness = process.status, process.proposer, process.witness
    return (
        f"{status.member} {status.role} of {status.cluster}, term {status.term}, leader {status.leader}, "
        f"{len(status.members)} members, applied {status.applied_index} of {status.commit_index}, "
        f"ready {status.ready}, quorum {status.quorum}, leads {status.leads}, waits for {status.waits_for}; "
        f"in flight {proposer.in_flight}, settled {proposer.settled}, heard {proposer.heard}, "
        f"refused {proposer.refused}; state {witness.number}, snapshots {witness.open_snapshots}, "
        f"origins {witness.application.origins()}"
    )
