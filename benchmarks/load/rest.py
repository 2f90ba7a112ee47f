"""One connection of the load that posts its messages, one after the other: keep-alive, no pipelining."""

import socket
from dataclasses import dataclass, field

from benchmarks.load.texts import Script


@dataclass
class RestConnection:
    """`request` is the head of all requests, up to the length of their bodies."""

    socket: socket.socket
    script: Script
    request: bytes
    sent: int = 0
    sent_bytes: int = 0
    refused: int = 0
    """Answers that are not 2xx."""
    closed: int | None = None
    flat: bool = False

    _bodies: list[bytes] = field(default_factory=list)
    _next: int = 0
    _waiting: int = 0
    _under_way: bool = False
    _out: bytes = b""
    _received: bytearray = field(default_factory=bytearray)

    @property
    def answered(self) -> bool:
        """Whether all that was posted was answered."""
        return not self._under_way and not self._waiting

    @property
    def wants_to_write(self) -> bool:
        """Whether there is something to write."""
        return bool(self._out) or (not self._under_way and (self.flat or self._waiting > 0))

    def say(self) -> None:
        """The next message waits to be posted."""
        self._waiting += 1

    def ask(self) -> None:
        """Every post is answered anyway."""

    def prepare(self) -> None:
        """Makes all requests."""
        self._bodies = self._bodies or self.script.whole()

    def write(self) -> None:
        """Posts the next message once the one before was answered."""
        if not self._out and not self._under_way:
            self.prepare()
            body = self._bodies[self._next % len(self._bodies)]
            self._out = self.request + b"%d\r\n\r\n%b" % (len(body), body)
            self._next += 1
            self._waiting = max(0, self._waiting - 1)
            self._under_way = True
            self.sent += 1
            self.sent_bytes += len(body)
        try:
            self._out = self._out[self.socket.send(self._out) :]
        except BlockingIOError:
            return
        except OSError:
            self.closed = self.closed or 1006

    def read(self) -> None:
        """Takes the answer; the server may end the connection after it."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.closed = self.closed or 1006
        self._received += data
        head, separator, body = bytes(self._received).partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self.refused += not head.startswith(b"HTTP/1.1 2")
        del self._received[: len(head) + 4 + _length(head)]
        self._under_way = False

    def leave(self) -> None:
        """Ends the connection."""
        self.socket.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
