"""Kafka in two guises, neither of them Apache Kafka: Tansu, and the mock of librdkafka, which fails on command."""

import socket
import sys
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.services import ROOT, tool
from tests.sinks.services.process import PATIENCE, Service, accepts


class Record(NamedTuple):
    """What a topic holds at one place."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes


class Tansu(Service):
    """A broker written in Rust. It holds all in memory: what it holds is lost with `kill`.

    Clients are sent to its port `door`, if there is one before it.
    """

    def __init__(self, folder: Path, door: int | None = None) -> None:
        (self.port,) = free_ports(1)
        self.bootstrap = f"{LOOPBACK}:{door or self.port}"
        at = f"tcp://{LOOPBACK}:{self.port}"
        super().__init__(
            folder,
            [
                *(
                    str(tool("tansu")),
                    "broker",
                    "--listener-url",
                    at,
                    "--advertised-listener-url",
                    f"tcp://{self.bootstrap}",
                ),
                *("--storage-engine", "memory://tansu/", "--cluster-id", "tansu"),
            ],
            lambda: accepts(self.port),
        )

    def create_topic(self, name: str, partitions: int = 3) -> None:
        """Makes a topic; it makes none by itself."""
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        client.create_topics([NewTopic(name, partitions, 1)])[name].result(PATIENCE)

    def arrived(self, topic: str) -> list[Record]:
        """What a topic holds, each partition in its order."""
        return records(self.bootstrap, topic)


class MockKafka(Service):
    """A cluster of librdkafka's own mock brokers, in a process of its own.

    It finds ports by itself, so it cannot come back where it was: `kill` shuts the doors of all its brokers, and
    `start` opens them again; what it holds stays. It holds at most 5 MB of a partition, the newest.
    """

    def __init__(self, folder: Path, brokers: int = 3) -> None:
        (self._port,) = free_ports(1)
        self._brokers = range(1, brokers + 1)
        self._runs = False
        command = [sys.executable, str(ROOT / "tests/sinks/services/mock_cluster.py"), str(self._port), str(brokers)]
        super().__init__(folder, command, lambda: accepts(self._port))

    @property
    def bootstrap(self) -> str:
        """Its brokers, once it was started."""
        return self._ask("bootstrap")

    def start(self) -> None:
        """Starts it, or opens the doors of all its brokers."""
        if not self._runs:
            super().start()
            self._runs = True
        for broker in self._brokers:
            self.up(broker)

    def kill(self) -> None:
        """Shuts the doors of all its brokers and ends their connections."""
        if self._runs:
            for broker in self._brokers:
                self.down(broker)

    def close(self) -> None:
        """Ends it for good."""
        self._runs = False
        super().kill()

    def create_topic(self, name: str, partitions: int = 3) -> None:
        """Makes a topic, on all its brokers; a client that asks for a topic makes one too, of four partitions."""
        self._ask(f"topic {name} {partitions} {len(self._brokers)}")

    def down(self, broker: int) -> None:
        """Shuts the door of a broker, counted from 1, and ends its connections."""
        self._ask(f"down {broker}")

    def up(self, broker: int) -> None:
        """Opens the door of a broker again."""
        self._ask(f"up {broker}")

    def lead(self, topic: str, partition: int, broker: int) -> None:
        """Makes a broker lead a partition."""
        self._ask(f"lead {topic} {partition} {broker}")

    def delay(self, broker: int, milliseconds: int) -> None:
        """Lets a broker answer that much later."""
        self._ask(f"delay {broker} {milliseconds}")

    def fail(self, api: int, code: int, times: int = 1) -> None:
        """Answers the next requests of a kind (0 is Produce) with an error of Kafka's protocol."""
        self._ask(f"fail {api} {code} {times}")

    def arrived(self, topic: str) -> list[Record]:
        """What a topic holds, each partition in its order."""
        return records(self.bootstrap, topic)

    def _ask(self, question: str) -> str:
        with socket.create_connection((LOOPBACK, self._port), timeout=PATIENCE) as asked:
            asked.sendall(f"{question}\n".encode())
            answer = asked.makefile().readline().rstrip("\n")
        assert answer, f"the mock cluster does not obey: {question}"
        return answer


def records(bootstrap: str, topic: str) -> list[Record]:
    """What a topic holds now, each partition in its order. Raises `KafkaException` when it cannot be read."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tests",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=PATIENCE).topics[topic].partitions
        ends = {one: consumer.get_watermark_offsets(TopicPartition(topic, one), PATIENCE) for one in partitions}
        unread = {one for one, (low, high) in ends.items() if high > low}
        consumer.assign([TopicPartition(topic, one, ends[one][0]) for one in unread])
        found = list[Record]()
        while unread:
            for message in consumer.consume(1000, 0.1):
                error = message.error()
                if error is None:
                    found.append(_record(message))
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard(message.partition())
                else:
                    raise KafkaException(error)
        return sorted(found, key=lambda record: record[:2])
    finally:
        consumer.close()


def _record(message: object) -> Record:
    return Record(message.partition(), message.offset(), message.key(), message.value())  # type: ignore[attr-defined]
