"""Sockets that are read together: nobody is forgotten, and nobody makes the loop spin."""

import socket
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager

import pytest
import trio
import trio.testing

from web.gathering import FEW_AT_ONCE, LONGEST, MOST_AT_ONCE, SHORTEST, Gathering, Pause
from web.streams import TcpStream

Pair = tuple[TcpStream, socket.socket]
"""One end that is read, and the other that speaks."""


@contextmanager
def pairs(gathering: Gathering, number: int) -> Iterator[list[Pair]]:
    with ExitStack() as stack:
        made = []
        for _ in range(number):
            near, far = (stack.enter_context(closing(it)) for it in socket.socketpair())
            near.setblocking(False)
            stream = TcpStream(near)
            stream.gather(gathering)
            made.append((stream, far))
        yield made


@asynccontextmanager
async def gathered(number: int, pause: Pause = lambda: None) -> AsyncIterator[list[Pair]]:
    gathering = Gathering(pause)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gathering.run)
        with pairs(gathering, number) as made:
            yield made
            for stream, _ in made:
                await stream.aclose()
        nursery.cancel_scope.cancel()


async def test_what_a_peer_says_is_received() -> None:
    async with gathered(1) as [(stream, peer)]:
        peer.send(b"one")
        assert await stream.receive_some() == b"one"
        peer.send(b"two")
        assert await stream.receive_some() == b"two"


async def test_who_waits_already_is_told_too() -> None:
    async with gathered(1) as [(stream, peer)], trio.open_nursery() as nursery:
        received: list[bytes] = []

        async def receive() -> None:
            received.append(await stream.receive_some())

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        peer.send(b"hello")
    assert received == [b"hello"]


async def test_the_end_of_what_a_peer_says_is_told() -> None:
    async with gathered(1) as [(stream, peer)]:
        peer.send(b"bye")
        peer.close()
        assert [await stream.receive_some(), await stream.receive_some()] == [b"bye", b""]


async def test_of_many_that_speak_at_once_everybody_is_read() -> None:
    number = 2 * MOST_AT_ONCE + 10
    received: list[bytes] = []

    async def receive(stream: TcpStream) -> None:
        received.append(await stream.receive_some())

    async with gathered(number) as made, trio.open_nursery() as nursery:
        for stream, peer in made:
            peer.send(b"x")
            nursery.start_soon(receive, stream)
    assert received == [b"x"] * number


async def test_closing_tells_who_waits() -> None:
    async with gathered(1) as [(stream, _)], trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await stream.receive_some()

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        await stream.aclose()


async def test_who_gave_up_waiting_may_wait_again() -> None:
    async with gathered(1) as [(stream, peer)]:
        with trio.move_on_after(0):
            await stream.receive_some()
        peer.send(b"late")
        assert await stream.receive_some() == b"late"


async def test_a_socket_that_nobody_reads_is_looked_at_once_a_moment(autojump_clock: trio.testing.MockClock) -> None:
    """Else a session that waits for room would keep the processor busy."""
    sleeps = 0

    class Sleeps(trio.abc.Instrument):
        def before_io_wait(self, timeout: float) -> None:
            nonlocal sleeps
            sleeps += 1

    async with gathered(1) as [(_, peer)]:
        peer.send(b"unread")
        await trio.sleep(SHORTEST)
        trio.lowlevel.add_instrument(Sleeps())
        await trio.sleep(100 * SHORTEST)
    assert sleeps < 1000


async def speak(pairs: list[Pair], most: int = 1000) -> float:
    """All say four bytes at once, of which at most `most` are read; how long the last waited. (s)"""
    since = trio.current_time()
    async with trio.open_nursery() as nursery:
        for stream, peer in pairs:
            peer.send(b"1234")
            nursery.start_soon(stream.receive_some, most)
    return trio.current_time() - since


async def test_who_speaks_alone_is_read_at_the_end_of_a_short_moment(autojump_clock: trio.testing.MockClock) -> None:
    async with gathered(1) as pairs:
        waited = [await speak(pairs) for _ in range(10)]

    assert waited == pytest.approx([0] + [SHORTEST] * 9)


async def test_moments_grow_while_several_speak_within_one(autojump_clock: trio.testing.MockClock) -> None:
    async with gathered(3) as pairs:
        waited = [await speak(pairs) for _ in range(8)]
        alone = [await speak(pairs[:1]) for _ in range(8)]

    assert waited[-1] == pytest.approx(LONGEST)
    assert alone[-1] == pytest.approx(SHORTEST)


async def test_nobody_waits_long_while_somebody_sends_faster_than_he_is_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with gathered(3) as pairs:
        for _ in range(8):
            await speak(pairs)
        await speak(pairs, most=2)
        waited = await speak(pairs[:1])
        waited = max(waited, await speak(pairs[1:]))

    assert waited <= 2 * SHORTEST


async def test_who_cannot_be_watched_with_the_others_is_read_alone() -> None:
    gathering = Gathering()
    near, far = socket.socketpair()
    near.setblocking(False)
    gathering.add(near.fileno())
    stream = TcpStream(near)
    stream.gather(gathering)  # the system refuses to watch it twice, as it does when it watches too many
    with closing(far):
        far.send(b"hello")
        assert await stream.receive_some() == b"hello"
        await stream.aclose()


async def test_who_comes_when_nobody_is_watched_any_more_is_read_alone() -> None:
    """A node that is cut short may just be opening a session."""
    gathering = Gathering()
    with trio.move_on_after(0):
        await gathering.run()
    with pairs(gathering, 1) as [(stream, peer)]:
        peer.send(b"hello")
        assert await stream.receive_some() == b"hello"
        await stream.aclose()


async def test_nobody_waits_for_hundreds_whom_nobody_reads(autojump_clock: trio.testing.MockClock) -> None:
    """Theirs is unread while a message of theirs is worked on, or while they do not read our answers."""
    async with gathered(301) as [one, *others]:
        for _, peer in others:
            peer.send(b"unread")
        await trio.sleep(1)
        waited = await speak([one])

    assert waited <= 3 * SHORTEST


async def test_catching_up_reads_what_had_come_without_waiting(autojump_clock: trio.testing.MockClock) -> None:
    number = 2 * MOST_AT_ONCE + 1
    received: list[bytes] = []

    async def receive(stream: TcpStream) -> None:
        while len(received) < 2 * number:
            received.append(await stream.receive_some(1000))

    gathering = Gathering()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gathering.run)
        with pairs(gathering, number) as made:
            for stream, peer in made:
                peer.send(b"x")
                nursery.start_soon(receive, stream)
            await trio.sleep(1)
            since = trio.current_time()
            for _, peer in made:
                peer.send(b"y")
            await gathering.catch_up()
            caught_up_after = trio.current_time() - since
            nursery.cancel_scope.cancel()

    assert received == [b"x"] * number + [b"y"] * number
    assert caught_up_after == 0


async def test_while_there_is_no_room_nobody_is_read(autojump_clock: trio.testing.MockClock) -> None:
    room = trio.Event()

    def pause() -> Awaitable[None] | None:
        return None if room.is_set() else room.wait()

    async with gathered(1, pause) as [(stream, peer)], trio.open_nursery() as nursery:
        received = Received(nursery, stream)
        peer.send(b"1")
        await trio.testing.wait_all_tasks_blocked()
        peer.send(b"2")
        await trio.sleep(LONGEST / 2)
        meanwhile = bytes(received)
        room.set()
        await trio.sleep(LONGEST / 4)
        nursery.cancel_scope.cancel()

    assert (meanwhile, bytes(received)) == (b"1", b"12")


async def test_who_waits_for_room_is_read_after_the_longest_moment(autojump_clock: trio.testing.MockClock) -> None:
    async with gathered(1, trio.sleep_forever) as pairs:
        waited = [await speak(pairs) for _ in range(3)]

    assert max(waited) == pytest.approx(LONGEST + SHORTEST)


async def test_of_senders_that_are_faster_than_we_read_few_are_read_at_once() -> None:
    turns = [0]

    class Turns(trio.abc.Instrument):
        def before_io_wait(self, timeout: float) -> None:
            turns.append(0)

    async def receive(stream: TcpStream) -> None:
        for _ in range(5):
            await stream.receive_some(1)
            turns[-1] += 1

    trio.lowlevel.add_instrument(Turns())
    async with gathered(8) as made, trio.open_nursery() as nursery:
        for stream, peer in made:
            peer.send(b"xxxxx")
            nursery.start_soon(receive, stream)

    assert max(turns[turns.index(8) + 1 :]) == FEW_AT_ONCE


class Received(bytearray):
    """All that a stream receives."""

    def __init__(self, nursery: trio.Nursery, stream: TcpStream) -> None:
        nursery.start_soon(self._receive, stream)

    async def _receive(self, stream: TcpStream) -> None:
        while data := await stream.receive_some():
            self.extend(data)


async def listening(stream: TcpStream, heard: list[bytes | None], until: bytes) -> None:
    """Listens until this was heard; a peer that says ``wrong`` makes it fail."""

    def hear() -> bool:
        heard.append(stream.receive_now())
        if heard[-1] == b"wrong":
            raise ValueError("That is wrong")
        return heard[-1] != until

    assert await stream.listen(hear)


async def test_who_listens_is_called_until_he_wants_no_more(autojump_clock: trio.testing.MockClock) -> None:
    heard: list[bytes | None] = []
    async with gathered(1) as [(stream, peer)], trio.open_nursery() as nursery:
        nursery.start_soon(listening, stream, heard, b"2")
        for said in (b"1", b"2", b"3"):
            peer.send(said)
            await trio.sleep(1)
        assert heard == [b"1", b"2"]
        assert await stream.receive_some() == b"3"


async def test_what_goes_wrong_when_one_listens_is_his_alone(autojump_clock: trio.testing.MockClock) -> None:
    heard: list[bytes | None] = []
    async with gathered(2) as [(stream, peer), (other, of_other)], trio.open_nursery() as nursery:
        nursery.start_soon(listening, other, heard, b"last")
        peer.send(b"wrong")
        with pytest.raises(ValueError, match="That is wrong"):
            await listening(stream, [], b"")
        of_other.send(b"last")

    assert heard == [b"last"]


async def test_who_listens_when_the_stream_is_closed_is_told(autojump_clock: trio.testing.MockClock) -> None:
    async with gathered(1) as [(stream, _)], trio.open_nursery() as nursery:
        nursery.start_soon(stream.aclose)
        with pytest.raises(trio.ClosedResourceError):
            await listening(stream, [], b"")


async def test_who_is_called_may_close_the_stream(autojump_clock: trio.testing.MockClock) -> None:
    gathering = Gathering()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gathering.run)
        with pairs(gathering, 1) as [(stream, peer)]:

            def hear() -> bool:
                gathering.remove(stream.number)
                return False

            peer.send(b"x")
            with pytest.raises(trio.ClosedResourceError):
                await stream.listen(hear)
        nursery.cancel_scope.cancel()


async def test_who_is_cancelled_is_not_called_any_more(autojump_clock: trio.testing.MockClock) -> None:
    heard: list[bytes | None] = []
    async with gathered(1) as [(stream, peer)]:
        with trio.move_on_after(1):
            await listening(stream, heard, b"")
        peer.send(b"late")
        assert await stream.receive_some() == b"late"

    assert heard == []


async def test_who_is_read_alone_cannot_listen() -> None:
    near, far = socket.socketpair()
    with closing(far):
        stream = TcpStream(near)
        assert not await stream.listen(lambda: True)
        await stream.aclose()
