"""SocketSink: reports as lines of JSON over TCP or TLS.

What a socket takes has not arrived: the system takes what it has room for. So each batch is confirmed, in one of three
ways.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from ssl import SSLContext, TLSVersion

import trio

from sinks.acknowledged import keep_alive, wait_acknowledged
from sinks.chunks import chunks
from sinks.counts import Counts
from sinks.dialing import Destination, Stream, Tls, is_host, told, tried
from sinks.lines import Batch, batch_of, batch_of_texts
from sinks.session import RECEIVE_SIZE, Session
from sinks.sink import NotDelivered, Send


class SocketConfirmation(StrEnum):
    """When a batch counts as delivered."""

    TCP = "TCP"
    CLOSE = "CLOSE"
    COUNT = "COUNT"


@dataclass(frozen=True)
class SocketSink:
    """Sends each report to a receiver on TCP as one line: its envelope as compact JSON, ended by a line feed.

    A batch is acknowledged once the receiver's system has all of it, or once the receiver itself has read or stored it
    (`confirmation`). A receiver that goes away is noticed at once.
    """

    host: str
    """The receiver's name or IP address."""
    port: int = field(metadata={"minimum": 1, "maximum": 65_535})
    """The receiver's port."""
    max_retry: int = field(default=3, metadata={"minimum": 0, "maximum": 100})
    """How often opening the connection is tried again at once, before the pauses of `retry` begin."""
    tls: Tls | None = None
    """TLS; none when the block is absent, `{}` trusts the authorities of the system."""
    confirmation: SocketConfirmation = SocketConfirmation.TCP
    """What tells that a batch has arrived: TCP, CLOSE (a connection for each batch) or COUNT."""
    connect_timeout_in_s: float = field(default=10, metadata={"minimum": 0.001})
    """How long opening a connection may take, the handshake of TLS and all tries at once included. (s)"""
    answer_timeout_in_s: float = field(default=15, metadata={"minimum": 0.001})
    """How long the receiver may take to read something, and to confirm what it was sent; it has failed then. (s)"""
    keep_alive_in_s: int = field(default=30, metadata={"minimum": 1, "maximum": 32_767})
    """How often a receiver's system is asked whether it is still there while it is sent nothing. (s)"""
    close_timeout_in_s: float = field(default=2, metadata={"minimum": 0})
    """How long the receiver may take to close when we do. (s)"""

    def __post_init__(self) -> None:
        if not is_host(self.host):
            raise ValueError("host must be the receiver's name or IP address")

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        """Connect. Raises ConnectionError."""
        destination = Destination(self.host, self.port, self._context(), self.tls.server_name if self.tls else "")
        if self.confirmation is SocketConfirmation.CLOSE:
            # Shows that there is a receiver, and that it closes when it has all.
            await self._send_and_close(destination, Batch())
            yield lambda batch: self._send_and_close(destination, batch)
            return
        stream = await self._connected(destination)
        session = Session(stream, destination, self.answer_timeout_in_s)
        counts = Counts() if self.confirmation is SocketConfirmation.COUNT else None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(session.read, _hearing(session, counts))
                yield lambda batch: self._send(session, counts, batch)
                nursery.cancel_scope.cancel()
            await self._part(stream)
        finally:
            await trio.aclose_forcefully(stream)

    async def _send(self, session: Session, counts: Counts | None, batch: Batch) -> None:
        async with session.turn():
            before = counts.sent if counts else 0
            try:
                rest = await self._put(session, counts, batch)
            except ConnectionError as failure:
                stored = counts.stored - before if counts else 0
                if stored <= 0:
                    raise
                if rest := batch_of(islice(batch, stored, None)):
                    raise NotDelivered(str(failure), rest) from failure
            else:
                _leave(rest, session.receiver)

    async def _put(self, session: Session, counts: Counts | None, batch: Batch) -> Batch:
        """Send as much as goes in reasonable time and wait until it has arrived; what is left of the batch."""
        until = trio.current_time() + self.answer_timeout_in_s
        texts = chunks(batch)
        for text in texts:
            if counts:
                counts.sent += text.count(b"\n")
            await session.put(text)
            if trio.current_time() > until:
                break
        if counts:
            await session.wait(counts.complete)
        else:
            await self._wait_acknowledged(session)
        return batch_of_texts(texts)

    async def _wait_acknowledged(self, session: Session) -> None:
        with trio.move_on_after(self.answer_timeout_in_s):
            if await wait_acknowledged(session.stream) and session.failure is None:
                return
            raise session.ended("it has closed the connection")
        raise session.ended(f"it did not acknowledge what it was sent within {self.answer_timeout_in_s:g} s")

    async def _send_and_close(self, destination: Destination, batch: Batch) -> None:
        stream = await self._connected(destination)
        try:
            rest = await self._put_and_close(stream, destination, batch)
        except trio.TooSlowError as error:
            seconds = f"{self.answer_timeout_in_s:g} s"
            raise ConnectionError(f"{destination}: it did not read, or not close, within {seconds}") from error
        except trio.BrokenResourceError as error:
            raise ConnectionError(f"{destination}: {told(error)}") from error
        finally:
            await trio.aclose_forcefully(stream)
        _leave(rest, destination)

    async def _put_and_close(self, stream: Stream, destination: Destination, batch: Batch) -> Batch:
        """Send as much as goes in reasonable time, say that this is all, and wait until the receiver says so too.

        A receiver that closes without having read all resets the connection. One that closed before it had all cannot
        have meant it, so what the system knows is looked at before we close.
        """
        until = trio.current_time() + self.answer_timeout_in_s
        texts = chunks(batch)
        for text in texts:
            with trio.fail_after(self.answer_timeout_in_s):
                await stream.send_all(text)
            if trio.current_time() > until:
                break
        with trio.fail_after(self.answer_timeout_in_s):
            if not await wait_acknowledged(stream):
                raise ConnectionError(f"{destination}: it has closed the connection too early")
            await _finish(stream)
        return batch_of_texts(texts)

    async def _connected(self, destination: Destination) -> Stream:
        stream = await tried(destination, destination.dialed, self.max_retry, self.connect_timeout_in_s)
        keep_alive(stream, self.keep_alive_in_s)
        return stream

    async def _part(self, stream: Stream) -> None:
        """Close as the receiver likes it: one that is cut off may lose what it has not read yet."""
        with trio.move_on_after(self.close_timeout_in_s), suppress(trio.BrokenResourceError):
            await _finish(stream)

    def _context(self) -> SSLContext | None:
        if self.tls is None:
            return None
        context = self.tls.context()
        if self.tls.cert and self.confirmation is SocketConfirmation.TCP:
            # With TLS 1.3 our handshake is over before the receiver has looked at our certificate: its system would
            # acknowledge a batch that a receiver who refuses us never reads.
            context.maximum_version = TLSVersion.TLSv1_2
        return context


async def _finish(stream: Stream) -> None:
    """Say that nothing more comes, and wait until the receiver has read all and closes."""
    if isinstance(stream, trio.SSLStream):
        transport, _ = await stream.unwrap()
        await trio.aclose_forcefully(transport)  # which is not the stream's own any more
    else:
        await stream.send_eof()
        while await stream.receive_some(RECEIVE_SIZE):
            pass


def _hearing(session: Session, counts: Counts | None) -> Callable[[bytes | bytearray], None]:
    def hear(data: bytes | bytearray) -> None:
        if counts:
            counts.hear(data)
            session.stir()

    return hear


def _leave(rest: Batch, receiver: object) -> None:
    if rest:
        raise NotDelivered(f"{receiver}: it is slow: the rest follows", rest)
