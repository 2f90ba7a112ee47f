"""Streams as connections use them: closing so that the last words are read, and the wire below one WebSocket."""

import trio

from web.statistics import Ended, Statistics

RECEIVE_SIZE = 65_536

Stream = trio.abc.HalfCloseableStream


async def close_gently(stream: Stream, seconds: float) -> None:
    """Says that nothing more comes, reads until the peer has closed too, at most `seconds`, and closes.

    Closing while unread bytes wait makes TCP reset the connection, and the peer may then never read our last answer.
    """
    try:
        with trio.move_on_after(seconds):
            await stream.send_eof()
            while await stream.receive_some(RECEIVE_SIZE):
                pass
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        await trio.aclose_forcefully(stream)


class Wire(trio.abc.Stream):
    """The stream below one WebSocket.

    First it gives `head`, then, once `open`, what the peer had sent behind its own head. It notes when it last heard
    the peer (`heard_at`) and since when the peer has not read what we send (`sending_since`), both in trio's time.
    A peer that sends more than `longest` bytes without completing a message is broken off.
    Closing it only says that nothing more comes: the stream below is closed by its owner.
    """

    def __init__(self, stream: Stream, head: bytes, early: bytes, longest: int, statistics: Statistics) -> None:
        self.heard_at = trio.current_time()
        self.sending_since: float | None = None
        self.open = trio.Event()
        self._stream = stream
        self._head = head
        self._early = early
        self._starting = True
        self._closed = False
        self._longest = longest
        self._unfinished = 0
        self._statistics = statistics

    def message_completed(self) -> None:
        """A message was completed: what was received is no longer counted as unfinished."""
        self._unfinished = 0

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receives as `trio.abc.ReceiveStream` does."""
        if self._closed:
            raise trio.ClosedResourceError
        if self._starting:
            first = await self._receive_first()
            if first:
                return first
        data = await self._stream.receive_some(max_bytes)
        self.heard_at = trio.current_time()
        self._statistics.received_bytes += len(data)
        self._unfinished += len(data)
        if self._unfinished > self._longest:
            self._statistics.ended[Ended.MESSAGE_UNFINISHED] += 1
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("Too much was received without a message")
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Sends as `trio.abc.SendStream` does."""
        if self._closed:
            raise trio.ClosedResourceError
        self.sending_since = trio.current_time()
        try:
            await self._stream.send_all(data)
        finally:
            self.sending_since = None

    async def wait_send_all_might_not_block(self) -> None:
        """Waits as `trio.abc.SendStream` does."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Says to the peer that nothing more comes."""
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._closed = True
        try:
            await self._stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
            # It is closed already, or it is stuck in sending: its owner closes it.
            return

    async def _receive_first(self) -> bytes:
        if self._head:
            await trio.lowlevel.checkpoint()
            head, self._head = self._head, b""
            return head
        await self.open.wait()
        self._starting = False
        early, self._early = self._early, b""
        return early
