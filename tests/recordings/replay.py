"""Plays recordings to a port: the very bytes, in the recorded order across all connections, closed as recorded."""

import heapq
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

import trio
from trio_websocket import ConnectionClosed

from tests.recordings.recording import Recording, Step
from tests.web_client import Session, connect, request

_OF_THE_CONNECTION = {
    "connection",
    "content-length",
    "host",
    "sec-websocket-key",
    "sec-websocket-version",
    "upgrade",
}
"""Headers that belong to the recorded connection, not to what was asked over it."""

PassTime = Callable[[float], Awaitable[None]]


@dataclass
class Played:
    """What the server had to say: the status of every request, and every close that was not ours (code and reason)."""

    statuses: Counter[int] = field(default_factory=Counter)
    closed_on_us: list[tuple[int, str]] = field(default_factory=list)

    @property
    def refusals(self) -> list[str]:
        """Everything that a server refused."""
        statuses = [
            f"{times} requests were answered {status}" for status, times in self.statuses.items() if status >= 300
        ]
        return statuses + [f"the server closed with {code} {reason}" for code, reason in self.closed_on_us]


async def as_fast_as_possible(seconds: float) -> None:
    """Lets no time pass between two steps."""


async def play(
    recordings: Sequence[Recording], port: int | Sequence[int], pass_time: PassTime = as_fast_as_possible
) -> Played:
    """Plays all recordings at once, step by step in the order of their times.

    Of several ports each connection of a recording goes to another, one after the other. Before each step `pass_time`
    is awaited with the recorded seconds since the step before. A speed factor is
    ``lambda seconds: trio.sleep(seconds / factor)``.
    """
    played = Played()
    ports = [port] if isinstance(port, int) else port
    doors: dict[tuple[int, int], int] = {}
    order = count()
    steps = heapq.merge(
        *([(step.at, next(order), copy, step) for step in r.steps] for copy, r in enumerate(recordings))
    )
    sessions: dict[tuple[int, int], Session] = {}
    reached: float | None = None
    async with trio.open_nursery() as nursery:
        for at, _, copy, step in steps:
            if reached is not None and at > reached:
                await pass_time((at - reached) / 1000)
            reached = at
            door = doors.setdefault((copy, step.connection), ports[len(doors) % len(ports)])
            await _take(step, copy, door, nursery, sessions, played)
        for session in sessions.values():
            await session.close()
        nursery.cancel_scope.cancel()
    return played


async def _take(
    step: Step,
    copy: int,
    port: int,
    nursery: trio.Nursery,
    sessions: dict[tuple[int, int], Session],
    played: Played,
) -> None:
    headers = [(name, value) for name, value in step.headers if name.lower() not in _OF_THE_CONNECTION]
    key = copy, step.connection
    if step.act == "request":
        body = step.body.encode() if isinstance(step.body, str) else step.body
        answer = await request(port, step.method, step.target, headers, body)
        played.statuses[answer.status] += 1
    elif step.act == "open":
        sessions[key] = await connect(nursery, port, step.target, headers)
    elif key in sessions:
        await _on_socket(step, sessions, key, played)


async def _on_socket(
    step: Step, sessions: dict[tuple[int, int], Session], key: tuple[int, int], played: Played
) -> None:
    session = sessions[key]
    if step.act == "message":
        try:
            await session.send(step.body)
            return
        except ConnectionClosed:
            played.closed_on_us.append(await session.wait_closed())
    del sessions[key]
    await session.close(step.code)
