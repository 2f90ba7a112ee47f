"""The demo: a cluster of three nodes, three simulated calls, and what the nodes tell about them on the terminal.

On the way the node that leads is killed, and started again. ``python -m observer.demo`` ends by itself; exit code 0
when no call noticed: every event was told once by one of the nodes, every inbound stream was reported with its true
sender, and every pad of the SFU with its true client, which the plans of the calls know.
"""

import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TextIO

import trio

from observer.simulate import Options, simulate
from observer.simulation.calls import Call, CallShape, Occurrence, plan_call
from observer.simulation.child_cluster import child_cluster, leading
from observer.simulation.child_node import ChildNode, NodeFailed
from observer.simulation.client import Summary
from observer.simulation.demo_lines import Teller, row, summary, who_hears_whom
from observer.simulation.demo_story import Story

SECONDS = 12.0
"""How long the longest call lasts."""

PERIOD = 0.4
"""Time between two samples of a client. (s)"""

KILLED_AT = 4.8
"""When the node that leads is killed: all clients of the first two calls have joined by then. (s)"""

DOWN = 1.0
"""How long it stays away once another leads. (s)"""

LATE = 9.5
"""When the third call begins: the node is back by then. (s)"""

LONGEST_WAIT = 1.0
"""How long a client waits before it comes back, at most. (s)"""

IDLE = 6
"""How long the nodes wait for what has fallen silent: longer than others need to lead, and clients to come back. (s)"""

LEAVE_GRACE = 1
"""How long a node waits for a client whose connection closed. (s)"""

ENDING = 20.0
"""How long the demo waits for the calls to be told as ended. (s)"""

TELLING = 0.5
"""How often it tells the events that have come. (s)"""

RECENT = 3.0
"""Within which time a sample is taken and its reports are written, generously. (s)"""

NODE = {
    "security": {"printConfigs": False},
    "sources": {"websocket": {"leaveGraceInS": LEAVE_GRACE}},
    "repository": {
        "callMaxIdleTimeInS": IDLE,
        "clientsMaxIdle": IDLE,
        "peerConnectionsMaxIdle": IDLE,
        "inboundTracksMaxIdle": IDLE,
        "outboundTracksMaxIdle": IDLE,
        "sfuMaxIdleTimeInS": IDLE,
        "sfuTransportMaxIdleTimeInS": IDLE,
        "sfuInboundRtpPadMaxIdleTimeInS": IDLE,
        "sfuOutboundRtpPadMaxIdleTimeInS": IDLE,
    },
    "sinks": {"demo": {"type": "FileSink", "config": {"path": "-"}}},
}
"""Each node's configuration: the usual one, with short idle times, and reports as lines on its standard output."""

Plan = Sequence[tuple[float, Call]]
"""The calls, and when each begins. (s)"""


def main() -> int:
    """Runs the demo.

    Exit code 0: all told and all true; 1: not, or a node failed, or nobody reads any more; 130: interrupted.
    """
    try:
        return trio.run(_until_interrupted, sys.stdout)
    except* NodeFailed as failed:
        sys.stderr.write(f"A node failed:\n{_first(failed)}\n")
    except* BrokenPipeError:
        # What is left in the buffer must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _first(failure: BaseException) -> BaseException:
    return _first(failure.exceptions[0]) if isinstance(failure, BaseExceptionGroup) else failure


async def _until_interrupted(out: TextIO) -> int:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_on_signal, signals, nursery.cancel_scope)
            code = await demo(planned(), out)
            nursery.cancel_scope.cancel()
            return code
        out.write("\ninterrupted; the nodes were killed\n")
        return 130


async def _cancel_on_signal(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()


def planned() -> Plan:
    """Three calls of three: in a mesh with a screen share, through an SFU, and one that begins late."""
    rng = Random()  # noqa: S311
    shapes = {
        "mesh": (0.0, CallShape(3, SECONDS, screen_share=True)),
        "sfu": (1.0, CallShape(3, SECONDS - 1, sfu=True)),
        "late": (LATE, CallShape(3, SECONDS - 8, stagger=0.1, one_leaves_early=False)),
    }
    return [(starts, replace(plan_call(rng, shape), room_id=room)) for room, (starts, shape) in shapes.items()]


INTRODUCTION = """
Three calls are played to them. The clients of a call are spread over the nodes:
alice, bob and carol of a room each send their samples to another one.
  mesh   each connected to the others; a screen is shown
  sfu    through an SFU, which sends samples too
  late   begins when the node that was killed is back

The node that leads is killed. Reports that it had not written yet are gone with
it. What it had not told of calls, clients and tracks is told by another node;
what it told at the last moment may be told once more.

What the nodes say, each event with the node that tells it. The times are those
of the events; what ends in silence is told when it has been silent for seconds.
"""


async def demo(calls: Plan, out: TextIO) -> int:
    """Plays `calls` to nodes of its own and tells the reports on `out`; the exit code. Raises `NodeFailed`."""
    run = _Run(calls, out)
    run.tell("Starting three nodes ...")
    async with child_cluster(NODE, tell=True) as nodes:
        leader = await leading(nodes)
        for node in nodes:
            told = " It leads." if node is leader else ""
            run.tell(f"{node.name} takes samples at {node.url}/samples/demo/web", f"   {_watched(node)}.{told}")
        run.tell(INTRODUCTION)
        async with trio.open_nursery() as telling:
            telling.start_soon(run.tell_events)
            sent, codes = await run.play(nodes)
            telling.cancel_scope.cancel()
    return run.conclude(sent, codes)


def _watched(node: ChildNode) -> str:
    return f"and is watched at http://127.0.0.1:{node.ops_port}/metrics"


class _Run:
    """One run of the demo: its story, and where it is told."""

    def __init__(self, calls: Plan, out: TextIO) -> None:
        self.calls = calls
        self.story = Story([call for _, call in calls])
        self.teller = Teller(self.story, colour=out.isatty() and "NO_COLOR" not in os.environ)
        self.tell = _telling(out)
        self.all_told = trio.Event()

    async def tell_events(self) -> None:
        """Tells what has come, now and then, until it is cancelled; then what is left."""
        try:
            while True:
                await trio.sleep(TELLING)
                self.tell(*self.teller.news())
        finally:
            self.tell(*self.teller.news())

    async def play(self, nodes: Sequence[ChildNode]) -> tuple[Summary, list[int]]:
        """Plays the calls, with a node killed on the way, until all is told; with which exit codes the nodes ended."""
        urls = [node.url for node in nodes]
        options = Options(urls, seconds=SECONDS + 3, period=PERIOD, longest_wait=LONGEST_WAIT, sfus=True)
        async with trio.open_nursery() as listening:
            for node in nodes:
                listening.start_soon(self._listen, node)
            async with trio.open_nursery() as playing:
                playing.start_soon(self._kill_leader, nodes, listening)
                sent = await simulate(options, self.calls)
            with trio.move_on_after(ENDING):
                await self.all_told.wait()
            codes = [await node.stop() for node in nodes]
        return sent, codes

    def conclude(self, sent: Summary, codes: Sequence[int]) -> int:
        """Tells how it went; the exit code."""
        story, tell = self.story, self.tell
        well = story.whole() and not any(codes)
        tell("", "Who hears whom through which nodes, as the reports of inbound tracks say:", "")
        tell(*who_hears_whom(story), "", *summary(story))
        tell(row("samples sent", f"{sent.samples}; {sent.errors} connections failed, {sent.refused} refused"))
        tell(row("nodes", f"ended with exit codes {', '.join(map(str, codes))}"), "")
        if well and not story.told_again():
            tell("All well: every event was told once, every stream and pad found its client.")
        elif well:
            tell("All well: no event was lost, every stream and pad found its client.")
        else:
            tell("Not all is well.")
        return 0 if well else 1

    async def _listen(self, node: ChildNode) -> None:
        """Takes each report as it comes, until the node ends."""
        async for line in _lines(node):
            self.story.take(json.loads(line), node.name)
            if b"_EVENT" in line and self.story.complete():
                self.all_told.set()

    async def _kill_leader(self, nodes: Sequence[ChildNode], listening: trio.Nursery) -> None:
        await trio.sleep(KILLED_AT)
        leader = await leading(nodes)
        self.story.lose(leader.name, occurred(self.calls, KILLED_AT - RECENT, KILLED_AT + RECENT / 2))
        killed = trio.current_time()
        await leader.kill()
        self._happened(f"{leader.name}, which leads, is killed")

        heir = await leading(nodes)
        self._happened(f"{heir.name} leads, {trio.current_time() - killed:.1f} s later")

        await trio.sleep(DOWN)
        self._happened(f"{leader.name} is started again")
        await leader.start()
        listening.start_soon(self._listen, leader)
        await leader.wait_ready()
        self._happened(f"{leader.name} is back and knows {await _calls_known(leader)} calls")

    def _happened(self, what: str) -> None:
        self.tell(*self.teller.news(), self.teller.happened(time.time() * 1000, what))


def occurred(calls: Plan, first: float, last: float) -> Iterator[Occurrence]:
    """What clients tell of themselves between two moments. (s)"""
    return (it for starts, call in calls for it in call.occurrences if first <= starts + it.at <= last)


async def _calls_known(node: ChildNode) -> int:
    """How many calls a node holds in its registry."""
    entries = (line for line in (await node.metrics()).splitlines() if "repository_entries{" in line)
    return next(int(float(line.rpartition(" ")[2])) for line in entries if '"calls"' in line)


async def _lines(node: ChildNode) -> AsyncIterator[bytes]:
    """The whole lines that it writes: half a line, with which a node was killed, was not told."""
    rest = b""
    async for chunk in node.output():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line


def _telling(out: TextIO) -> Callable[..., None]:
    def tell(*lines: str) -> None:
        out.write("".join(f"{line}\n" for line in lines))
        out.flush()

    return tell


if __name__ == "__main__":
    sys.exit(main())
