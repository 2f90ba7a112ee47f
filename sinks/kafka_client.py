"""The client library behind a KafkaSink: a producer of librdkafka that is opened, heard, and closed in a thread."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer

from sinks.kafka_properties import without_secrets

_TOLD_ELSEWHERE = ("CONFWARN", "FATAL")
"""What librdkafka says of a configuration that was checked, and of an error that costs no more than this producer."""

_SAID_EVERY_S = 10
"""How often something of one kind is logged above DEBUG. (s)"""


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
        self._said: dict[tuple[str, int], float] = {}
        self._log = logging.getLogger("sinks.kafka")

    def note(self, error: Any) -> None:
        """Called by librdkafka with an error that is no single report's."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN or not self.last:
            self.last = without_secrets(error.str(), self._conf)

    def log(self, level: int, _form: str, facility: str, _name: str, text: str) -> None:
        """Called by librdkafka with a line for the log.

        Never above WARNING, as the delivery says what it costs; and what it says again and again while a broker is
        away only now and then.
        """
        now, kind = time.monotonic(), (facility, level)
        if facility in _TOLD_ELSEWHERE or now - self._said.get(kind, -math.inf) < _SAID_EVERY_S:
            level = logging.DEBUG
        else:
            self._said[kind] = now
        said = without_secrets(text.partition("]: ")[2] or text, self._conf)
        self._log.log(min(level, logging.WARNING), "Sink %s: %s: %s", self._key, facility, said)


def open_producer(
    conf: Mapping[str, str], topic: str, timeout_s: float, key: str, given_up: Callable[[], bool]
) -> OpenProducer:
    """A producer that a broker has told about the topic; blocks, at most for `timeout_s` seconds.

    Raises ConnectionError, in words for the operator; also when nobody waits for it any more.
    """
    troubles = Troubles(key, conf)
    # The binding reads this one name by itself, and only as a truth value.
    own = {"delivery.report.only.error": True, "error_cb": troubles.note, "message.timeout.ms": "0"}
    try:
        opened = OpenProducer([Producer({**conf, **own}, logger=troubles)], topic, troubles)
    except KafkaException as exception:  # a file that cannot be read, for instance
        raise ConnectionError(without_secrets(exception.args[0].str(), conf)) from None
    try:
        error = opened.holder[0].list_topics(topic, timeout=timeout_s).topics[topic].error
        reason = f"topic {topic}: {error.str()}" if error is not None else ""
    except KafkaException as exception:
        opened.poll()
        reason = f"no broker answers: {troubles.last or exception.args[0].str()}"
    if reason or given_up():
        opened.holder.clear()  # here and now, in this thread
        raise ConnectionError(reason)
    return opened
