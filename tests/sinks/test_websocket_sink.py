"""WebsocketSink: messages, what confirms them, servers that leave, stall or misbehave."""

import os
from collections.abc import Callable

import pytest
import trio
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, Request, TextMessage

from sinks.failures import sole
from sinks.lines import Batch, batch_of
from sinks.sink import NotDelivered
from sinks.statistics import DropReason
from sinks.websocket import WebsocketConfirmation
from sinks.websocket_client import TOO_BIG
from tests.sinks.listening import listening
from tests.sinks.sinks_for_tests import batch, delivery, line, lines, names, report, reports, running
from tests.sinks.websocket_receiver import WebsocketReceiver, Wire, opened, sink

COUNT = WebsocketConfirmation.COUNT


async def deaf(wire: Wire, event: Event) -> bool:
    """Answers nothing but the handshake."""
    return not isinstance(event, Request)


def failure_of(raised: pytest.ExceptionInfo[BaseException]) -> BaseException:
    assert isinstance(raised.value, Exception)
    return sole(raised.value)


async def send_and_stay(port: int, some: Batch, **keys: object) -> None:
    """Send a batch, then nothing more until the sink ends by itself."""
    async with sink(port, **keys).opened("mySink") as send:
        await send(some)
        await trio.sleep_forever()


async def until(come: Callable[[], bool]) -> None:
    while not come():  # noqa: ASYNC110 - what others count has no event
        await trio.sleep(0.001)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_each_report_is_one_text_message() -> None:
    receiver = WebsocketReceiver()
    async with opened(receiver) as send:
        await send(batch(3))

        assert receiver.messages == lines(3)


@pytest.mark.parametrize("length", [1, 125, 126, 65_535, 65_536, 3_000_000])
async def test_a_report_of_any_length_arrives(length: int) -> None:
    receiver = WebsocketReceiver()
    async with opened(receiver, max_message_bytes=3_000_000) as send:
        await send(batch_of([b"x" * length, b"y"]))

    assert receiver.messages == [b"x" * length, b"y"]


async def test_a_batch_counts_once_a_ping_that_followed_it_is_answered() -> None:
    asked, answer = trio.Event(), trio.Event()

    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, Ping):
            asked.set()
            await answer.wait()
        return False

    receiver = WebsocketReceiver(hear)
    delivered: list[bool] = []
    async with opened(receiver) as send, trio.open_nursery() as nursery:

        async def sending() -> None:
            await send(batch(3))
            delivered.append(True)

        nursery.start_soon(sending)
        await asked.wait()
        await trio.testing.wait_all_tasks_blocked()

        assert (len(receiver.messages), delivered) == (3, [])
        answer.set()

    assert delivered == [True]


async def test_only_the_answer_to_our_ping_counts() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, Ping):
            for payload in (b"", b"\0" * 8, b"\xff" * 8, bytes(event.payload) + b"\0"):
                await wire.send(Pong(payload))
        return isinstance(event, Ping)

    async with opened(WebsocketReceiver(hear), answer_timeout_in_s=0.1) as send:
        with pytest.raises(ConnectionError, match=r"did not answer within 0\.1 s"):
            await send(batch(1))


async def test_a_server_that_closes_while_nothing_is_sent_is_noticed_at_once() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, Ping):
            await wire.send(event.response())
            await wire.send(CloseConnection(1001))
        return isinstance(event, Ping)

    receiver = WebsocketReceiver(hear)
    async with listening(receiver) as port:
        with pytest.raises(ExceptionGroup) as raised:
            await send_and_stay(port, batch(1))

    assert str(failure_of(raised)).endswith("has closed with code 1001")


async def test_a_server_that_says_that_it_closes_is_answered() -> None:
    answered = trio.Event()

    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, TextMessage):
            await wire.send(CloseConnection(1001))
        if isinstance(event, CloseConnection):
            answered.set()
        return not isinstance(event, Request)

    async with listening(WebsocketReceiver(hear)) as port:
        with pytest.raises(ExceptionGroup):
            await send_and_stay(port, batch(1))
        await answered.wait()


async def test_no_report_is_lost_when_the_server_closes_between_batches() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, Ping):
            await wire.send(event.response())
            await wire.stream.aclose()
            raise ConnectionError
        return False

    receiver = WebsocketReceiver(hear)
    async with listening(receiver) as port:
        one = delivery(sink(port))
        async with running(one) as deliveries:
            for start in range(0, 50, 5):
                deliveries.offer(reports(5, start))
                await until(lambda start=start: one.statistics().acknowledged >= start + 5)  # type: ignore[misc]

    assert sorted(set(map(int, names(receiver.messages)))) == list(range(50))


async def test_a_server_that_never_answers_a_ping_has_failed() -> None:
    async with opened(WebsocketReceiver(deaf), answer_timeout_in_s=0.1) as send:
        with pytest.raises(ConnectionError, match=r"did not answer within 0\.1 s"):
            await send(batch(1))


async def test_a_server_that_is_sent_nothing_is_asked_whether_it_is_there() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        async with opened(WebsocketReceiver(deaf), ping_interval_in_s=0.01, answer_timeout_in_s=0.1):
            await trio.sleep_forever()

    assert str(failure_of(raised)).endswith("did not answer within 0.1 s")


async def test_a_server_that_answers_while_it_is_sent_nothing_is_kept() -> None:
    receiver = WebsocketReceiver()
    async with opened(receiver, ping_interval_in_s=0.001) as send:
        await until(lambda: sum(isinstance(event, Ping) for event in receiver.events) >= 5)
        await send(batch(1))

    assert len(receiver.requests) == 1


async def test_a_server_that_reads_nothing_has_failed() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, TextMessage):
            await trio.sleep_forever()
        return False

    async with opened(WebsocketReceiver(hear), answer_timeout_in_s=0.2) as send:
        with pytest.raises(ConnectionError, match=r"(did not take .*|did not answer) (within) 0\.2 s"):
            await send(batch_of([b"x" * 100_000] * 500))


async def test_pings_of_the_server_are_answered_while_a_batch_waits_for_it() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, Ping):
            await wire.send(Ping(b"and you?"))
        if event == Pong(b"and you?"):
            await wire.send(Pong((1).to_bytes(8)))
        return isinstance(event, Ping)

    receiver = WebsocketReceiver(hear)
    async with opened(receiver) as send:
        await send(batch(1))

    assert Pong(b"and you?") in receiver.events


async def test_a_server_that_says_as_much_as_it_hears_does_not_stall() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, TextMessage):
            await wire.send(TextMessage(event.data))
            await wire.send(BytesMessage(b"x" * 10_000))
            await wire.send(Ping())
        return False

    receiver = WebsocketReceiver(hear)
    async with opened(receiver) as send:
        await send(batch_of([b"x" * 10_000] * 2000))

    assert len(receiver.messages) == 2000


async def test_no_more_is_sent_while_too_much_is_without_an_answer() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        return isinstance(event, Ping)

    receiver = WebsocketReceiver(hear)
    async with opened(receiver, answer_timeout_in_s=1) as send:
        with pytest.raises(ConnectionError, match="did not answer"):
            await send(batch_of([b"x" * 10_000] * 1000))

    assert 1_000_000 < sum(map(len, receiver.messages)) < 2_000_000


async def test_a_slow_server_gets_all_in_order_piece_by_piece() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, TextMessage):
            await trio.sleep(0.002)
        return False

    receiver = WebsocketReceiver(hear)
    left = batch_of([b"%06d" % n + b"x" * 10_000 for n in range(1200)])
    times = 0
    async with opened(receiver, answer_timeout_in_s=1.2) as send:
        while left:
            try:
                await send(left)
                left = Batch()
            except NotDelivered as partial:
                left = partial.again
                times += 1

    assert [int(message[:6]) for message in receiver.messages] == list(range(1200))
    assert times > 0


async def test_a_report_longer_than_the_limit_is_rejected_and_the_others_arrive() -> None:
    receiver = WebsocketReceiver()
    some = batch_of([line("a"), line("b", roomId="x" * 5000), line("c")])
    async with opened(receiver, max_message_bytes=1000) as send:
        with pytest.raises(NotDelivered) as partial:
            await send(some)

    assert names(receiver.messages) == ["a", "c"]
    assert len(partial.value.again) == 0
    assert [names([one.line]) for one in partial.value.rejected] == [["b"]]
    assert "longer than maxMessageBytes" in partial.value.rejected[0].reason


async def test_reports_that_are_all_too_long_are_all_rejected() -> None:
    async with opened(WebsocketReceiver(), max_message_bytes=10) as send:
        with pytest.raises(NotDelivered) as partial:
            await send(batch(5))

    assert len(partial.value.rejected) == 5


async def test_a_report_that_is_too_big_for_the_server_costs_only_itself() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, TextMessage) and len(event.data) > 1000:
            await wire.send(CloseConnection(TOO_BIG))
            raise ConnectionError
        return False

    receiver = WebsocketReceiver(hear)
    async with listening(receiver) as port:
        one = delivery(sink(port), chance=lambda: 0.0)
        async with running(one) as deliveries:
            deliveries.offer([report(str(n), roomId="x" * (3000 if n in (3, 6) else 0)) for n in range(10)])

    assert one.statistics().dropped[DropReason.REJECTED] == 2
    assert {*names(receiver.messages)} == {str(n) for n in range(10)} - {"3", "6"}


async def test_a_server_that_breaks_the_protocol_is_left() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, Ping):
            await wire.stream.send_all(b"\xff\xff\xff\xff")
        return isinstance(event, Ping)

    async with opened(WebsocketReceiver(hear)) as send:
        with pytest.raises(ConnectionError, match="broke the protocol"):
            await send(batch(1))


async def test_an_ended_sink_says_goodbye() -> None:
    receiver = WebsocketReceiver()
    async with listening(receiver) as port:
        async with sink(port).opened("mySink") as send:
            await send(batch(1))
        await trio.testing.wait_all_tasks_blocked()

    assert isinstance(receiver.events[-1], CloseConnection)
    assert receiver.events[-1].code == 1000


async def test_a_server_that_does_not_answer_the_goodbye_holds_up_nobody() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        return isinstance(event, CloseConnection)

    with trio.fail_after(5):
        async with opened(WebsocketReceiver(hear), close_timeout_in_s=0.05) as send:
            await send(batch(1))


async def test_what_is_cancelled_while_it_sends_closes_at_once() -> None:
    async with listening(WebsocketReceiver(deaf)) as port:
        with trio.fail_after(5), trio.CancelScope() as scope:
            async with sink(port, close_timeout_in_s=60).opened("mySink") as send, trio.open_nursery() as nursery:
                nursery.start_soon(send, batch(1))
                await trio.testing.wait_all_tasks_blocked(0.01)
                scope.cancel()

    assert scope.cancelled_caught


@pytest.mark.parametrize("end", [b"", b"\x88\x02\x03\xe8", b"\xff"])
async def test_a_connection_that_the_server_ends_leaves_no_socket_open(end: bytes) -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, Ping):
            await wire.stream.send_all(end or b"\x8a\x00")
            await wire.stream.aclose()
            raise ConnectionError
        return False

    async with listening(WebsocketReceiver(hear)) as port:
        before = open_files()
        for _ in range(5):
            with pytest.raises(ExceptionGroup):
                async with sink(port, close_timeout_in_s=0.05).opened("mySink") as send:
                    await send(batch(1))
        await trio.testing.wait_all_tasks_blocked(0.01)

        assert open_files() == before
