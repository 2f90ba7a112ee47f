"""The demo: one real node, three simulated calls, and what the node tells about them, readable on the terminal.

``python -m observer.demo`` ends by itself; exit code 0 when every event was told once and every inbound stream was
reported with its true sender, which the plans of the calls know.
"""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from random import Random
from typing import TextIO

import trio

from observer.simulate import Options, simulate
from observer.simulation.calls import Call, CallShape, plan_call
from observer.simulation.child_node import ChildNode, NodeFailed, child_node
from observer.simulation.demo_story import Story, expected_events, summary, who_hears_whom

SECONDS = 12.0
"""How long the calls last."""

PERIOD = 0.4
"""Time between two samples of a client. (s)"""

IDLE = 3
"""How long the node waits for what has fallen silent. (s)"""

LEAVE_GRACE = 1
"""How long the node waits for a client whose connection closed. (s)"""

ENDING = 20.0
"""How long the demo waits for the calls to be told as ended. (s)"""

TELLING = 0.5
"""How often it tells the events that have come. (s)"""

NODE = {
    "security": {"printConfigs": False},
    "sources": {"websocket": {"leaveGraceInS": LEAVE_GRACE}},
    "repository": {
        "callMaxIdleTimeInS": IDLE,
        "clientsMaxIdle": IDLE,
        "peerConnectionsMaxIdle": IDLE,
        "inboundTracksMaxIdle": IDLE,
        "outboundTracksMaxIdle": IDLE,
    },
    "sinks": {"demo": {"type": "FileSink", "config": {"path": "-"}}},
}
"""The node's configuration: the usual one, with short idle times, and reports as lines on its standard output."""


def main() -> int:
    """Runs the demo.

    Exit code 0: all told and all true; 1: not, or the node failed, or nobody reads any more; 130: interrupted.
    """
    try:
        return trio.run(_until_interrupted, sys.stdout)
    except* NodeFailed as failed:
        sys.stderr.write(f"The node did not start:\n{failed.exceptions[0]}\n")
    except* BrokenPipeError:
        # What is left in the buffer must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


async def _until_interrupted(out: TextIO) -> int:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_on_signal, nursery.cancel_scope)
        code = await demo(planned(), out)
        nursery.cancel_scope.cancel()
        return code
    out.write("\ninterrupted; the node was stopped\n")
    return 130


async def _cancel_on_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


def planned() -> list[tuple[float, Call]]:
    """The three calls and when each begins (s): three in a mesh with a screen share, three through an SFU, and two."""
    rng = Random()  # noqa: S311
    shapes = {
        "mesh": CallShape(3, SECONDS, screen_share=True),
        "sfu": CallShape(3, SECONDS - 1, sfu=True),
        "pair": CallShape(2, SECONDS - 2),
    }
    return [(float(n), replace(plan_call(rng, shape), room_id=room)) for n, (room, shape) in enumerate(shapes.items())]


INTRODUCTION = """
Three calls are played to it. Their rooms are called
  mesh   alice, bob and carol, each connected to the others; a screen is shown
  sfu    alice, bob and carol, through an SFU
  pair   alice and bob

What the node says of them. The times are those of the events; what ends in
silence is told when it has been silent for some seconds.
"""


async def demo(calls: list[tuple[float, Call]], out: TextIO) -> int:
    """Plays `calls` to a node of its own and tells the reports on `out`; the exit code. Raises `NodeFailed`."""
    story = Story([call for _, call in calls])
    tell = _teller(out)
    tell("Starting a node ...")
    async with child_node(NODE, tell=True) as node:
        tell(f"It takes samples at {node.url}/samples/demo/web")
        tell(f"and is watched at http://127.0.0.1:{node.ops_port}/metrics.", INTRODUCTION)
        all_told = trio.Event()
        async with trio.open_nursery() as telling:
            telling.start_soon(_tell_events, story, out)
            async with trio.open_nursery() as listening:
                listening.start_soon(_listen, node, story, all_told)
                sent = await simulate(Options(node.url, seconds=SECONDS + 3, period=PERIOD), calls)
                with trio.move_on_after(ENDING):
                    await all_told.wait()
                code = await node.stop()
            telling.cancel_scope.cancel()
    well = story.whole() and code == 0 and sent.errors == 0
    tell("", "Who hears whom, as the reports of inbound tracks say:", "", *who_hears_whom(story), "", *summary(story))
    tell(f"{'samples sent':<18} {sent.samples}, {sent.errors} errors", f"{'node':<18} ended with exit code {code}", "")
    tell("All well: every event was told once, every stream found its sender." if well else "Not all is well.")
    return 0 if well else 1


async def _tell_events(story: Story, out: TextIO) -> None:
    """Tells what has come, now and then, until it is cancelled; then what is left."""
    colour = out.isatty() and "NO_COLOR" not in os.environ
    tell = _teller(out)
    try:
        while True:
            await trio.sleep(TELLING)
            tell(*story.tell(colour=colour))
    finally:
        tell(*story.tell(colour=colour))


async def _listen(node: ChildNode, story: Story, all_told: trio.Event) -> None:
    """Takes each report as it comes, until the node ends; sets `all_told` when the last expected event came."""
    expected = expected_events(story.calls)
    async for line in _lines(node):
        story.take(json.loads(line))
        if expected <= story.events:
            all_told.set()


async def _lines(node: ChildNode) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in node.output():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line


def _teller(out: TextIO) -> Callable[..., None]:
    def tell(*lines: str) -> None:
        out.write("".join(f"{line}\n" for line in lines))
        out.flush()

    return tell


if __name__ == "__main__":
    sys.exit(main())
