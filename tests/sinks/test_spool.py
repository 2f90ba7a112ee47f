"""A sink whose reports wait on disk: outages, restarts, a disk that fails. Files, threads and time are real."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import trio
import trio.lowlevel

from sinks.dead_letters import DeadLetters
from sinks.delivery import Delivery
from sinks.fan_out import Deliveries
from sinks.journal import Journal
from sinks.lines import Batch
from sinks.retry import Retry
from sinks.settings import DeadLetterSettings, ReportsCollector, SinkSettings, SpoolSettings, WhenFull
from sinks.sink import Rejection, Send, Sink
from sinks.statistics import Circuit, DropReason
from tests.sinks.sinks_for_tests import PartialSink, RecordingSink, names, reports, running
from tests.sinks.test_journal import files_of_at_most

QUICK = Retry(initial_in_ms=1, max_in_ms=5, give_up_after_in_s=0)


@dataclass(frozen=True)
class FlakySink:
    """Takes everything while it is up."""

    up: trio.Event = field(default_factory=trio.Event)
    received: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        async def send(batch: Batch) -> None:
            if not self.up.is_set():
                raise ConnectionResetError("down")
            self.received.extend(names(batch))

        yield send


@dataclass(frozen=True)
class UnopenedSink:
    """Stumbles when it is opened; the first time only over what it is sent, if so wanted, for want of a service."""

    first_opens: bool = False
    tries: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        async def send(batch: Batch) -> None:
            raise ConnectionResetError("down")

        self.tries.append(trio.current_time())
        if len(self.tries) > 1 or not self.first_opens:
            raise UnicodeError("a name that is none")
        yield send


def settings(folder: Path, **others: object) -> SinkSettings:
    spool = SpoolSettings(str(folder))
    return replace(SinkSettings("TestSink", retry=QUICK, spool=spool), **others)  # type: ignore[arg-type]


def delivery(sink: Sink, some: SinkSettings) -> Delivery:
    return Delivery("mySink", sink, some, ReportsCollector(max_items=10, max_time_in_ms=0), lambda: 1.0)


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - figures are looked at, and tell nobody when they change
            await trio.sleep(0.001)


@asynccontextmanager
async def killed(one: Delivery) -> AsyncIterator[Deliveries]:
    """The delivery at work; ended without a drain, as if its process died."""
    deliveries = Deliveries([one])
    async with trio.open_nursery() as nursery:
        await nursery.start(deliveries.run)
        yield deliveries
        nursery.cancel_scope.cancel()


def is_balanced(one: Delivery) -> bool:
    figures = one.statistics()
    gone = figures.filtered + figures.acknowledged + sum(figures.dropped.values())
    return figures.offered + figures.spool.recovered == gone + figures.queued + figures.spool.spooled


def numbers(number: int) -> list[str]:
    return [str(one) for one in range(number)]


async def test_a_sink_that_works_gets_everything_in_order(tmp_path: Path) -> None:
    sink = RecordingSink()
    one = delivery(sink, settings(tmp_path))

    async with running(one) as deliveries:
        for start in range(0, 100, 5):
            deliveries.offer(reports(5, start))
            await trio.lowlevel.checkpoint()

    assert sink.received == numbers(100)


async def test_what_came_while_a_sink_was_down_comes_afterwards_in_order(tmp_path: Path) -> None:
    sink = FlakySink()
    one = delivery(sink, settings(tmp_path))

    async with running(one) as deliveries:
        for start in range(0, 100, 5):
            deliveries.offer(reports(5, start))
            await trio.sleep(0.001)
        sink.up.set()

    assert sink.received == numbers(100)


async def test_what_is_on_disk_takes_no_memory(tmp_path: Path) -> None:
    one = delivery(FlakySink(), settings(tmp_path, max_queued_reports=20))

    async with killed(one) as deliveries:
        for start in range(0, 500, 10):
            deliveries.offer(reports(10, start))
            await until(lambda: one.statistics().queued <= 10)

    assert one.statistics().spool.spooled == 500


async def test_what_is_on_disk_is_settled(tmp_path: Path) -> None:
    one = delivery(FlakySink(), settings(tmp_path))

    async with killed(one) as deliveries:
        position = deliveries.offer(reports(5))
        await until(lambda: deliveries.settled() == position)


async def test_what_a_process_left_is_sent_by_the_next_before_all_else(tmp_path: Path) -> None:
    before, sink = delivery(FlakySink(), settings(tmp_path)), RecordingSink()
    async with killed(before) as deliveries:
        deliveries.offer(reports(25))
        await until(lambda: deliveries.settled() == 1)

    after = delivery(sink, settings(tmp_path))
    async with running(after) as deliveries:
        deliveries.offer(reports(5, 25))
        await until(lambda: len(sink.received) >= 30)

    assert sink.received == numbers(30)


async def test_what_was_left_is_counted_as_recovered(tmp_path: Path) -> None:
    before = delivery(FlakySink(), settings(tmp_path))
    async with killed(before) as deliveries:
        deliveries.offer(reports(25))
        await until(lambda: deliveries.settled() == 1)

    after = delivery(FlakySink(), settings(tmp_path))
    async with killed(after):
        await until(lambda: after.statistics().spool.recovered == 25)

    assert is_balanced(after)


async def test_what_waits_for_a_block_of_another_name_is_told_and_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with killed(delivery(FlakySink(), settings(tmp_path))) as deliveries:
        position = deliveries.offer(reports(5))
        await until(lambda: deliveries.settled() == position)
    sink = RecordingSink()
    renamed = Delivery("another", sink, settings(tmp_path), ReportsCollector(), lambda: 1.0)

    async with running(renamed):
        await until(lambda: "waits for a sink named 'mySink'" in caplog.text)

    assert sink.received == []
    assert (tmp_path / "mySink" / "0000000000000001.jsonl").stat().st_size > 0


async def test_a_drain_leaves_on_disk_what_a_sink_that_is_down_does_not_take(tmp_path: Path) -> None:
    one = delivery(FlakySink(), settings(tmp_path))

    async with trio.open_nursery() as nursery:
        deliveries = Deliveries([one])
        await nursery.start(deliveries.run)
        deliveries.offer(reports(25))
        await deliveries.drain(0.3)

    assert one.statistics().spool.spooled == 25
    assert not one.statistics().dropped[DropReason.DROPPED_AT_SHUTDOWN]


async def test_what_waits_on_disk_is_never_given_up(tmp_path: Path) -> None:
    sink = FlakySink()
    one = delivery(sink, settings(tmp_path))

    async with running(one) as deliveries:
        deliveries.offer(reports(5))
        await until(lambda: one.statistics().retries > 10)
        sink.up.set()

    assert sink.received == numbers(5)


async def test_a_report_that_a_sink_stumbles_over_does_not_hold_up_what_is_on_disk(tmp_path: Path) -> None:
    def stumbling(batch: Batch) -> None:
        if "3" in names(batch):
            raise KeyError("3")

    sink = RecordingSink(stumbling)
    one = delivery(sink, settings(tmp_path))
    async with running(one) as deliveries:
        deliveries.offer(reports(10))

    assert sink.received == [*numbers(3), *numbers(10)[4:]]


async def test_a_sole_report_that_a_sink_stumbles_over_is_given_up(tmp_path: Path) -> None:
    def stumbling(batch: Batch) -> None:
        if "0" in names(batch):
            raise KeyError("0")

    sink = RecordingSink(stumbling)
    one = delivery(sink, settings(tmp_path))
    async with running(one) as deliveries:
        deliveries.offer(reports(1))
        await until(lambda: one.statistics().dropped[DropReason.GIVEN_UP] == 1)
        deliveries.offer(reports(1, 1))

    assert sink.received == ["1"]


@pytest.mark.parametrize("when_full", WhenFull)
async def test_a_spool_that_is_full_drops_and_counts(tmp_path: Path, when_full: WhenFull) -> None:
    small = SpoolSettings(str(tmp_path), max_bytes=65_536, when_full=when_full)
    one = delivery(FlakySink(), settings(tmp_path, spool=small))

    async with killed(one) as deliveries:
        for start in range(0, 1000, 10):
            position = deliveries.offer(reports(10, start))
        await until(lambda: deliveries.settled() == position)

    assert one.statistics().dropped[DropReason.SPOOL_FULL] > 0
    assert is_balanced(one)


async def test_a_disk_that_is_full_does_not_stop_a_sink_that_works(tmp_path: Path) -> None:
    sink = RecordingSink()
    one = delivery(sink, settings(tmp_path))

    async with running(one) as deliveries:
        deliveries.offer(reports(1))
        await until(lambda: len(sink.received) == 1)
        with files_of_at_most(10):
            deliveries.offer(reports(5, 1))
            await until(lambda: len(sink.received) == 6)
            assert one.statistics().spool.spool_failing

    assert sink.received == numbers(6)


async def test_a_disk_that_has_room_again_is_used_again(tmp_path: Path) -> None:
    sink = FlakySink()
    one = delivery(sink, settings(tmp_path))

    async with killed(one) as deliveries:
        with files_of_at_most(10):
            deliveries.offer(reports(5))
            await until(lambda: one.statistics().spool.spool_failing)
        sink.up.set()
        await until(lambda: len(sink.received) == 5)
        deliveries.offer(reports(5, 5))
        await until(lambda: len(sink.received) == 10)

        assert not one.statistics().spool.spool_failing


async def test_a_folder_that_another_process_still_has_is_waited_for(tmp_path: Path) -> None:
    sink = RecordingSink()
    one = delivery(sink, settings(tmp_path))
    other = Journal(tmp_path / "mySink", 65_536)

    async with running(one) as deliveries:
        deliveries.offer(reports(5))
        await until(lambda: one.statistics().spool.spool_failing)
        other.close()
        await until(lambda: len(sink.received) == 5)

    assert not one.statistics().spool.spool_failing


async def test_rejected_reports_are_put_aside_with_their_reason(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    sink = PartialSink(frozenset({"1"}))
    one = delivery(sink, settings(tmp_path, dead_letters=DeadLetterSettings(str(path))))

    async with running(one) as deliveries:
        deliveries.offer(reports(3))

    told = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [(it["sink"], it["reason"], it["report"]["payload"]["marker"]) for it in told] == [("mySink", "poison", "1")]
    assert one.statistics().dead_letters == 1


async def test_what_is_left_of_a_damaged_report_is_put_aside_as_a_text(tmp_path: Path) -> None:
    letters = DeadLetters("mySink", DeadLetterSettings(str(tmp_path / "dead.jsonl")))

    await letters.put([Rejection(b'{"type":"\xff', "damaged")], within_s=10)

    assert json.loads((tmp_path / "dead.jsonl").read_bytes())["report"] == '{"type":"\\xff'


async def test_a_file_for_refused_reports_that_hangs_does_not_hold_up_the_sink(tmp_path: Path) -> None:
    letters = DeadLetters("mySink", DeadLetterSettings(str(tmp_path / "dead.jsonl")))
    async with letters.thread:
        with trio.fail_after(10):
            assert await letters.put([Rejection(b"{}", "poison")], within_s=0.01) == 0


async def test_a_sink_that_cannot_be_opened_has_no_report_given_up_whatever_it_raises(tmp_path: Path) -> None:
    sink = UnopenedSink()
    one = delivery(sink, settings(tmp_path))
    async with killed(one) as deliveries:
        deliveries.offer(reports(10))
        await until(lambda: len(sink.tries) > 3 and one.statistics().spool.spooled == 10)

        assert one.statistics().dropped[DropReason.GIVEN_UP] == 0


async def test_a_batch_that_failed_before_is_not_given_up_because_a_sink_cannot_be_opened(tmp_path: Path) -> None:
    sink = UnopenedSink(first_opens=True)
    one = delivery(sink, settings(tmp_path))
    async with killed(one) as deliveries:
        deliveries.offer(reports(10))
        await until(lambda: len(sink.tries) > 4)

        assert one.statistics().dropped[DropReason.GIVEN_UP] == 0


async def test_rejected_reports_that_cannot_be_put_aside_are_counted_all_the_same(tmp_path: Path) -> None:
    nowhere = DeadLetterSettings(str(tmp_path / "missing" / "dead.jsonl"))
    one = delivery(PartialSink(frozenset({"1"})), settings(tmp_path, dead_letters=nowhere))

    async with running(one) as deliveries:
        deliveries.offer(reports(3))

    figures = one.statistics()
    assert (figures.dropped[DropReason.REJECTED], figures.dead_letters, figures.acknowledged) == (1, 0, 2)


async def test_the_circuit_tells_how_a_sink_stands(tmp_path: Path) -> None:
    sink = FlakySink()
    one = delivery(sink, settings(tmp_path, retry=Retry(50, 50)))

    async with killed(one) as deliveries:
        assert one.statistics().circuit is Circuit.CLOSED
        deliveries.offer(reports(1))
        await until(lambda: one.statistics().circuit is Circuit.OPEN)
        assert one.statistics().next_try_in_s is not None
        sink.up.set()
        await until(lambda: one.statistics().circuit is Circuit.CLOSED)


async def test_a_sink_that_is_tried_again_is_half_open(tmp_path: Path) -> None:
    failed = False

    def hangs_after_a_failure(batch: Batch) -> float:
        nonlocal failed
        if not failed:
            failed = True
            raise ConnectionResetError("down")
        return float("inf")

    one = delivery(RecordingSink(hangs_after_a_failure), settings(tmp_path))

    async with killed(one) as deliveries:
        deliveries.offer(reports(1))
        await until(lambda: one.statistics().circuit is Circuit.HALF_OPEN)
