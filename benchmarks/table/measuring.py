"""All rows that are wanted, one after the other."""

import sys
import time
from collections.abc import Awaitable, Callable, Collection, Mapping

import trio

from benchmarks.table import crowd, joins, messages
from benchmarks.table.rounds import Trouble
from benchmarks.table.targets import Measured
from observer.simulation.child_node import NodeFailed


async def measure(wanted: Collection[str], rounds: int) -> dict[str, Measured]:
    """The rows of these keys. One that failed says so; the others are measured nevertheless."""
    measured: dict[str, Measured] = {}
    for key, way in messages.ALONE.items():
        if key in wanted:
            measured |= await _told([key], way, rounds)
    if of_crowd := [key for key in crowd.KEYS if key in wanted]:
        measured |= await _told(of_crowd, crowd.measure, rounds)
    if joins.KEY in wanted:
        measured |= await _told([joins.KEY], joins.measure, rounds)
    return measured


async def _told(
    keys: list[str], way: Callable[[int], Awaitable[Measured | Mapping[str, Measured]]], rounds: int
) -> dict[str, Measured]:
    began = time.monotonic()
    try:
        told = await way(rounds)
        measured = {keys[0]: told} if isinstance(told, Measured) else {key: told[key] for key in keys}
    except (Trouble, NodeFailed, trio.TooSlowError) as trouble:
        measured = {key: Measured(missing=f"does not count: {str(trouble) or type(trouble).__name__}") for key in keys}
    print(f"{', '.join(keys)}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return measured
