"""RFC 6455 over a real connection, case by case, numbered as in the Autobahn test suite."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from tests.web.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, closing, frame
from tests.web.serving import echo_messages, handshake
from web import Request, Routes, Server, SessionLimits, WebSocket, WebSocketRoute

LOOPBACK = "127.0.0.1"
LONGEST = 1 << 20

Told = tuple[str, bytes] | tuple[str, int]
"""A message or a pong with what it carries, or the code of a close frame."""

NORMAL = closing(1000)


async def echo(request: Request, websocket: WebSocket) -> None:
    await echo_messages(request, websocket)


@asynccontextmanager
async def connected() -> AsyncIterator[trio.SocketStream]:
    """A session with a server that sends every message back as text."""
    routes = Routes(websockets=[WebSocketRoute("/session", echo, SessionLimits(max_message_size=LONGEST))])
    async with trio.open_nursery() as nursery:
        [port] = await nursery.start(Server(routes).serve, LOOPBACK, 0)
        async with await trio.open_tcp_stream(LOOPBACK, port) as stream:
            await stream.send_all(handshake())
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += await stream.receive_some(1)
            assert head.startswith(b"HTTP/1.1 101 ")
            yield stream
        nursery.cancel_scope.cancel()


async def answers(pieces: Sequence[bytes]) -> list[Told]:
    """What the server says to these pieces, each in a segment of its own as far as that can be had, until it ends."""
    async with connected() as stream:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_send, stream, pieces)
                received = [data async for data in stream]
    return list(_told(b"".join(received)))


async def _send(stream: trio.SocketStream, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        await stream.send_all(piece)
        await trio.lowlevel.checkpoint()


def _told(data: bytes) -> list[Told]:
    connection, told, begun = Connection(ConnectionType.CLIENT), list[Told](), b""
    connection.receive_data(data)
    for event in connection.events():
        match event:
            case TextMessage() | BytesMessage():
                begun += event.data.encode() if isinstance(event, TextMessage) else event.data
                if event.message_finished:
                    told.append(("message", begun))
                    begun = b""
            case Ping() | Pong():
                told.append((type(event).__name__.lower(), bytes(event.payload)))
            case CloseConnection():
                told.append(("close", int(event.code)))
    return told


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def message(payload: bytes) -> Told:
    return ("message", payload)


def close(code: int) -> Told:
    return ("close", code)


SIZES = (0, 125, 126, 127, 128, 65_535, 65_536)
EURO = "Hello-µ@ßöäüàá-UTF-8!!€😀".encode()

GOOD: dict[str, tuple[Sequence[bytes], Sequence[Told]]] = {
    **{f"1.1 text of {size}": ([frame(TEXT, b"*" * size)], [message(b"*" * size)]) for size in SIZES},
    **{f"1.2 binary of {size}": ([frame(BINARY, b"\x7e" * size)], [message(b"\x7e" * size)]) for size in SIZES},
    "1.1.8 text of 65536 in pieces": (
        [frame(TEXT, b"*" * 65_536)[at : at + 997] for at in range(0, 65_550, 997)],
        [message(b"*" * 65_536)],
    ),
    "2.1 ping without payload": ([frame(PING)], [("pong", b"")]),
    "2.2 ping with text": ([frame(PING, b"Hello, world!")], [("pong", b"Hello, world!")]),
    "2.3 ping with binary": (
        [frame(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")],
        [("pong", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")],
    ),
    "2.4 ping of 125": ([frame(PING, b"\xfe" * 125)], [("pong", b"\xfe" * 125)]),
    "2.6 ping of 125 in bytes": (bytewise(frame(PING, b"\xfe" * 125)), [("pong", b"\xfe" * 125)]),
    "2.7 pong nobody asked for": ([frame(PONG)], []),
    "2.8 pong with payload nobody asked for": ([frame(PONG, b"unsolicited pong payload")], []),
    "2.9 pong, then ping": ([frame(PONG, b"x") + frame(PING, b"y")], [("pong", b"y")]),
    "2.10 ten pings": ([b"".join(frame(PING, b"%d" % n) for n in range(10))], [("pong", b"%d" % n) for n in range(10)]),
    "2.11 ten pings in bytes": (
        bytewise(b"".join(frame(PING, b"%d" % n) for n in range(10))),
        [("pong", b"%d" % n) for n in range(10)],
    ),
    "5.3 two fragments": ([frame(TEXT, b"frag", final=False) + frame(CONTINUATION, b"ment")], [message(b"fragment")]),
    "5.4 two fragments in frames": (
        [frame(TEXT, b"frag", final=False), frame(CONTINUATION, b"ment")],
        [message(b"fragment")],
    ),
    "5.5 two fragments in bytes": (
        bytewise(frame(TEXT, b"frag", final=False) + frame(CONTINUATION, b"ment")),
        [message(b"fragment")],
    ),
    "5.6 a ping between fragments": (
        [frame(TEXT, b"frag", final=False) + frame(PING, b"p") + frame(CONTINUATION, b"ment")],
        [("pong", b"p"), message(b"fragment")],
    ),
    "5.8 a ping between fragments in bytes": (
        bytewise(frame(TEXT, b"frag", final=False) + frame(PING, b"p") + frame(CONTINUATION, b"ment")),
        [("pong", b"p"), message(b"fragment")],
    ),
    "5.19 five fragments with pings between": (
        [
            frame(TEXT, b"1", final=False) + frame(CONTINUATION, b"2", final=False) + frame(PING, b"a"),
            frame(CONTINUATION, b"3", final=False) + frame(CONTINUATION, b"4", final=False) + frame(PING, b"b"),
            frame(CONTINUATION, b"5"),
        ],
        [("pong", b"a"), ("pong", b"b"), message(b"12345")],
    ),
    "6.1 empty text in three fragments": (
        [frame(TEXT, final=False) + frame(CONTINUATION, final=False) + frame(CONTINUATION)],
        [message(b"")],
    ),
    "6.1.3 empty fragments around text": (
        [frame(TEXT, final=False) + frame(CONTINUATION, b"middle", final=False) + frame(CONTINUATION)],
        [message(b"middle")],
    ),
    "6.2.1 UTF-8 in one frame": ([frame(TEXT, EURO)], [message(EURO)]),
    "6.2.2 UTF-8 in two fragments, between characters": (
        [frame(TEXT, EURO[:6], final=False) + frame(CONTINUATION, EURO[6:])],
        [message(EURO)],
    ),
    "6.2.3 UTF-8 in fragments of one byte": (
        [
            frame(TEXT, EURO[:1], final=False),
            *(frame(CONTINUATION, EURO[at : at + 1], final=False) for at in range(1, len(EURO))),
            frame(CONTINUATION),
        ],
        [message(EURO)],
    ),
    **{
        f"6 valid UTF-8 {text!a}": ([frame(TEXT, text.encode())], [message(text.encode())])
        for text in (
            "κόσμε",
            "\x00",
            "\x80",
            "\u0800",
            "\U00010000",
            "\ud7ff",
            "\ue000",
            "\ufffd",
            "\U0010ffff",
            "\ufffe",
        )
    },
}
"""What is in order: it is answered, and the close frame behind it too."""

NOT_UTF_8 = {
    "6.3.1": b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    "6.4 beyond the last character": b"\xce\xba\xf4\x90\x80\x80edited",
    "6.8 a first byte alone": b"\xc0",
    "6.12 impossible bytes": b"\xfe",
    "6.13 impossible bytes": b"\xff",
    "6.14 an overlong slash": b"\xc0\xaf",
    "6.15 a long overlong slash": b"\xe0\x80\xaf",
    "6.18 an overlong null": b"\xc0\x80",
    "6.20 a surrogate": b"\xed\xa0\x80",
    "6.21 two surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "6.6 an unfinished character": b"\xce\xba\xe1\xbd",
}

BAD: dict[str, tuple[Sequence[bytes], int]] = {
    "2.5 ping of 126": ([frame(PING, b"\xfe" * 126)], 1002),
    **{f"3 reserved bits {bits}": ([frame(TEXT, b"*", reserved=bits)], 1002) for bits in range(1, 8)},
    "3.4 reserved bits in bytes": (bytewise(frame(TEXT, b"*", reserved=4)), 1002),
    "3.5 reserved bits of a binary frame": ([frame(BINARY, b"*", reserved=5)], 1002),
    "3.6 reserved bits of a ping": ([frame(PING, b"*", reserved=6)], 1002),
    "3.7 reserved bits of a close": ([frame(CLOSE, b"\x03\xe8", reserved=7)], 1002),
    **{f"4 opcode {opcode}": ([frame(opcode, b"*")], 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "4.1.5 opcode 7 in bytes": (bytewise(frame(7, b"*")), 1002),
    "5.1 a ping in fragments": ([frame(PING, b"f", final=False) + frame(CONTINUATION, b"g")], 1002),
    "5.2 a pong in fragments": ([frame(PONG, b"f", final=False) + frame(CONTINUATION, b"g")], 1002),
    "5.9 nothing to continue": ([frame(CONTINUATION, b"x") + frame(TEXT, b"y")], 1002),
    "5.12 nothing to continue, not final": ([frame(CONTINUATION, b"x", final=False) + frame(TEXT, b"y")], 1002),
    "5.18 text within text": ([frame(TEXT, b"a", final=False) + frame(TEXT, b"b")], 1002),
    **{f"{name}, invalid UTF-8": ([frame(TEXT, text)], 1007) for name, text in NOT_UTF_8.items()},
    "6.4.1 invalid UTF-8 in the second fragment": (
        [frame(TEXT, b"\xce\xba", final=False) + frame(CONTINUATION, b"\xf4\x90\x80\x80", final=False)],
        1007,
    ),
    "7.3.2 a close of one byte": ([frame(CLOSE, b"a")], 1002),
    "7.3.6 a close of 126": ([frame(CLOSE, b"\x03\xe8" + b"x" * 124)], 1002),
    "7.5.1 a reason that is no UTF-8": ([closing(1000, b"\xce\xba\xed\xa0\x80")], 1007),
    **{
        f"7.9 close code {code}": ([closing(code)], 1002) for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
    },
    **{f"7.13 close code {code}": ([closing(code)], 1002) for code in (5000, 65_535)},
    "9 a message that is too long": ([frame(BINARY, bytes(LONGEST + 1))], 1009),
    "9 fragments that are too long": (
        [frame(BINARY, bytes(LONGEST), final=False) + frame(CONTINUATION, b"x", final=False)],
        1009,
    ),
    "the length in more bytes than it needs": ([frame(TEXT, b"x", length_bytes=8)], 1002),
    "a frame without a mask": ([frame(TEXT, b"x", masked=False)], 1002),
}
"""What breaks the protocol: the message before is answered, then it is told by a close frame, and all ends."""

CLOSES: dict[str, tuple[Sequence[bytes], int]] = {
    "7.1.1 a close frame": ([NORMAL], 1000),
    "7.1.2 two close frames": ([NORMAL + closing(1001)], 1000),
    "7.1.3 a ping behind it": ([NORMAL + frame(PING, b"x")], 1000),
    "7.1.4 text behind it": ([NORMAL + frame(TEXT, b"x")], 1000),
    "7.1.5 within a message": ([frame(TEXT, b"x", final=False) + NORMAL + frame(CONTINUATION, b"y")], 1000),
    "7.3.1 without a code": ([frame(CLOSE)], 1005),
    "7.3.4 with a reason": ([closing(1000, b"Hello World!")], 1000),
    "7.3.5 with the longest reason": ([closing(1000, b"*" * 123)], 1000),
    "7.3.5 in bytes": (bytewise(closing(1000, b"*" * 123)), 1000),
    **{
        f"7.7 code {code}": ([closing(code)], code)
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    },
}
"""How a peer may close, and the code it gets back."""


@pytest.mark.parametrize(("sent", "told"), GOOD.values(), ids=GOOD)
async def test_what_is_in_order_is_answered(sent: Sequence[bytes], told: Sequence[Told]) -> None:
    assert await answers([*sent, NORMAL]) == [*told, close(1000)]


@pytest.mark.parametrize(("sent", "code"), BAD.values(), ids=BAD)
async def test_what_breaks_the_protocol_is_told_and_ends(sent: Sequence[bytes], code: int) -> None:
    said = await answers([frame(TEXT, b"before"), *sent, frame(TEXT, b"behind")])

    assert said == [message(b"before"), close(code)]


@pytest.mark.parametrize(("sent", "code"), CLOSES.values(), ids=CLOSES)
async def test_who_closes_is_answered(sent: Sequence[bytes], code: int) -> None:
    assert await answers(sent) == [close(code)]


@pytest.mark.parametrize("size", [65_536, 262_144, LONGEST])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_9_1_to_9_2_long_messages(opcode: int, size: int) -> None:
    assert await answers([frame(opcode, b"*" * size), NORMAL]) == [message(b"*" * size), close(1000)]


@pytest.mark.parametrize("size", [64, 4096, 65_536])
async def test_9_3_to_9_4_a_long_message_in_many_fragments(size: int) -> None:
    parts = [frame(CONTINUATION, b"*" * size, final=False)] * (262_144 // size - 2)
    sent = [frame(TEXT, b"*" * size, final=False), *parts, frame(CONTINUATION, b"*" * size), NORMAL]

    assert await answers([b"".join(sent)]) == [message(b"*" * 262_144), close(1000)]


@pytest.mark.parametrize("size", [64, 256, 2048])
async def test_9_5_to_9_6_a_long_message_in_many_segments(size: int) -> None:
    data = frame(TEXT, b"*" * 100_000) + NORMAL

    assert await answers([data[at : at + size] for at in range(0, len(data), size)]) == [
        message(b"*" * 100_000),
        close(1000),
    ]


@pytest.mark.parametrize("size", [0, 16, 64, 1024])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_9_7_to_9_8_a_thousand_messages(opcode: int, size: int) -> None:
    assert await answers([frame(opcode, b"*" * size) * 1000, NORMAL]) == [message(b"*" * size)] * 1000 + [close(1000)]
