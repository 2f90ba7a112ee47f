"""Clients that speak in calls, one after the other, so that the order of each call's reports is known."""

import time
from itertools import count
from typing import NamedTuple

import orjson
import trio

from observer.simulation.sessions import Lost, Refused, Send, websocket_session

_ROOMS = 5
_CLIENTS = 4
_AGAIN_S = 0.1


class Said(NamedTuple):
    """One sample that was sent: the number that it has in its room, and when on trio's clock."""

    room: str
    number: int
    at: float


class Speakers:
    """Rooms of four clients with one WebSocket each: every sample has one report, and `rate` come in a second."""

    def __init__(self, url: str, rate: float) -> None:
        self.said: list[Said] = []
        self._url, self._period = f"{url}/samples/svc/mu", _ROOMS / rate
        self._stopped = trio.Event()

    async def run(self) -> None:
        """Lets them speak until they are to stop, whatever becomes of the observer in between."""
        async with trio.open_nursery() as nursery:
            for number in range(_ROOMS):
                nursery.start_soon(self._speak_in, f"room-{number}")

    def stop(self) -> None:
        """Lets them say no more."""
        self._stopped.set()

    async def _speak_in(self, room: str) -> None:
        numbers = count(1)
        while not self._stopped.is_set():
            try:
                async with websocket_session(self._url) as send:
                    await self._speak(send, room, numbers)
            except (Lost, Refused):
                await trio.sleep(_AGAIN_S)

    async def _speak(self, send: Send, room: str, numbers: "count[int]") -> None:
        due = trio.current_time()
        while not self._stopped.is_set():
            number = next(numbers)
            await send(_message(room, number))
            self.said.append(Said(room, number, trio.current_time()))
            due += self._period
            await trio.sleep_until(due)


def _message(room: str, number: int) -> bytes:
    client = f"{room}-client-{number % _CLIENTS}"
    sample = {
        "clientId": client,
        "roomId": room,
        "sampleSeq": number,
        "timestamp": now(),
        "pcTransports": [{"peerConnectionId": f"pc-of-{client}", "transportId": "t"}],
    }
    return orjson.dumps({"clientSamples": [sample]})


def now() -> int:
    """The clock of samples. (ms since 1970)"""
    return time.time_ns() // 1_000_000
