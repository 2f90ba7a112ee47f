"""Nodes that are loaded at the same time and without a pause: what a message costs each of them, window by window.

What others do on the machine hits a window of all nodes alike, so their ratio says more than those of loads in turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from benchmarks.capacity_bench.readings import SAMPLES, Window, watch
from benchmarks.table.rounds import Trouble
from benchmarks.table.servers import Load
from observer.simulation.child_node import ChildNode

_BETWEEN = 0.5
"""What asking the nodes at both ends of a window may take beyond it; so much longer the load lasts. (s)"""


@dataclass(frozen=True)
class Steady:
    """So many messages a second go to each node, for `warm_up` seconds and then for windows of `window` seconds.

    A window whose messages are further from that rate than `slack`, a part of it, does not count.
    """

    rate: float
    warm_up: float
    window: float
    windows: int
    slack: float = 0.05

    @property
    def seconds(self) -> float:
        """How long the load lasts."""
        return self.warm_up + self.windows * (self.window + _BETWEEN)


async def steadily(nodes: Sequence[ChildNode], loads: Sequence[Load], steady: Steady) -> list[list[float]]:
    """What a message cost each node in each window, of the messages that the node itself counted. (s)

    Each node has a load whose connections are open. Raises `Trouble` when something was refused, closed or not
    answered, or when a node did not get its messages at that rate.
    """
    for load in loads:
        await load.tell("rated", steady.seconds, steady.rate)
    await trio.sleep(steady.warm_up)
    together = [await watch(nodes, steady.window) for _ in range(steady.windows)]
    for load in loads:
        told = await load.answer()
        if told["unanswered"] or told["closed"] or told["refused"]:
            raise Trouble(str(told))
    return [[cost(window, steady) for window in windows] for windows in zip(*together, strict=True)]


def cost(window: Window, steady: Steady) -> float:
    """What a message cost in that window. (s) Raises `Trouble` when they did not come at the rate they should."""
    came = window.rate(SAMPLES)
    if abs(came - steady.rate) > steady.slack * steady.rate:
        raise Trouble(f"{came:.0f} messages a second came, not {steady.rate:.0f}")
    return window.cpu / window.gain(SAMPLES)
