"""A server on real ports."""

import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio_websocket
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.web.serving import ECHO, Client, echo_messages, get, handshake, post, serving, session
from web import Ended, Limits, Request, Response, Route, Routes, Server, SessionLimits, WebSocket, WebSocketRoute

pytestmark = pytest.mark.usefixtures("wires")

LOOPBACK = "127.0.0.1"

BOTH = Routes(ECHO.http, [WebSocketRoute("/session", echo_messages)])


class Listening:
    """A server on a real port, and its clients."""

    def __init__(self, server: Server, nursery: trio.Nursery) -> None:
        self.server = server
        self.nursery = nursery
        self.port = 0
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        self.clients.append(Client(await trio.open_tcp_stream(LOOPBACK, self.port)))
        return self.clients[-1]

    async def websocket(self) -> trio_websocket.WebSocketConnection:
        stream = (await self.connect()).stream
        assert isinstance(stream, trio.SocketStream)
        return await trio_websocket.wrap_client_stream(self.nursery, stream, LOOPBACK, "/session")


@asynccontextmanager
async def listening(routes: Routes, limits: Limits | None = None) -> AsyncIterator[Listening]:
    async with trio.open_nursery() as nursery:
        listening = Listening(Server(routes, limits), nursery)
        [listening.port] = await nursery.start(listening.server.serve, LOOPBACK, 0)
        yield listening
        for client in listening.clients:
            await client.stream.aclose()
        nursery.cancel_scope.cancel()


async def reset(client: Client) -> None:
    """Ends a connection as a machine does that has forgotten it."""
    assert isinstance(client.stream, trio.SocketStream)
    client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    await client.stream.aclose()


async def test_one_port_serves_requests_and_websockets() -> None:
    async with listening(BOTH) as here:
        websocket = await here.websocket()
        await websocket.send_message("hello")

        assert await websocket.get_message() == "hello"
        assert (await (await here.connect()).ask(post(b"hello"))).body == b"hello"


async def test_websockets_are_served_where_the_system_has_no_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll")
    async with listening(BOTH) as served:
        websocket = await served.websocket()
        await websocket.send_message("hello")
        assert await websocket.get_message() == "hello"


async def test_ipv6_is_served_too() -> None:
    async with trio.open_nursery() as nursery:
        try:
            [port] = await nursery.start(Server(ECHO).serve, "::1", 0)
        except OSError:
            pytest.skip("no IPv6 here")
        async with await trio.open_tcp_stream("::1", port) as stream:
            assert (await Client(stream).ask(get())).status == 200
        nursery.cancel_scope.cancel()


async def test_a_port_that_is_taken_is_an_error_of_who_starts() -> None:
    async with listening(ECHO) as here:
        with pytest.raises(OSError, match=f"{LOOPBACK}:{here.port}: Address already in use"):
            await Server(ECHO).serve(LOOPBACK, here.port)


async def test_who_still_sends_can_read_why_it_is_refused() -> None:
    async with listening(ECHO, Limits(max_body_size=1000)) as here:
        client = await here.connect()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.stream.send_all, post(b"x" * 5_000_000))

            assert (await client.answer()).status == 413


async def test_who_still_sends_can_read_that_its_message_is_too_large() -> None:
    async with listening(session(limits=SessionLimits(max_message_size=1000))) as here:
        websocket = await here.websocket()

        async def send() -> None:
            await websocket.send_message(b"x" * 5_000_000)
            await websocket.get_message()

        with pytest.raises(trio_websocket.ConnectionClosed) as raised:
            await send()

        assert raised.value.reason is not None
        assert raised.value.reason.code == 1009


async def test_resets_cost_only_their_connections() -> None:
    async with listening(BOTH) as here:
        for part in (b"", b"GET /", post(b"hello")[:-1], get() * 3, handshake(), handshake() + b"\x81\x85\0\0\0\0he"):
            client = await here.connect()
            await client.stream.send_all(part)
            await reset(client)

        assert (await (await here.connect()).ask(post(b"hello"))).body == b"hello"
        assert here.server.statistics.failures == 0


async def test_a_websocket_that_does_not_read_is_cut_on_a_real_connection() -> None:
    ended = trio.Event()

    async def talk(request: Request, websocket: WebSocket) -> None:
        try:
            while True:
                await websocket.send_text("x" * 100_000)
        finally:
            ended.set()

    async with listening(session(talk), Limits(write_timeout_in_s=0.1)) as here:
        await (await here.connect()).stream.send_all(handshake())
        with trio.fail_after(10):
            await ended.wait()

        assert here.server.statistics.ended == {Ended.WRITE_TIMEOUT: 1}


async def test_a_server_that_stops_accepting_goes_on_with_whom_it_has() -> None:
    async with listening(ECHO) as here:
        client = await here.connect()
        await client.ask(get())
        here.server.stop_accepting()
        await wait_all_tasks_blocked()

        assert (await client.ask(post(b"hello"))).body == b"hello"
        with pytest.raises(OSError, match="connect"):
            await here.connect()


async def test_a_closing_server_answers_what_is_in_hand() -> None:
    answering, go_on = trio.Event(), trio.Event()

    async def wait(request: Request) -> Response:
        answering.set()
        await go_on.wait()
        return Response(body=b"done")

    async with serving(Routes(http=[Route("GET", "/", wait)])) as served:
        busy, resting = served.client(), served.client()
        await busy.stream.send_all(get() + get())
        await answering.wait()
        served.nursery.start_soon(served.server.close, 100)
        assert await resting.ended()
        go_on.set()
        answer = await busy.answer()

        assert (answer.body, answer.headers["connection"]) == (b"done", "close")
        assert await busy.ended()


async def test_a_closing_server_returns_when_no_connection_is_left(autojump_clock: MockClock) -> None:
    server = Server(ECHO)
    async with trio.open_nursery() as nursery:
        ports = await nursery.start(server.serve, LOOPBACK, 0)
        await server.close(100)

    assert ports
    assert trio.current_time() < 1


async def test_what_outlasts_the_grace_is_cut(autojump_clock: MockClock) -> None:
    async def never(request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    async with serving(Routes(http=[Route("GET", "/", never)], websockets=session().websockets)) as served:
        client = served.client()
        await client.stream.send_all(get())
        await served.client().ask(handshake())
        await wait_all_tasks_blocked()
        began = trio.current_time()
        await served.server.close(10)

        assert trio.current_time() - began == pytest.approx(10, abs=0.1)
        assert served.server.statistics.open_connections == 0
        assert served.server.statistics.open_websockets == 0
