"""The clients of the replay: plain sockets. What they send is made before anything is counted."""

import struct
from socket import IPPROTO_TCP, TCP_NODELAY, socket

BINARY = 0x2
_MASK = b"\x37\xfa\x21\x3d"
"""The key of the example in RFC 6455, section 5.7: each run masks alike."""


def frame(payload: bytes) -> bytes:
    """A binary message in one frame, masked as clients must (RFC 6455, section 5.2)."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
    if size > 0xFFFF:
        length = struct.pack("!BQ", 0x80 | 127, size)
    key = int.from_bytes((_MASK * (size // 4 + 1))[:size], "big")
    return bytes([0x80 | BINARY]) + length + _MASK + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


def post(path: str, body: bytes) -> bytes:
    """A request that leaves the connection open."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


def connected(port: int) -> socket:
    """A connection that does not block."""
    made = socket()
    made.connect(("127.0.0.1", port))
    made.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    made.setblocking(False)
    return made


def opened_websocket(port: int, path: str) -> socket:
    """A WebSocket that was accepted. Raises `ConnectionError` when it is not."""
    made = connected(port)
    made.setblocking(True)
    made.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        if not (more := made.recv(1)):
            break
        answer += more
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise ConnectionError(answer.decode())
    made.setblocking(False)
    return made


def drop_answers(one: socket) -> None:
    """Reads what came and forgets it."""
    try:
        while one.recv(65536):
            pass
    except BlockingIOError:
        return
