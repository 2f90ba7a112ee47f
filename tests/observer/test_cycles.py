"""What a node does leaves no cycles behind: Python's collector would have to look at all that lives to find them."""

import gc
import json
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.nodes import NOW, Node, running

BINARY, CLOSE, PING = 2, 8, 9


@pytest.fixture(autouse=True)
def _only_what_is_left_for_the_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def cycles() -> Counter[str]:
    """The types of all objects in cycles that nobody refers to; they are freed."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    found = Counter(type(lost).__qualname__ for lost in gc.garbage)
    gc.set_debug(0)
    gc.garbage.clear()
    return found


@asynccontextmanager
async def session(node: Node) -> AsyncIterator[trio.SocketStream]:
    """A WebSocket of which nothing on the side of the client makes cycles."""
    stream = await trio.open_tcp_stream("127.0.0.1", node.port)
    head = "GET /samples/svc/mu HTTP/1.1", "Host: here", "Upgrade: websocket", "Connection: Upgrade"
    key = "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    await stream.send_all("\r\n".join((*head, *key, "", "")).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += await stream.receive_some()
    assert b" 101 " in answer
    yield stream
    await stream.aclose()


def frame(opcode: int, payload: bytes) -> bytes:
    """A frame, masked with zeros."""
    return struct.pack("!BBHI", 0x80 | opcode, 0x80 | 126, len(payload), 0) + payload


def sample(client: int, **values: object) -> bytes:
    tracks = [{"peerConnectionId": f"pc-{client}", "trackId": f"t-{client}", "ssrc": client}]
    told = {"clientId": f"c-{client}", "roomId": "r", "callId": "c", "timestamp": NOW, **values}
    return json.dumps({"clientSamples": [told | {"outboundAudioTracks": tracks}]}).encode()


async def read_to_the_end(stream: trio.SocketStream) -> None:
    """Until the node closes."""
    with trio.fail_after(10):
        while await stream.receive_some():
            pass


async def a_session_that_is_closed(node: Node, number: int) -> None:
    async with session(node) as stream:
        for _ in range(3):
            await stream.send_all(frame(BINARY, sample(number)))
        await stream.send_all(frame(CLOSE, struct.pack("!H", 1000)))
        await read_to_the_end(stream)


async def a_session_that_breaks_off(node: Node, number: int) -> None:
    async with session(node) as stream:
        await stream.send_all(frame(BINARY, sample(number)))
        stream.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, struct.pack("ii", 1, 0))


async def a_session_with_bad_samples(node: Node, number: int) -> None:
    async with session(node) as stream:
        await stream.send_all(frame(BINARY, b"{" * (number + 1)))
        await read_to_the_end(stream)


async def a_session_of_a_client_that_says_goodbye(node: Node, number: int) -> None:
    async with session(node) as stream:
        await stream.send_all(frame(BINARY, sample(number, marker="m")))
        await stream.send_all(frame(PING, b"x"))
        await stream.receive_some()


async def a_post(node: Node, number: int) -> None:
    body = sample(number)
    stream = await trio.open_tcp_stream("127.0.0.1", node.port)
    head = "POST /rest/samples/svc/mu HTTP/1.1", "Host: here", "Connection: close", f"Content-Length: {len(body)}"
    await stream.send_all("\r\n".join((*head, "Content-Type: application/json", "", "")).encode() + body)
    await read_to_the_end(stream)
    await stream.aclose()


WAYS = (
    a_session_that_is_closed,
    a_session_that_breaks_off,
    a_session_with_bad_samples,
    a_session_of_a_client_that_says_goodbye,
    a_post,
)


@pytest.mark.parametrize("way", WAYS)
async def test_what_a_node_does_leaves_no_cycles(way: Callable[[Node, int], Awaitable[None]], tmp_path: Path) -> None:
    async with running(tmp_path, nodes=1, sources={"websocket": {"leaveGraceInS": 0}}) as node:
        await way(node, 0)
        await trio.sleep(0.3)
        cycles()
        for number in range(10):
            await way(node, number)
        await trio.sleep(1.2)

        found = cycles()

        assert sum(found.values()) < 10, found
