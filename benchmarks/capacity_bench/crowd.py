"""A crowd of clients in one cheap process: each has a WebSocket, joins once, and then sends a sample each period.

    python -m benchmarks.capacity_bench.crowd --url URL [--url URL ...] --clients 200 [--participants 5] [--sfu]

The clients of simulated calls are spread over the addresses. What they send is made and masked before anything is
measured: a first sample, with all that is told once, and `STEADY` further ones, which are sent over and over. So their
counters and timestamps begin again every few samples; ids, tracks and SSRCs stay as they are.

It is told over its standard input what to do, a line for each, and answers with one JSON object:

    open            opens all WebSockets; nothing is sent: {"seconds"}
    join RATE       opens those that are not open, each followed by its first sample, RATE a second (0: as fast as it
                    goes): {"seconds"}
    speak PERIOD    sends samples, evenly spread, until the next line: {"sent", "bytes", "late"}, the last the longest
                    that a sample came later than it should have (s)
    leave           closes all WebSockets: {"closed"}, how many had been closed by the server

Between lines it answers the pings of the server. It ends with its standard input.
"""

import argparse
import json
import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from urllib.parse import urlsplit

import orjson

from benchmarks.load import BINARY, CLOSE, Connection, frame, watch
from observer.simulation.calls import Call, CallShape, Participant, plan_call
from observer.simulation.samples import client_sample

STEADY = 3
"""How many samples of each client are sent over and over."""

OPENING = 32
"""How many WebSockets open at the same time."""

SPACING = 5.0
"""The time between two samples, as they say themselves. (s)"""

PATH = "/samples/{service}/crowd?format=json&schemaVersion=2.2.0"

_PATIENCE = 30.0


@dataclass
class Talker:
    """One client: where it goes and what it says."""

    url: str
    first: bytes
    steady: list[bytes]
    connection: Connection | None = None
    turn: int = 0


def talkers(urls: list[str], clients: int, participants: int, *, sfu: bool, seed: int) -> list[Talker]:
    """Clients of calls of so many each; those of one call go to different addresses."""
    rng = Random(seed)
    epoch = time.time() * 1000 - SPACING * 1000 * (STEADY + 2)
    made: list[Talker] = []
    while len(made) < clients:
        shape = CallShape(participants, 10_000, sfu=sfu, stagger=0, one_leaves_early=False)
        call = plan_call(rng, shape)
        for person in call.participants[: clients - len(made)]:
            first, *steady = _frames(call, person, epoch)
            made.append(Talker(urls[len(made) % len(urls)], first, steady))
    return made


def _frames(call: Call, person: Participant, epoch: float) -> Iterator[bytes]:
    # The first sample comes late enough for all peer connections of the plan to be open.
    since: float | None = None
    for seq in range(STEADY + 1):
        at = SPACING * (seq + 1)
        sample = client_sample(call, person, at, since=since, seq=seq, epoch=epoch)
        since = at
        yield frame(BINARY, orjson.dumps({"clientSamples": [sample]}))


class Crowd:
    """All clients, and one loop around them."""

    def __init__(self, clients: list[Talker], service: str) -> None:
        self.clients = clients
        self._path = PATH.format(service=service)
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin, selectors.EVENT_READ, None)

    def obey(self) -> None:
        """Does what it is told until there is no more."""
        print(json.dumps({"clients": len(self.clients)}), flush=True)
        while True:
            self._listen(None)
            match sys.stdin.readline().split():
                case ["open"]:
                    answer: dict[str, float] = {"seconds": self._join(0, silent=True)}
                case ["join", rate]:
                    answer = {"seconds": self._join(float(rate), silent=False)}
                case ["speak", period]:
                    answer = self._speak(float(period))
                case ["leave"]:
                    answer = {"closed": self._leave()}
                case []:
                    return
                case words:
                    raise ValueError(f"nobody knows how to {words}")
            print(json.dumps(answer), flush=True)

    def _join(self, rate: float, *, silent: bool) -> float:
        began = time.monotonic()
        waiting = [client for client in self.clients if client.connection is None or not silent]
        step = max(1, min(OPENING, int(rate / 10))) if rate else OPENING
        for at in range(0, len(waiting), step):
            some = waiting[at : at + step]
            self._open([client for client in some if client.connection is None])
            for client in () if silent else some:
                self._send(client, client.first)
            if rate:
                self._listen(began + (at + len(some)) / rate, until_told=False)
        self._flush()
        return time.monotonic() - began

    def _open(self, some: list[Talker]) -> None:
        """Opens some at once: the server greets one while another is on its way."""
        sockets = [_asked(client.url, self._path) for client in some]
        for client, made in zip(some, sockets, strict=True):
            _greeted(made)
            client.connection = Connection(made)
            self._selector.register(made, selectors.EVENT_READ, client.connection)

    def _speak(self, period: float) -> dict[str, float]:
        began, sent, size, late = time.monotonic(), 0, 0, 0.0
        gap = period / len(self.clients)
        while not self._listen(began + sent * gap):
            client = self.clients[sent % len(self.clients)]
            late = max(late, time.monotonic() - began - sent * gap)
            message = client.steady[client.turn % len(client.steady)]
            client.turn += 1
            self._send(client, message)
            sent += 1
            size += len(message)
        return {"sent": sent, "bytes": size, "late": round(late, 3)}

    def _send(self, client: Talker, message: bytes) -> None:
        one = client.connection
        if one is not None and one.closed is None:
            one.out += message
            one.write()
            watch(self._selector, one)

    def _listen(self, until: float | None, *, until_told: bool = True) -> bool:
        """Answers the server until then (`time.monotonic`), or until there is a line to read: whether there is one."""
        while True:
            wait = None if until is None else max(0.0, until - time.monotonic())
            for key, events in self._selector.select(wait):
                if key.data is None:
                    if until_told:
                        return True
                    continue
                if events & selectors.EVENT_READ:
                    key.data.read()
                if key.data.out:
                    key.data.write()
                watch(self._selector, key.data)
            if until is not None and time.monotonic() >= until:
                return False

    def _flush(self) -> None:
        """Waits until all that was to be sent is with the system."""
        deadline = time.monotonic() + _PATIENCE
        while any(c.connection and c.connection.out and c.connection.closed is None for c in self.clients):
            if time.monotonic() > deadline:
                raise TimeoutError("the server does not read")
            self._listen(time.monotonic() + 0.01, until_told=False)

    def _leave(self) -> int:
        closed = 0
        for client in self.clients:
            one, client.connection = client.connection, None
            if one is not None and one.closed is not None:
                closed += 1
            elif one is not None:
                self._selector.unregister(one.socket)
                one.socket.setblocking(True)
                one.socket.settimeout(_PATIENCE)
                one.socket.sendall(bytes(one.out) + frame(CLOSE, struct.pack("!H", 1000)))
                one.socket.close()
        return closed


def _asked(url: str, path: str) -> socket.socket:
    """A connection over which the server was asked for a WebSocket."""
    place = urlsplit(url)
    made = socket.create_connection((place.hostname or "", place.port or 80), timeout=_PATIENCE)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {place.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    made.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    return made


def _greeted(made: socket.socket) -> None:
    """Waits for the server's answer. Raises OSError unless it is a WebSocket then."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        # Not a byte more than the answer: what follows are frames.
        more = made.recv(1)
        if not more:
            break
        answer += more
    status = answer.split(b"\r\n")[0]
    if b" 101 " not in status:
        raise ConnectionError(status.decode() or "the server closed the connection")
    made.setblocking(False)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", action="append", required=True)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--participants", type=int, default=5)
    parser.add_argument("--sfu", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--service", default="capacity")
    o = parser.parse_args()
    clients = talkers(o.url, o.clients, o.participants, sfu=o.sfu, seed=o.seed)
    Crowd(clients, o.service).obey()


if __name__ == "__main__":
    main()
