"""How pings and texts are sent: at once where that can be, and never into the middle of something else."""

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked
from trio_websocket import ConnectionClosed
from wsproto.events import Ping, TextMessage

from tests.web.serving import Client, RawSession, narrow_pair, serving, session, socket_pair
from web import SessionLimits
from web.statistics import Statistics
from web.streams import Stream
from web.watching import Watch
from web.wire import Wire


async def test_a_ping_of_which_half_was_sent_is_finished_before_anything_else(autojump_clock: MockClock) -> None:
    theirs, ours = narrow_pair()
    async with ours, serving(session(limits=SessionLimits(ping_interval_in_s=20))) as served:
        served.door.hand(theirs)
        raw = await RawSession(Client(ours)).open()
        pings = [await raw.event(), await raw.event()]
        await raw.send(TextMessage("a"))

        assert pings == [Ping(), Ping()]
        assert await raw.event() == TextMessage("a")


def wire_over(stream: Stream) -> Wire:
    return Wire(stream, b"", 1000, Statistics(), Watch(20))


async def test_a_ping_over_a_socket_is_sent_at_once() -> None:
    ours, theirs = socket_pair()
    async with ours, theirs:
        assert wire_over(ours).ping_now()
        assert theirs.receive_now() == b"\x89\x00"


async def test_no_ping_comes_into_the_middle_of_a_message() -> None:
    ours, theirs = socket_pair()
    wire = wire_over(ours)
    async with ours, theirs, trio.open_nursery() as nursery:
        nursery.start_soon(wire.send_message, "x" * 5_000_000)
        await wait_all_tasks_blocked()
        # Now there is room, but who sends has not had its turn.
        theirs.receive_now()
        sent = wire.ping_now()
        nursery.cancel_scope.cancel()

    assert not sent


async def test_no_ping_comes_behind_a_close_frame() -> None:
    ours, theirs = socket_pair()
    async with ours, theirs:
        wire = wire_over(ours)
        await wire.part(1000, "")

        assert not wire.ping_now()


async def test_who_is_gone_is_not_pinged_at_once() -> None:
    ours, theirs = socket_pair()
    async with ours:
        await theirs.aclose()

        assert not wire_over(ours).ping_now()


async def test_a_stream_that_is_no_socket_is_not_pinged_at_once() -> None:
    ours, _ = memory_stream_pair()

    assert not wire_over(ours).ping_now()


@pytest.mark.parametrize("text", ["", "a", "ü", "x" * 125, "ü" * 62 + "x", "x" * 126, "ü" * 63, "x" * 70_000])
@pytest.mark.usefixtures("wires")
async def test_a_text_comes_as_it_was_sent(text: str) -> None:
    async with serving(session()) as served:
        websocket = await served.websocket()
        for _ in range(2):
            await websocket.send_message(text)

        assert [await websocket.get_message() for _ in range(2)] == [text, text]


async def test_a_text_of_which_a_part_was_sent_is_finished_and_comes_once() -> None:
    near, far = narrow_pair()
    async with near, far:
        wire = wire_over(near)
        await wire.send_text("one")
        await wire.send_text("two")

        assert far.receive_now() == b"\x81\x03one\x89\x00\x81\x03two\x89\x00"


async def test_no_text_comes_into_the_middle_of_a_message() -> None:
    ours, theirs = socket_pair()
    wire, long = wire_over(ours), "x" * 1_000_000
    received = b""
    async with ours, theirs, trio.open_nursery() as nursery:
        nursery.start_soon(wire.send_message, long)
        await wait_all_tasks_blocked()
        received += theirs.receive_now() or b""
        nursery.start_soon(wire.send_text, "short")
        while not received.endswith(b"short"):
            received += await theirs.receive_some()

    assert received[10:] == long.encode() + b"\x81\x05short"


async def test_who_is_gone_is_told_of_as_by_the_long_way() -> None:
    ours, theirs = socket_pair()
    async with ours:
        await theirs.aclose()
        with pytest.raises(ConnectionClosed):
            await wire_over(ours).send_text("Is there anybody?")
