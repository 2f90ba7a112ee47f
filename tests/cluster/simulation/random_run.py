"""A whole run from a seed."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tests.cluster.simulation.disasters import Disasters
from tests.cluster.simulation.plan import Plan, drawn
from tests.cluster.simulation.simulation import Simulation
from tests.cluster.simulation.tight import tight
from tests.cluster.simulation.weather import Weather


def run(seed: int, line: Callable[[str], None] | None = None) -> Simulation:
    """Faults for a while, then none: what was wrong stands in `court.wrong`."""
    return run_plan(drawn(seed), line)


def run_plan(plan: Plan, line: Callable[[str], None] | None = None) -> Simulation:
    """The same for a plan of one's own."""
    with tight(plan.tight):
        return _run(plan, line)


def _run(plan: Plan, line: Callable[[str], None] | None) -> Simulation:
    simulation = Simulation(plan, line)
    endure(simulation, plan)
    return simulation


class Fault(Protocol):
    """What happens at random until it is told to stop."""

    def clear(self) -> None:
        """No more of it."""


def endure(simulation: Simulation, plan: Plan, besides: Callable[[], Sequence[Fault]] = tuple) -> None:
    """Begins, lets faults happen for a while, those of `besides` among them, and then heals."""
    simulation.tell(str(plan))
    simulation.begin()
    weather = Weather(
        simulation.network,
        simulation.random,
        lambda: [process.address for process in simulation.processes.values()],
        plan.climate,
        simulation.tell,
    )
    faults: list[Fault] = [weather, Disasters(simulation, plan.dangers), *besides()]
    simulation.run(plan.seconds)
    for fault in faults:
        fault.clear()
    if not simulation.court.wrong:
        simulation.heal()
