"""A cheap WebSocket load generator: plain sockets in one thread, frames masked before the clock starts.

    python -m benchmarks.load --url ws://127.0.0.1:7080/samples/bench/load --messages FILE
                              [--connections 20] [--rate 0] [--seconds 5]

FILE has one JSON message a line; a connection plays the lines of one client over and over, in order. `--rate` is
messages a second for each connection, spread evenly; 0 sends as fast as the server takes them. After the last message
each connection sends a ping and waits for its pong, so all was read by the server. Prints one JSON object.
"""

import argparse
import json
import os
import selectors
import socket
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import orjson

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
BINARY = 0x2
BATCH = 65536
"""What a saturating connection hands to the system at a time, at least. (bytes)"""


def frame(opcode: int, payload: bytes) -> bytes:
    """A final frame, masked as clients must."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    key = os.urandom(4)
    mask = int.from_bytes((key * (length // 4 + 1))[:length], "big")
    return head + key + (int.from_bytes(payload, "big") ^ mask).to_bytes(length, "big")


def frames_by_client(path: Path) -> list[list[bytes]]:
    """The frames of each client of the file, in the file's order."""
    clients: dict[str, list[bytes]] = {}
    for line in path.read_bytes().splitlines():
        samples = orjson.loads(line).get("clientSamples") or [{}]
        clients.setdefault(str(samples[0].get("clientId")), []).append(frame(BINARY, line))
    return list(clients.values())


@dataclass
class Connection:
    """One session: what it plays, what waits to be written, and what came in."""

    socket: socket.socket
    frames: list[bytes]
    next: int = 0
    out: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    ponged: bool = False
    closed: int | None = None

    def play(self) -> int:
        """Takes the next message to be written; its bytes on the wire."""
        message = self.frames[self.next]
        self.next = (self.next + 1) % len(self.frames)
        self.out += message
        return len(message)

    def write(self) -> None:
        """Writes what the system takes now."""
        try:
            del self.out[: self.socket.send(self.out)]
        except BlockingIOError:
            return
        except OSError:
            self.closed = self.closed or 1006

    def read(self) -> None:
        """Answers pings, notes pongs and the server's closing; drops the rest."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.closed = self.closed or 1006
        self.received += data
        while (parsed := _server_frame(self.received)) is not None:
            opcode, payload = parsed
            if opcode == PING:
                self.out += frame(PONG, payload)
            elif opcode == PONG:
                self.ponged = True
            elif opcode == CLOSE:
                self.closed = int.from_bytes(payload[:2], "big") or 1005


def _server_frame(data: bytearray) -> tuple[int, bytes] | None:
    """Takes one whole frame off `data`."""
    if len(data) < 2:
        return None
    length, start = data[1] & 0x7F, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        if len(data) < start:
            return None
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        return None
    opcode, payload = data[0] & 0x0F, bytes(data[start : start + length])
    del data[: start + length]
    return opcode, payload


def connect(url: str) -> socket.socket:
    """A WebSocket that has been accepted. Raises OSError when it is not."""
    place = urlsplit(url)
    made = socket.create_connection((place.hostname or "", place.port or 80), timeout=20)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    lines = [
        f"GET {place.path}?{place.query} HTTP/1.1",
        f"Host: {place.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    made.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = made.recv(1)
        if not more:
            break
        answer += more
    if b" 101 " not in answer.split(b"\r\n")[0]:
        raise ConnectionError(answer.split(b"\r\n")[0].decode() or "the server closed the connection")
    made.setblocking(False)
    return made


class Load:
    """All connections and one loop around them."""

    def __init__(self, connections: list[Connection], rate: float) -> None:
        self.connections, self.rate = connections, rate
        self.sent = self.bytes = 0
        self.selector = selectors.DefaultSelector()
        for one in connections:
            self.selector.register(one.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, one)

    def run(self, seconds: float) -> float:
        """Sends for `seconds`, then waits until the server has read it all; the time it took. (s)"""
        began = time.monotonic()
        ends = began + seconds
        if self.rate:
            self._rated(began, ends)
        else:
            while time.monotonic() < ends and self._alive():
                for one in self._alive():
                    while len(one.out) < BATCH:
                        self._play(one)
                self._turn(0.05)
        for one in self._alive():
            one.out += frame(PING, b"all")
        patience = time.monotonic() + 60
        while any(not one.ponged for one in self._alive()) and time.monotonic() < patience:
            self._turn(0.05)
        return time.monotonic() - began

    def _rated(self, began: float, ends: float) -> None:
        gap = 1 / self.rate / len(self.connections)
        turn = 0
        while (due := began + turn * gap) < ends and self._alive():
            while (wait := due - time.monotonic()) > 0:
                self._turn(wait)
            one = self.connections[turn % len(self.connections)]
            if one.closed is None:
                self._play(one)
                one.write()
                watch(self.selector, one)
            turn += 1

    def _play(self, one: Connection) -> None:
        self.bytes += one.play()
        self.sent += 1

    def _alive(self) -> list[Connection]:
        return [one for one in self.connections if one.closed is None]

    def _turn(self, wait: float) -> None:
        for one in self._alive():
            if one.out:
                watch(self.selector, one)
        for key, events in self.selector.select(wait):
            one = key.data
            if events & selectors.EVENT_READ:
                one.read()
            if events & selectors.EVENT_WRITE and one.out:
                one.write()
            watch(self.selector, one)

    def close(self) -> None:
        """Leaves as clients do."""
        for one in self._alive():
            one.socket.setblocking(True)
            one.socket.settimeout(5)
            one.socket.sendall(frame(CLOSE, struct.pack("!H", 1000)))
            one.socket.close()


def watch(selector: selectors.BaseSelector, one: Connection) -> None:
    """Waits for room only where something is to be written, and no longer for one that is closed."""
    if one.closed is not None:
        if one.socket.fileno() >= 0:
            selector.unregister(one.socket)
            one.socket.close()
        return
    wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if one.out else 0)
    if selector.get_key(one.socket).events != wanted:
        selector.modify(one.socket, wanted, one)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--messages", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument(
        "--step", action="store_true", help="wait for a line on stdin before sending and before leaving"
    )
    o = parser.parse_args()
    clients = frames_by_client(o.messages)
    load = Load([Connection(connect(o.url), clients[n % len(clients)]) for n in range(o.connections)], o.rate)
    if o.step:
        print("connected", flush=True)
        sys.stdin.readline()
    seconds = load.run(o.seconds)
    closed = Counter(str(one.closed) for one in load.connections if one.closed is not None)
    unanswered = sum(not one.ponged for one in load.connections)
    result = {"sent": load.sent, "bytes": load.bytes, "seconds": round(seconds, 3)}
    print(json.dumps(result | {"unanswered": unanswered, "closed": closed}), flush=True)
    if o.step:
        sys.stdin.readline()
    load.close()


if __name__ == "__main__":
    main()
