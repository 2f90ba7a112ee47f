"""What we use of trio-websocket, wsproto and trio that they do not promise.

A failure here says that a dependency has changed: read what it does now, and then `web/wire.py`, `web/frames.py` or
`web/turns.py`.
"""

import ast
import inspect
import select
import socket
from collections import OrderedDict
from pathlib import Path

import pytest
import trio
import trio_websocket
from trio._core import _io_epoll, _run
from trio.testing import memory_stream_pair, wait_all_tasks_blocked
from trio_websocket import WebSocketConnection
from websockets.speedups import apply_mask
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.utilities import generate_accept_token

from web.frames import Frames
from web.statistics import Statistics
from web.turns import MOST_EVENTS, bound_turns
from web.watching import Watch
from web.wire import Wire

WEB = Path(__file__).parent.parent.parent / "web"

OURS = {
    "_begin",
    "_cut",
    "_feed",
    "_frames",
    "_hear",
    "_hear_close",
    "_hearing",
    "_listen",
    "_most_unfinished",
    "_pending",
    "_see_to",
    "_sends",
    "_statistics",
    "_take_all",
    "_unfinished",
    "_watch",
}
"""What `Wire` has besides."""

CALLED = {"_abort_web_socket": [], "_handle_close_connection_event": ["event"], "_handle_ping_event": ["event"]}
OVERRIDDEN = {"_send": ["event"], "_close_stream": []}
READ = {"_stream": object, "_close_reason": type(None), "_close_handshake": trio.Event}
REPLACED = {
    "_send_channel": trio.MemorySendChannel,
    "_recv_channel": trio.MemoryReceiveChannel,
    "_open_handshake": trio.Event,
    "_for_testing_peer_closed_connection": trio.Event,
    "_connection_proposal": object,
    "_pings": OrderedDict,
}


def opened() -> tuple[
    WebSocketConnection, trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]
]:
    """One as trio-websocket makes it, and the other end of its stream."""
    ours, theirs = memory_stream_pair()
    return WebSocketConnection(ours, Frames(1000)), theirs


def told(data: bytes) -> list[Event]:
    """What a client makes of what a server has sent."""
    connection = Connection(ConnectionType.CLIENT)
    connection.receive_data(data)
    return list(connection.events())


def test_private_names_of_trio_websocket_are_used_in_one_file_and_all_are_checked_here() -> None:
    tree = ast.parse((WEB / "wire.py").read_text())
    of_self = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    methods = {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)}
    private = {name for name in of_self | methods if name.startswith("_") and not name.startswith("__")}

    assert private - OURS == {*CALLED, *OVERRIDDEN, *READ, *REPLACED}


@pytest.mark.parametrize(("name", "parameters"), [*CALLED.items(), *OVERRIDDEN.items()])
def test_methods_of_trio_websocket_are_there(name: str, parameters: list[str]) -> None:
    method = getattr(WebSocketConnection, name)

    assert inspect.iscoroutinefunction(method)
    assert list(inspect.signature(method).parameters) == ["self", *parameters]


@pytest.mark.parametrize(("name", "kind"), [*READ.items(), *REPLACED.items()])
async def test_attributes_of_trio_websocket_are_there(name: str, kind: type) -> None:
    connection, _ = opened()

    assert isinstance(vars(connection)[name], kind)


async def test_nothing_of_trio_websocket_is_called_as_something_of_ours() -> None:
    connection, _ = opened()

    assert not (OURS | set(Wire.__slots__)) & (set(vars(connection)) | set(dir(WebSocketConnection)))


async def test_trio_websocket_sends_what_it_is_told_to() -> None:
    connection, theirs = opened()
    await connection._send(Ping(b"x"))
    await connection._handle_ping_event(Ping(b"y"))

    assert told(bytes(await theirs.receive_some())) == [Ping(b"x"), Pong(b"y")]


async def test_trio_websocket_answers_a_close_frame_and_closes() -> None:
    connection, theirs = opened()
    frames = connection._wsproto
    assert isinstance(frames, Frames)
    frames.receive_data(b"\x88\x82\0\0\0\0\x03\xe9")
    [event] = frames.received()
    assert isinstance(event, CloseConnection)
    before = frames.state
    await connection._handle_close_connection_event(event)

    assert connection.closed is not None
    assert connection.closed.code == 1001
    assert connection._close_handshake.is_set()
    assert (before, frames.state) == (ConnectionState.REMOTE_CLOSING, ConnectionState.CLOSED)
    assert told(bytes(await theirs.receive_some())) == [CloseConnection(1001, "")]


async def test_trio_websocket_sends_nothing_once_it_has_a_reason_to_close() -> None:
    connection, _ = opened()
    connection._close_reason = trio_websocket.CloseReason(1001, "x")

    with pytest.raises(trio_websocket.ConnectionClosed):
        await connection.send_message("x")


async def test_trio_websocket_gives_up_with_1006() -> None:
    connection, theirs = opened()
    await theirs.aclose()
    with pytest.raises(trio_websocket.ConnectionClosed) as raised:
        await connection._send(Ping())

    assert raised.value.reason is not None
    assert raised.value.reason.code == 1006
    assert connection._close_handshake.is_set()


async def test_what_is_let_go_is_not_needed() -> None:
    """Each way a session may end, with what `Wire` shares between all of them."""
    for end in (b"\x88\x82\0\0\0\0\x03\xe8", b"\xff", b""):
        ours, theirs = memory_stream_pair()
        wire = Wire(ours, b"", 1000, Statistics(), Watch(20))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.read, lambda data, text: None)
            await theirs.send_all(b"\x89\x80\0\0\0\0" + end)
            await wait_all_tasks_blocked()
            await theirs.send_stream.aclose()

        assert wire.over


def test_wsproto_tells_a_breach_as_a_close_while_it_is_open() -> None:
    connection = Connection(ConnectionType.SERVER)
    connection.receive_data(b"\x83\x80\0\0\0\0")
    [event] = connection.events()

    assert isinstance(event, CloseConnection)
    assert event.code == 1002
    assert connection.state is ConnectionState.OPEN


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b"\x01\x81\0\0\0\0a", TextMessage("a", frame_finished=True, message_finished=False)),
        (b"\x02\x81\0\0\0\0a", BytesMessage(b"a", frame_finished=True, message_finished=False)),
        (b"\x89\x80\0\0\0\0", Ping(b"")),
    ],
)
def test_wsproto_tells_one_event_for_one_frame(frame: bytes, expected: Event) -> None:
    connection = Connection(ConnectionType.SERVER)
    connection.receive_data(frame)

    assert list(connection.events()) == [expected]


def test_a_connection_of_wsproto_needs_no_handshake() -> None:
    plain, frames = WSConnection(ConnectionType.SERVER), Frames(1000)

    assert {"client", "handshake", "connection"} == set(vars(plain))
    assert frames.state is ConnectionState.OPEN
    assert told(frames.send(TextMessage("a"))) == [TextMessage("a", frame_finished=True, message_finished=True)]


def test_the_answer_to_a_key_is_that_of_the_rfc() -> None:
    assert generate_accept_token(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_masks_are_taken_off_in_c(kind: type[bytes | bytearray]) -> None:
    unmasked = apply_mask(kind(b"\x00\x01\x02\x03\x04"), kind(b"\x01\x02\x03\x04"))

    assert unmasked == b"\x01\x03\x01\x07\x05"
    assert type(unmasked) is bytes
    assert inspect.isbuiltin(apply_mask)


async def test_trio_waits_by_an_epoll_object_that_can_be_replaced() -> None:
    manager = _run.GLOBAL_RUN_CONTEXT.runner.io_manager
    assert isinstance(manager, _io_epoll.EpollIOManager)
    assert isinstance(manager._epoll, select.epoll)
    used = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(_io_epoll)))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "_epoll"
    }
    bound_turns()

    assert used <= {name for name in dir(manager._epoll) if not name.startswith("_")}


async def test_a_turn_takes_up_so_many_at_most() -> None:
    bound_turns()
    bound_turns()
    epoll = _run.GLOBAL_RUN_CONTEXT.runner.io_manager._epoll
    pairs = [socket.socketpair() for _ in range(MOST_EVENTS + 10)]
    for ours, theirs in pairs:
        theirs.send(b"x")
        epoll.register(ours, select.EPOLLIN | select.EPOLLONESHOT)
    first, rest = epoll.poll(0, 10_000), epoll.poll(0, 10_000)
    for ours, theirs in pairs:
        epoll.unregister(ours)
        ours.close()
        theirs.close()

    assert (len(first), len(rest)) == (MOST_EVENTS, 10)
