"""Whatever bytes come: only their own connection ends, and nothing of ours fails."""

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from tests.web.serving import ECHO, Client, echo_messages, get, handshake, post, serving
from web import Limits, Routes, Statistics, WebSocketRoute

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
