"""One producer of librdkafka, and what becomes of the batches that it is given.

Order of a partition: with idempotence the brokers refuse what comes twice, and what comes before something that is
missing; and with librdkafka's gapless guarantee a producer that failed a report brings none that came after it. So
there is no time-out for single reports either, only one for the batch. What failed goes again, through a new producer.

Its delivery reports are polled for in the thread of trio: each takes the interpreter's lock, which a thread of its own
would have to wait for, thousands of times a second. Only failures become objects of Python.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import trio
from confluent_kafka import KafkaError, KafkaException

from sinks.kafka_client import OpenProducer
from sinks.kafka_keys import KeyOf
from sinks.lines import Batch, Line
from sinks.threads import in_thread

_NOTICED_WITHIN_S = 0.005, 0.1
"""How long what has happened may go unnoticed: a twentieth of the time that was waited, but no less and no more. (s)"""

_AT_A_STRETCH = 200
"""After how many reports the rest of the observer runs."""

_PURGING_S = 2
"""How long librdkafka may take to give back what it has not brought. (s)"""

_OF_THE_REPORT = frozenset((KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_RECORD))
"""What brokers answer because of what a report is: no repetition helps."""

_FOLLOWED = frozenset((KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT, KafkaError._FATAL))
"""What followed from another failure, or from our own time-out."""


class Refused(NamedTuple):
    """A report that Kafka will never take, and why."""

    line: Line
    reason: str


class Outcome(NamedTuple):
    """What became of a batch. Whatever is neither in `again` nor in `refused` has arrived."""

    again: Sequence[Line] = ()
    refused: Sequence[Refused] = ()
    reason: str = ""
    worn: bool = False
    """Whether the producer has failed a report, so that it must not be used again."""
    suspect: bool = False
    """Whether brokers refused some report among others: which one, only reports sent one by one tell."""


class KafkaProducer:
    """An open producer. `alone`: every report is a message set by itself, so an error names exactly one."""

    def __init__(self, open_: OpenProducer, key_of: KeyOf, limit_s: float, alone: bool) -> None:
        self._open = open_
        self._key_of = key_of
        self._limit_s = limit_s
        self._alone = alone
        self._failures = Failures()

    def poll(self) -> None:
        """Hear what librdkafka has to tell. Does not block."""
        if self._open.holder:
            self._open.poll()

    async def send(self, batch: Batch) -> Outcome:
        """Bring a batch to the brokers, as far as that can be done in time.

        Raises ConnectionError when it is unknown what has arrived.
        """
        self._failures = Failures()
        lines = list(batch)
        with trio.move_on_after(self._limit_s) as scope:
            await self._hand_over(lines)
            await self._settled()
        if scope.cancelled_caught and not await self.purged():
            raise ConnectionError("librdkafka does not give back what it has not sent")
        return self._outcome(lines)

    async def purged(self) -> bool:
        """Give up what is on its way. Returns whether that worked in the time it may take."""
        if not self._open.holder:
            return True
        self._open.holder[0].purge(blocking=False)
        with trio.move_on_after(_PURGING_S):
            await self._settled()
        return not len(self._open.holder[0])

    async def close(self, threads: trio.CapacityLimiter) -> None:
        """Close it in a thread. Nothing of it may be on its way any more."""
        if self._open.holder:
            await in_thread(threads, self._open.holder.clear)

    async def _hand_over(self, lines: Sequence[Line]) -> None:
        """Give the reports to librdkafka, which copies them; wait while its queue is full, stop at the first error."""
        failures, key_of, topic = self._failures, self._key_of, self._open.topic
        produce = self._open.holder[0].produce
        for start in range(0, len(lines), _AT_A_STRETCH):
            self._open.poll()
            await trio.lowlevel.checkpoint()
            if failures.failed and not self._alone:
                return
            for line in lines[start : start + _AT_A_STRETCH]:
                try:
                    produce(topic, line, key_of(line), -1, failures.note)
                except (BufferError, KafkaException) as exception:
                    if not await self._handed_over(line, exception):
                        return
                failures.handed_over += 1

    async def _handed_over(self, line: Line, exception: Exception) -> bool:
        """What librdkafka did not take at once: again until there is room. False when it takes nothing any more."""
        since = trio.current_time()
        while isinstance(exception, BufferError):
            await self._pause(since)
            try:
                self._open.holder[0].produce(self._open.topic, line, self._key_of(line), -1, self._failures.note)
            except (BufferError, KafkaException) as other:
                exception = other
            else:
                return True
        return self._failures.is_of_the_report(line, exception.args[0])

    async def _settled(self) -> None:
        """Wait until librdkafka has nothing left."""
        self._open.poll()
        since = trio.current_time()
        while len(self._open.holder[0]):
            await self._pause(since)

    async def _pause(self, since: float) -> None:
        if self._failures.failed and not self._alone:
            self._open.holder[0].purge(in_flight=False, blocking=False)
        least, most = _NOTICED_WITHIN_S
        await trio.sleep(min(max(least, (trio.current_time() - since) / 20), most))
        self._open.poll()

    def _outcome(self, lines: Sequence[Line]) -> Outcome:
        failures = self._failures
        if not failures.failed and failures.handed_over == len(lines):
            self._open.troubles.last = ""
            return Outcome(refused=failures.refused, reason=f"{len(failures.refused)} reports are refused")
        codes = Counter(code for code, _ in failures.failed)
        suspect = any(code in _OF_THE_REPORT for code in codes)
        refused = list(failures.refused)
        missing = Counter(line for _, line in failures.failed)
        if suspect and (self._alone or len(lines) == 1):
            refused += [Refused(line, _text(code)) for code, line in failures.failed if code in _OF_THE_REPORT]
            missing -= Counter(line for code, line in failures.failed if code in _OF_THE_REPORT)
            suspect = False
        again = [*_of(lines[: failures.handed_over], missing), *lines[failures.handed_over :]]
        reason = f"{len(again)} reports did not arrive: {self._why(codes)}"
        return Outcome(again, refused, f"{reason}; one by one now" if suspect else reason, worn=True, suspect=suspect)

    def _why(self, codes: Counter[int]) -> str:
        first = next((_text(code) for code, _ in codes.most_common() if code not in _FOLLOWED), "")
        why = first or self._failures.stopped or f"not within {self._limit_s:g} s"
        return f"{why} ({self._open.troubles.last})" if self._open.troubles.last else why


class Failures:
    """What failed of one batch."""

    def __init__(self) -> None:
        self.failed: list[tuple[int, Line]] = []
        self.refused: list[Refused] = []
        self.handed_over = 0
        self.stopped = ""

    def note(self, error: Any, message: Any) -> None:
        """Called by librdkafka for each report that it could not bring."""
        if error is not None:
            self.failed.append((error.code(), message.value()))

    def is_of_the_report(self, line: Line, error: Any) -> bool:
        """Note why librdkafka itself does not take a report; whether that is because of the report."""
        if error.code() not in _OF_THE_REPORT:
            self.stopped = error.str()
            return False
        self.refused.append(Refused(line, _text(error.code())))
        return True


def _of(lines: Sequence[Line], missing: Counter[Line]) -> list[Line]:
    """Those lines that are missing, in their order."""
    found = []
    for line in lines:
        if missing[line] > 0:
            missing[line] -= 1
            found.append(line)
    return found


def _text(code: int) -> str:
    return str(KafkaError(code).str())
