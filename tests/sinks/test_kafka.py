"""KafkaSink against the mock brokers of librdkafka, which fail on command."""

import logging
import time
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
import trio

from sinks.kafka import KafkaSink
from sinks.kafka_client import Troubles
from sinks.kafka_keys import KeyAssignmentStrategy
from sinks.lines import Batch, Line, batch_of
from sinks.retry import Retry
from sinks.settings import SinkSettings
from sinks.sink import NotDelivered, Send
from tests.sinks.services.kafka import MockKafka, Record
from tests.sinks.sinks_for_tests import AT_ONCE, batch, delivery, line, lines, names, report, running

PRODUCE = 0
NOT_LEADER_FOR_PARTITION = 6
MSG_SIZE_TOO_LARGE = 10
TOPIC_AUTHORIZATION_FAILED = 29

NOWHERE = "127.0.0.1:1"
ONE_AT_A_TIME = {"max.in.flight": "1"}
"""Mock brokers look at sequence numbers in transactions only: they would take what comes after something missing."""

QUICK = {"reconnect.backoff.ms": "50", "reconnect.backoff.max.ms": "100", "retry.backoff.ms": "20"}

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockKafka]:
    with MockKafka(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture
def topic(kafka: MockKafka) -> str:
    name = f"reports-{uuid4()}"
    kafka.create_topic(name)
    return name


def sink(
    kafka: MockKafka,
    topic: str,
    strategy: KeyAssignmentStrategy = KeyAssignmentStrategy.INSTANCE_BASED,
    **properties: str,
) -> KafkaSink:
    own = {name.replace("__", "."): value for name, value in properties.items()}
    return KafkaSink({"bootstrap.servers": kafka.bootstrap, **QUICK, **ONE_AT_A_TIME, **own}, topic, strategy)


def calls(number: int, each: int) -> list[Line]:
    """Reports of so many calls, in turn."""
    ids = [str(UUID(int=n)) for n in range(number)]
    return [line(f"{n} {one}", callId=one) for n in range(each) for one in ids]


def by_key(records: list[Record]) -> dict[bytes | None, list[bytes]]:
    found = dict[bytes | None, list[bytes]]()
    for record in records:
        found.setdefault(record.key, []).append(record.value)
    return found


def first_of_each(values: list[bytes]) -> list[bytes]:
    """Without what comes a second time."""
    return list(dict.fromkeys(values))


def of_calls(some: list[Line], number: int) -> dict[bytes | None, list[bytes]]:
    return {str(UUID(int=n)).encode(): some[n::number] for n in range(number)}


async def send_until_it_arrived(send: Send, some: Batch) -> None:
    while some:
        try:
            await send(some)
            some = Batch()
        except NotDelivered as partial:
            some = partial.again


async def test_a_report_is_a_record_with_a_uuid_as_its_key(kafka: MockKafka, topic: str) -> None:
    async with sink(kafka, topic).opened("mySink") as send:
        await send(batch(1))

    (record,) = kafka.arrived(topic)
    assert record.value == lines(1)[0]
    assert str(UUID((record.key or b"").decode())).encode() == record.key


async def test_a_sink_that_is_opened_again_keeps_its_key(kafka: MockKafka, topic: str) -> None:
    one = sink(kafka, topic)
    for start in (0, 1):
        async with one.opened("mySink") as send:
            await send(batch(1, start))

    assert len(by_key(kafka.arrived(topic))) == 1


async def test_a_call_stays_in_one_partition_in_its_order(kafka: MockKafka, topic: str) -> None:
    some = calls(20, 100)

    async with sink(kafka, topic, KeyAssignmentStrategy.OBJECT_HIERARCHY_BASED).opened("mySink") as send:
        await send(batch_of(some))

    arrived = kafka.arrived(topic)
    assert by_key(arrived) == of_calls(some, 20)
    assert len({(record.key, record.partition) for record in arrived}) == 20


async def test_a_leader_that_changes_costs_nothing_and_no_order(kafka: MockKafka, topic: str) -> None:
    some = calls(10, 30)

    async with sink(kafka, topic, KeyAssignmentStrategy.OBJECT_HIERARCHY_BASED).opened("mySink") as send:
        kafka.fail(PRODUCE, NOT_LEADER_FOR_PARTITION, 3)
        await send(batch_of(some))

    assert by_key(kafka.arrived(topic)) == of_calls(some, 10)


async def test_brokers_that_are_all_away_for_a_while_cost_nothing_and_no_order(kafka: MockKafka, topic: str) -> None:
    some = calls(10, 100)

    async with (
        sink(kafka, topic, KeyAssignmentStrategy.OBJECT_HIERARCHY_BASED).opened("mySink") as send,
        trio.open_nursery() as nursery,
    ):
        await send(batch_of(some[:500]))
        kafka.kill()
        nursery.start_soon(send, batch_of(some[500:]))
        await trio.sleep(0.5)
        kafka.start()

    assert by_key(kafka.arrived(topic)) == of_calls(some, 10)


async def test_what_no_broker_takes_in_time_goes_again_in_its_order(kafka: MockKafka, topic: str) -> None:
    async with sink(kafka, topic, delivery__timeout__ms="1000").opened("mySink") as send:
        await send_until_it_arrived(send, batch(10))
        kafka.kill()
        try:
            with pytest.raises(NotDelivered, match="20 reports did not arrive: not within 1 s") as raised:
                await send(batch(20, 10))
        finally:
            kafka.start()
        await send_until_it_arrived(send, raised.value.again)

    assert raised.value.again.pieces == batch(20, 10).pieces
    assert names(first_of_each([record.value for record in kafka.arrived(topic)])) == [str(n) for n in range(30)]


async def test_what_was_on_its_way_when_time_was_up_goes_again_in_its_order(kafka: MockKafka, topic: str) -> None:
    async with sink(kafka, topic, delivery__timeout__ms="1000", batch__num__messages="10").opened("mySink") as send:
        await send_until_it_arrived(send, batch(1))
        for broker in (1, 2, 3):
            kafka.delay(broker, 1500)
        try:
            with pytest.raises(NotDelivered) as raised:
                await send(batch(100, 1))
        finally:
            for broker in (1, 2, 3):
                kafka.delay(broker, 0)
        await send_until_it_arrived(send, raised.value.again)

    assert names(first_of_each([record.value for record in kafka.arrived(topic)])) == [str(n) for n in range(101)]


async def test_a_report_that_is_too_long_is_refused_alone(kafka: MockKafka, topic: str) -> None:
    long = line("x" * 2000)

    async with sink(kafka, topic, message__max__bytes="1500").opened("mySink") as send:
        with pytest.raises(NotDelivered) as raised:
            await send(batch_of([*lines(2), long, *lines(1, 2)]))

    assert [rejection.line for rejection in raised.value.rejected] == [long]
    assert "too large" in raised.value.rejected[0].reason
    assert not raised.value.again
    assert names(record.value for record in kafka.arrived(topic)) == ["0", "1", "2"]


async def test_a_report_that_brokers_refuse_among_others_is_found_and_refused_alone(
    kafka: MockKafka, topic: str
) -> None:
    async with sink(kafka, topic).opened("mySink") as send:
        kafka.fail(PRODUCE, MSG_SIZE_TOO_LARGE)
        with pytest.raises(NotDelivered) as whole:
            await send(batch(50))
        kafka.fail(PRODUCE, MSG_SIZE_TOO_LARGE)
        with pytest.raises(NotDelivered) as alone:
            await send(whole.value.again)
        await send(batch(10, 50))

    assert whole.value.again.pieces == batch(50).pieces
    assert not whole.value.rejected
    assert not alone.value.again
    assert names(rejection.line for rejection in alone.value.rejected) == ["0"]
    assert names(record.value for record in kafka.arrived(topic)) == [str(n) for n in range(1, 60)]


async def test_nothing_overtakes_what_brokers_refused(kafka: MockKafka, topic: str) -> None:
    async with sink(kafka, topic, batch__num__messages="5").opened("mySink") as send:
        kafka.fail(PRODUCE, MSG_SIZE_TOO_LARGE)
        with pytest.raises(NotDelivered) as raised:
            await send(batch(100))

        assert kafka.arrived(topic) == []
        await send(raised.value.again)

    assert names(record.value for record in kafka.arrived(topic)) == [str(n) for n in range(100)]


async def test_what_the_cluster_forbids_is_no_fault_of_a_report(kafka: MockKafka, topic: str) -> None:
    async with sink(kafka, topic).opened("mySink") as send:
        kafka.fail(PRODUCE, TOPIC_AUTHORIZATION_FAILED)
        with pytest.raises(NotDelivered, match="Topic authorization failed") as raised:
            await send(batch(5))

    assert not raised.value.rejected
    assert raised.value.again.pieces == batch(5).pieces


async def test_a_batch_larger_than_the_queue_of_librdkafka_goes_through_it(kafka: MockKafka, topic: str) -> None:
    small = sink(kafka, topic, queue__buffering__max__messages="50", linger__ms="0")

    async with small.opened("mySink") as send:
        await send(batch(1000))

    assert names(record.value for record in kafka.arrived(topic)) == [str(n) for n in range(1000)]


async def test_a_sink_that_no_broker_answers_says_why() -> None:
    nobody = KafkaSink({"bootstrap.servers": NOWHERE}, open_timeout_in_s=0.3)

    with pytest.raises(ConnectionError, match=r"no broker answers: .*Connection refused"):
        async with nobody.opened("mySink"):
            pass


async def test_a_file_that_cannot_be_read_is_told() -> None:
    properties = {"bootstrap.servers": NOWHERE, "security.protocol": "ssl", "ssl.ca.location": "/not/here.pem"}

    with pytest.raises(ConnectionError, match=r"ssl\.ca\.location failed"):
        async with KafkaSink(properties).opened("mySink"):
            pass


async def test_a_topic_that_does_not_exist_is_told(kafka: MockKafka) -> None:
    with pytest.raises(ConnectionError, match=r"topic none: .*Unknown topic"):
        async with sink(kafka, "none", allow__auto__create__topics="false").opened("mySink"):
            pass


async def test_opening_can_be_cancelled_at_once() -> None:
    nobody = KafkaSink({"bootstrap.servers": NOWHERE}, open_timeout_in_s=2)
    started = time.monotonic()

    with trio.move_on_after(0.2) as scope:
        async with nobody.opened("mySink"):
            pass

    assert scope.cancelled_caught
    assert time.monotonic() - started < 1


async def test_closing_is_quick_while_all_brokers_are_away(kafka: MockKafka, topic: str) -> None:
    try:
        with trio.move_on_after(1) as scope:
            async with sink(kafka, topic).opened("mySink") as send:
                kafka.kill()
                scope.deadline = trio.current_time() + 0.2
                await send(batch(1000))
        late = trio.current_time() - scope.deadline
    finally:
        kafka.start()

    assert scope.cancelled_caught
    assert late < 2


async def test_librdkafka_writes_into_our_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.password": "hunter2"}
    nobody = KafkaSink({"bootstrap.servers": NOWHERE, "sasl.username": "me", **secret}, open_timeout_in_s=0.3)

    with pytest.raises(ConnectionError), caplog.at_level(logging.DEBUG):
        async with nobody.opened("mySink"):
            pass

    told = [record.getMessage() for record in caplog.records if record.name == "sinks.kafka"]
    assert any(text.startswith("Sink mySink: FAIL: ") for text in told)
    assert "hunter2" not in caplog.text
    assert capfd.readouterr() == ("", "")


def test_what_librdkafka_says_again_and_again_is_a_warning_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    troubles = Troubles("mySink", {"sasl.password": "hunter2"})

    with caplog.at_level(logging.DEBUG):
        troubles.log(logging.INFO, "", "FAIL", "producer-1", "[thrd:app]: closed")
        for facility in ("FAIL", "FAIL", "FATAL", "TERMINATE"):
            troubles.log(logging.ERROR, "", facility, "producer-1", "[thrd:app]: away, hunter2")

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "Sink mySink: FAIL: closed"),
        ("WARNING", "Sink mySink: FAIL: away, ***"),
        ("DEBUG", "Sink mySink: FAIL: away, ***"),
        ("DEBUG", "Sink mySink: FATAL: away, ***"),
        ("WARNING", "Sink mySink: TERMINATE: away, ***"),
    ]


async def test_a_delivery_keeps_all_reports_and_the_order_of_each_call_whatever_fails(
    kafka: MockKafka, topic: str
) -> None:
    to = sink(kafka, topic, KeyAssignmentStrategy.OBJECT_HIERARCHY_BASED, delivery__timeout__ms="900")
    one = delivery(to, SinkSettings("KafkaSink", retry=Retry(20, 200)), collector=AT_ONCE)
    ids = [str(UUID(int=n)) for n in range(5)]
    faults: dict[int, Callable[[], None]] = {
        20: lambda: kafka.fail(PRODUCE, NOT_LEADER_FOR_PARTITION, 3),
        40: lambda: kafka.fail(PRODUCE, MSG_SIZE_TOO_LARGE),
        60: kafka.kill,
        90: kafka.start,
        100: lambda: kafka.lead(topic, 0, 1),
        110: lambda: kafka.fail(PRODUCE, TOPIC_AUTHORIZATION_FAILED),
        120: lambda: kafka.down(2),
        150: lambda: kafka.up(2),
    }

    async with running(one) as deliveries:
        for n in range(160):
            if n in faults:
                faults[n]()
            deliveries.offer([report(f"{n} {call}", callId=call) for call in ids])
            await trio.sleep(0.02)

    assert one.statistics().acknowledged == 160 * len(ids)
    arrived = by_key(kafka.arrived(topic))
    assert {key: names(first_of_each(values)) for key, values in arrived.items()} == {
        call.encode(): [f"{n} {call}" for n in range(160)] for call in ids
    }
