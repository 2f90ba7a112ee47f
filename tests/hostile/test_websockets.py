"""Frames that are none, that lie, or that never end."""

import os
import random
import struct
from pathlib import Path

import pytest
import trio

from tests.hostile.standing import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Standing,
    close_code,
    frame,
    read_all,
    reset,
    standing,
    upgrade,
)

pytestmark = pytest.mark.hostile

PROTOCOL, DATA, TOO_LARGE, OURS = 1002, 1007, 1009, 4230
GOOD = b'{"clientSamples":[]}'
MESSAGES = int(os.environ.get("HOSTILE_MESSAGES", "20000"))


def _closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack(">H", code) + reason)


VIOLATIONS = {
    "unmasked": (frame(TEXT, GOOD, masked=False), PROTOCOL),
    **{f"reserved bits {bits}": (frame(TEXT, GOOD, reserved=bits), PROTOCOL) for bits in (1, 2, 4, 7)},
    **{f"opcode {opcode}": (frame(opcode, GOOD), PROTOCOL) for opcode in (3, 7, 11, 15)},
    "a long ping": (frame(PING, bytes(126)), PROTOCOL),
    "a very long ping": (frame(PING, bytes(70_000)), PROTOCOL),
    "a ping in fragments": (frame(PING, b"a", fin=False), PROTOCOL),
    "a close in fragments": (frame(CLOSE, b"\x03\xe8", fin=False), PROTOCOL),
    "the rest of nothing": (frame(0, b"a"), PROTOCOL),
    "a message within a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), PROTOCOL),
    "text that is no UTF-8": (frame(TEXT, b"\xff\xfe"), DATA),
    "half a surrogate pair": (frame(TEXT, b'"\xed\xa0\x80"'), DATA),
    "a character cut in fragments": (frame(TEXT, b"\xf0\x9f", fin=False) + frame(0, b"a"), DATA),
    "a character that never ends": (frame(TEXT, b"\xf0\x9f"), DATA),
    "the longest length": (frame(BINARY, length=2**63 - 1) + bytes(100), TOO_LARGE),
    "a negative length": (frame(BINARY, length=2**63) + bytes(100), PROTOCOL),
    "a length just too large": (frame(BINARY, length=1_000_001) + bytes(1_000_001), TOO_LARGE),
    "fragments that are too large together": (
        frame(BINARY, bytes(600_000), fin=False) + frame(0, bytes(600_000)),
        TOO_LARGE,
    ),
    "a length written long": (b"\x82\xfe\x00\x05\0\0\0\0" + b"12345", PROTOCOL),
    "a length written very long": (b"\x82\xff" + struct.pack(">Q", 5) + b"\0\0\0\0" + b"12345", PROTOCOL),
    "a close of one byte": (frame(CLOSE, b"\x03"), PROTOCOL),
    "a close whose reason is no UTF-8": (_closing(1000, b"\xff"), DATA),
    **{f"close code {code}": (_closing(code), PROTOCOL) for code in (0, 999, 1005, 1006, 1015, 65_535)},
    "no JSON": (frame(BINARY, b"\0" * 1000), OURS),
    "nothing": (frame(BINARY), OURS),
    "deep": (frame(TEXT, b"[" * 100_000), OURS),
}
"""What a peer sends, and the code for that."""


async def test_a_session_that_breaks_the_protocol_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(tmp_path, caplog) as it:
        for name, (data, code) in VIOLATIONS.items():
            told = close_code(await it.tell(upgrade(), data))
            assert told == code, (name, told)
            await it.check()
        it.check_memory()
        assert await it.refused("undecodable") == 3
        assert await it.ended("message_too_large") >= 2


async def test_a_session_that_breaks_the_protocol_is_told_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with standing(tmp_path, caplog) as it:
        assert close_code(await it.tell(upgrade(), frame(TEXT, GOOD, masked=False), end=False)) == PROTOCOL
        assert await it.ended("malformed") == 1


async def test_sessions_that_close_are_answered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(tmp_path, caplog) as it:
        for code in (1000, 1001, 3000, 4999):
            assert close_code(await it.tell(upgrade(), _closing(code) + frame(TEXT, GOOD) * 100, end=False)) == code
        assert close_code(await it.tell(upgrade(), frame(CLOSE), end=False)) == 1005


async def test_random_frames_end_only_their_session(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(7)
    whole = [frame(TEXT, GOOD), frame(PING, b"x"), frame(PONG), _closing(1000), frame(BINARY, bytes(300), fin=False)]
    async with standing(tmp_path, caplog) as it:
        for number in range(200):
            data = bytearray(b"".join(chance.choices(whole, k=5)))
            for _ in range(chance.randint(1, 10)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            data = data if number % 4 else bytearray(chance.randbytes(500))
            await it.tell(upgrade(), bytes(data[: chance.randint(1, len(data))]))


async def test_what_comes_with_a_handshake_is_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(tmp_path, caplog) as it:
        for rest in (b"\xff" * 60_000, frame(TEXT, GOOD) * 1000, frame(TEXT, b"[")):
            received = await it.tell(upgrade() + rest)
            assert received.startswith(b"HTTP/1.1 101 ")


async def test_a_message_in_endless_fragments_is_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fillers = (frame(0, b"x", fin=False), frame(0, fin=False), frame(PONG), frame(PING))
    async with standing(tmp_path, caplog, sources={"websocket": {"maxMessageSize": 20_000}}) as it:
        for filler in fillers:
            await it.tell(upgrade(), frame(BINARY, fin=False), *[filler * 1000] * 100, end=False)
            await it.check()
        it.check_memory()
        # Which bound the first of them meets first depends on how its bytes come.
        assert await it.ended("message_unfinished") + await it.ended("message_too_large") == len(fillers)
        assert await it.ended("message_unfinished") >= len(fillers) - 1


async def test_peers_that_vanish_in_the_middle_leave_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    parts = [
        b"",
        upgrade()[:50],
        upgrade(),
        upgrade() + frame(TEXT, GOOD)[:5],
        upgrade() + frame(BINARY, b"a", fin=False),
    ]
    async with standing(tmp_path, caplog) as it:
        for part in parts:
            for vanish in (trio.aclose_forcefully, _reset, _half_close):
                stream = await it.connect()
                await stream.send_all(part)
                await vanish(stream)
        await it.check()


async def _reset(stream: trio.SocketStream) -> None:
    reset(stream)


async def _half_close(stream: trio.SocketStream) -> None:
    """Says that nothing more comes, and stays."""
    await stream.send_eof()
    with trio.fail_after(10):
        await read_all(stream, bytearray())
    await stream.aclose()


async def test_ten_thousand_pings_are_all_answered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(tmp_path, caplog) as it:
        received = await it.tell(upgrade(), frame(PING, b"x") * 10_000 + _closing(1000), end=False)

        assert received.count(b"\x8a\x01x") == 10_000


async def test_what_comes_behind_our_close_harms_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    more = (frame(TEXT, GOOD) + frame(PING, b"x") + frame(PONG)) * 50
    async with standing(tmp_path, caplog) as it:
        await it.tell(upgrade(), frame(TEXT, b"no JSON") + more, more, more)
        assert await it.refused("undecodable") == 1


async def test_a_flood_of_small_messages_loses_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    count = MESSAGES
    one = b'{"clientSamples":[{"clientId":"flood","roomId":"flood","timestamp":%d}]}'
    pieces = [b"".join(frame(TEXT, one % number) for number in range(1000))] * (count // 1000)
    async with standing(tmp_path, caplog) as it:
        before = await _observed(it)
        with trio.fail_after(10 + count / 500):
            async with await it.connect() as stream:
                await stream.send_all(upgrade())
                for piece in pieces:
                    await stream.send_all(piece)
                await stream.send_all(_closing(1000))
                await read_all(stream, bytearray())
        it.check_memory()
        await it.node.reports()

        assert await _observed(it) - before == count + 2  # the barriers of `reports` are two


async def _observed(it: Standing) -> float:
    return await it.node.metric("observertc_sources_observed_client_samples_total")
