"""SocketSink: lines over TCP, what confirms them, receivers that leave, stall or misbehave."""

import os
import socket

import pytest
import trio

from sinks.dialing import Stream
from sinks.failures import sole
from sinks.lines import Batch, batch_of
from sinks.sink import NotDelivered
from sinks.socket import SocketConfirmation, SocketSink
from tests.sinks.line_receiver import CLOSE, COUNT, TCP, LineReceiver, counting, send_to, sink
from tests.sinks.listening import HOST, listening
from tests.sinks.sinks_for_tests import batch, delivery, lines, names, reports, running


async def send_and_stay(some: SocketSink, *batches: Batch) -> None:
    """Send, then nothing more until the sink ends by itself."""
    async with some.opened("mySink") as send:
        for one in batches:
            await send(one)
        await trio.sleep_forever()


def failure_of(raised: pytest.ExceptionInfo[BaseException]) -> str:
    assert isinstance(raised.value, Exception)
    return str(sole(raised.value))


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("confirmation", SocketConfirmation)
async def test_each_report_is_one_line(confirmation: SocketConfirmation) -> None:
    receiver = LineReceiver(counting if confirmation is COUNT else None)
    async with listening(receiver) as port:
        await send_to(sink(port, confirmation), batch(3), batch(2, start=3))
        await receiver.ended.wait()

        assert receiver.lines == lines(5)


@pytest.mark.parametrize("confirmation", SocketConfirmation)
async def test_many_reports_and_long_ones_arrive_in_order(confirmation: SocketConfirmation) -> None:
    receiver = LineReceiver(counting if confirmation is COUNT else None)
    some = [b"%06d" % n + b"x" * (2_000_000 if n == 50 else 1000) for n in range(5000)]
    async with listening(receiver) as port:
        async with sink(port, confirmation).opened("mySink") as send:
            await send(batch_of(some))
        await trio.testing.wait_all_tasks_blocked(0.01)

        assert receiver.lines == some


async def test_a_batch_counts_once_the_other_system_has_all_of_it() -> None:
    async def serve(stream: Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        await trio.sleep_forever()

    async def send_until_it_fails(port: int) -> None:
        async with sink(port, TCP, answer_timeout_in_s=0.3, close_timeout_in_s=0).opened("mySink") as send:
            while True:
                await send(batch_of([b"x" * 8000]))  # our system takes so little whenever it has nothing else

    async with listening(serve) as port:
        with pytest.raises(ExceptionGroup) as raised:
            await send_until_it_fails(port)

    assert failure_of(raised).endswith("it did not acknowledge what it was sent within 0.3 s")


async def test_a_receiver_that_reads_nothing_has_failed() -> None:
    async def serve(stream: Stream) -> None:
        await trio.sleep_forever()

    keys: dict[str, object] = {"answer_timeout_in_s": 0.3, "close_timeout_in_s": 0}
    async with listening(serve) as port, sink(port, TCP, **keys).opened("mySink") as send:
        with pytest.raises(ConnectionError, match=r"(did not acknowledge|did not take)"):
            await send(batch_of([b"x" * 100_000] * 500))


async def test_a_batch_counts_once_the_receiver_has_read_it_and_closed() -> None:
    go_on = trio.Event()

    async def hear(stream: Stream, data: bytes) -> None:
        await go_on.wait()

    receiver = LineReceiver(hear)
    delivered: list[bool] = []

    async def sending(port: int) -> None:
        await send_to(sink(port, CLOSE), batch(3))
        delivered.append(True)

    async with listening(receiver) as port, trio.open_nursery() as nursery:
        nursery.start_soon(sending, port)
        await trio.testing.wait_all_tasks_blocked(0.05)

        assert delivered == []
        go_on.set()

    assert delivered == [True]


async def test_each_batch_has_a_connection_of_its_own_where_closing_confirms_it() -> None:
    receiver = LineReceiver()
    async with listening(receiver) as port:
        await send_to(sink(port, CLOSE), batch(1), batch(1), batch(1))

    assert receiver.connections == 1 + 3  # the first only shows that there is a receiver


@pytest.mark.parametrize("confirmation", [TCP, COUNT])
async def test_a_receiver_that_closes_while_nothing_is_sent_is_noticed_at_once(
    confirmation: SocketConfirmation,
) -> None:
    async def serve(stream: Stream) -> None:
        pass

    async with listening(serve) as port:
        with pytest.raises(ExceptionGroup) as raised:
            await send_and_stay(sink(port, confirmation))

    assert failure_of(raised) == f"{HOST}:{port} has closed the connection"


async def test_no_report_is_lost_when_the_receiver_closes_between_batches() -> None:
    async def hear(stream: Stream, data: bytes) -> None:
        await counting(stream, data)
        receiver.received.extend(data)
        raise ConnectionError

    receiver = LineReceiver(hear)
    async with listening(receiver) as port:
        one = delivery(sink(port, COUNT), chance=lambda: 0.01)
        async with running(one) as deliveries:
            for start in range(0, 50, 5):
                deliveries.offer(reports(5, start))
                while one.statistics().acknowledged < start + 5:  # noqa: ASYNC110 - a delivery has no event for it
                    await trio.sleep(0.001)

    assert names(receiver.lines) == [str(n) for n in range(50)]


async def test_a_receiver_that_closes_within_a_batch_has_not_got_it() -> None:
    async def serve(stream: Stream) -> None:
        await stream.receive_some(10)

    async with listening(serve) as port:
        for confirmation in (TCP, CLOSE):
            with pytest.raises((ConnectionError, ExceptionGroup)):
                await send_to(sink(port, confirmation), batch_of([b"x" * 1_000_000] * 20))


async def test_a_receiver_that_closes_without_reading_has_not_got_what_closing_confirms() -> None:
    async def serve(stream: Stream) -> None:
        await trio.testing.wait_all_tasks_blocked(0.05)

    async with listening(serve) as port:
        with pytest.raises(ConnectionError):
            await send_to(sink(port, CLOSE), batch(3))


async def test_a_receiver_that_says_that_it_is_done_before_it_has_all_has_not_got_it() -> None:
    async def serve(stream: Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        await stream.send_eof()
        while await stream.receive_some(65_536):
            pass

    async with listening(serve) as port:
        with pytest.raises(ConnectionError, match="closed the connection too early"):
            await send_to(sink(port, CLOSE), batch_of([b"x" * 1_000_000] * 20))


async def test_a_receiver_that_does_not_close_has_failed() -> None:
    async def serve(stream: Stream) -> None:
        while await stream.receive_some(65_536):
            pass
        await trio.sleep_forever()

    async with listening(serve) as port:
        with pytest.raises(ConnectionError, match=r"did not read, or not close, within 0\.1 s"):
            await send_to(sink(port, CLOSE, answer_timeout_in_s=0.1), batch(1))


@pytest.mark.parametrize("confirmation", [TCP, CLOSE])
async def test_what_a_receiver_says_is_ignored(confirmation: SocketConfirmation) -> None:
    async def hear(stream: Stream, data: bytes) -> None:
        await stream.send_all(b"OK\n")

    receiver = LineReceiver(hear)
    async with listening(receiver) as port:
        await send_to(sink(port, confirmation), batch(3))
        await receiver.ended.wait()

    assert receiver.lines == lines(3)


@pytest.mark.parametrize("confirmation", SocketConfirmation)
async def test_a_slow_receiver_gets_all_in_order_piece_by_piece(confirmation: SocketConfirmation) -> None:
    async def hear(stream: Stream, data: bytes) -> None:
        assert isinstance(stream, trio.SocketStream)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        await trio.sleep(0.01)
        if confirmation is COUNT:
            await counting(stream, data)

    receiver = LineReceiver(hear)
    some = [b"%06d" % n + b"x" * 10_000 for n in range(1500)]
    left, times = batch_of(some), 0
    async with listening(receiver) as port:
        async with sink(port, confirmation, answer_timeout_in_s=1).opened("mySink") as send:
            while left:
                try:
                    await send(left)
                    left = Batch()
                except NotDelivered as partial:
                    left = partial.again
                    times += 1
        await trio.testing.wait_all_tasks_blocked(0.1)

    assert receiver.lines == some
    assert times > 0


async def test_what_the_receiver_has_stored_before_it_went_is_not_sent_again() -> None:
    async def hear(stream: Stream, data: bytes) -> None:
        whole = data[: data.index(b"\n", len(data) // 2) + 1]
        await counting(stream, whole)
        receiver.received.extend(whole)
        raise ConnectionError

    receiver = LineReceiver(hear)
    async with listening(receiver) as port:
        one = delivery(sink(port, COUNT), chance=lambda: 0.0)
        async with running(one) as deliveries:
            deliveries.offer(reports(100))

    assert names(receiver.lines) == [str(n) for n in range(100)]


@pytest.mark.parametrize("said", [b"2\n", b"-1\n", b"1.0\n", b"one\n", b"\xff\n", b"9" * 100])
async def test_a_receiver_that_counts_wrongly_is_left(said: bytes) -> None:
    async def hear(stream: Stream, data: bytes) -> None:
        await stream.send_all(said)

    async with listening(LineReceiver(hear)) as port, sink(port, COUNT).opened("mySink") as send:
        with pytest.raises(ConnectionError, match="the receiver says"):
            await send(batch(1))


@pytest.mark.parametrize("confirmation", SocketConfirmation)
async def test_what_is_cancelled_while_it_sends_closes_at_once(confirmation: SocketConfirmation) -> None:
    async def serve(stream: Stream) -> None:
        if await stream.receive_some(1):
            await trio.sleep_forever()

    async with listening(serve) as port:
        before = open_files()
        with trio.fail_after(5), trio.CancelScope() as scope:
            async with (
                sink(port, confirmation, close_timeout_in_s=60).opened("mySink") as send,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(send, batch_of([b"x" * 100_000] * 500))
                await trio.testing.wait_all_tasks_blocked(0.1)
                scope.cancel()

        assert scope.cancelled_caught
        assert open_files() <= before + 2  # the receiver's ends


@pytest.mark.parametrize("confirmation", SocketConfirmation)
async def test_connections_that_the_receiver_ends_leave_no_socket_open(confirmation: SocketConfirmation) -> None:
    async def serve(stream: Stream) -> None:
        await stream.receive_some(1)

    async with listening(serve) as port:
        before = open_files()
        for _ in range(5):
            with pytest.raises((ConnectionError, ExceptionGroup)):
                await send_and_stay(sink(port, confirmation), batch_of([b"x" * 100_000] * 20))
        await trio.testing.wait_all_tasks_blocked(0.05)

        assert open_files() == before


async def test_a_receiver_that_is_not_there_is_told() -> None:
    async with listening(LineReceiver()) as port:
        pass

    with pytest.raises(ConnectionError, match=f"^{HOST}:{port}: .*Connection refused$"):
        await send_to(sink(port))


async def test_a_host_without_an_address_is_told() -> None:
    with pytest.raises(ConnectionError, match=r"^no-such-host\.invalid:1: "):
        await send_to(SocketSink("no-such-host.invalid", 1, connect_timeout_in_s=5))


@pytest.mark.parametrize("host", ["", "a\0b", "a b", "a\nb", "a..b", "x" * 64, "a.b" * 100, "tcp://a", "[::1]"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    with pytest.raises(ValueError, match="host must be"):
        SocketSink(host, 1)


@pytest.mark.parametrize(
    "host", ["a", "reports.example.", "127.0.0.1", "::1", "fe80::1%eth0", "bücher.example", "my_host"]
)
def test_names_and_addresses_are_taken(host: str) -> None:
    assert SocketSink(host, 1).host == host
