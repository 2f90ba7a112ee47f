"""One producer of librdkafka, and what becomes of the batches that it is given.

Order of a partition: with idempotence the brokers refuse what comes twice, and what comes before something that is
missing; and with librdkafka's gapless guarantee a producer that failed a report brings none that came after it. So
there is no time-out for single reports either, only one for the batch. What failed goes again, through a new producer.

Its delivery reports are polled for in the thread of trio: each takes the interpreter's lock, which a thread of its own
would have to wait for, thousands of times a second. Only failures become objects of Python.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import trio
from confluent_kafka import KafkaError, KafkaException, Producer

from sinks.kafka_keys import KeyOf
from sinks.kafka_properties import without_secrets
from sinks.lines import Batch, Line
from sinks.threads import in_thread

POLL_EVERY_S = 0.005
"""How long what has happened may go unnoticed while a batch is on its way. (s)"""

_AT_A_STRETCH = 200
"""After how many reports the rest of the observer runs."""

_PURGING_S = 2
"""How long librdkafka may take to give back what it has not brought. (s)"""

_OF_THE_REPORT = frozenset(
    (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.INVALID_MSG)
)
"""What brokers answer because of what a report is: no repetition helps."""

_FOLLOWED = frozenset((KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT, KafkaError._FATAL))
"""What followed from another failure, or from our own time-out."""

_TOLD_ELSEWHERE = ("CONFWARN", "FATAL")
"""What librdkafka says of a configuration that was checked, and of an error that costs no more than this producer."""


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

    def __init__(self, open_: "OpenProducer", key_of: KeyOf, limit_s: float, alone: bool) -> None:
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
        producer, failures, key_of, topic = self._open.holder[0], self._failures, self._key_of, self._open.topic
        for number, line in enumerate(lines):
            if number % _AT_A_STRETCH == 0:
                self._open.poll()
                await trio.lowlevel.checkpoint()
                if failures.failed and not self._alone:
                    return
            while True:
                try:
                    producer.produce(topic, line, key_of(line), -1, failures.note)
                except BufferError:
                    await self._pause()
                    continue
                except KafkaException as exception:
                    if not failures.is_of_the_report(line, exception.args[0]):
                        failures.stopped = exception.args[0].str()
                        return
                failures.handed_over = number + 1
                break

    async def _settled(self) -> None:
        """Wait until librdkafka has nothing left."""
        self._open.poll()
        while len(self._open.holder[0]):
            await self._pause()

    async def _pause(self) -> None:
        if self._failures.failed and not self._alone:
            self._open.holder[0].purge(in_flight=False, blocking=False)
        await trio.sleep(POLL_EVERY_S)
        self._open.poll()

    def _outcome(self, lines: Sequence[Line]) -> Outcome:
        failures = self._failures
        if not failures.failed and failures.handed_over == len(lines):
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
        return Outcome(again, refused, self._reason(codes, len(again)), worn=True, suspect=suspect)

    def _reason(self, codes: Counter[int], number: int) -> str:
        first = next((_text(code) for code, _ in codes.most_common() if code not in _FOLLOWED), "")
        why = first or self._failures.stopped or f"not within {self._limit_s:g} s"
        trouble = self._open.troubles.last
        return f"{number} reports did not arrive: {why}{f' ({trouble})' if trouble else ''}"


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
        """Note that librdkafka itself does not take a report, if that is because of the report."""
        if error.code() not in _OF_THE_REPORT:
            return False
        self.refused.append(Refused(line, _text(error.code())))
        return True


class OpenProducer(NamedTuple):
    """A producer that has seen its topic. It alone holds it, so that a thread can close it by emptying `holder`."""

    holder: list[Any]
    topic: str
    troubles: "Troubles"

    def poll(self) -> None:
        """Hear what librdkafka has to tell. Does not block."""
        try:
            self.holder[0].poll(0)
        except KafkaException as exception:  # how a fatal error is told
            self.troubles.note(exception.args[0])


class Troubles:
    """What librdkafka logs, in our log; and the last thing that it could not do, to tell why reports do not arrive."""

    def __init__(self, key: str, conf: Mapping[str, str]) -> None:
        self.last = ""
        self._key = key
        self._conf = conf
        self._log = logging.getLogger("sinks.kafka")

    def note(self, error: Any) -> None:
        """Called by librdkafka with an error that is no single report's."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN or not self.last:
            self.last = without_secrets(error.str(), self._conf)

    def log(self, level: int, _form: str, facility: str, _name: str, text: str) -> None:
        """Called by librdkafka with a line for the log: never above WARNING, as the delivery says what it costs."""
        level = logging.DEBUG if facility in _TOLD_ELSEWHERE else min(level, logging.WARNING)
        said = without_secrets(text.partition("]: ")[2] or text, self._conf)
        self._log.log(level, "Sink %s: %s: %s", self._key, facility, said)


def open_producer(
    conf: Mapping[str, str], topic: str, timeout_s: float, key: str, given_up: Callable[[], bool]
) -> OpenProducer:
    """A producer that a broker has told about the topic; blocks, at most for `timeout_s` seconds.

    Raises ConnectionError, in words for the operator; also when nobody waits for it any more.
    """
    troubles = Troubles(key, conf)
    # The binding reads this one name by itself, and only as a truth value.
    own = {"delivery.report.only.error": True, "error_cb": troubles.note, "message.timeout.ms": "0"}
    holder = [Producer({**conf, **own}, logger=troubles)]
    try:
        error = holder[0].list_topics(topic, timeout=timeout_s).topics[topic].error
        reason = f"topic {topic}: {error.str()}" if error is not None else ""
    except KafkaException as exception:
        holder[0].poll(0)
        reason = f"no broker answers: {troubles.last or exception.args[0].str()}"
    if reason or given_up():
        holder.clear()  # here and now, in this thread
        raise ConnectionError(reason)
    return OpenProducer(holder, topic, troubles)


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
