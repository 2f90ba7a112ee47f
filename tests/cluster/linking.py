"""Transports on loopback that note what happens to them, and a member that speaks bytes to one."""

import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import trio

from cluster.frames import PING, FrameReader, LinkHello, encode_hello, framed
from cluster.names import address_of
from cluster.settings import LinkLimits
from cluster.tls import Tls
from cluster.transport import Transport

QUICK = LinkLimits(redial_interval_in_s=0.02)

_numbers = itertools.count(1)


class Peer:
    """A transport; `name` is its member's, known once it listens. `happened` are the calls that it got, but frames."""

    def __init__(self, tls: Tls | None = None, limits: LinkLimits = QUICK, port: int = 0) -> None:
        self.name = ""
        self.happened: list[tuple[str, str]] = []
        self.frames: list[tuple[str, bytes]] = []
        self.questions: list[tuple[bytes, frozenset[str] | None]] = []
        self.replies: list[Callable[[bytes], None]] = []
        self.on_frame: Callable[[], None] = lambda: None
        self.scope = trio.CancelScope()
        self.transport = Transport(
            host="127.0.0.1",
            port=port,
            limits=limits,
            tls=tls,
            me=lambda: self.name,
            received=self._received,
            connected=lambda member: self.happened.append(("connected", member)),
            disconnected=lambda member: self.happened.append(("disconnected", member)),
            asked=self._asked,
        )
        self.statistics = self.transport.statistics

    @property
    def address(self) -> str:
        return address_of(self.name)

    def reborn(self, port: int) -> None:
        """Takes a name, greater than all before of the same port."""
        self.name = f"127.0.0.1:{port}#{next(_numbers):016x}"

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with self.scope:
            async with trio.open_nursery() as nursery:
                self.reborn(await nursery.start(self.transport.run))
                task_status.started()

    def _received(self, member: str, frame: bytes) -> None:
        self.frames.append((member, frame))
        self.on_frame()

    def _asked(self, question: bytes, names: frozenset[str] | None, reply: Callable[[bytes], None]) -> None:
        self.questions.append((question, names))
        self.replies.append(reply)


@asynccontextmanager
async def peers(count: int, tls: Tls | None = None, limits: LinkLimits = QUICK) -> AsyncIterator[tuple[Peer, ...]]:
    """So many peers that keep nobody yet, in the order of their names."""
    async with trio.open_nursery() as nursery:
        made = [Peer(tls, limits) for _ in range(count)]
        for peer in made:
            await nursery.start(peer.run)
        yield tuple(sorted(made, key=lambda peer: peer.name))
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def linked(tls: Tls | None = None, limits: LinkLimits = QUICK) -> AsyncIterator[tuple[Peer, Peer]]:
    """Two peers with a link; the second has dialed it."""
    async with peers(2, tls, limits) as (a, b):
        link(a, b)
        await until(lambda: bool(a.happened and b.happened))
        yield a, b


def link(*all_of: Peer) -> None:
    """Each keeps all others."""
    for peer in all_of:
        peer.transport.keep([other.name for other in all_of if other is not peer])


async def until(condition: Callable[[], bool]) -> None:
    """Waits; fails after ten seconds."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - counters have no event
            await trio.sleep(0.002)


class Wire:
    """A connection to a peer that is driven by hand."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._reader = FrameReader(1 << 30)
        self._frames: list[bytes] = []

    async def say(self, body: bytes) -> None:
        await self.stream.send_all(framed(body))

    def say_at_once(self, body: bytes) -> None:
        """The same, while no other task can run."""
        assert isinstance(self.stream, trio.SocketStream)
        os.write(self.stream.socket.fileno(), framed(body))

    async def hello(self, me: str, you: str) -> None:
        await self.say(encode_hello(LinkHello(me=me, you=you)))

    async def ping(self) -> None:
        await self.stream.send_all(PING)

    async def hear(self) -> bytes:
        """The next frame."""
        with trio.fail_after(10):
            while not self._frames:
                chunk = await self.stream.receive_some()
                assert chunk, "the connection was closed"
                self._frames = self._reader.feed(bytes(chunk))
        return self._frames.pop(0)

    async def ended(self) -> None:
        """Waits until the peer has closed; reads all that comes before."""
        with trio.fail_after(10):
            try:
                while await self.stream.receive_some():
                    pass
            except trio.BrokenResourceError:
                return


@asynccontextmanager
async def wire(peer: Peer) -> AsyncIterator[Wire]:
    """A connection to a peer without TLS, on which nothing has been said."""
    host, _, port = peer.address.rpartition(":")
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        yield Wire(stream)


@asynccontextmanager
async def member(peer: Peer, name: str) -> AsyncIterator[Wire]:
    """A link that was accepted."""
    async with wire(peer) as made:
        await made.hello(name, peer.name)
        assert await made.hear() == b""
        yield made


def limits(**changed: float) -> LinkLimits:
    return replace(QUICK, **changed)  # type: ignore[arg-type]  # whole numbers are floats to mypy
