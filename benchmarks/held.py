"""Whether what a node holds grows while clients come and go: Python objects and their memory, after a full collection.

    python -m benchmarks.held [--seconds 95]

The node runs in this process, forgets what is silent after two seconds, and hears of ten calls of three that are
followed by others every four seconds. Resident memory is another question: `benchmarks.soak` asks it.
"""

import argparse
import gc
import json
import sys
import tracemalloc

import trio

from observer.config import parse
from observer.node import run_node
from observer.simulate import Options, simulate

_IDLE = ("callMaxIdleTimeInS", "clientsMaxIdle", "peerConnectionsMaxIdle", "inboundTracksMaxIdle")
NODE = {
    "micronaut": {"server": {"host": "127.0.0.1", "port": 0}},
    "endpoints": {"all": {"host": "127.0.0.1", "port": 0}},
    "observer": {
        "security": {"printConfigs": False},
        "sources": {"websocket": {"leaveGraceInS": 1}},
        "repository": dict.fromkeys((*_IDLE, "outboundTracksMaxIdle"), 2),
        "sinks": {"nowhere": {"type": "FileSink", "config": {"path": "/dev/null"}}},
    },
}
STEPS = 4


async def tell(seconds: float) -> None:
    """Prints a row at each of some moments, the first when the load is steady."""
    print("  second   objects   memory MB")
    first, last = 20.0, seconds
    began = trio.current_time()
    for step in range(STEPS):
        at = first + (last - first) * step / (STEPS - 1)
        await trio.sleep_until(began + at)
        gc.collect()
        print(f"{at:8.0f} {len(gc.get_objects()):9d} {tracemalloc.get_traced_memory()[0] / 1e6:11.2f}")


async def measure(seconds: float) -> None:
    """A node, the load, and the rows."""
    stop = trio.Event()

    async def node(task_status: trio.TaskStatus[object]) -> None:
        await run_node(parse(json.dumps(NODE), {}), stop=stop, task_status=task_status)

    async with trio.open_nursery() as nursery:
        ports = await nursery.start(node)
        nursery.start_soon(tell, seconds)
        url = f"ws://127.0.0.1:{ports.port}"
        load = Options(
            url=url, calls=10, participants=3, seconds=seconds + 3, period=0.5, ramp=1, call_seconds=4, seed=1
        )
        summary = await simulate(load)
        stop.set()
    print(f"{summary.clients} clients came and went")


def main() -> int:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=95.0)
    tracemalloc.start()
    trio.run(measure, parser.parse_args().seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
