"""WebsocketSink: each report as a text message of a WebSocket that we open.

It is built on wsproto, as trio-websocket is: a batch goes out as a few writes, and its reader sees the end at once.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from urllib.parse import SplitResult, urlsplit

import h11
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import Request

from sinks.chunks import chunks
from sinks.counts import Counts
from sinks.dialing import Destination, Tls, is_host, tried
from sinks.lines import Batch, Line, batch_of, batch_of_texts
from sinks.session import Session
from sinks.sink import NotDelivered, Rejection, Send
from sinks.websocket_client import Client, shaken

_PORTS = {"ws": 80, "wss": 443}
_OURS = frozenset({"host", "upgrade", "connection", "content-length", "transfer-encoding"})


class WebsocketConfirmation(StrEnum):
    """When a batch counts as delivered."""

    PONG = "PONG"
    COUNT = "COUNT"


@dataclass(frozen=True)
class WebsocketSink:
    """Sends each report to a WebSocket server, as a text message that holds its line.

    A batch is acknowledged once the server has answered a ping that followed it (it has read all of it), or has said
    that it has stored it (`confirmation`). A server that goes away is noticed at once.
    """

    uri: str
    """The server: `ws://` or `wss://`, host, port, path and query."""
    max_retry: int = field(default=3, metadata={"minimum": 0, "maximum": 100})
    """How often opening the connection is tried again at once, before the pauses of `retry` begin."""
    token: str = field(default="", repr=False)
    """A bearer token, sent in the header `Authorization` of the handshake."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further headers of the handshake."""
    tls: Tls = field(default_factory=Tls)
    """TLS of a `wss` server."""
    confirmation: WebsocketConfirmation = WebsocketConfirmation.PONG
    """What tells that a batch has arrived: PONG, or COUNT for a server that says how many reports it has stored."""
    max_message_bytes: int = field(default=1_048_576, metadata={"minimum": 1})
    """The longest message that the server takes; a longer report is rejected. (bytes)"""
    connect_timeout_in_s: float = field(default=10, metadata={"minimum": 0.001})
    """How long opening may take, handshakes and all tries at once included. (s)"""
    answer_timeout_in_s: float = field(default=15, metadata={"minimum": 0.001})
    """How long the server may take to read something, or to answer a ping; it has failed then. (s)"""
    ping_interval_in_s: float = field(default=30, metadata={"minimum": 0.001})
    """How often a server is asked whether it is still there while it is sent nothing. (s)"""
    close_timeout_in_s: float = field(default=2, metadata={"minimum": 0})
    """How long the server may take to answer that we close. (s)"""

    def __post_init__(self) -> None:
        parts = _parts(self.uri)
        if self.token and any(name.lower() == "authorization" for name in self.headers):
            raise ValueError("token and the header Authorization exclude each other")
        if parts.scheme == "ws" and self.tls != Tls():
            raise ValueError("tls needs a uri that begins with wss://")
        if any(name.lower() in _OURS or name.lower().startswith("sec-websocket-") for name in self.headers):
            raise ValueError("headers must not hold those of the handshake itself")
        try:
            WSConnection(ConnectionType.CLIENT).send(self.request())
        except (h11.LocalProtocolError, ValueError):
            raise ValueError("uri, token or headers hold what no HTTP request can hold") from None

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        """Connect, and do the handshake. Raises ConnectionError, and NotDelivered when the server refuses."""
        destination = self._destination()
        stream, protocol = await tried(
            destination, lambda: shaken(destination, self.request()), self.max_retry, self.connect_timeout_in_s
        )
        counts = Counts() if self.confirmation is WebsocketConfirmation.COUNT else None
        client = Client(protocol, Session(stream, destination, self.answer_timeout_in_s), counts)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.session.read, client.hear)
                nursery.start_soon(client.answer)
                nursery.start_soon(client.keep_alive, self.ping_interval_in_s)
                yield lambda batch: self._send(client, batch)
                nursery.cancel_scope.cancel()
        finally:
            try:
                with trio.move_on_after(self.close_timeout_in_s):
                    await client.part()
            finally:
                await trio.aclose_forcefully(stream)

    async def _send(self, client: Client, batch: Batch) -> None:
        async with client.session.turn():
            before = client.counts.sent if client.counts else 0
            try:
                rest, rejected = await self._put(client, batch)
            except ConnectionError as failure:
                stored = client.counts.stored - before if client.counts else 0
                if not client.too_big and stored <= 0:
                    raise
                rest, rejected = self._left(batch, max(stored, 0), client.too_big)
                if rest or rejected:
                    raise NotDelivered(str(failure), rest, rejected) from failure
            if rest or rejected:
                why = "it is slow: the rest follows" if rest else "reports are longer than it takes"
                raise NotDelivered(f"{client.session.receiver}: {why}", rest, rejected)

    async def _put(self, client: Client, batch: Batch) -> tuple[Batch, list[Rejection]]:
        """Send as much as goes in reasonable time and wait until it has arrived; what is left, and what never goes."""
        until = trio.current_time() + self.answer_timeout_in_s
        texts = chunks(batch)
        rejected: list[Rejection] = []
        for text in texts:
            lines = text[:-1].split(b"\n")
            if len(text) > self.max_message_bytes:
                rejected += [self._rejected(line) for line in lines if len(line) > self.max_message_bytes]
                lines = [line for line in lines if len(line) <= self.max_message_bytes]
            await client.put(lines)
            if trio.current_time() > until:
                break
        await client.confirmed()
        return batch_of_texts(texts), rejected

    def _left(self, batch: Batch, stored: int, too_big: bool) -> tuple[Batch, list[Rejection]]:
        """What is left of a batch of which so many were stored, and what will never go.

        When a message was too big for the server, the longest of them was.
        """
        rejected = [self._rejected(line) for line in batch if len(line) > self.max_message_bytes]
        left = list(islice(self._fitting(batch), stored, None))
        if too_big and left:
            longest = max(map(len, left))
            reason = f"longer than the server takes: {longest} bytes"
            rejected += [Rejection(line, reason) for line in left if len(line) == longest]
            left = [line for line in left if len(line) < longest]
        return batch_of(left), rejected

    def _fitting(self, batch: Batch) -> Iterator[Line]:
        return (line for line in batch if len(line) <= self.max_message_bytes)

    def _rejected(self, line: Line) -> Rejection:
        return Rejection(line, f"longer than maxMessageBytes: {len(line)} bytes")

    def _destination(self) -> Destination:
        parts = _parts(self.uri)
        context = self.tls.context() if parts.scheme == "wss" else None
        # A server of WebSockets says within the protocol that it closes.
        return Destination(str(parts.hostname), _port(parts), context, name=self.tls.server_name, lenient=True)

    def request(self) -> Request:
        """The handshake."""
        parts = _parts(self.uri)
        host = str(Destination(str(parts.hostname), _port(parts)))
        if _port(parts) == _PORTS[parts.scheme]:
            host = host.rpartition(":")[0]
        headers = {"Authorization": f"Bearer {self.token}", **self.headers} if self.token else self.headers
        return Request(
            host=host,
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            extra_headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()],
        )


def _parts(uri: str) -> SplitResult:
    """Raises ValueError for what is no address of a WebSocket, without a word of it: it may hold a secret."""
    try:
        parts = urlsplit(uri)
        _port(parts)
    except (ValueError, KeyError):
        raise ValueError(
            "uri must begin with ws:// or wss:// and name a host, and a port from 1 to 65535 if any"
        ) from None
    if not is_host(parts.hostname or ""):
        raise ValueError("uri must name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("uri must not hold a user; a token or a header can")
    if parts.fragment:
        raise ValueError("uri must not hold a fragment (#)")
    return parts


def _port(parts: SplitResult) -> int:
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if not port:
        raise ValueError("nobody listens at port 0")
    return port
