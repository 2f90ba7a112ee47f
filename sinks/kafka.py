"""KafkaSink: each report as a record of a topic in Apache Kafka."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Literal
from uuid import uuid4

import trio

from sinks.kafka_client import open_producer
from sinks.kafka_keys import KeyAssignmentStrategy, keys
from sinks.kafka_producer import KafkaProducer
from sinks.kafka_properties import flattened, is_idempotent, producer_settings
from sinks.lines import Batch, batch_of
from sinks.sink import NotDelivered, Rejection, Send
from sinks.threads import in_thread, threads

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_LISTEN_EVERY_S = 1
"""How often librdkafka is heard while there is nothing to send. (s)"""


@dataclass(frozen=True)
class KafkaSink:
    """Sends each report to a topic: its envelope as compact JSON under a key, which is the text of a UUID.

    A batch is acknowledged when the brokers have acknowledged all of it (`acks=all`). Reports with the same key are in
    one partition, in their order, whatever fails in between. A report may stand there twice after a batch failed, after
    `delivery.timeout.ms` without an answer for instance; short of that the brokers drop what comes twice.
    """

    properties: Mapping[str, object] = field(repr=False)
    """Properties of the producer, by their names in Java or in librdkafka; `bootstrap.servers` is required."""
    topic: str = "reports"
    """The topic that all reports go to."""
    key_assignment_strategy: KeyAssignmentStrategy = KeyAssignmentStrategy.INSTANCE_BASED
    """`RANDOM`: each report a key of its own. `INSTANCE_BASED`: all of this sink the same, so one partition.
    `OBJECT_HIERACHY_BASED`: those of one call the same; without a call, those of one client or one SFU."""
    encoder: Literal["JSON"] = "JSON"
    """How a report is written; there is only JSON."""
    try_reconnect_on_failure: bool = True
    """Without effect: a sink that fails is always tried again."""
    open_timeout_in_s: float = field(default=10, metadata={"minimum": 0.001})
    """How long the brokers may take to say where the topic is. (s)"""
    close_timeout_in_s: float = field(default=2, metadata={"minimum": 0.001})
    """How long closing may hold up the observer; what takes longer is left to end by itself. (s)"""
    _instance: bytes = field(
        default_factory=lambda: str(uuid4()).encode(), init=False, repr=False, compare=False, metadata={"yaml": False}
    )
    _threads: trio.CapacityLimiter = threads(2)

    def __post_init__(self) -> None:
        if not _TOPIC.fullmatch(self.topic) or self.topic in (".", ".."):
            raise ValueError("topic may have letters, digits, dots, underscores and dashes, at most 249 of them")
        object.__setattr__(self, "properties", flattened(self.properties))
        producer_settings(flattened(self.properties))

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        """Ask the brokers for the topic. Raises ConnectionError when none answers, or when there is no such topic."""
        session = _Session(self, key)
        try:
            await session.open()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(session.listen)
                yield session.send
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await session.close()


class _Session:
    """The producer of the moment. One that has failed a report is closed, and the next batch gets a new one.

    Brokers answer for a whole set of reports. Where one of them may be the reason, the batch goes once more with each
    report as a set of its own (`_alone`): an error then tells which it is, and it is all that is refused.
    """

    def __init__(self, sink: KafkaSink, key: str) -> None:
        self._sink = sink
        self._key = key
        self._settings = producer_settings(flattened(sink.properties))
        self._key_of = keys(sink.key_assignment_strategy, sink._instance)
        self._producer: KafkaProducer | None = None
        self._alone = False

    async def open(self) -> KafkaProducer:
        sink, given_up = self._sink, Event()
        arguments = self._conf(), sink.topic, sink.open_timeout_in_s, self._key, given_up.is_set
        try:
            opened = await in_thread(sink._threads, lambda: open_producer(*arguments))
        finally:
            given_up.set()
        self._producer = KafkaProducer(opened, self._key_of, self._settings.delivery_timeout_s, self._alone)
        return self._producer

    async def send(self, batch: Batch) -> None:
        producer = self._producer or await self.open()
        outcome = await producer.send(batch)
        if outcome.worn or (self._alone and not outcome.again):
            self._alone = outcome.suspect or (self._alone and bool(outcome.again))
            await self.close()
        if outcome.again or outcome.refused:
            rejected = [Rejection(line, reason) for line, reason in outcome.refused]
            raise NotDelivered(outcome.reason, batch_of(outcome.again), rejected)

    async def listen(self) -> None:
        """Hear librdkafka while there is nothing to send: what it has to say would take memory, and come late."""
        while True:
            await trio.sleep(_LISTEN_EVERY_S)
            if self._producer is not None:
                self._producer.poll()

    async def close(self) -> None:
        """Close the producer of the moment, in a thread, whatever it has on its way."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with trio.move_on_after(self._sink.close_timeout_in_s / 2):
                await producer.purged()
            with trio.move_on_after(self._sink.close_timeout_in_s / 2):
                await producer.close(self._sink._threads)

    def _conf(self) -> dict[str, str]:
        conf = dict(self._settings.conf)
        if self._alone:
            conf["batch.num.messages"] = "1"
        elif is_idempotent(conf):
            conf["enable.gapless.guarantee"] = "true"
        return conf
