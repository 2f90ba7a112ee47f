"""A spool: a queue whose reports wait on disk, so that an outage takes no memory and a restart loses nothing.

Every report goes through it, whether the sink works or not. What is offered waits in memory only until it is written,
which begins at once; from then on it is settled, and waits in a `sinks.journal` until the sink has it. While a sink
keeps up, its files are gone before the disk has seen them.

A disk that fails does not stop a sink that works: as long as nothing waits on disk, what cannot be written is sent from
memory. A folder that cannot be opened (it may still belong to a process that ends) is tried for a while before that,
because what may wait in it comes first.
"""

import logging
import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import trio

from sinks.journal import Journal
from sinks.leftovers import folder_name
from sinks.lines import Batch, Piece, batch_of_texts
from sinks.queue import LineQueue
from sinks.settings import SpoolSettings, WhenFull
from sinks.statistics import DropReason, SpoolStatistics
from sinks.threads import in_thread

T = TypeVar("T")
Texts = deque[bytes]

RETRY_EVERY_S = 1.0
"""How often a disk that fails is tried again. (s)"""
PATIENCE_S = 10.0
"""How long a folder is tried to be opened before reports are sent without it. (s)"""
MOST_BYTES = 16_777_216
"""The most of a batch that is read from disk, unless it is one line. (bytes)"""
CLOSING_S = 1.0
"""How long closing waits for a disk that hangs. (s)"""

log = logging.getLogger(__name__)


class Spool:
    """A queue with the promises of `sinks.queue.LineQueue`, whose `run` must be running.

    `front` holds what is not written yet. A batch is ripe when `max_items` lines wait on disk, or when the first of
    them has waited `max_time_s` seconds. `dropped` is told of lines that are lost: how many, and why.
    """

    def __init__(
        self,
        key: str,
        settings: SpoolSettings,
        front: LineQueue,
        max_items: int,
        max_time_s: float,
        dropped: Callable[[DropReason, int, str], None],
    ) -> None:
        self._key = key
        self._settings = settings
        self._front = front
        self._max_items = max_items
        self._max_time_s = max_time_s
        self._dropped = dropped
        self._journal: Journal | None = None
        self._thread = trio.CapacityLimiter(1)
        self._counted = (0, 0, 0, 0)
        self._spooled = 0
        self._recovered = 0
        self._first_came_at = 0.0
        self._failing = False
        self._in_hand = 0
        self._unwritten: Batch | None = None
        self._next = Batch()
        self._in_flight = False
        self._direct = False
        self._acknowledged = True
        self._flushing = False
        self._changed = trio.Event()

    @property
    def settled(self) -> int:
        """The position up to which everything is on disk, or through."""
        return self._front.settled

    @property
    def waiting(self) -> int:
        """How many lines wait in memory."""
        return self._front.waiting + self._in_hand

    @property
    def bytes(self) -> int:
        """How much the lines hold that are in memory, those in flight included. (bytes)"""
        return self._front.bytes + (self._next.size if self._in_flight and not self._direct else 0)

    @property
    def finished(self) -> bool:
        """Whether the queue is flushing, and empty to the last batch in flight."""
        return self._flushing and self._front.finished and not self._spooled and not self._in_flight

    def statistics(self) -> SpoolStatistics:
        """What is on disk."""
        return SpoolStatistics(
            spooled=self._spooled,
            spooled_bytes=self._journal.bytes if self._journal else 0,
            spooled_bytes_limit=self._settings.max_bytes,
            recovered=self._recovered,
            spool_failing=self._failing,
        )

    def offer(self, position: int, lines: Piece) -> int:
        """Take in as many of the lines, from the first on, as there is room for in memory; return how many."""
        return self._front.offer(position, lines)

    async def ripe(self) -> bool:
        """Wait until a batch is ripe, and read it. False: the queue is flushing and nothing waits any more."""
        await self._acknowledge()
        while not self.finished:
            if not self._is_ripe():
                await self._change(max(0.0, self._unripe_for_s()))
            elif self._spooled:
                await self._read()
                if self._next:
                    return True
            elif self._unwritten is not None:
                self._next, self._direct = self._unwritten, True
                return True
        return False

    def take(self) -> Batch:
        """The batch that was ripe: it is in flight now."""
        self._in_flight = True
        if self._direct:
            self._unwritten = None
            self._in_hand = 0
        else:
            self._spooled -= len(self._next)
        return self._next

    def settle(self) -> None:
        """The batch in flight is through."""
        self._acknowledged = self._direct
        self._next, self._in_flight, self._direct = Batch(), False, False
        self._tell()

    def abandon(self, left: int) -> int:
        """Forget what is not on disk, and `left` lines of the batch in flight; return how many lines are lost."""
        if self._in_flight and not self._direct:
            self._spooled += left
            left = 0
        lost, self._in_hand = self._in_hand + left, 0
        return self._front.abandon(lost)

    def flush(self) -> None:
        """From now on whatever waits is ripe."""
        self._flushing = True
        self._front.flush()
        self._tell()

    async def run(self) -> None:
        """Write what is offered, until all is written that waits at `flush`."""
        await self._open()
        while await self._front.ripe():
            batch = self._front.take()
            self._in_hand = len(batch)
            await self._write(batch)
            self._front.settle()
            self._tell()

    async def close(self) -> None:
        """Leave the files to the next process; what is in flight will be read again."""
        journal = self._journal
        if journal is None:
            return
        with trio.CancelScope(shield=True), trio.move_on_after(CLOSING_S), suppress(OSError):
            await self._acknowledge()
            await in_thread(self._thread, journal.close)

    async def _open(self) -> None:
        """Open the files; without them when that fails for long while reports wait, or when all ends."""
        until = trio.current_time() + PATIENCE_S
        while not await self._opened() and not self._flushing:
            if self._front.waiting and trio.current_time() >= until:
                return
            await self._change(RETRY_EVERY_S)

    async def _opened(self) -> bool:
        if self._journal is not None:
            return True
        folder = Path(self._settings.path) / folder_name(self._key)
        drop_oldest = self._settings.when_full is WhenFull.DROP_OLDEST
        try:
            journal = await in_thread(
                self._thread,
                lambda: Journal(folder, self._settings.max_bytes, drop_oldest=drop_oldest, sync=self._settings.sync),
            )
        except OSError as error:
            self._fails(error)
            return False
        self._works()
        self._journal = journal
        self._recovered = self._spooled = journal.lines
        self._first_came_at = trio.current_time()
        if journal.lines:
            log.info("Sink %s: %d reports wait in its spool", self._key, journal.lines)
        self._tell()
        return True

    async def _write(self, batch: Batch) -> None:
        """Bring a batch to the disk, or to the sink itself if the disk does not take it."""
        texts = deque(piece.text for piece in batch.pieces)
        while texts:
            try:
                if await self._opened():
                    await self._on_disk(lambda journal: journal.append(texts))
            except OSError as error:
                self._fails(error)
            else:
                if self._journal is not None:
                    self._works()
            self._in_hand = sum(text.count(b"\n") for text in texts)
            self._tell()
            if texts and await self._sent_from_memory(texts):
                return

    async def _sent_from_memory(self, texts: Texts) -> bool:
        """Offer to the sink what cannot be written, for a while; whether it took it, and is done with it."""
        unwritten = self._unwritten = batch_of_texts(texts)
        until = trio.current_time() + RETRY_EVERY_S
        while self._unwritten is unwritten and trio.current_time() < until:
            await self._change(max(0.0, until - trio.current_time()))
        if self._unwritten is unwritten:
            self._unwritten = None
            return False
        while self._in_flight:
            await self._change(math.inf)
        return True

    async def _read(self) -> None:
        """Read the next batch; after a while without one if the disk fails."""
        self._next = Batch()
        try:
            piece = await self._on_disk(lambda journal: journal.read(self._max_items, MOST_BYTES))
        except OSError as error:
            self._fails(error)
            await self._change(RETRY_EVERY_S)
        else:
            if piece.number:
                self._next = Batch([piece])

    async def _acknowledge(self) -> None:
        if not self._acknowledged and self._journal is not None:
            try:
                await self._on_disk(Journal.acknowledge)
            except OSError as error:  # it may be sent once more after a restart
                self._fails(error)
            self._acknowledged = True

    async def _on_disk(self, work: Callable[[Journal], T]) -> T:
        journal = self._journal
        assert journal is not None  # noqa: S101 - nothing is on disk before it is opened
        try:
            return await in_thread(self._thread, lambda: work(journal))
        finally:
            self._count(journal)

    def _count(self, journal: Journal) -> None:
        """Take over what the journal did since it was last asked."""
        now = (journal.stored, journal.refused, journal.forgotten, journal.damaged)
        stored, refused, forgotten, damaged = (new - old for new, old in zip(now, self._counted, strict=True))
        self._counted = now
        if stored and not self._spooled:
            self._first_came_at = trio.current_time()
        self._spooled += stored - forgotten - damaged
        if refused or forgotten:
            self._dropped(DropReason.SPOOL_FULL, refused + forgotten, "its spool is full")
        if damaged:
            self._dropped(DropReason.SPOOL_DAMAGED, damaged, "they cannot be read from its spool any more")

    def _is_ripe(self) -> bool:
        if not self._spooled:
            return self._unwritten is not None
        return self._flushing or self._spooled >= self._max_items or self._unripe_for_s() <= 0

    def _unripe_for_s(self) -> float:
        if not self._spooled:
            return math.inf
        return self._first_came_at + self._max_time_s - trio.current_time()

    def _fails(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            log.error("Sink %s: its spool fails and is tried again: %s", self._key, error)

    def _works(self) -> None:
        if self._failing:
            self._failing = False
            log.info("Sink %s: its spool works again", self._key)

    def _tell(self) -> None:
        """Something changed: whoever waits looks again."""
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    async def _change(self, most_s: float) -> None:
        """Wait until something changed, and no longer than so many seconds."""
        with trio.move_on_after(most_s):
            await self._changed.wait()
