"""Streams over TCP, and where they are accepted."""

import errno
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from tests.web.serving import narrow_pair
from web.listeners import accept_from, listeners
from web.streams import Stream, TcpStream, close_gently

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[TcpStream, TcpStream]]:
    """Both ends of a connection."""
    [listener] = await listeners(LOOPBACK, 0)
    async with listener:
        connecting = socket.create_connection((LOOPBACK, listener.port))
        connecting.setblocking(False)
        async with TcpStream(connecting) as ours, await listener.accept() as theirs:
            yield ours, theirs


async def received(stream: TcpStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await stream.receive_some()
    return data


async def test_what_is_sent_is_received() -> None:
    async with pair() as (ours, theirs):
        await ours.send_all(b"hello")
        await theirs.send_all(bytearray(b"world"))

        assert (await theirs.receive_some(), await ours.receive_some()) == (b"hello", b"world")


async def test_who_waits_is_woken_by_what_comes() -> None:
    async with pair() as (ours, theirs), trio.open_nursery() as nursery:
        nursery.start_soon(received, theirs, 5)
        await wait_all_tasks_blocked()
        await ours.send_all(b"hello")


async def test_more_than_fits_is_sent_as_the_peer_reads() -> None:
    data = bytes(range(256)) * 40_000
    async with pair() as (ours, theirs), trio.open_nursery() as nursery:
        nursery.start_soon(ours.send_all, data)

        assert await received(theirs, len(data)) == data


async def test_what_fits_is_sent_at_once() -> None:
    async with pair() as (ours, theirs):
        assert ours.begin(b"hello") == 5
        assert await received(theirs, 5) == b"hello"


async def test_the_rest_of_what_was_begun_comes_before_all_else() -> None:
    ours, theirs = narrow_pair()
    async with ours, theirs:
        sent = [ours.begin(b"ab"), ours.begin(b"cd")]
        await ours.send_all(b"ef")
        await ours.send_all(b"gh")

        assert sent == [1, 0]
        assert await received(theirs, 6) == b"abefgh"


async def test_the_rest_of_what_was_cancelled_in_its_middle_comes_before_all_else() -> None:
    data = bytes(range(256)) * 40_000
    async with pair() as (ours, theirs), trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            nursery.start_soon(cancel_when_all_wait, scope)
            await ours.send_all(data)
        nursery.start_soon(ours.send_all, b"next")

        assert scope.cancelled_caught
        assert await received(theirs, len(data) + 4) == data + b"next"


async def cancel_when_all_wait(scope: trio.CancelScope) -> None:
    await wait_all_tasks_blocked()
    scope.cancel()


async def test_nothing_is_begun_when_nothing_fits() -> None:
    async with pair() as (ours, theirs):
        with trio.move_on_after(0.01):
            await ours.send_all(bytes(100_000_000))
        sent = ours.begin(b"ab")
        data = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ours.send_all, b"cd")
            while not data.endswith(b"cd"):
                data = await theirs.receive_some()

        assert sent == 0
        assert data.endswith(b"\0cd")


async def test_no_more_is_received_than_is_asked_for() -> None:
    async with pair() as (ours, theirs):
        await ours.send_all(b"hello")

        assert [await theirs.receive_some(2) for _ in range(3)] == [b"he", b"ll", b"o"]


async def test_who_asks_for_nothing_has_erred() -> None:
    async with pair() as (ours, _):
        with pytest.raises(ValueError, match="max_bytes"):
            await ours.receive_some(0)


async def test_others_have_their_turn_while_there_is_always_more() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with pair() as (ours, theirs), trio.open_nursery() as nursery:
        await ours.send_all(b"x" * 1000)
        nursery.start_soon(count)
        for _ in range(100):
            await theirs.receive_some(10)
        nursery.cancel_scope.cancel()

    assert turns > 90


async def test_half_closed_is_still_heard() -> None:
    async with pair() as (ours, theirs):
        await ours.send_eof()
        await theirs.send_all(b"last words")

        assert await theirs.receive_some() == b""
        assert await ours.receive_some() == b"last words"


async def test_a_peer_that_is_gone_breaks_the_stream() -> None:
    async with pair() as (ours, theirs):
        await ours.send_all(b"unread")
        await theirs.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await ours.receive_some()
        with pytest.raises(trio.BrokenResourceError):
            await ours.send_all(b"x")
        with pytest.raises(trio.BrokenResourceError):
            await ours.send_eof()


async def test_a_closed_stream_says_so() -> None:
    async with pair() as (ours, _):
        await ours.aclose()
        await ours.aclose()
        for use in (ours.receive_some, ours.send_eof, ours.wait_send_all_might_not_block):
            with pytest.raises(trio.ClosedResourceError):
                await use()
        with pytest.raises(trio.ClosedResourceError):
            await ours.send_all(b"x")


async def test_who_waits_for_a_stream_that_is_closed_is_told() -> None:
    async def waits(stream: TcpStream) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive_some()

    async def fills(stream: TcpStream) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_all(bytes(100_000_000))

    async with pair() as (ours, _), trio.open_nursery() as nursery:
        nursery.start_soon(waits, ours)
        nursery.start_soon(fills, ours)
        await wait_all_tasks_blocked()
        await ours.aclose()


async def test_who_is_cancelled_while_it_waits_loses_nothing() -> None:
    async with pair() as (ours, theirs):
        with trio.move_on_after(0.01):
            await theirs.receive_some()
        await ours.send_all(b"hello")

        assert await theirs.receive_some() == b"hello"


async def test_what_is_accepted_sends_at_once() -> None:
    [listener] = await listeners(LOOPBACK, 0)
    with socket.create_connection((LOOPBACK, listener.port)):
        accepted = await listener.accept()

        assert accepted._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not accepted._socket.getblocking()
    await accepted.aclose()
    await listener.aclose()


async def test_many_that_connect_at_once_do_not_hold_up_the_others() -> None:
    accepted = list[TcpStream]()
    turns = [0]

    async def note() -> None:
        while True:
            turns.append(len(accepted))
            await trio.lowlevel.checkpoint()

    [listener] = await listeners(LOOPBACK, 0)
    connecting = [socket.create_connection((LOOPBACK, listener.port)) for _ in range(200)]
    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(note)
        for _ in connecting:
            accepted.append(await listener.accept())
        nursery.cancel_scope.cancel()
    for client, stream in zip(connecting, accepted, strict=True):
        client.close()
        await stream.aclose()

    # Within a turn the order is trio's: the others may be first in one, and last in the next.
    assert max(after - before for before, after in pairwise(turns)) <= 2 * 32


async def test_who_waits_for_a_connection_is_told_when_the_listener_is_closed() -> None:
    [listener] = await listeners(LOOPBACK, 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_expect_closed, listener)
        await wait_all_tasks_blocked()
        await listener.aclose()
        await listener.aclose()
    await _expect_closed(listener)


async def _expect_closed(listener: trio.abc.Listener[TcpStream]) -> None:
    with pytest.raises(trio.ClosedResourceError):
        await listener.accept()


class Failing(trio.abc.Listener[Stream]):
    """Fails in these ways first; then a connection comes, and then none."""

    def __init__(self, *errors: int) -> None:
        self._errors = list(errors)
        self._accepted = False
        self.closed = False

    async def accept(self) -> Stream:
        if self._errors:
            raise OSError(self._errors.pop(0), "no")
        if self._accepted:
            await trio.sleep_forever()
        self._accepted = True
        return memory_stream_pair()[0]

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


async def serve_all(listener: Failing) -> Sequence[Stream]:
    served = []

    async def serve(stream: Stream) -> None:
        served.append(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_from, listener, nursery, serve)
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    return served


async def test_no_file_descriptors_are_survived(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    listener = Failing(errno.EMFILE, errno.ENFILE)

    assert len(await serve_all(listener)) == 1
    assert listener.closed
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


async def test_a_connection_that_was_gone_before_costs_no_other(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(await serve_all(Failing(errno.ECONNABORTED))) == 1
    assert caplog.records == []


async def test_a_listener_that_is_broken_is_no_secret(autojump_clock: MockClock) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="no")):
        await serve_all(Failing(errno.EBADF))


async def test_closing_gently_waits_for_the_peer(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    began = trio.current_time()
    await close_gently(ours, 5)

    assert await theirs.receive_some() == b""
    assert trio.current_time() - began == pytest.approx(5)


async def test_closing_gently_with_no_time_closes_at_once(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    began = trio.current_time()
    await close_gently(ours, 0)

    assert await theirs.receive_some() == b""
    assert trio.current_time() == began
