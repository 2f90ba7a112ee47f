"""Pages that visit nodes: they send what was recorded, and come back as the real ones do."""

import json
from collections.abc import Awaitable, Callable, Sequence

import orjson
import trio

from tests.guests.recorded import Page, RecordedCall
from tests.web_client import Session, connect

PassTime = Callable[[float], Awaitable[None]]
LOST = 1006

_SINCE_THE_EPOCH = 10**11


class Visit:
    """One page. A client of Jitsi's sends only once it was told where to begin, and repeats what is not kept.

    One of rtcstats-js says of the first message over each socket when it was, and of others how long after the last.
    """

    def __init__(self, page: Page, nursery: trio.Nursery) -> None:
        self.page = page
        self.kept: list[int] = []
        """What it was told whenever it came: up to where its messages are kept."""
        self.sent: list[str] = []
        """All that it sent, but for what it sent again."""
        self._nursery = nursery
        self._session: Session | None = None
        self._time = 0.0
        self._is_first = True

    @property
    def _waits(self) -> bool:
        return "statsSessionId" in self.page.target

    async def come(self, port: int) -> None:
        """Opens a socket, and sends what is not kept of what was sent before."""
        page = self.page.back() if self.sent else self.page
        self._is_first = True
        self._session = await connect(self._nursery, port, page.target, page.headers, page.subprotocol)
        if self._waits:
            told = orjson.loads(await self._session.receive())
            assert (told["type"], told["body"]["state"]) == ("sn", "initial")
            self.kept.append(told["body"]["value"])
            for text in self.sent:
                if seq_of(text) > self.kept[-1]:
                    await self._session.send(text)

    async def send(self, text: str) -> None:
        """Sends a message."""
        assert self._session is not None
        if not self._waits:
            text = self._timed(text)
        self.sent.append(text)
        await self._session.send(text)

    def _timed(self, text: str) -> str:
        *_, since = json.loads(text)
        self._time = since if since > _SINCE_THE_EPOCH else self._time + since
        is_first, self._is_first = self._is_first, False
        return f"{text.rpartition(',')[0]},{self._time}]" if is_first else text

    async def acknowledged(self, seq: int) -> None:
        """Waits until it is told that messages are kept up to this one."""
        assert self._session is not None
        while orjson.loads(await self._session.receive())["body"]["value"] < seq:
            pass

    async def go(self, code: int) -> None:
        """Closes its socket; by `LOST` without a word."""
        assert self._session is not None
        await self._session.close(code)


def seq_of(text: str) -> int:
    """The number of a message of Jitsi's; 0 if it has none."""
    envelope = json.loads(text)
    data = envelope.get("data")
    entry = json.loads(data) if isinstance(data, str) else data
    return int(entry[4]) if entry else 0


async def send(visits: Sequence[Visit], part: Callable[[int], tuple[int, int]], pass_time: PassTime) -> None:
    """Each page sends a part of what it says (from where to where, of so many messages), in the recorded time."""
    said = [
        (at, number, text)
        for number, visit in enumerate(visits)
        for at, text in visit.page.messages[slice(*part(len(visit.page.messages)))]
    ]
    reached = min(at for at, _, _ in said)
    for at, number, text in sorted(said, key=lambda one: one[0]):
        await pass_time((at - reached) / 1000)
        reached = at
        await visits[number].send(text)


async def play(call: RecordedCall, ports: Sequence[int], pass_time: PassTime) -> None:
    """Plays a call in the recorded time, each page to another of the ports; `pass_time` is told seconds."""
    order = [(page.opened_at, number, 0, "") for number, page in enumerate(call.pages)]
    order += [(at, number, 1, text) for number, page in enumerate(call.pages) for at, text in page.messages]
    order += [(page.closed_at, number, 2, "") for number, page in enumerate(call.pages)]
    reached = 0.0
    async with trio.open_nursery() as nursery:
        visits = [Visit(page, nursery) for page in call.pages]
        for at, number, act, text in sorted(order, key=lambda one: (one[0], one[2])):
            await pass_time((at - reached) / 1000)
            reached = at
            if act == 0:
                await visits[number].come(ports[number % len(ports)])
            elif act == 1:
                await visits[number].send(text)
            else:
                await visits[number].go(call.pages[number].code)
        nursery.cancel_scope.cancel()
