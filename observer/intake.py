"""Between the sockets and the pipeline: samples gather until there are enough of them, or until it is time.

A list and events instead of a channel: handing on a message costs no task switch. The list is bounded in messages and
in bytes; at the bound a REST request is refused and a WebSocket is not read, so that its sender feels it.

Large batches make few commands, small ones stay in the caches of a processor from the first look to the last: that
halves what a message costs. So batches are small while what they show needs no command, and WebSockets are not read
faster then than batches are taken.
"""

import math
from collections.abc import Awaitable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import trio

from schemas.messages import Samples

_MOST_OF_A_BATCH = 1.25
"""How much more than a batch may wait before those who can wait do: one that grows while it is noticed."""


@dataclass(frozen=True)
class SamplesCollector:
    """Settings: how samples gather into batches."""

    max_items: int = field(default=10_000, metadata={"minimum": 1})
    """How many messages may wait; that many make a batch at once. (messages)"""
    max_time_in_ms: int = 100
    """How long the first message of a batch waits for others. (ms)"""
    max_bytes: int = field(default=64 * 1024 * 1024, metadata={"minimum": 1})
    """How many bytes of messages, as received, may wait; that many make a batch at once. (bytes)"""
    batch_bytes: int = field(default=128 * 1024, metadata={"minimum": 1})
    """How many bytes of messages make a batch at once as long as none of them changes what the cluster knows: what the
    caches of a processor hold, with all that is made of it. (bytes)"""


class Departed(NamedTuple):
    """A session ended: these clients and SFUs of the service leave unless they are heard of again within the grace."""

    service_id: str
    client_ids: Collection[str]
    sfu_ids: Collection[str] = ()


class Intake:
    """Where samples wait for the pipeline, in the order in which they came."""

    def __init__(self, settings: SamplesCollector) -> None:
        self._settings = settings
        self._waiting: list[Samples | Departed] = []
        self._messages = 0
        self._most_messages = settings.max_items
        self._bytes = 0
        self._first_at = 0.0
        self._closed = self._full = False
        self._batch_bytes: float = settings.max_bytes
        self._most_bytes: float = settings.max_bytes
        self._arrived = trio.Event()
        self._enough = trio.Event()
        self._room = trio.Event()

    def __len__(self) -> int:
        return self._messages

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of messages wait, as received."""
        return self._bytes

    def offer(self, samples: Samples, size: int) -> bool:
        """Takes a message of `size` bytes unless the intake is full or closed."""
        if self._full:
            return False
        if not self._waiting:
            self._begin()
        self._waiting.append(samples)
        self._messages += 1
        self._bytes += size
        if self._bytes >= self._batch_bytes or self._messages >= self._most_messages:
            self._enough.set()
            self._full = self._bytes >= self._settings.max_bytes or self._messages >= self._most_messages
        return True

    def pause(self) -> Awaitable[None] | None:
        """What whoever can wait awaits before it brings more: until the next batch is taken; ``None`` mostly."""
        return None if self._bytes < self._most_bytes or self._closed else self._room.wait()

    async def put(self, samples: Samples, size: int) -> None:
        """Takes a message, waiting until there is room."""
        while not self.offer(samples, size):
            await self._room.wait()

    def departed(self, service_id: str, client_ids: Collection[str], sfu_ids: Collection[str] = ()) -> None:
        """Notes, behind all that came before, that a session ended."""
        if (client_ids or sfu_ids) and not self._closed:
            if not self._waiting:
                self._begin()
            self._waiting.append(Departed(service_id, client_ids, sfu_ids))

    async def take(self, deadline: float, eager: bool = False) -> list[Samples | Departed]:
        """The next batch, or nothing when `deadline` (trio time, s) has passed; what still waits once closed.

        An `eager` taker is content with small batches, if there is enough for these before it is time.
        """
        self._batch_bytes = min(self._settings.batch_bytes if eager else math.inf, self._settings.max_bytes)
        self._most_bytes = min(_MOST_OF_A_BATCH * self._batch_bytes, self._settings.max_bytes)
        if self._bytes >= self._batch_bytes:
            self._enough.set()
        if self._enough.is_set():
            await trio.lowlevel.checkpoint()
        elif not await self._is_time(deadline):
            return []
        batch, self._waiting = self._waiting, []
        self._messages = self._bytes = 0
        self._full = self._closed
        if not self._closed:
            self._arrived = trio.Event()
            self._enough = trio.Event()
        self._room.set()
        self._room = trio.Event()
        return batch

    async def _is_time(self, deadline: float) -> bool:
        """Waits until there is enough, until the first has waited long enough for others, or until `deadline`.

        ``False`` if something waits then for which it is not time.
        """
        with trio.move_on_at(deadline):
            await self._arrived.wait()
        ripe_at = self._first_at + self._settings.max_time_in_ms / 1000
        if self._waiting:
            with trio.move_on_at(min(ripe_at, deadline)):
                await self._enough.wait()
        return not self._waiting or self._enough.is_set() or trio.current_time() >= ripe_at

    @property
    def exhausted(self) -> bool:
        """Whether it is closed and all was taken."""
        return self._closed and not self._waiting

    def close(self) -> None:
        """Takes nothing more; what waits can still be taken, at once."""
        self._closed = self._full = True
        self._arrived.set()
        self._enough.set()

    def _begin(self) -> None:
        """The first of a batch has come."""
        self._first_at = trio.current_time()
        self._arrived.set()
