"""A whole run from a seed."""

from collections.abc import Callable

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
    simulation.tell(str(plan))
    simulation.begin()
    weather = Weather(
        simulation.network,
        simulation.random,
        lambda: [process.address for process in simulation.processes.values()],
        plan.climate,
        simulation.tell,
    )
    disasters = Disasters(simulation, plan.dangers)
    simulation.run(plan.seconds)
    weather.clear()
    disasters.clear()
    if not simulation.court.wrong:
        simulation.heal()
    return simulation
