"""Strangers at the cluster port: they may say one small hello, in limited time and number."""

from dataclasses import dataclass

import trio

from cluster.dialing import first_frames
from cluster.frames import FrameReader, FrameTooLarge, Hello, MalformedHello, decode_hello
from cluster.links import Refused
from cluster.settings import LinkLimits
from cluster.tls import Tls, names_of


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who has said hello: whatever it says it is must still be believed or not.

    `early` are frames that came behind the hello; `names` those of its certificate, which is of our authority, or None
    on plain text.
    """

    stream: trio.abc.Stream
    reader: FrameReader
    hello: Hello
    early: list[bytes]
    names: frozenset[str] | None


class Door:
    """Hears strangers out. When too many are there, the oldest goes: those that only wait keep nobody else out."""

    def __init__(self, tls: Tls | None, limits: LinkLimits) -> None:
        self._tls = tls
        self._limits = limits
        self._waiting: dict[trio.CancelScope, None] = {}

    async def hear(self, stream: trio.SocketStream) -> Visitor | Refused:
        """Who it is, or why it was not heard out. Does not close the stream."""
        if len(self._waiting) >= self._limits.max_strangers:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.cancel()
        scope = trio.CancelScope()
        self._waiting[scope] = None
        try:
            with scope:
                return await self._introduced(stream)
            return Refused.TOO_MANY_CONNECTIONS
        finally:
            self._waiting.pop(scope, None)

    async def _introduced(self, raw: trio.SocketStream) -> Visitor | Refused:
        if self._tls is None:
            return await self._greeted(raw, None)
        stream = trio.SSLStream(raw, self._tls.accepting(), server_side=True)
        with trio.move_on_after(self._limits.handshake_timeout_in_s) as limit:
            try:
                await stream.do_handshake()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return Refused.HANDSHAKE_FAILED
        if limit.cancelled_caught:
            return Refused.HANDSHAKE_TIMEOUT
        names = names_of(stream.getpeercert())
        return await self._greeted(stream, names) if names else Refused.UNNAMED

    async def _greeted(self, stream: trio.abc.Stream, names: frozenset[str] | None) -> Visitor | Refused:
        reader = FrameReader(self._limits.max_stranger_frame_size)
        frames = None
        with trio.move_on_after(self._limits.hello_timeout_in_s):
            try:
                frames = await first_frames(stream, reader)
            except FrameTooLarge:
                return Refused.FRAME_TOO_LARGE
        if frames is None:
            return Refused.HELLO_TIMEOUT
        if not frames:
            return Refused.NO_HELLO
        try:
            return Visitor(stream, reader, decode_hello(frames[0]), frames[1:], names)
        except MalformedHello:
            return Refused.MALFORMED_HELLO
