import pytest

from observer.simulate import Options, simulate
from observer.simulation.child_node import NodeFailed, child_node

pytestmark = pytest.mark.processes


async def test_a_node_ends_well_when_its_output_is_no_longer_read() -> None:
    tell = {"sinks": {"told": {"type": "FileSink", "config": {"path": "-"}}}, "shutdownGraceInS": 5}

    async with child_node(tell, tell=True) as node:
        sent = await simulate(Options(node.url, calls=3, seconds=1.5, period=0.05, ramp=0.1, seed=1))

    assert sent.samples > 100
    assert node.process.returncode == 0


async def test_a_node_that_cannot_start_says_why() -> None:
    with pytest.raises(NodeFailed, match=r"observer\.sinks\.told"):
        async with child_node({"sinks": {"told": {"type": "NoSuchSink"}}}):
            pass
