import logging
import sys
import weakref
from collections.abc import Awaitable
from contextlib import suppress

import pytest
import trio
import trio_websocket
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from tests.web.serving import Client, RawSession, closed_with, handshake, ignore, post, serving, session
from web import (
    Disconnected,
    Ended,
    Limits,
    Refusal,
    Request,
    Response,
    Route,
    Routes,
    SessionLimits,
    Stopped,
    WebSocket,
    WebSocketRoute,
)
from web.websocket import cut


async def test_text_and_binary_messages_both_come_as_bytes() -> None:
    async with serving(session()) as served:
        websocket = await served.websocket()
        await websocket.send_message("text ü")
        await websocket.send_message("binary ü".encode())

        assert [await websocket.get_message() for _ in range(2)] == ["text ü", "binary ü"]


async def test_a_message_in_fragments_is_put_together() -> None:
    async with serving(session()) as served:
        raw = await RawSession(served.client()).open()
        await raw.send(
            TextMessage("a", message_finished=False),
            Ping(b"p"),
            TextMessage("b", message_finished=False),
            TextMessage("c"),
        )

        assert type(await raw.event()).__name__ == "Pong"
        assert await raw.event() == TextMessage("abc")


async def test_frames_sent_along_with_the_handshake_are_not_lost() -> None:
    async with serving(session()) as served:
        raw = RawSession(served.client())
        await raw.client.stream.send_all(handshake() + raw.protocol.send(TextMessage("early")))
        assert (await raw.client.answer()).status == 101

        assert await raw.event() == TextMessage("early")


async def test_no_extension_is_agreed_on() -> None:
    async with serving(session()) as served:
        answer = await served.client().ask(handshake("/session", "Sec-WebSocket-Extensions: permessage-deflate"))

        assert answer.status == 101
        assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert "sec-websocket-extensions" not in answer.headers


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (handshake("/nowhere"), 404),
        (handshake().replace(b"Version: 13", b"Version: 8"), 426),
        (handshake().replace(b"Connection: Upgrade", b"Connection: close"), 400),
        (handshake().replace(b"ZQ==", b""), 400),
        (handshake().replace(b"GET", b"POST"), 400),
        (handshake("/session", "Content-Length: 9"), 400),
    ],
)
async def test_what_cannot_become_a_websocket_is_answered_plainly(data: bytes, status: int) -> None:
    async with serving(session()) as served:
        assert (await served.client().ask(data)).status == status
        assert served.server.statistics.opened_websockets == 0


async def test_a_connection_may_become_a_websocket_after_requests() -> None:
    async def answer(request: Request) -> Response:
        return Response(body=request.body)

    async with serving(Routes([Route("POST", "/echo", answer)], session().websockets)) as served:
        raw = RawSession(served.client())
        await raw.client.ask(post(b"hello"))
        await raw.open()
        await raw.send(TextMessage("a"))

        assert await raw.event() == TextMessage("a")


async def test_a_refusal_is_a_close_frame() -> None:
    async def refuse(request: Request, websocket: WebSocket) -> None:
        raise Refusal(4226, "Not ready")

    async with serving(session(refuse)) as served:
        assert await closed_with(await served.websocket()) == (4226, "Not ready")


async def test_a_long_reason_is_cut_between_characters() -> None:
    async def refuse(request: Request, websocket: WebSocket) -> None:
        raise Refusal(4230, "€" * 100)

    async with serving(session(refuse)) as served:
        assert await closed_with(await served.websocket()) == (4230, "€" * 41)


@pytest.mark.parametrize("character", ["a", "ü", "€", "😀"])
@pytest.mark.parametrize("before", ["", "a", "aa", "aaa"])
def test_a_cut_reason_is_as_long_as_a_close_frame_holds(character: str, before: str) -> None:
    size = len(cut(before + character * 200).encode())

    assert 123 - len(character.encode()) < size <= 123


async def test_a_handler_that_fails_closes_only_its_session(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(request: Request, websocket: WebSocket) -> None:
        def take(message: bytes, text: bool) -> Awaitable[None]:
            if message == b"fail":
                raise RuntimeError("a secret")
            return websocket.send_text("ok")

        await websocket.listen(take)

    routes = Routes(websockets=[WebSocketRoute("/session", fail, failure=Refusal(4227, "Internal error"))])
    async with serving(routes) as served:
        one, other = await served.websocket(), await served.websocket()
        await one.send_message("fail")

        assert await closed_with(one) == (4227, "Internal error")
        await other.send_message("go on")
        assert await other.get_message() == "ok"
        assert "a secret" in caplog.text
        assert served.server.statistics.failures == 1


@pytest.mark.parametrize("message", ["x" * 1001, b"x" * 1001, "€" * 400])
async def test_a_message_too_large_closes_its_session(message: str | bytes) -> None:
    async with serving(session(limits=SessionLimits(max_message_size=1000))) as served:
        one, other = await served.websocket(), await served.websocket()
        await one.send_message(message)

        assert (await closed_with(one))[0] == 1009
        await other.send_message("x" * 1000)
        assert await other.get_message() == "x" * 1000
        assert served.server.statistics.ended == {Ended.MESSAGE_TOO_LARGE: 1}


@pytest.mark.hostile
async def test_fragments_without_end_are_cut() -> None:
    async with serving(session(limits=SessionLimits(max_message_size=1000))) as served:
        raw = await RawSession(served.client()).open()
        await raw.send(BytesMessage(b"", message_finished=False))
        empty = b"".join(raw.protocol.send(BytesMessage(b"", message_finished=False)) for _ in range(1000))
        with suppress(trio.BrokenResourceError), trio.fail_after(4):
            while True:
                await raw.client.stream.send_all(empty)
                await wait_all_tasks_blocked()

        assert served.server.statistics.ended == {Ended.MESSAGE_UNFINISHED: 1}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param(b"\x81\x82\0\0\0\0\xff\xff", 1007, id="text that is no UTF-8"),
        pytest.param(b"\x81\x02ab", 1002, id="not masked"),
        pytest.param(b"\xc1\x80\0\0\0\0", 1002, id="compressed"),
        pytest.param(b"\x83\x80\0\0\0\0", 1002, id="unknown opcode"),
        pytest.param(b"\x89\xfe\x00\x7e\0\0\0\0" + b"x" * 126, 1002, id="long ping"),
        pytest.param(b"\x80\x80\0\0\0\0", 1002, id="nothing to continue"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 1002, id="no frame at all"),
    ],
)
async def test_a_frame_that_breaks_the_protocol_ends_its_session(frame: bytes, code: int) -> None:
    async with serving(session()) as served:
        other = await served.websocket()
        raw = await RawSession(served.client()).open()
        await raw.client.stream.send_all(frame)

        closed = await raw.event()
        assert isinstance(closed, CloseConnection)
        assert closed.code == code
        assert await raw.client.ended()
        await other.send_message("go on")
        assert await other.get_message() == "go on"
        assert served.server.statistics.failures == 0
        assert served.server.statistics.ended == {Ended.MALFORMED: 1}


async def test_a_ping_behind_the_close_frame_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(request: Request, websocket: WebSocket) -> None:
        raise Refusal(4226, "Not ready")

    async with serving(session(refuse)) as served:
        raw = await RawSession(served.client()).open()
        await wait_all_tasks_blocked()
        await raw.send(Ping(b"late"))
        await wait_all_tasks_blocked()

        assert served.server.statistics.open_websockets == 0
        assert served.server.statistics.failures == 0
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_who_serves_learns_how_the_session_ended() -> None:
    codes = []

    async def note(request: Request, websocket: WebSocket) -> None:
        try:
            await websocket.listen(ignore)
        except Disconnected as disconnected:
            codes.append(disconnected.code)
            raise

    async with serving(session(note)) as served:
        await (await served.websocket()).aclose(3001)
        vanishing = await RawSession(served.client()).open()
        await vanishing.client.stream.aclose()
        await wait_all_tasks_blocked()

    assert codes == [3001, 1006]


async def test_a_peer_that_never_closes_is_left_in_the_end(autojump_clock: MockClock) -> None:
    async def refuse(request: Request, websocket: WebSocket) -> None:
        raise Refusal(4226, "Not ready")

    async with serving(session(refuse), Limits(close_timeout_in_s=5)) as served:
        await RawSession(served.client()).open()
        await trio.sleep(12)

        assert served.server.statistics.open_connections == 0


async def test_a_session_is_not_read_ahead_of_who_serves_it() -> None:
    go_on = trio.Event()

    async def wait(request: Request, websocket: WebSocket) -> None:
        await websocket.listen(lambda message, text: go_on.wait())

    ours, theirs = memory_stream_pair()
    async with serving(session(wait)) as served:
        served.door.hand(theirs)
        raw = await RawSession(Client(ours)).open()
        for _ in range(200):
            await raw.send(BytesMessage(b"x" * 10_000))
            await wait_all_tasks_blocked(0.0)

        assert served.server.statistics.received_bytes < 200_000


async def test_sessions_are_counted() -> None:
    async with serving(session()) as served:
        first = await served.websocket()
        await served.websocket()
        await first.aclose()
        await wait_all_tasks_blocked()
        statistics = served.server.statistics

        assert (statistics.opened_websockets, statistics.open_websockets, statistics.closed_websockets) == (2, 1, 1)


async def test_stopped_sessions_tell_who_serves_them() -> None:
    ends: list[type[Exception]] = []

    async def note(request: Request, websocket: WebSocket) -> None:
        try:
            await websocket.listen(ignore)
        except Disconnected as disconnected:
            ends.append(type(disconnected))
            raise

    async with serving(session(note)) as served:
        websocket: trio_websocket.WebSocketConnection = await served.websocket()
        await wait_all_tasks_blocked()
        served.nursery.start_soon(served.server.close, 5)

        assert await closed_with(websocket) == (1001, "The server stops")
        await wait_all_tasks_blocked()
        assert ends == [Stopped]
        await websocket.aclose()


async def test_an_idle_session_holds_nothing_of_its_last_message() -> None:
    class Noted(bytearray):
        """Can be asked whether it is gone."""

    ours, theirs = memory_stream_pair()
    received = list[weakref.ref[Noted]]()
    messages = list[bytes]()

    async def receive_noted(max_bytes: int | None = None) -> Noted:
        data = Noted(await receive(max_bytes))
        received.append(weakref.ref(data))
        return data

    async def note(request: Request, websocket: WebSocket) -> None:
        await websocket.listen(lambda message, text: messages.append(message))

    receive = theirs.receive_some
    theirs.receive_some = receive_noted  # type: ignore[method-assign]
    async with serving(session(note)) as served:
        served.door.hand(theirs)
        raw = await RawSession(Client(ours)).open()
        await raw.send(BytesMessage(b"x" * 100_000))
        await wait_all_tasks_blocked()
        [message] = messages
        messages.clear()
        holders = sys.getrefcount(message) - 2

        assert [noted() for noted in received] == [None] * len(received)
        assert holders == 0


async def test_who_listens_again_loses_nothing() -> None:
    messages = list[bytes]()

    def take(message: bytes, text: bool) -> None:
        messages.append(message)
        if message == b"no":
            raise ValueError("no")

    async def note(request: Request, websocket: WebSocket) -> None:
        with trio.move_on_after(0.01):
            await websocket.listen(take)
        with suppress(ValueError):
            await websocket.listen(take)
        await websocket.listen(take)

    async with serving(session(note)) as served:
        raw = await RawSession(served.client()).open()
        await trio.sleep(0.05)
        await raw.send(TextMessage("a"), TextMessage("no"), TextMessage("b"))
        await wait_all_tasks_blocked()

    assert messages == [b"a", b"no", b"b"]


async def test_who_serves_is_told_what_was_text() -> None:
    messages = list[tuple[bytes, bool]]()

    async def note(request: Request, websocket: WebSocket) -> None:
        await websocket.listen(lambda message, text: messages.append((message, text)))

    async with serving(session(note)) as served:
        raw = await RawSession(served.client()).open()
        await raw.send(TextMessage("a"), BytesMessage(b"b"), TextMessage("c", message_finished=False), TextMessage("d"))
        await wait_all_tasks_blocked()

    assert messages == [(b"a", True), (b"b", False), (b"cd", True)]


async def test_nothing_is_taken_once_the_server_stops() -> None:
    messages = list[bytes]()

    async def note(request: Request, websocket: WebSocket) -> None:
        await websocket.listen(lambda message, text: messages.append(message))

    async with serving(session(note)) as served:
        raw = await RawSession(served.client()).open()
        await raw.send(TextMessage("before"))
        await wait_all_tasks_blocked()
        served.nursery.start_soon(served.server.close, 5)
        await wait_all_tasks_blocked()
        await raw.send(TextMessage("behind"))
        await wait_all_tasks_blocked()

    assert messages == [b"before"]


async def test_many_messages_are_not_one_that_never_ends() -> None:
    async with serving(session(limits=SessionLimits(max_message_size=1000))) as served:
        websocket = await served.websocket()
        for _ in range(200):
            await websocket.send_message("x" * 1000)
            assert await websocket.get_message() == "x" * 1000


async def test_who_is_refused_may_close_before_the_connection_ends(autojump_clock: MockClock) -> None:
    async def refuse(request: Request, websocket: WebSocket) -> None:
        raise Refusal(4226, "Not ready")

    async with serving(session(refuse)) as served:
        raw = await RawSession(served.client()).open()
        refusal = await raw.event()
        with trio.move_on_after(1) as waiting:
            await raw.client.stream.receive_some()
        assert isinstance(refusal, CloseConnection)
        await raw.send(refusal.response())

        assert waiting.cancelled_caught
        assert await raw.client.ended()


@pytest.mark.parametrize(
    "frame",
    [b"\x8a\x80\0\0\0\0", b"\x00\x80\0\0\0\0", b"\x80\x80\0\0\0\0\x02\x80\0\0\0\0", b"\x82\x80\0\0\0\0"],
    ids=["pong", "fragment", "message in fragments", "message"],
)
async def test_who_sends_many_frames_at_once_does_not_keep_others_waiting(frame: bytes) -> None:
    turns = 0

    async def wait_in_turn() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async def ignore_messages(request: Request, websocket: WebSocket) -> None:
        await websocket.listen(ignore)

    async with serving(session(ignore_messages)) as served:
        raw = await RawSession(served.client()).open()
        await raw.client.stream.send_all(b"\x02\x80\0\0\0\0" if not frame[0] & 0x0F else b"")
        await wait_all_tasks_blocked()
        served.nursery.start_soon(wait_in_turn)
        await raw.client.stream.send_all(frame * 5000 + b"\x89\x80\0\0\0\0")
        await raw.event()

    assert turns > 30


async def test_a_peer_is_not_cut_while_we_do_not_read_it(autojump_clock: MockClock) -> None:
    async def ponder(request: Request, websocket: WebSocket) -> None:
        async def answer(message: bytes) -> None:
            await trio.sleep(1000)
            await websocket.send_text(message.decode())

        await websocket.listen(lambda message, text: answer(message))

    limits = SessionLimits(ping_interval_in_s=20, ping_timeout_in_s=20, idle_timeout_in_s=900)
    async with serving(session(ponder, limits)) as served:
        websocket = await served.websocket()
        for _ in range(5):
            await websocket.send_message("x")

        assert [await websocket.get_message() for _ in range(5)] == ["x"] * 5
