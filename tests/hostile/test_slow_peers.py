"""Peers that send too slowly, never read, or never end. The node's clock is moved on; nobody waits for real."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.hostile.standing import BINARY, GET, PING, frame, post, read_all, standing, statuses, upgrade

pytestmark = pytest.mark.hostile

PEERS = 50


@pytest.fixture
def clock() -> MockClock:
    """Runs as real time does, and can be moved on."""
    return MockClock(rate=1.0)


HALVES = {
    "a head": (b"GET / HTTP/1.1\r\nHost: x\r\nX", 11, "head_timeout"),
    "a second head": (GET.replace(b"Connection: close\r\n", b"") + b"GET / HTTP/1.1\r\n", 11, "head_timeout"),
    "a body": (post(b"{" * 100)[:-50], 31, "body_timeout"),
    "a compressed body": (post(b"\x1f\x8b" + bytes(100), "Content-Encoding: gzip")[:-101], 31, "body_timeout"),
    "a chunk": (
        b"POST /rest/samples/a/b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        31,
        "body_timeout",
    ),
    "a frame": (upgrade() + frame(BINARY, bytes(1000))[:-500], 45, "ping_timeout"),
    "a message": (upgrade() + frame(BINARY, bytes(1000), fin=False), 45, "ping_timeout"),
}
"""What a peer sends of something before it falls silent, after how many seconds it is ended, and what counts that."""


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
async def test_who_stops_in_the_middle_is_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, clock: MockClock, half: tuple[bytes, float, str]
) -> None:
    sent, seconds, reason = half
    async with standing(tmp_path, caplog) as it:
        streams = [await it.connect() for _ in range(PEERS)]
        for stream in streams:
            await stream.send_all(sent)
        await it.node.get("/health")
        await it.node.pass_time(seconds)
        for stream in streams:
            await _read_and_close(stream)

        assert await it.ended(reason) == PEERS


DRIPS: dict[str, tuple[bytes, Callable[[int], bytes], float]] = {
    "a head": (b"GET / HTTP/1.1\r\nHost: x\r\n", lambda number: b"X: y\r\n", 2),
    "a body": (post(b"{" * 1000)[:-1000], lambda number: b"x", 5),
    "a frame": (upgrade() + frame(BINARY, bytes(1000))[:-1000], lambda number: b"x", 10),
    "empty fragments": (upgrade() + frame(BINARY, fin=False), lambda number: frame(0, fin=False), 10),
    "pings": (upgrade(), lambda number: frame(PING), 10),
}
"""What a peer begins, what it goes on with, and how many seconds it takes for each piece."""


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
async def test_who_drips_is_ended(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    clock: MockClock,
    drip: tuple[bytes, Callable[[int], bytes], float],
) -> None:
    begin, piece, pause = drip
    async with standing(tmp_path, caplog, sources={"websocket": {"idleTimeoutInS": 60}}) as it:
        stream = await it.connect()
        await stream.send_all(begin)
        ended = False
        for number in range(20):
            await it.check_good_session()
            await it.node.pass_time(pause)
            try:
                await stream.send_all(piece(number))
            except trio.BrokenResourceError:
                ended = True
                break
        await trio.aclose_forcefully(stream)

    assert ended


async def test_who_never_reads_its_answers_is_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, clock: MockClock
) -> None:
    async with standing(tmp_path, caplog) as it:
        async with await it.connect() as stream:
            await _send_until_stuck(stream, b"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
            await it.check_good_session()
            await it.node.pass_time(25)
            assert await it.ended("write_timeout") == 1
        it.check_memory()


async def test_who_never_reads_its_pongs_is_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, clock: MockClock
) -> None:
    blocks = {"sources": {"websocket": {"maxMessageSize": 100_000_000}}}
    async with standing(tmp_path, caplog, **blocks) as it:
        async with await it.connect() as stream:
            await stream.send_all(upgrade())
            await _send_until_stuck(stream, frame(PING, bytes(125)) * 1000)
            await it.check_good_session()
            await it.node.pass_time(25)
            assert await it.ended("write_timeout") == 1
        it.check_memory()


async def test_who_only_connects_is_let_go(tmp_path: Path, caplog: pytest.LogCaptureFixture, clock: MockClock) -> None:
    async with standing(tmp_path, caplog) as it:
        streams = [await it.connect() for _ in range(500)]
        await it.node.get("/health")
        await it.node.pass_time(11)
        for stream in streams:
            assert statuses(await _read_and_close(stream)) == []


async def _send_until_stuck(stream: trio.SocketStream, piece: bytes) -> None:
    """Sends until not a byte goes any more, because the peer no longer reads."""
    left = memoryview(piece)
    while True:
        with trio.move_on_after(2) as sending:
            left = left[await stream.socket.send(left) :] or memoryview(piece)
        if sending.cancelled_caught:
            return


async def _read_and_close(stream: trio.SocketStream) -> bytes:
    received = bytearray()
    with trio.fail_after(10):
        await read_all(stream, received)
    await stream.aclose()
    return bytes(received)
