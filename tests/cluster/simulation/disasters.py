"""What happens to processes, at random, and most of all to the leader."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.cluster.simulation.plan import Dangers

if TYPE_CHECKING:
    from tests.cluster.simulation.process import Process
    from tests.cluster.simulation.simulation import Simulation


class Disasters:
    """Kills, stops and moves processes until it is told to stop."""

    def __init__(self, simulation: "Simulation", dangers: Dangers) -> None:
        self._simulation, self._dangers, self._random = simulation, dangers, simulation.random
        self._on = True
        for every, act in (
            (dangers.crash, self.crash),
            (dangers.massacre, self.massacre),
            (dangers.pause, self.pause),
            (dangers.leap, self.leap),
            (dangers.replace, self.replace),
            (dangers.scale, self.scale),
            (dangers.leave, self.leave),
        ):
            if every:
                self._now_and_then(every, act)

    def clear(self) -> None:
        """No more of it."""
        self._on = False

    def crash(self) -> None:
        """One dies, and is there again soon, or a little later."""
        process = self._someone()
        if process:
            process.crash(self._random.random() < 0.4)
            self._again(process.address)

    def massacre(self) -> None:
        """Several die within a moment."""
        alive = self._simulation.alive()
        count = self._random.choice((len(alive) // 2 + 1, len(alive) - 1, len(alive)))
        for process in self._random.sample(alive, min(max(count, 0), len(alive))):

            def kill(process: "Process" = process) -> None:
                process.crash(self._random.random() < 0.4)

            self._simulation.schedule.after(self._random.choice((0.0, 0.05, 1.0)) * self._random.random(), kill)
            self._again(process.address, 1.0)

    def pause(self) -> None:
        """One stands still, longer than an election takes or less."""
        process = self._someone()
        if process:
            process.pause(self._random.choice((0.1, 0.5, 1.5, 3.0, 6.0)) * self._random.uniform(0.5, 1.5))

    def leap(self) -> None:
        """The clock of one leaps."""
        process = self._someone()
        if process:
            seconds = self._random.choice((0.2, 1.0, 5.0, 30.0))
            self._simulation.tell(f"the clock of {process.name} leaps by {seconds} s")
            process.clock.leap(seconds)

    def replace(self) -> None:
        """One dies for good, and one at another address takes its place."""
        process = self._someone()
        if process:
            process.crash(self._random.random() < 0.4)
            self._simulation.replace(process.address)

    def scale(self) -> None:
        """Two more, or two less if there are many."""
        simulation = self._simulation
        if len(simulation.wanted) < 5:
            for _ in range(2):
                simulation.add()
        else:
            for address in self._random.sample(sorted(simulation.wanted), 2):
                process = simulation.at(address)
                if process and process.well:
                    simulation.retire(process)

    def leave(self) -> None:
        """One leaves in order and starts again, as in a rolling restart."""
        process = self._someone()
        if process and process.well:
            self._simulation.leave(process, lambda: self._again(process.address))

    def _again(self, address: str, least: float = 0.0) -> None:
        delay = least + self._random.choice((0.05, 0.5, 2.0, 5.0)) * self._random.random()
        self._simulation.schedule.after(delay, lambda: self._simulation.start_if_wanted(address))

    def _someone(self) -> "Process | None":
        alive = self._simulation.alive()
        if not alive:
            return None
        leader = self._simulation.leader()
        if leader and self._random.random() < self._dangers.at_the_leader:
            return leader
        return self._random.choice(alive)

    def _now_and_then(self, every: float, act: Callable[[], None]) -> None:
        def happen() -> None:
            if self._on:
                act()
                self._now_and_then(every, act)

        self._simulation.schedule.after(self._random.expovariate(1 / every), happen)
