"""A receiver of lines in the test's own process, and a SocketSink that sends to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from sinks.dialing import Stream
from sinks.lines import Batch
from sinks.socket import SocketConfirmation, SocketSink
from tests.sinks.listening import HOST

TCP, CLOSE, COUNT = SocketConfirmation


@dataclass
class LineReceiver:
    """Takes lines until the sink is done; `hear` is called for what came each time, before it is taken."""

    hear: Callable[[Stream, bytes], Awaitable[None]] | None = None
    ended: trio.Event = field(default_factory=trio.Event)
    received: bytearray = field(default_factory=bytearray)
    connections: int = 0

    @property
    def lines(self) -> list[bytes]:
        return bytes(self.received).splitlines()

    async def __call__(self, stream: Stream) -> None:
        self.connections += 1
        while data := bytes(await stream.receive_some(65_536)):
            if self.hear is not None:
                await self.hear(stream, data)
            self.received += data
        self.ended.set()
        await stream.aclose()


def sink(port: int, confirmation: SocketConfirmation = TCP, **keys: object) -> SocketSink:
    return SocketSink(HOST, port, confirmation=confirmation, **keys)  # type: ignore[arg-type]


async def send_to(some: SocketSink, *batches: Batch) -> None:
    async with some.opened("mySink") as send:
        for one in batches:
            await send(one)


async def counting(stream: Stream, data: bytes) -> None:
    """Says how many lines there were in this connection, which is the only one."""
    counts[stream] = counts.get(stream, 0) + data.count(b"\n")
    await stream.send_all(b"%d\n" % counts[stream])


counts: dict[Stream, int] = {}
