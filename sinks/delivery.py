"""Delivery to one sink: what every sink needs and none does itself.

Each sink has a queue and a task of its own, so that one that is slow or fails touches nobody else. Order is kept within
a sink, and a report is sent at least once: twice when a sink fails after it has sent it. What is dropped is counted by
its reason.
"""

import logging
import math
import random
from collections import Counter
from collections.abc import Callable

import trio

from sinks.dead_letters import DeadLetters
from sinks.encoding import Written
from sinks.failures import described, sole
from sinks.filter import wanted
from sinks.isolation import STUMBLES, isolating
from sinks.lines import Batch
from sinks.queue import LineQueue
from sinks.retry import pause_s
from sinks.settings import ReportsCollector, SinkSettings
from sinks.sink import NotDelivered, Send, Sink
from sinks.spool import Spool
from sinks.statistics import Circuit, DropReason, SinkStatistics, SpoolStatistics

WARN_EVERY_S = 10
"""A sink that drops reports again and again warns at most this often. (s)"""

CALM_AFTER_S = 10
"""A sink that is open again counts as working after so long, even if there was nothing to send. (s)"""

log = logging.getLogger(__name__)


class Delivery:
    """Delivery to one sink. `chance` draws from 0 to 1; it spreads the pauses between tries."""

    def __init__(
        self,
        key: str,
        sink: Sink,
        settings: SinkSettings,
        collector: ReportsCollector,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.key = key
        self.wanted = wanted(settings.reports)
        """The types of reports that the sink gets."""
        self._sink = sink
        self._settings = settings
        self._chance = chance
        self._queue, self._spool = self._waiting_room(settings.batch or collector)
        self._dead_letters = DeadLetters(key, settings.dead_letters) if settings.dead_letters else None
        self._flush = trio.Event()
        self._ended = False

        self._batch = Batch()
        self._tried_since = 0.0
        self._tries = 0
        self._failing_since: float | None = None
        self._failures = 0
        self._next_try_at: float | None = None
        self._open_since: float | None = None
        self._stumbled = False

        self._offered = 0
        self._filtered = 0
        self._sent = 0
        self._acknowledged = 0
        self._batches = 0
        self._retries = 0
        self._sending_s = 0.0
        self._dead = 0
        self._dropped: Counter[DropReason] = Counter()
        self._warned_at = dict.fromkeys(DropReason, -math.inf)

    @property
    def spool_path(self) -> str | None:
        """The folder below which its spool is, if it has one."""
        return self._settings.spool.path if self._settings.spool else None

    @property
    def settled(self) -> int:
        """The position up to which this sink is done with everything."""
        return self._queue.settled

    def offer(self, position: int, number: int, wanted: Written) -> None:
        """Queue what the sink wants of so many reports; what does not fit any more is dropped. Never blocks."""
        lines, unwritable = wanted
        self._offered += number
        self._filtered += number - lines.number - unwritable
        if self._ended:
            self._dropped[DropReason.DROPPED_AT_SHUTDOWN] += lines.number + unwritable
            return
        taken = self._queue.offer(position, lines)
        if taken < lines.number:
            self._drop(DropReason.QUEUE_FULL, lines.number - taken, "its queue is full")
        if unwritable:
            self._drop(DropReason.REJECTED, unwritable, "they cannot be written as JSON")

    async def run(self) -> None:
        """Deliver until everything that waits at `flush` is settled. No failure of the sink leaves this task."""
        if self._spool is None:
            await self._deliver()
            return
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._spool.run)
                await self._deliver()
        finally:
            await self._spool.close()

    async def _deliver(self) -> None:
        try:
            while not self._queue.finished:
                failure = await self._session()
                if failure is not None:
                    await self._failed(failure)
        finally:
            self._end()

    def flush(self) -> None:
        """Send what waits at once, then end."""
        self._flush.set()
        self._queue.flush()

    def statistics(self) -> SinkStatistics:
        """The figures of this sink."""
        self._calm_down()
        failing = None if self._failing_since is None else trio.current_time() - self._failing_since
        return SinkStatistics(
            key=self.key,
            type=self._settings.type,
            offered=self._offered,
            filtered=self._filtered,
            queued=len(self._batch) + self._queue.waiting,
            queued_bytes=self._queue.bytes,
            sent=self._sent,
            acknowledged=self._acknowledged,
            dropped={reason: self._dropped[reason] for reason in DropReason},
            batches=self._batches,
            retries=self._retries,
            sending_s=self._sending_s,
            failing_for_s=failing,
            queued_limit=self._settings.max_queued_reports,
            queued_bytes_limit=self._settings.max_queued_bytes,
            circuit=self._circuit(),
            failures=self._failures,
            next_try_in_s=None if self._next_try_at is None else max(0.0, self._next_try_at - trio.current_time()),
            dead_letters=self._dead,
            spool=self._spool.statistics() if self._spool else SpoolStatistics(),
        )

    def _waiting_room(self, collector: ReportsCollector) -> tuple[LineQueue | Spool, Spool | None]:
        """Where reports wait, and the same again if that is on disk."""
        settings, max_time_s = self._settings, collector.max_time_in_ms / 1000
        limits = settings.max_queued_reports, settings.max_queued_bytes, collector.max_items
        if settings.spool is None:
            return LineQueue(*limits, max_time_s), None
        front = LineQueue(*limits, max_time_s=0)
        spool = Spool(self.key, settings.spool, front, collector.max_items, max_time_s, self._drop)
        return spool, spool

    def _circuit(self) -> Circuit:
        if self._failing_since is None:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if self._next_try_at is None else Circuit.OPEN

    async def _session(self) -> Exception | None:
        """Open the sink and deliver until all is flushed (None), or until it has to be opened anew (why)."""
        failure: Exception | None = None
        with trio.CancelScope() as scope:
            try:
                await self._open_and_send(scope)
            except* Exception as group:
                failure = sole(group)
        if scope.cancelled_caught:
            return failure or trio.TooSlowError("opening or closing took too long")
        if failure is None and not self._queue.finished:
            return ConnectionError("it closed by itself")
        return failure

    async def _open_and_send(self, scope: trio.CancelScope) -> None:
        limit = self._settings.send_timeout_in_s
        scope.deadline = trio.current_time() + limit
        self._stumbled = False  # over a batch, that is: one that cannot be opened says nothing of it
        async with self._sink.opened(self.key) as send:
            scope.deadline = math.inf
            self._open_since = trio.current_time()
            try:
                await self._send_all(send)
            finally:
                self._calm_down()
                self._open_since = None
                scope.deadline = trio.current_time() + limit

    async def _send_all(self, send: Send) -> None:
        send = isolating(send, self._settings.send_timeout_in_s / 2)
        while self._batch or await self._queue.ripe():
            if not self._batch:
                self._take()
            try:
                await self._send(send)
            except NotDelivered as partial:
                if self._dead_letters is not None and partial.rejected:
                    self._dead += await self._dead_letters.put(partial.rejected, self._settings.send_timeout_in_s)
                self._keep_rest(partial)
                if self._batch:
                    await self._failed(partial)
                    continue
            else:
                self._acknowledged += len(self._batch)
            self._delivered()

    async def _send(self, send: Send) -> None:
        self._sent += len(self._batch)
        self._retries += self._tries > 0
        self._tries += 1
        started = trio.current_time()
        try:
            with trio.fail_after(self._settings.send_timeout_in_s):
                await send(self._batch)
        except STUMBLES:
            self._stumbled = True
            raise
        finally:
            self._sending_s += trio.current_time() - started

    def _take(self) -> None:
        self._batch = self._queue.take()
        self._tries = 0
        self._tried_since = trio.current_time()

    def _keep_rest(self, partial: NotDelivered) -> None:
        """Part of the batch did not arrive: go on with what may still go."""
        gone = len(self._batch) - len(partial.again)
        self._acknowledged += gone - len(partial.rejected)
        if partial.rejected:
            self._drop(DropReason.REJECTED, len(partial.rejected), partial.rejected[0].reason)
        if gone:
            self._tried_since = trio.current_time()
            self._failures = 0
        self._batch = partial.again

    def _delivered(self) -> None:
        """Nothing is left of the batch, so the sink works."""
        self._batches += 1
        self._batch = Batch()
        self._queue.settle()
        self._works()

    def _calm_down(self) -> None:
        """A sink that failed, and has been open since for a while without anything to send, works as far as we know."""
        since = self._open_since
        if since is not None and not self._batch and trio.current_time() - since >= CALM_AFTER_S:
            self._works()

    def _works(self) -> None:
        self._failures = 0
        if self._failing_since is not None:
            log.info("Sink %s works again after %.1f s", self.key, trio.current_time() - self._failing_since)
            self._failing_since = None

    async def _failed(self, failure: Exception) -> None:
        """Count a failure, give the batch up if it was tried for too long, and pause."""
        now = trio.current_time()
        self._failures += 1
        if self._failing_since is None:
            self._failing_since = now
            log.warning("Sink %s fails and is tried again: %s", self.key, described(failure))
        if self._spool is None and not self._batch and self._queue.waiting:
            self._take()  # a sink that cannot even be opened is given up on as well
        give_up_in = self._give_up_in(failure, now)
        if give_up_in <= 0:
            self._give_up(now)
            give_up_in = math.inf
        await self._pause(min(pause_s(self._settings.retry, self._failures, self._chance()), give_up_in))

    def _give_up_in(self, failure: Exception, now: float) -> float:
        """When the batch is given up. One on disk is not, unless it is the batch that the sink stumbles over. (s)"""
        stumbled = self._stumbled and isinstance(failure, STUMBLES)
        if not self._batch or (self._spool is not None and not stumbled):
            return math.inf
        return self._tried_since + self._settings.retry.give_up_after_in_s - now

    def _give_up(self, now: float) -> None:
        count, self._batch = len(self._batch), Batch()
        self._dropped[DropReason.GIVEN_UP] += count
        self._queue.settle()
        log.error("Sink %s: %d reports are given up after %.1f s", self.key, count, now - self._tried_since)

    async def _pause(self, seconds: float) -> None:
        if self._queue.finished:
            return
        self._next_try_at = trio.current_time() + seconds
        if self._flush.is_set():
            await trio.sleep(seconds)
        else:
            with trio.move_on_after(seconds):
                await self._flush.wait()
                self._failures = 0  # the grace is short: quick tries again
        self._next_try_at = None

    def _drop(self, reason: DropReason, count: int, why: str) -> None:
        self._dropped[reason] += count
        now = trio.current_time()
        if now - self._warned_at[reason] >= WARN_EVERY_S:
            self._warned_at[reason] = now
            total = self._dropped[reason]
            log.warning("Sink %s drops %d reports (%d since the start): %s", self.key, count, total, why)

    def _end(self) -> None:
        """Drop what is left, unless it is on disk. The positions of what is dropped stay unsettled."""
        self._ended = True
        left = self._queue.abandon(len(self._batch))
        self._batch = Batch()
        self._dropped[DropReason.DROPPED_AT_SHUTDOWN] += left
        if left:
            log.error("Sink %s: %d reports are dropped at shutdown", self.key, left)
