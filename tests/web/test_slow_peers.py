from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from tests.web.serving import ECHO, Client, get, post, serving
from web import Ended, Limits, Request, Response, Route, Routes

pytestmark = pytest.mark.usefixtures("wires")

LIMITS = Limits(head_timeout_in_s=10, keep_alive_timeout_in_s=75, body_timeout_in_s=30, write_timeout_in_s=20)


async def test_a_slow_head_is_answered_408(autojump_clock: MockClock) -> None:
    async with serving(ECHO, LIMITS) as served:
        client = served.client()

        async def drip() -> None:
            for byte in get("/", "X: " + "x" * 100):
                await client.stream.send_all(bytes([byte]))
                await trio.sleep(1)

        served.nursery.start_soon(drip)
        began = trio.current_time()

        assert (await client.answer()).status == 408
        assert trio.current_time() - began == pytest.approx(10, abs=0.1)
        assert served.server.statistics.ended == {Ended.HEAD_TIMEOUT: 1}


async def test_who_says_nothing_is_left_without_a_word(autojump_clock: MockClock) -> None:
    async with serving(ECHO, LIMITS) as served:
        began = trio.current_time()

        assert await served.client().ended()
        assert trio.current_time() - began == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("path", ["/echo", "/later"])
async def test_a_connection_may_rest_between_requests(autojump_clock: MockClock, path: str) -> None:
    async with serving(ECHO, LIMITS) as served:
        client = served.client()
        for _ in range(4):
            assert (await client.ask(post(b"hello", path=path))).status == 200
            await trio.sleep(70)
        assert (await client.ask(post(b"hello", path=path))).status == 200
        began = trio.current_time()

        assert await client.ended()
        assert trio.current_time() - began == pytest.approx(75, abs=0.1)


async def test_a_head_that_is_slow_after_a_rest_is_answered_408(autojump_clock: MockClock) -> None:
    async with serving(ECHO, LIMITS) as served:
        client = served.client()
        await client.ask(get())
        await trio.sleep(70)
        await client.stream.send_all(get()[:-1])
        began = trio.current_time()

        assert (await client.answer()).status == 408
        assert trio.current_time() - began == pytest.approx(10, abs=0.1)


async def test_a_rest_begins_with_the_answer_however_slow_the_request_was(autojump_clock: MockClock) -> None:
    async with serving(ECHO, LIMITS) as served:
        client = served.client()
        for part in (post(b"hello")[:9], post(b"hello")[9:-1], post(b"hello")[-1:]):
            await trio.sleep(9)
            await client.stream.send_all(part)
        assert (await client.answer()).status == 200
        began = trio.current_time()

        assert await client.ended()
        assert trio.current_time() - began == pytest.approx(75, abs=0.1)


async def test_what_a_slow_body_held_is_given_back_before_its_peer_has_read_why(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    theirs.send_stream.send_all_hook = trio.sleep_forever
    limits = Limits(body_timeout_in_s=30, close_timeout_in_s=5, max_bodies_size=10)
    async with serving(ECHO, limits) as served:
        served.door.hand(theirs)
        await ours.send_all(post(b"0123456789")[:-1])
        await trio.sleep(29)
        refused = await served.client().ask(post(b"0123456789"))
        await trio.sleep(2)
        taken = await served.client().ask(post(b"0123456789"))

    assert (refused.status, taken.status) == (503, 200)


async def test_a_slow_body_is_answered_408(autojump_clock: MockClock) -> None:
    async with serving(ECHO, LIMITS) as served:
        client = served.client()
        await client.stream.send_all(post(b"hello")[:-1])
        began = trio.current_time()

        assert (await client.answer()).status == 408
        assert await client.ended()
        assert trio.current_time() - began == pytest.approx(30, abs=0.1)
        assert served.server.statistics.ended == {Ended.BODY_TIMEOUT: 1}


async def test_an_answer_may_take_its_time(autojump_clock: MockClock) -> None:
    async def ponder(request: Request) -> Response:
        await trio.sleep(1000)
        return Response(body=b"thought")

    async with serving(Routes(http=[Route("GET", "/", ponder)]), LIMITS) as served:
        assert (await served.client().ask(get())).body == b"thought"


async def test_who_does_not_read_its_answer_is_cut(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    theirs.send_stream.send_all_hook = trio.sleep_forever
    async with serving(ECHO, LIMITS) as served:
        served.door.hand(theirs)
        await ours.send_all(get())
        began = trio.current_time()
        with suppress(trio.BrokenResourceError):
            while True:
                await trio.sleep(0.1)
                await ours.send_all(b"x")

        assert trio.current_time() - began == pytest.approx(20, abs=0.2)
        assert served.server.statistics.ended == {Ended.WRITE_TIMEOUT: 1}
        assert served.server.statistics.open_connections == 0


async def test_a_peer_that_vanishes_costs_only_its_connection() -> None:
    async with serving(ECHO, LIMITS) as served:
        for part in (b"", b"GET /", get(), post(b"hello")[:-1]):
            vanishing = served.client()
            await vanishing.stream.send_all(part)
            await vanishing.stream.aclose()

        assert (await served.client().ask(post(b"hello"))).body == b"hello"
        await trio.testing.wait_all_tasks_blocked()
        assert served.server.statistics.failures == 0


async def test_slow_peers_do_not_slow_the_others(autojump_clock: MockClock) -> None:
    async with serving(ECHO, LIMITS) as served:
        for _ in range(50):
            await served.client().stream.send_all(b"GET / HT")
        began = trio.current_time()

        assert (await served.client().ask(get())).status == 200
        assert trio.current_time() == began


async def test_one_more_connection_than_allowed_is_turned_away() -> None:
    async with serving(ECHO, Limits(max_connections=2)) as served:
        first, second = served.client(), served.client()
        await first.ask(get())
        await second.ask(get())
        third = served.client()
        turned_away = await third.answer()

        assert (turned_away.status, turned_away.headers["retry-after"]) == (503, "1")
        assert await third.ended()
        assert served.server.statistics.ended == {Ended.TOO_MANY_CONNECTIONS: 1}
        assert (await first.ask(get())).status == 200


async def test_a_connection_that_ends_makes_room(autojump_clock: MockClock) -> None:
    async with serving(ECHO, Limits(max_connections=1)) as served:
        await _visit(served.client())
        await trio.sleep(1)

        assert (await served.client().ask(get())).status == 200


async def _visit(client: Client) -> None:
    await client.ask(get())
    await client.stream.aclose()


async def test_who_came_first_is_served_also_when_many_come_at_once() -> None:
    async with serving(ECHO, Limits(max_connections=5)) as served:
        clients = [served.client() for _ in range(20)]

        served_first = [(await client.ask(get())).status for client in clients[:5]]
        turned_away = [(await client.answer()).status for client in clients[5:]]

    assert (served_first, turned_away) == ([200] * 5, [503] * 15)
