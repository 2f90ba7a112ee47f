"""Connections that open, many at a time, without waiting for any of them."""

import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import SplitResult

AT_ONCE = 256
"""How many connections may be on their way."""

SEND_BUFFER = 65_536
"""What the system may hold of a connection on our side: all in it when the load ends is still to be read. (bytes)"""

PATIENCE = 30.0
"""How long one may take until it is open. (s)"""


def greeting(place: SplitResult) -> bytes:
    """What a client says that wants a WebSocket (RFC 6455, section 4.1)."""
    lines = (
        f"GET {target(place)} HTTP/1.1",
        f"Host: {place.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def target(place: SplitResult) -> str:
    """The path and the query of an address."""
    return f"{place.path}?{place.query}" if place.query else place.path


@dataclass(eq=False)
class _Comer:
    socket: socket.socket
    number: int
    since: float
    asked: bool = False
    answer: bytearray = field(default_factory=bytearray)


class Opening:
    """Opens connections; `arrived` gets each with its number and what came behind the greeting.

    `greet` is said to the server at once, which must answer it with status 101; without it a connection is open when
    it is connected. `failed` counts those that did not open, by reason.
    """

    def __init__(self, place: SplitResult, greet: bytes, arrived: Callable[[int, socket.socket, bytes], None]) -> None:
        self.failed: Counter[str] = Counter()
        self._address = (socket.gethostbyname(place.hostname or ""), place.port or 80)
        self._greet = greet
        self._arrived = arrived
        self._selector = selectors.DefaultSelector()
        self._comers: deque[_Comer] = deque()

    def run(self, numbers: range, rate: float, meanwhile: Callable[[float], object]) -> None:
        """Opens one for each number, as fast as the server takes them or `rate` a second, and waits for all.

        `meanwhile` is called again and again with the time that it may take at most (s).
        """
        began, started, coming = time.monotonic(), 0, iter(numbers)
        while started < len(numbers) or self._comers:
            due = len(numbers) if not rate else min(len(numbers), int((time.monotonic() - began) * rate) + 1)
            while started < due and len(self._comers) < AT_ONCE:
                self._begin(next(coming))
                started += 1
            meanwhile(0.0005 if rate else 0.0)
            self._turn()
            self._give_up()

    def _begin(self, number: int) -> None:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        comer = _Comer(made, number, time.monotonic())
        made.connect_ex(self._address)
        self._selector.register(made, selectors.EVENT_WRITE, comer)
        self._comers.append(comer)

    def _turn(self) -> None:
        for key, _ in self._selector.select(0.001):
            comer: _Comer = key.data
            try:
                done = self._go_on(comer)
            except BlockingIOError:
                continue
            except OSError as error:
                self._end(comer, type(error).__name__)
                continue
            if done is not None:
                self._end(comer)
                self._arrived(comer.number, comer.socket, done)

    def _go_on(self, comer: _Comer) -> bytes | None:
        """What came behind the greeting once the connection is open; None before."""
        if not comer.asked:
            if error := comer.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, "not connected")
            if self._greet:
                comer.socket.send(self._greet)
            comer.asked = True
            self._selector.modify(comer.socket, selectors.EVENT_READ, comer)
            return None if self._greet else b""
        data = comer.socket.recv(65536)
        if not data:
            raise ConnectionAbortedError
        comer.answer += data
        head, separator, rest = bytes(comer.answer).partition(b"\r\n\r\n")
        if not separator:
            return None
        if not head.startswith(b"HTTP/1.1 101 "):
            self._end(comer, head.split(b"\r\n")[0].decode(errors="replace"))
            return None
        return rest

    def _end(self, comer: _Comer, failure: str | None = None) -> None:
        self._selector.unregister(comer.socket)
        self._comers.remove(comer)
        if failure:
            self.failed[failure] += 1
            comer.socket.close()

    def _give_up(self) -> None:
        while self._comers and time.monotonic() - self._comers[0].since > PATIENCE:
            self._end(self._comers[0], "TimeoutError")
