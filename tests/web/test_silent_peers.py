"""Peers that say nothing, or read nothing: over memory, and over sockets, where pings go another way."""

from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair
from wsproto.events import Ping, Pong, TextMessage

from tests.web.serving import Client, RawSession, closed_with, ignore, serving, session
from web import Ended, Limits, Request, SessionLimits, WebSocket

pytestmark = pytest.mark.usefixtures("wires")


async def listen(request: Request, websocket: WebSocket) -> None:
    await websocket.listen(ignore)


async def test_a_silent_peer_that_answers_pings_is_kept(autojump_clock: MockClock) -> None:
    async with serving(session(limits=SessionLimits(ping_interval_in_s=20, ping_timeout_in_s=20))) as served:
        websocket = await served.websocket()
        await trio.sleep(600)
        await websocket.send_message("still here")

        assert await websocket.get_message() == "still here"


async def test_a_frozen_peer_is_cut_after_a_ping(autojump_clock: MockClock) -> None:
    async with serving(session(limits=SessionLimits(ping_interval_in_s=20, ping_timeout_in_s=20))) as served:
        frozen = await RawSession(served.client()).open()
        began = trio.current_time()

        assert isinstance(await frozen.event(), Ping)
        assert trio.current_time() - began == pytest.approx(20, abs=2)
        assert await frozen.client.stream.receive_some() == b""
        assert trio.current_time() - began == pytest.approx(40, abs=2)
        assert served.server.statistics.ended == {Ended.PING_TIMEOUT: 1}


@pytest.mark.parametrize("moment", [0.0, 0.3, 0.9])
async def test_a_peer_that_answers_at_once_is_kept_however_short_the_timeout(
    autojump_clock: MockClock, moment: float
) -> None:
    await trio.sleep(moment)
    async with serving(session(limits=SessionLimits(ping_interval_in_s=20, ping_timeout_in_s=0.1))) as served:
        await served.websocket()
        await trio.sleep(600)

        assert served.server.statistics.ended == {}


async def test_a_peer_that_answers_is_pinged_again_however_long_the_timeout(autojump_clock: MockClock) -> None:
    async with serving(session(limits=SessionLimits(ping_interval_in_s=1, ping_timeout_in_s=20))) as served:
        raw = await RawSession(served.client()).open()
        pings = []
        for _ in range(5):
            assert isinstance(await raw.event(), Ping)
            pings.append(trio.current_time())
            await raw.send(Pong())

        assert max(later - earlier for earlier, later in pairwise(pings)) <= 3


async def test_nobody_is_cut_for_a_silence_in_which_we_stood_still(autojump_clock: MockClock) -> None:
    async with serving(session(limits=SessionLimits(ping_interval_in_s=20, ping_timeout_in_s=20))) as served:
        await served.websocket()
        await trio.sleep(5)
        autojump_clock.jump(100)
        await trio.sleep(5)

        assert served.server.statistics.ended == {}


async def test_silence_counts_from_what_was_heard_last(autojump_clock: MockClock) -> None:
    async with serving(session(limits=SessionLimits(ping_interval_in_s=20))) as served:
        raw = await RawSession(served.client()).open()
        await trio.sleep(10)
        await raw.send(Ping())
        said_at = trio.current_time()

        assert [type(await raw.event()), type(await raw.event())] == [Pong, Ping]
        assert trio.current_time() - said_at == pytest.approx(20, abs=2)


async def test_while_nobody_listens_silence_does_not_count(autojump_clock: MockClock) -> None:
    async def doze(request: Request, websocket: WebSocket) -> None:
        with trio.move_on_after(5):
            await websocket.listen(ignore)
        await trio.sleep(10)
        await websocket.listen(ignore)

    async with serving(session(doze, SessionLimits(ping_interval_in_s=20))) as served:
        raw = await RawSession(served.client()).open()
        began = trio.current_time()

        assert isinstance(await raw.event(), Ping)
        assert trio.current_time() - began == pytest.approx(35, abs=2)


async def test_a_session_without_messages_is_closed(autojump_clock: MockClock) -> None:
    async with serving(session(limits=SessionLimits(idle_timeout_in_s=1200))) as served:
        websocket = await served.websocket()
        began = trio.current_time()

        assert (await closed_with(websocket))[0] == 1001
        assert trio.current_time() - began == pytest.approx(1200, abs=2)


async def test_a_peer_that_does_not_read_is_cut(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    async with serving(session(), Limits(write_timeout_in_s=20)) as served:
        served.door.hand(theirs)
        raw = await RawSession(Client(ours)).open()
        theirs.send_stream.send_all_hook = trio.sleep_forever
        await raw.send(TextMessage("echo this"))
        await trio.sleep(25)

        assert served.server.statistics.ended == {Ended.WRITE_TIMEOUT: 1}
        with pytest.raises(trio.BrokenResourceError):
            await ours.send_all(b"x")


async def test_a_peer_that_speaks_no_more_and_reads_no_more_is_cut(autojump_clock: MockClock) -> None:
    async def tell(request: Request, websocket: WebSocket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(websocket.listen, ignore)
            await trio.sleep(2)
            theirs.send_stream.send_all_hook = trio.sleep_forever
            await websocket.send_text("Who reads this?")

    ours, theirs = memory_stream_pair()
    async with serving(session(tell), Limits(write_timeout_in_s=5)) as served:
        served.door.hand(theirs)
        await RawSession(Client(ours)).open()
        await trio.sleep(10)

        assert served.server.statistics.ended[Ended.WRITE_TIMEOUT] == 1


async def test_a_session_with_messages_now_and_then_stays_open(autojump_clock: MockClock) -> None:
    async with serving(session(listen, SessionLimits(idle_timeout_in_s=100))) as served:
        websocket = await served.websocket()
        for _ in range(5):
            await trio.sleep(90)
            await websocket.send_message("still here")

        assert served.server.statistics.open_websockets == 1
        assert served.server.statistics.ended == {}


async def test_an_idle_peer_that_does_not_close_is_cut(autojump_clock: MockClock) -> None:
    limits = SessionLimits(idle_timeout_in_s=100, ping_interval_in_s=0)
    async with serving(session(listen, limits), Limits(close_timeout_in_s=5)) as served:
        await RawSession(served.client()).open()
        await trio.sleep(110)

        assert served.server.statistics.open_connections == 0
        assert served.server.statistics.ended == {Ended.IDLE_TIMEOUT: 1}


async def test_a_silent_peer_is_pinged_once(autojump_clock: MockClock) -> None:
    async with serving(session(limits=SessionLimits(ping_interval_in_s=20, ping_timeout_in_s=100))) as served:
        frozen = await RawSession(served.client()).open()
        await frozen.event()

        assert await frozen.client.ended()
        assert trio.current_time() == pytest.approx(120, abs=2)


async def test_each_silence_has_a_ping_of_its_own(autojump_clock: MockClock) -> None:
    async with serving(session(limits=SessionLimits(ping_interval_in_s=20, ping_timeout_in_s=20))) as served:
        raw = await RawSession(served.client()).open()
        for _ in range(5):
            assert await raw.event() == Ping()
            await raw.send(Pong())

        assert trio.current_time() == pytest.approx(110, abs=10)
