"""Delivery to one sink and to many: batches, order, retries, bounds, positions. Time is virtual."""

import logging

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from schemas.reports import ReportType, to_json
from sinks.delivery import Delivery
from sinks.fan_out import Deliveries
from sinks.filter import ReportFlags
from sinks.lines import Batch
from sinks.settings import ReportsCollector, SinkSettings
from sinks.sink import NotDelivered, Rejection
from sinks.statistics import DropReason
from tests.sinks.sinks_for_tests import (
    BackgroundSink,
    ClosedSink,
    ClosingSink,
    PartialSink,
    RecordingSink,
    SlowDoorSink,
    batch,
    delivery,
    failing,
    report,
    reports,
    running,
    with_retry,
)

COLLECTOR = ReportsCollector(max_items=3, max_time_in_ms=500)
SHORT_QUEUE = SinkSettings("TestSink", max_queued_reports=5)


def down(batch: Batch) -> None:
    raise ConnectionResetError("the service is down")


def for_ever(batch: Batch) -> float:
    return float("inf")


def is_balanced(one: Delivery) -> bool:
    figures = one.statistics()
    gone = figures.filtered + figures.acknowledged + sum(figures.dropped.values())
    return figures.offered == gone + figures.queued


async def test_a_batch_goes_when_it_is_full(autojump_clock: MockClock) -> None:
    sink = RecordingSink()

    async with running(delivery(sink, collector=COLLECTOR)) as deliveries:
        deliveries.offer(reports(3))
        await wait_all_tasks_blocked()

        assert sink.times == [0]


async def test_a_batch_goes_as_soon_as_it_becomes_full(autojump_clock: MockClock) -> None:
    sink = RecordingSink()

    async with running(delivery(sink, collector=COLLECTOR)) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(0.1)
        deliveries.offer(reports(2, start=1))
        await trio.sleep(1)

        assert sink.times == [0.1]


async def test_a_batch_that_is_not_full_goes_after_its_time(autojump_clock: MockClock) -> None:
    sink = RecordingSink()

    async with running(delivery(sink, collector=COLLECTOR)) as deliveries:
        await trio.sleep(2)
        deliveries.offer(reports(1))
        await trio.sleep(0.4)
        deliveries.offer(reports(1, start=1))
        await trio.sleep(1)

        assert sink.times == [2.5]
        assert sink.received == ["0", "1"]


async def test_a_batch_has_at_most_max_items(autojump_clock: MockClock) -> None:
    sink = RecordingSink()

    async with running(delivery(sink, collector=COLLECTOR)) as deliveries:
        deliveries.offer(reports(8))
        await trio.sleep(1)

    assert [len(batch) for batch in sink.batches] == [3, 3, 2]
    assert sink.received == [str(n) for n in range(8)]


async def test_a_failed_batch_is_sent_again_and_order_is_kept(autojump_clock: MockClock) -> None:
    sink = RecordingSink(before=failing(3, ConnectionResetError()))
    one = delivery(sink)

    async with running(one) as deliveries:
        for n in range(5):
            deliveries.offer(reports(2, start=2 * n))
            await trio.sleep(0.1)
        await trio.sleep(60)

    assert sink.received == [str(n) for n in range(10)]
    assert one.statistics().retries == 3


async def test_pauses_grow_twofold_up_to_their_maximum(autojump_clock: MockClock) -> None:
    sink = RecordingSink(before=failing(5, ConnectionResetError()))

    async with running(delivery(sink, with_retry(initial_in_ms=1000, max_in_ms=5000))) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(60)

    assert sink.times == [0, 1, 3, 7, 12, 17]


async def test_pauses_are_drawn_by_chance(autojump_clock: MockClock) -> None:
    sink = RecordingSink(before=failing(2, ConnectionResetError()))
    chances = iter([0.5, 0.25])

    async with running(delivery(sink, with_retry(initial_in_ms=1000), chance=lambda: next(chances))) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(60)

    assert sink.times == [0, 0.5, 1]


async def test_pauses_start_over_after_a_success(autojump_clock: MockClock) -> None:
    outcomes = iter([ConnectionResetError(), ConnectionResetError(), None, ConnectionResetError(), None])

    def before(batch: Batch) -> None:
        if (error := next(outcomes)) is not None:
            raise error

    sink = RecordingSink(before=before)
    async with running(delivery(sink, with_retry(initial_in_ms=1000))) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(10)
        deliveries.offer(reports(1))
        await trio.sleep(10)

    assert sink.times == [0, 1, 3, 10, 11]


async def test_a_sink_that_broke_is_opened_anew(autojump_clock: MockClock) -> None:
    sink = RecordingSink(before=failing(1, ConnectionResetError()))

    async with running(delivery(sink)) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(1)

    assert sink.opened_at == [0, 0.1]


async def test_a_sink_that_says_what_is_left_stays_open(autojump_clock: MockClock) -> None:
    sink = RecordingSink(before=failing(1, NotDelivered("throttled", batch(1))))

    async with running(delivery(sink)) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(1)

    assert (sink.opened_at, sink.received) == ([0], ["0"])


async def test_only_what_is_left_of_a_batch_is_sent_again(autojump_clock: MockClock) -> None:
    sink = PartialSink()
    one = delivery(sink)

    async with running(one) as deliveries:
        position = deliveries.offer(reports(8))
        await trio.sleep(60)

        assert deliveries.settled() == position
    assert sink.received == [str(n) for n in range(8)]
    assert one.statistics().sent == 8 + 4 + 2 + 1


async def test_every_part_that_arrives_starts_the_pauses_and_the_time_to_give_up_over(
    autojump_clock: MockClock,
) -> None:
    sink = PartialSink()

    async with running(delivery(sink, with_retry(initial_in_ms=1000, give_up_after_in_s=1.5))) as deliveries:
        deliveries.offer(reports(8))
        await trio.sleep(60)

    assert sink.times == [0, 1, 2, 3]
    assert sink.received == [str(n) for n in range(8)]


async def test_a_batch_that_is_partly_left_is_not_settled(autojump_clock: MockClock) -> None:
    sink = RecordingSink(before=failing(1, NotDelivered("throttled", batch(1))))
    one = delivery(sink)

    async with running(one) as deliveries:
        deliveries.offer(reports(1))
        deliveries.offer(reports(1, start=1))
        await wait_all_tasks_blocked()

        assert (deliveries.settled(), one.statistics().acknowledged) == (0, 1)


async def test_a_rejected_report_is_dropped_and_the_rest_goes_on(autojump_clock: MockClock) -> None:
    sink = PartialSink(poison=frozenset({"1"}))
    one = delivery(sink)

    async with running(one) as deliveries:
        deliveries.offer(reports(4))
        await trio.sleep(60)

    assert sink.received == ["0", "2", "3"]
    assert one.statistics().dropped[DropReason.REJECTED] == 1
    assert is_balanced(one)


async def test_a_sink_that_only_rejects_is_healthy(autojump_clock: MockClock) -> None:
    poison = report("p")
    sink = RecordingSink(before=failing(1, NotDelivered("poison", rejected=[Rejection(to_json(poison), "poison")])))
    one = delivery(sink)

    async with running(one) as deliveries:
        deliveries.offer([poison])
        await trio.sleep(1)

        assert one.statistics().failing_for_s is None


async def test_a_report_that_cannot_be_written_costs_only_itself(autojump_clock: MockClock) -> None:
    sink = RecordingSink()
    one = delivery(sink)

    async with running(one) as deliveries:
        position = deliveries.offer([report("0"), report("bad", message="\ud800"), report("1")])
        await trio.sleep(1)

        assert deliveries.settled() == position
    assert sink.received == ["0", "1"]
    assert one.statistics().dropped[DropReason.REJECTED] == 1
    assert is_balanced(one)


async def test_a_report_that_cannot_be_written_is_not_rejected_by_a_sink_that_does_not_want_it(
    autojump_clock: MockClock,
) -> None:
    events_only = SinkSettings("TestSink", reports=ReportFlags(send_call_events=True))
    one = delivery(RecordingSink(), events_only)

    async with running(one, delivery(RecordingSink())) as deliveries:
        deliveries.offer([report("bad", ReportType.CALL_META_DATA, payload="\ud800"), report("event")])
        await trio.sleep(1)

    assert (one.statistics().filtered, one.statistics().dropped[DropReason.REJECTED]) == (1, 0)
    assert is_balanced(one)


async def test_a_report_is_written_once_for_all_sinks_that_want_the_same(autojump_clock: MockClock) -> None:
    first, second = RecordingSink(), RecordingSink()

    async with running(delivery(first), delivery(second)) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(1)

    assert first.batches[0].pieces[0].text is second.batches[0].pieces[0].text


async def test_a_batch_is_given_up_after_its_time(autojump_clock: MockClock) -> None:
    one = delivery(RecordingSink(before=down), with_retry(max_in_ms=4000, give_up_after_in_s=10))

    async with running(one) as deliveries:
        position = deliveries.offer(reports(2))
        await trio.sleep(9.9)
        assert one.statistics().queued == 2
        await trio.sleep(0.2)

        assert one.statistics().dropped[DropReason.GIVEN_UP] == 2
        assert deliveries.settled() == position
        assert is_balanced(one)


async def test_a_batch_is_tried_once_when_the_time_is_zero(autojump_clock: MockClock) -> None:
    sink = RecordingSink(before=failing(1, ConnectionResetError()))

    async with running(delivery(sink, with_retry(give_up_after_in_s=0))) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(1)
        deliveries.offer(reports(1, start=1))
        await trio.sleep(1)

    assert sink.received == ["1"]


async def test_a_sink_is_left_alone_for_a_while_after_a_batch_was_given_up(autojump_clock: MockClock) -> None:
    sink = RecordingSink(before=down)
    settings = with_retry(initial_in_ms=1000, give_up_after_in_s=0)

    async with running(delivery(sink, settings, collector=ReportsCollector(max_items=1))) as deliveries:
        deliveries.offer(reports(3))
        await trio.sleep(60)

    assert sink.times == [0, 1, 3]


async def test_what_waits_for_a_sink_that_cannot_be_opened_is_given_up_too(autojump_clock: MockClock) -> None:
    one = delivery(ClosedSink(times=1000), with_retry(max_in_ms=1000, give_up_after_in_s=10))

    async with running(one) as deliveries:
        deliveries.offer(reports(2))
        await trio.sleep(15)

        assert one.statistics().dropped[DropReason.GIVEN_UP] == 2


async def test_a_sink_that_opens_late_gets_everything(autojump_clock: MockClock) -> None:
    sink = ClosedSink(times=5)

    async with running(delivery(sink)) as deliveries:
        deliveries.offer(reports(3))
        await trio.sleep(10)
        deliveries.offer(reports(3, start=3))
        await trio.sleep(10)

    assert sink.received == [str(n) for n in range(6)]


async def test_a_send_that_hangs_is_ended_and_tried_again(autojump_clock: MockClock) -> None:
    pauses = iter([float("inf"), 0.0])
    sink = RecordingSink(before=lambda batch: next(pauses))

    async with running(delivery(sink, SinkSettings("TestSink", send_timeout_in_s=7))) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(20)

    assert sink.times == [0, 7.1]
    assert sink.received == ["0"]


async def test_an_opening_that_hangs_is_ended_and_tried_again(autojump_clock: MockClock) -> None:
    sink = SlowDoorSink(opening_s=1000)

    async with running(delivery(sink, SinkSettings("TestSink", send_timeout_in_s=7))):
        await trio.sleep(10)

    assert sink.opened_at == [0, 7.1]


async def test_a_closing_that_hangs_is_ended(autojump_clock: MockClock) -> None:
    sink = SlowDoorSink(closing_s=1000)

    async with running(delivery(sink, SinkSettings("TestSink", send_timeout_in_s=7))) as deliveries:
        deliveries.offer(reports(1))

    assert (trio.current_time(), sink.received) == (7, ["0"])


async def test_a_closing_that_fails_does_not_hold_up_the_shutdown(autojump_clock: MockClock) -> None:
    sink = SlowDoorSink(closing_fails=True)

    async with running(delivery(sink)) as deliveries:
        deliveries.offer(reports(1))

    assert (trio.current_time(), sink.opened_at) == (0, [0])


async def test_a_sink_stays_open_while_there_is_nothing_to_send(autojump_clock: MockClock) -> None:
    sink = SlowDoorSink()

    async with running(delivery(sink)):
        await trio.sleep(10_000)

    assert sink.opened_at == [0]


async def test_a_sink_that_hangs_or_fails_never_delays_another(autojump_clock: MockClock) -> None:
    good = RecordingSink()
    hanging, failing_always, closed = RecordingSink(for_ever), RecordingSink(down), ClosedSink(times=1000)

    async with running(*[delivery(one) for one in (hanging, failing_always, closed, good)]) as deliveries:
        for n in range(3):
            deliveries.offer(reports(1, start=n))
            await trio.sleep(1)

        assert good.times == [0, 1, 2]


async def test_a_bug_in_a_sink_stays_in_its_task(autojump_clock: MockClock) -> None:
    buggy = RecordingSink(before=failing(3, ZeroDivisionError()))
    good = RecordingSink()

    async with running(delivery(buggy), delivery(good)) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(10)

    assert (buggy.received, good.received) == (["0"], ["0"])


async def test_what_does_not_fit_into_the_queue_is_dropped_from_the_newest_on(autojump_clock: MockClock) -> None:
    sink = RecordingSink(before=lambda batch: 5.0)
    one = delivery(sink, SHORT_QUEUE)

    async with running(one) as deliveries:
        deliveries.offer(reports(4))
        await wait_all_tasks_blocked()
        deliveries.offer(reports(4, start=4))
        assert one.statistics().dropped[DropReason.QUEUE_FULL] == 3
        await trio.sleep(20)

    assert sink.received == ["0", "1", "2", "3", "4"]
    assert is_balanced(one)


async def test_what_waits_is_bounded_by_the_bytes_of_its_lines(autojump_clock: MockClock) -> None:
    size = batch(1).size
    one = delivery(RecordingSink(before=for_ever), SinkSettings("TestSink", max_queued_bytes=3 * size))

    async with running(one) as deliveries:
        deliveries.offer(reports(4))

        figures = one.statistics()
        assert (figures.queued, figures.queued_bytes) == (3, figures.queued_bytes_limit)
        assert figures.dropped[DropReason.QUEUE_FULL] == 1


async def test_a_queue_that_was_full_has_room_again(autojump_clock: MockClock) -> None:
    sink = RecordingSink()

    async with running(delivery(sink, SHORT_QUEUE)) as deliveries:
        deliveries.offer(reports(9))
        await trio.sleep(1)
        deliveries.offer([report("later")])
        await trio.sleep(1)

    assert sink.received == ["0", "1", "2", "3", "4", "later"]


async def test_a_full_queue_warns_once_in_a_while(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    sink = RecordingSink(before=for_ever)

    async with running(delivery(sink, SHORT_QUEUE)) as deliveries:
        for _ in range(15):
            deliveries.offer(reports(5))
            await trio.sleep(1)

        assert sum("queue is full" in message for message in caplog.messages) == 2


async def test_an_episode_of_failures_is_logged_once_and_so_is_its_end(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async with running(delivery(RecordingSink(before=failing(5, OSError("no route"))))) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(60)

    assert caplog.messages == [
        "Sink mySink fails and is tried again: OSError: no route",
        "Sink mySink works again after 3.1 s",
    ]


async def test_the_log_never_quotes_an_exception_that_may_quote_a_report(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    settings = with_retry(give_up_after_in_s=1)

    async with running(delivery(RecordingSink(before=failing(50, ValueError("alice"))), settings)) as deliveries:
        deliveries.offer([report("alice")])
        await trio.sleep(60)

    assert "given up" in caplog.text
    assert "unexpected ValueError at sinks_for_tests.py:" in caplog.text
    assert "alice" not in caplog.text


async def test_a_sink_gets_only_the_types_it_wants(autojump_clock: MockClock) -> None:
    sink = RecordingSink()
    one = delivery(sink, SinkSettings("TestSink", reports=ReportFlags(send_call_events=True)))

    async with running(one) as deliveries:
        deliveries.offer([report("meta", ReportType.CALL_META_DATA), report("event")])
        await trio.sleep(1)

    assert sink.received == ["event"]
    assert one.statistics().filtered == 1
    assert is_balanced(one)


async def test_two_sinks_get_what_each_wants(autojump_clock: MockClock) -> None:
    events, metas = RecordingSink(), RecordingSink()
    want_events = SinkSettings("TestSink", reports=ReportFlags(send_call_events=True))
    want_metas = SinkSettings("TestSink", reports=ReportFlags(send_call_meta=True))
    first, second = delivery(events, want_events), delivery(metas, want_metas)

    async with running(first, second) as deliveries:
        types = (ReportType.CALL_META_DATA, ReportType.CALL_EVENT, ReportType.SFU_EVENT)
        deliveries.offer([report(type_.value, type_) for type_ in types])
        await trio.sleep(1)

    assert (events.received, metas.received) == (["CALL_EVENT"], ["CALL_META_DATA"])
    assert first.statistics().filtered == second.statistics().filtered == 2
    assert is_balanced(first)
    assert is_balanced(second)


async def test_a_position_is_settled_when_the_slowest_sink_is_through(autojump_clock: MockClock) -> None:
    slow = RecordingSink(before=lambda batch: 5.0)

    async with running(delivery(slow), delivery(RecordingSink())) as deliveries:
        first = deliveries.offer(reports(1))
        await trio.sleep(1)
        second = deliveries.offer(reports(1))
        seen = [deliveries.settled()]
        await trio.sleep(5)
        seen.append(deliveries.settled())
        await trio.sleep(5)
        seen.append(deliveries.settled())

        assert seen == [0, first, second]


async def test_what_no_sink_wants_is_settled_at_once(autojump_clock: MockClock) -> None:
    events_only = SinkSettings("TestSink", reports=ReportFlags(send_call_events=True))

    async with running(delivery(RecordingSink(), events_only)) as deliveries:
        position = deliveries.offer([report("meta", ReportType.CALL_META_DATA)])

        assert deliveries.settled() == position


async def test_what_is_not_wanted_is_not_settled_before_what_came_earlier(autojump_clock: MockClock) -> None:
    events_only = SinkSettings("TestSink", reports=ReportFlags(send_call_events=True))

    async with running(delivery(RecordingSink(), events_only, collector=COLLECTOR)) as deliveries:
        deliveries.offer(reports(1))
        position = deliveries.offer([report("meta", ReportType.CALL_META_DATA)])
        early = deliveries.settled()
        await trio.sleep(1)

        assert (early, deliveries.settled()) == (0, position)


async def test_positions_grow_with_every_call(autojump_clock: MockClock) -> None:
    async with running(delivery(RecordingSink())) as deliveries:
        assert [deliveries.offer([]), deliveries.offer(reports(5)), deliveries.offer([])] == [1, 2, 3]


async def test_a_drain_sends_at_once_what_would_have_waited(autojump_clock: MockClock) -> None:
    sink = RecordingSink()

    async with running(delivery(sink, collector=ReportsCollector(max_time_in_ms=60_000))) as deliveries:
        await trio.sleep(1)
        deliveries.offer(reports(3))

    assert sink.times == [1]


async def test_a_drain_of_an_idle_sink_ends_at_once(autojump_clock: MockClock) -> None:
    async with running(delivery(RecordingSink())):
        await trio.sleep(1)

    assert trio.current_time() == 1


async def test_a_drain_tries_a_failing_sink_quickly_again(autojump_clock: MockClock) -> None:
    sink = RecordingSink(before=failing(8, ConnectionResetError()))
    deliveries = Deliveries([delivery(sink)])

    async with trio.open_nursery() as nursery:
        await nursery.start(deliveries.run)
        deliveries.offer(reports(2))
        await trio.sleep(7)  # in the pause of 6.4 s after the seventh failure
        await deliveries.drain(1)

    assert sink.received == ["0", "1"]
    assert trio.current_time() < 8


async def test_what_is_left_after_the_grace_is_counted_and_not_settled(autojump_clock: MockClock) -> None:
    one = delivery(RecordingSink(before=for_ever))
    deliveries = Deliveries([one])

    async with trio.open_nursery() as nursery:
        await nursery.start(deliveries.run)
        deliveries.offer(reports(2))
        await wait_all_tasks_blocked()
        deliveries.offer(reports(3))
        await deliveries.drain(5)

    assert trio.current_time() == 5
    assert one.statistics().dropped[DropReason.DROPPED_AT_SHUTDOWN] == 5
    assert deliveries.settled() == 0
    assert is_balanced(one)


async def test_what_is_offered_after_a_drain_is_counted_as_dropped(autojump_clock: MockClock) -> None:
    one = delivery(RecordingSink())

    async with running(one) as deliveries:
        pass
    deliveries.offer(reports(2))

    assert one.statistics().dropped[DropReason.DROPPED_AT_SHUTDOWN] == 2


async def test_statistics_tell_how_long_a_sink_has_been_failing(autojump_clock: MockClock) -> None:
    one = delivery(RecordingSink(before=failing(6, ConnectionResetError())))

    async with running(one) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(5)
        failing_for = one.statistics().failing_for_s
        await trio.sleep(60)

        assert (failing_for, one.statistics().failing_for_s) == (5, None)


async def test_statistics_tell_the_time_spent_sending(autojump_clock: MockClock) -> None:
    one = delivery(RecordingSink(before=lambda batch: 2.0))

    async with running(one) as deliveries:
        deliveries.offer(reports(1))
        await trio.sleep(10)

        assert (one.statistics().sending_s, one.statistics().batches) == (2, 1)


async def test_a_sink_that_closes_by_itself_is_not_opened_in_a_tight_loop(autojump_clock: MockClock) -> None:
    sink = ClosingSink()

    async with running(delivery(sink)):
        await trio.sleep(1)

    assert sink.opened_at == pytest.approx([0, 0.1, 0.3, 0.7])


async def test_a_sink_whose_background_task_fails_is_opened_anew(autojump_clock: MockClock) -> None:
    sink = BackgroundSink(breaks_after_s=5)

    async with running(delivery(sink)):
        await trio.sleep(5.2)

    assert sink.opened_at == pytest.approx([0, 5.1])


async def test_a_sink_that_is_open_again_without_anything_to_send_works(autojump_clock: MockClock) -> None:
    sink = BackgroundSink(breaks_after_s=60)
    one = delivery(sink)

    async with running(one):
        await trio.sleep(62)
        failing = one.statistics().failing_for_s
        await trio.sleep(12)

        assert failing is not None
        assert one.statistics().failing_for_s is None


async def test_a_sink_that_closes_again_and_again_does_not_work(autojump_clock: MockClock) -> None:
    one = delivery(BackgroundSink(breaks_after_s=5))

    async with running(one):
        await trio.sleep(100)

        assert one.statistics().failing_for_s == pytest.approx(95, abs=1)
