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
from dataclasses import dataclass, field

import trio

from sinks.encoding import Written
from sinks.failures import described, sole
from sinks.filter import ReportFlags, wanted
from sinks.lines import Batch
from sinks.queue import LineQueue
from sinks.retry import Retry, pause_s
from sinks.sink import NotDelivered, Send, Sink
from sinks.statistics import DropReason, SinkStatistics

WARN_EVERY_S = 10
"""A sink that drops reports again and again warns at most this often. (s)"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReportsCollector:
    """``buffers.reportsCollector``: when the reports that wait for a sink become a batch. Whatever comes first."""

    max_items: int = field(default=10_000, metadata={"minimum": 1})
    """The most reports of a batch; as soon as this many wait, they go."""
    max_time_in_ms: int = field(default=500, metadata={"minimum": 0})
    """How long the first report of a batch waits for others. (ms)"""


@dataclass(frozen=True)
class SinkSettings:
    """One block of ``observer.sinks``."""

    type: str
    """The type of the sink: `LoggerSink`, `FileSink`. Its own keys stand in the block `config` beside it."""
    enabled: bool = True
    """Whether the sink is used at all."""
    reports: ReportFlags | None = None
    """Which types of reports the sink gets; all of them when absent."""
    retry: Retry = field(default_factory=Retry)
    """What happens when the sink fails."""
    max_queued_reports: int = field(default=100_000, metadata={"minimum": 1})
    """The most reports that wait for the sink or are on their way; the newest are dropped beyond that."""
    max_queued_bytes: int = field(default=100_000_000, metadata={"minimum": 1})
    """The most that those reports may take as lines of JSON; the newest are dropped beyond that. (bytes)"""
    send_timeout_in_s: float = field(default=60, metadata={"minimum": 0.001})
    """How long opening the sink, sending one batch, or closing may take; it has failed then. (s)"""


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
        self._queue = LineQueue(
            settings.max_queued_reports,
            settings.max_queued_bytes,
            collector.max_items,
            collector.max_time_in_ms / 1000,
        )
        self._flush = trio.Event()
        self._ended = False

        self._batch = Batch()
        self._tried_since = 0.0
        self._tries = 0
        self._failing_since: float | None = None
        self._failures = 0

        self._offered = 0
        self._filtered = 0
        self._sent = 0
        self._acknowledged = 0
        self._batches = 0
        self._retries = 0
        self._sending_s = 0.0
        self._dropped: Counter[DropReason] = Counter()
        self._warned_at = dict.fromkeys(DropReason, -math.inf)

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
        )

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
        async with self._sink.opened(self.key) as send:
            scope.deadline = math.inf
            try:
                await self._send_all(send)
            finally:
                scope.deadline = trio.current_time() + limit

    async def _send_all(self, send: Send) -> None:
        while self._batch or await self._queue.ripe():
            if not self._batch:
                self._take()
            try:
                await self._send(send)
            except NotDelivered as partial:
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
        if not self._batch and self._queue.waiting:
            self._take()  # a sink that cannot even be opened is given up on as well
        give_up_in = self._tried_since + self._settings.retry.give_up_after_in_s - now if self._batch else math.inf
        if give_up_in <= 0:
            self._give_up(now)
            give_up_in = math.inf
        await self._pause(min(pause_s(self._settings.retry, self._failures, self._chance()), give_up_in))

    def _give_up(self, now: float) -> None:
        count, self._batch = len(self._batch), Batch()
        self._dropped[DropReason.GIVEN_UP] += count
        self._queue.settle()
        log.error("Sink %s: %d reports are given up after %.1f s", self.key, count, now - self._tried_since)

    async def _pause(self, seconds: float) -> None:
        if self._queue.finished:
            return
        if self._flush.is_set():
            await trio.sleep(seconds)
            return
        with trio.move_on_after(seconds):
            await self._flush.wait()
            self._failures = 0  # the grace is short: quick tries again

    def _drop(self, reason: DropReason, count: int, why: str) -> None:
        self._dropped[reason] += count
        now = trio.current_time()
        if now - self._warned_at[reason] >= WARN_EVERY_S:
            self._warned_at[reason] = now
            total = self._dropped[reason]
            log.warning("Sink %s drops %d reports (%d since the start): %s", self.key, count, total, why)

    def _end(self) -> None:
        """Drop what is left. Its positions stay unsettled."""
        self._ended = True
        left = len(self._batch) + self._queue.clear()
        self._batch = Batch()
        self._dropped[DropReason.DROPPED_AT_SHUTDOWN] += left
        if left:
            log.error("Sink %s: %d reports are dropped at shutdown", self.key, left)
