"""One link to a member: an outbox that one task empties, another task that reads, and signs of life both ways."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import trio

from cluster.frames import HEAD_SIZE, PING, FrameReader, FrameTooLarge, head
from cluster.settings import LinkLimits

_RECEIVE_SIZE = 65_536
_SEND_SIZE = 65_536

_NEVER = float("inf")

_PASSES = 5
"""How often the task that reads has its turn before a peer is taken for silent: while this process itself stood still,
nothing was read, and what has arrived meanwhile counts."""


class Refused(StrEnum):
    """Why a connection to the cluster port became no link, or a question got no answer."""

    HANDSHAKE_FAILED = "handshake_failed"
    """It did not speak TLS 1.3, or had no certificate of our authority that is valid now."""
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    NO_HELLO = "no_hello"
    """It ended before it had said hello."""
    HELLO_TIMEOUT = "hello_timeout"
    FRAME_TOO_LARGE = "frame_too_large"
    MALFORMED_HELLO = "malformed_hello"
    UNNAMED = "unnamed"
    """Its certificate has no subject alternative name."""
    WRONG_NAME = "wrong_name"
    """Its certificate does not cover the host of the member that it said it is."""
    NOT_A_MEMBER = "not_a_member"
    """It said it is a member that we do not keep links with (yet, or any more)."""
    WRONG_TARGET = "wrong_target"
    """It asked for a member that this process is not (any more)."""
    WRONG_SIDE = "wrong_side"
    """It dialed although ours is the greater name, so that we dial."""
    TOO_MANY_CONNECTIONS = "too_many_connections"
    """It was the oldest of too many that were no links yet."""
    TOO_MANY_QUESTIONS = "too_many_questions"
    NOT_ANSWERED = "not_answered"
    """Its question found no answer in time, or it did not wait for it."""


class Closed(StrEnum):
    """Why a link ended."""

    BROKEN = "broken"
    """The peer closed it, or the network did."""
    SILENT = "silent"
    """Nothing came for too long."""
    STUCK = "stuck"
    """The peer took nothing of what we sent for too long."""
    FRAME_TOO_LARGE = "frame_too_large"
    REPLACED = "replaced"
    """The member came with a newer link."""
    DROPPED = "dropped"
    """We keep no link with that member any more, or are another member ourselves now, or stop."""


@dataclass(slots=True)
class LinkStatistics:
    """Counters of the cluster port: only ever counted up. Bytes are those above TLS; signs of life are no messages."""

    bytes_sent: int = 0
    bytes_received: int = 0
    messages_sent: int = 0
    messages_received: int = 0
    opened: int = 0
    """Links that came up."""
    closed: Counter[Closed] = field(default_factory=Counter)
    refused: Counter[Refused] = field(default_factory=Counter)
    failed_dials: int = 0
    """How often a member could not be reached, or did not accept the link."""


class Link:
    """An open connection to a member, whose hello is behind it.

    `run` is to be called once. Frames are handed to `received` in order, none after `close`.
    """

    def __init__(
        self,
        member: str,
        stream: trio.abc.Stream,
        reader: FrameReader,
        received: Callable[[str, bytes], None],
        limits: LinkLimits,
        statistics: LinkStatistics,
    ) -> None:
        self.member = member
        self.pending = 0
        """Bytes that have been taken by `push` and not yet by the connection."""
        self.closed: Closed | None = None
        self._stream = stream
        self._reader = reader
        self._received = received
        self._limits = limits
        self._statistics = statistics
        self._outbox: deque[bytes] = deque()
        self._filled = trio.Event()
        self._scope = trio.CancelScope()
        self._heard_at = self._sent_at = 0.0
        self._sending_since = _NEVER

    def push(self, frame: bytes) -> bool:
        """Queues a frame; False if the outbox has no room for it. Neither blocks nor copies."""
        size = HEAD_SIZE + len(frame)
        if self.pending + size > self._limits.max_outbox_size or self.closed is not None:
            return False
        self._outbox.append(head(len(frame)))
        self._outbox.append(frame)
        self.pending += size
        self._statistics.messages_sent += 1
        self._filled.set()
        return True

    def close(self, why: Closed) -> None:
        """Ends `run`, and forgets what has not been sent. Only the first reason counts."""
        if self.closed is None:
            self.closed = why
            self._outbox.clear()
            self._scope.cancel()

    async def run(self, early: Iterable[bytes]) -> None:
        """Delivers `early`, frames that came with the hello, then reads and writes until the link is closed."""
        self._reader.limit = self._limits.max_frame_size
        self._heard_at = self._sent_at = trio.current_time()
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                nursery.start_soon(self._watch)
                self._deliver(early)
                await self._read()

    async def _read(self) -> None:
        while self.closed is None:
            chunk = await self._receive()
            if not chunk:
                self.close(Closed.BROKEN)
                return
            self._heard_at = trio.current_time()
            self._statistics.bytes_received += len(chunk)
            try:
                frames = self._reader.feed(chunk)
            except FrameTooLarge:
                self.close(Closed.FRAME_TOO_LARGE)
                return
            self._deliver(frames)

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(_RECEIVE_SIZE))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""

    def _deliver(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            if self.closed is not None:
                return
            if frame:
                self._statistics.messages_received += 1
                self._received(self.member, frame)

    async def _watch(self) -> None:
        """Gives signs of life, and ends the link of a peer that gives none or takes nothing.

        One task does that for all waits of a link: a time-out around each of them would cost more than what it guards.
        """
        timeout, interval = self._limits.link_timeout_in_s, self._limits.ping_interval_in_s
        while self.closed is None:
            due = min(self._heard_at + timeout, self._sending_since + timeout, self._sent_at + interval)
            await trio.sleep_until(due)
            if self._sending_since + timeout <= trio.current_time():
                self.close(Closed.STUCK)
                return
            if self._heard_at + timeout <= trio.current_time():
                for _ in range(_PASSES):
                    await trio.lowlevel.checkpoint()
            now = trio.current_time()
            if self._heard_at + timeout <= now:
                self.close(Closed.SILENT)
            elif self._sent_at + interval <= now:
                self._sent_at = now
                self._queue(PING)

    def _queue(self, data: bytes) -> None:
        self._outbox.append(data)
        self.pending += len(data)
        self._filled.set()

    async def _write(self) -> None:
        sending = await self._send(PING)  # tells a peer that dialed that its link is accepted
        while sending:
            await self._filled.wait()
            self._filled = trio.Event()
            sending = await self._empty()

    async def _empty(self) -> bool:
        """Sends all that waits: small frames together, large ones in pieces, for TLS copies all that it is given."""
        while self._outbox:
            data = memoryview(self._next())
            for start in range(0, len(data), _SEND_SIZE):
                piece = data[start : start + _SEND_SIZE]
                if not await self._send(piece):
                    return False
                self.pending -= len(piece)
        return True

    def _next(self) -> bytes:
        batch = [self._outbox.popleft()]
        size = len(batch[0])
        while self._outbox and size + len(self._outbox[0]) <= _SEND_SIZE:
            batch.append(self._outbox.popleft())
            size += len(batch[-1])
        return batch[0] if len(batch) == 1 else b"".join(batch)

    async def _send(self, data: bytes | memoryview) -> bool:
        """Sends, or closes the link and returns False."""
        self._sending_since = trio.current_time()
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.close(Closed.BROKEN)
            return False
        self._sending_since = _NEVER
        self._sent_at = trio.current_time()
        self._statistics.bytes_sent += len(data)
        return True
