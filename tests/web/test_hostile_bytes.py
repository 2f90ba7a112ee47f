"""Whatever bytes come: only their own connection ends, and nothing of ours fails."""

import re
from contextlib import suppress

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from tests.web.serving import ECHO, Client, echo_messages, get, handshake, post, serving
from web import Ended, Limits, Routes, Statistics, WebSocketRoute
from web.streams import Stream

pytestmark = pytest.mark.usefixtures("wires")

pytestmark = pytest.mark.hostile

ROUTES = Routes(ECHO.http, [WebSocketRoute("/session", echo_messages)])

PIECES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [
            get(),
            post(b"hello"),
            handshake(),
            b"\r\n\r\n",
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b"\x81\x85\0\0\0\0hello",
            b"\x01\x85\0\0\0\0hello",
            b"\x89\x80\0\0\0\0",
            b"\x88\x82\0\0\0\0\x03\xe8",
            b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
        ]
    ),
)


async def _suffer(pieces: list[bytes]) -> Statistics:
    async with serving(ROUTES, Limits(max_body_size=1000)) as served:
        good, bad = served.client(), served.client()
        for piece in pieces:
            try:
                await bad.stream.send_all(piece)
            except trio.BrokenResourceError:
                break
            assert (await _echoed(good)) == b"hello"
        await bad.stream.aclose()
        await trio.sleep(100)
        assert served.server.statistics.open_connections == 0
        return served.server.statistics


async def _echoed(client: Client) -> bytes:
    return (await client.ask(post(b"hello"))).body


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=6))
def test_no_bytes_make_the_server_fail(pieces: list[bytes]) -> None:
    statistics = trio.run(_suffer, pieces, clock=MockClock(autojump_threshold=0))

    assert statistics.failures == 0
    assert statistics.open_websockets == 0
    assert statistics.opened_websockets == statistics.closed_websockets


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=6))
def test_no_frames_make_a_session_fail(pieces: list[bytes]) -> None:
    statistics = trio.run(_suffer, [handshake(), *pieces], clock=MockClock(autojump_threshold=0))

    assert statistics.failures == 0
    assert statistics.opened_websockets == statistics.closed_websockets


REQUESTS = [
    get(),
    get("/", "Origin: https://a.example", method="HEAD"),
    get("/nowhere"),
    post(b"hello"),
    post(b"x" * 3000),
    get("/echo", method="OPTIONS"),
    b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x\r\n!\r\n0\r\na: b\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"nonsense\r\n\r\n",
]


async def _answered(pieces: list[bytes]) -> tuple[bytes, dict[Ended, int]]:
    """All that is answered to bytes that come in these pieces, but for the dates, and what it counts as."""
    answers = b""
    async with serving(ECHO, Limits(max_body_size=5000, max_head_size=500)) as served:
        stream = served.door.connect()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send, stream, pieces)
            while data := await stream.receive_some():
                answers += data
            nursery.cancel_scope.cancel()
        return re.sub(rb"Date: [^\r]*", b"", answers), dict(served.server.statistics.ended)


async def _send(stream: Stream, pieces: list[bytes]) -> None:
    with suppress(trio.BrokenResourceError):
        for piece in pieces:
            await stream.send_all(piece)
            await trio.testing.wait_all_tasks_blocked()
        await stream.send_eof()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=5), st.lists(st.integers(1, 300), max_size=10))
def test_requests_are_answered_the_same_however_they_arrive(requests: list[bytes], widths: list[int]) -> None:
    rest, pieces = b"".join(requests), []
    for width in widths:
        pieces.append(rest[:width])
        rest = rest[width:]

    assert trio.run(_answered, [*pieces, rest]) == trio.run(_answered, [b"".join(requests)])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(REQUESTS),
    st.lists(st.tuples(st.integers(0, 150), st.binary(max_size=3)), min_size=1, max_size=4),
    st.sampled_from(REQUESTS),
)
def test_a_request_that_was_damaged_is_answered_or_ended(
    request: bytes, damages: list[tuple[int, bytes]], behind: bytes
) -> None:
    for at, damage in damages:
        request = request[:at] + damage + request[at + 1 :]
    statistics = trio.run(_suffer, [request, behind], clock=MockClock(autojump_threshold=0))

    assert statistics.failures == 0
