"""All connections of a load, and one loop around them."""

import selectors
import socket
import struct
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from benchmarks.load.opening import Opening, greeting, target
from benchmarks.load.rest import RestConnection
from benchmarks.load.texts import Line, Script
from benchmarks.load.websocket import Connection, watch
from benchmarks.load.wire import Wire

DRAIN = 60.0
"""How long the server may take to read what was sent. (s)"""

_RESET = struct.pack("ii", 1, 0)
_BRIEF = 0.0011
"""Shorter than this, epoll cannot wait: it counts in milliseconds. (s)"""


class Generator:
    """Opens connections to `url` (ws or http) and sends over them; each answer is what happened since it was told."""

    def __init__(self, url: str, clients: Sequence[list[Line]], calls_of: int = 0) -> None:
        self._place = urlsplit(url)
        self._clients = list(clients)
        self._calls_of = calls_of
        self._selector = selectors.DefaultSelector()
        self._all: list[Wire] = []
        self._turns = 0

    def open(self, count: int, rate: float = 0.0) -> dict[str, Any]:
        """Opens more until there are `count`, as fast as the server takes them or `rate` a second."""
        began, before = time.monotonic(), len(self._all)
        rest = self._place.scheme == "http"
        opening = Opening(self._place, b"" if rest else greeting(self._place), self._arrived)
        opening.run(range(before, count), rate, self._turn)
        passed = time.monotonic() - began
        told = {"opened": len(self._all) - before, "failed": opening.failed.total(), "seconds": round(passed, 3)}
        return told | {"why": opening.failed}

    def flat(self, seconds: float) -> dict[str, Any]:
        """Each connection sends as fast as the server takes it."""
        for one in self._all:
            one.prepare()
        before = self._count()
        began = time.monotonic()
        self._set_flat(True)
        while time.monotonic() < began + seconds and self._alive():
            self._turn(0.05)
        self._set_flat(False)
        self._drain(self._alive())
        return self._told(before, began)

    def rated(self, seconds: float, rate: float) -> dict[str, Any]:
        """So many messages a second in all, evenly spread over time and connections."""
        before, began = self._count(), time.monotonic()
        late, spoke = 0.0, None
        for number in range(round(seconds * rate)):
            due = began + number / rate
            self._wait_until(due)
            late = max(late, time.monotonic() - due)
            one = spoke = self._all[self._turns % len(self._all)]
            self._turns += 1
            if one.closed is None:
                one.say()
                one.write()
                watch(self._selector, one)
        # To ask all would be as dear as what is measured, where each of many said little.
        self._drain([spoke] if spoke and spoke.closed is None else [])
        return self._told(before, began) | {"late": round(late, 3)}

    def once(self, rate: float) -> dict[str, Any]:
        """Each connection sends one message, `rate` a second in all."""
        self._turns = 0
        return self.rated(len(self._all) / rate, rate)

    def reset(self) -> dict[str, Any]:
        """All connections end at once, without a word: the network went away."""
        for one in self._alive():
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._selector.unregister(one.socket)
            one.socket.close()
        return self._ended()

    def close(self) -> dict[str, Any]:
        """All leave as clients do."""
        for one in self._alive():
            self._selector.unregister(one.socket)
            one.leave()
        return self._ended()

    def wait(self, seconds: float) -> dict[str, Any]:
        """Answers the server and sends nothing."""
        self._wait_until(time.monotonic() + seconds)
        return {"closed": len(self._all) - len(self._alive())}

    def rest_until_readable(self, other: socket.socket | int) -> None:
        """Answers the server until there is something to read there."""
        self._selector.register(other, selectors.EVENT_READ, None)
        while not self._turn(None):
            pass
        self._selector.unregister(other)

    def _arrived(self, number: int, made: socket.socket, rest: bytes) -> None:
        script = Script(self._clients, number, self._calls_of)
        one: Wire
        if self._place.scheme == "http":
            head = f"POST {target(self._place)} HTTP/1.1\r\nHost: {self._place.netloc}\r\n"
            one = RestConnection(made, script, head.encode() + b"Content-Type: application/json\r\nContent-Length: ")
        else:
            one = Connection(made, script)
            one.received += rest
        self._all.append(one)
        self._selector.register(made, selectors.EVENT_READ, one)

    def _turn(self, wait: float | None) -> bool:
        """Writes and reads where there is something to; whether there is something at the other that was registered."""
        told = False
        for key, events in self._selector.select(wait):
            one = key.data
            if one is None:
                told = True
                continue
            if events & selectors.EVENT_READ:
                one.read()
            if one.closed is None and one.wants_to_write:
                one.write()
            watch(self._selector, one)
        return told

    def _wait_until(self, due: float) -> None:
        while (wait := due - time.monotonic()) > 0:
            if wait > _BRIEF:
                self._turn(wait - _BRIEF)
                continue
            self._turn(0)
            time.sleep(max(0.0, due - time.monotonic()))

    def _set_flat(self, flat: bool) -> None:
        for one in self._alive():
            one.flat = flat
            watch(self._selector, one)

    def _drain(self, asked: list[Wire]) -> None:
        for one in asked:
            one.ask()
            watch(self._selector, one)
        patience = time.monotonic() + DRAIN
        while any(not one.answered and one.closed is None for one in asked) and time.monotonic() < patience:
            self._turn(0.05)

    def _alive(self) -> list[Wire]:
        return [one for one in self._all if one.closed is None]

    def _count(self) -> tuple[int, int, int]:
        refused = sum(one.refused for one in self._all if isinstance(one, RestConnection))
        return sum(one.sent for one in self._all), sum(one.sent_bytes for one in self._all), refused

    def _told(self, before: tuple[int, int, int], began: float) -> dict[str, Any]:
        sent, size, refused = (late - early for early, late in zip(before, self._count(), strict=True))
        return {
            "sent": sent,
            "bytes": size,
            "refused": refused,
            "seconds": round(time.monotonic() - began, 3),
            "unanswered": sum(not one.answered for one in self._alive()),
            "closed": Counter(str(one.closed) for one in self._all if one.closed is not None),
        }

    def _ended(self) -> dict[str, Any]:
        gone = len(self._alive())
        told = {"ended": gone, "closed": len(self._all) - gone}
        self._all = []
        return told
