"""A node under attack, with a well-behaved session that was open before; and peers that speak raw bytes to it."""

import json
import logging
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.nodes import Node, running
from tests.web_client import HOST, Session
from tests.world import sample

_PATIENCE_S = 10.0
_POLL_S = 0.01
_READ = 65_536
_MOST_GROWTH = 64 * 1024 * 1024
_OPEN = "observertc_sources_open_connections"
_FAILURES = "observertc_sources_failures_total"
_ENDED = "observertc_sources_ended_connections_total"
_REFUSED = "observertc_sources_refused_total"
_REJECTED = "observertc_sources_rejected_total"
_ANSWERS = "observertc_sources_http_answers_total"


@dataclass
class Standing:
    """A node that must stand, whatever is done to it."""

    node: Node
    session: Session
    log: pytest.LogCaptureFixture
    _numbers: Any
    _memory: int = 0

    async def connect(self) -> trio.SocketStream:
        """A new connection to the port for samples."""
        return await trio.open_tcp_stream(HOST, self.node.port)

    async def tell(self, *pieces: bytes, end: bool = True) -> bytes:
        """Sends these bytes over a connection of their own, with `end` says that no more come, and reads to the end."""
        async with await self.connect() as stream:
            received = bytearray()
            with trio.fail_after(_PATIENCE_S):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_send, stream, pieces, end)
                    await read_all(stream, received)
                    nursery.cancel_scope.cancel()
            return bytes(received)

    async def ended(self, reason: str) -> float:
        """How many connections were ended for this reason."""
        return await self.node.metric(_ENDED, reason=reason)

    async def refused(self, reason: str) -> float:
        """How many messages and sessions were refused for this reason."""
        return await self.node.metric(_REFUSED, reason=reason)

    async def rejected(self, reason: str) -> float:
        """How many parts of messages were not taken for this reason."""
        return await self.node.metric(_REJECTED, reason=reason)

    async def answers(self, status: int) -> float:
        """How many requests were answered with this status."""
        return await self.node.metric(_ANSWERS, status=str(status))

    async def check(self) -> None:
        """Asserts that the node answers, that the good session gets its reports, and that nothing is left over."""
        await self.check_good_session()
        assert (await self.tell(GET)).startswith(b"HTTP/1.1 200 ")
        assert await self.node.metric(_FAILURES) == 0
        assert [record for record in self.log.records if record.levelno >= logging.WARNING or record.exc_info] == []
        await self._wait_alone()

    async def check_good_session(self) -> None:
        """Asserts that the session that was open before gets its reports."""
        number = next(self._numbers)
        good = sample("good", room="quiet", pcTransports=[{"peerConnectionId": "pc", "packetsSent": number}])
        await self.session.send(_json([good]))
        reports = await self.node.reports(self.session)
        told = [report["packetsSent"] for report in reports if report.type == "PEER_CONNECTION_TRANSPORT"]
        assert number in told, "the good session lost a report"
        assert self.session.is_open

    async def _wait_alone(self) -> None:
        """Waits until the good session's connection is the only one."""
        with trio.fail_after(_PATIENCE_S):
            while await self.node.metric(_OPEN) != 1:  # noqa: ASYNC110 - nobody tells that a connection has gone
                await trio.sleep(_POLL_S)

    def check_memory(self) -> None:
        """Asserts that the process, the attackers in it included, has not grown by more than a fixed amount."""
        grown = resident() - self._memory
        assert grown < _MOST_GROWTH, f"grown by {grown / 1e6:.0f} MB"


@asynccontextmanager
async def standing(folder: Path, log: pytest.LogCaptureFixture, **blocks: Any) -> AsyncIterator[Standing]:
    """A node that is checked before and after the block."""
    async with running(folder, **blocks) as node, node.websocket() as session:
        await session.send(_json([sample("good", room="quiet")]))
        await node.reports(session)
        # What is logged while it starts is none of our business.
        log.clear()
        under_attack = Standing(node, session, log, count(1), resident())
        await under_attack.check()
        yield under_attack
        await under_attack.check()


GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def post(body: bytes, *headers: str, path: str = "/rest/samples/svc/mu") -> bytes:
    """A request that posts this body."""
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def upgrade(path: str = "/samples/svc/mu", key: str = "dGhlIHNhbXBsZSBub25jZQ==", *headers: str) -> bytes:
    """A request that becomes a WebSocket."""
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, reserved: int = 0, length: int = -1
) -> bytes:
    """A frame as a client sends it, its mask all zeros; `length` is what its head claims."""
    length = len(payload) if length < 0 else length
    head = bytes([fin << 7 | reserved << 4 | opcode])
    flag = masked << 7
    if length < 126:
        head += bytes([flag | length])
    elif length < 65_536:
        head += bytes([flag | 126]) + struct.pack(">H", length)
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", length)
    return head + (b"\0\0\0\0" if masked else b"") + payload


def close_code(received: bytes) -> int | None:
    """The code of the close frame in what a server sent, behind its head; None if there is no close frame."""
    rest = received.partition(b"\r\n\r\n")[2]
    while len(rest) >= 2:
        length, start = rest[1] & 127, 2
        if length == 126:
            length, start = struct.unpack(">H", rest[2:4])[0], 4
        if rest[0] & 15 == CLOSE:
            return int.from_bytes(rest[start : start + 2], "big") if length else 1005
        rest = rest[start + length :]
    return None


def statuses(received: bytes) -> list[int]:
    """The status of each answer in what a server sent."""
    return [int(line[9:12]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def reset(stream: trio.SocketStream) -> None:
    """Ends the connection so that the peer is told it was reset."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


async def read_all(stream: trio.abc.ReceiveStream, received: bytearray) -> None:
    """Reads until the peer has closed or is gone."""
    try:
        while data := await stream.receive_some(_READ):
            received += data
    except trio.BrokenResourceError:
        return


def resident() -> int:
    """Resident memory of this process. (bytes)"""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def _send(stream: trio.SocketStream, pieces: Sequence[bytes], end: bool) -> None:
    try:
        for piece in pieces:
            await stream.send_all(piece)
        if end:
            await stream.send_eof()
    except trio.BrokenResourceError:
        # It refused before it had heard all.
        return


def _json(samples: Sequence[object]) -> str:
    return json.dumps({"clientSamples": samples})
