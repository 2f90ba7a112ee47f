"""Clients before a proxy, as browsers are: over TLS, and without a word about which node they reach.

*Sessions* stay, send samples over a WebSocket, open another when that ends, and leave at the end. *Visitors* post one
sample and are never heard of again. `Guests.said` is what the ledger of the tests of faults judges.
"""

import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx
import orjson
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from tests.deploy.proxies import Proxy
from tests.faults.ledger import Said
from tests.faults.node import Life

ORIGIN = "https://app.example.org"

JSON = {"Content-Type": "application/json"}

_FROM = (b"Origin", ORIGIN.encode())
PATH = "/{}/my-service/web?schemaVersion=2.2.0&format=json"
_AGAIN = 0.1
_LONG = 0.3
_PERIOD = 0.25
_PATIENCE = 20.0
ENDS = (OSError, HandshakeError, ConnectionRejected, ConnectionClosed, trio.BrokenResourceError, trio.TooSlowError)


def post_url(proxy: Proxy) -> str:
    return f"https://{proxy.place}{PATH.format('rest/samples')}"


@asynccontextmanager
async def session(proxy: Proxy) -> AsyncIterator[WebSocketConnection]:
    """A WebSocket at the proxy. Raises what ends it otherwise than by us: one of `ENDS`."""
    try:
        async with trio.open_nursery() as nursery:
            plain = await trio.open_tcp_stream(proxy.host, proxy.port)
            stream = trio.SSLStream(plain, proxy.trust, server_hostname=proxy.host)
            try:
                with trio.fail_after(_PATIENCE):
                    path = PATH.format("samples")
                    socket = await wrap_client_stream(nursery, stream, proxy.place, path, extra_headers=[_FROM])
                yield socket
                with trio.fail_after(_PATIENCE):
                    await socket.aclose()
            finally:
                # trio-websocket leaves the stream open when the other side closes.
                await trio.aclose_forcefully(stream)
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        ends, others = group.split(ENDS)
        if ends is None or (others and others.split(trio.Cancelled)[1]):
            raise
        raise _first(ends) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def browser(proxy: Proxy, **options: Any) -> httpx.AsyncClient:
    """What posts; it keeps connections, as browsers do."""
    return httpx.AsyncClient(verify=proxy.trust, headers={"Origin": ORIGIN}, timeout=_PATIENCE, **options)


def sample(client_id: str, room: str, seq: int = 0, *, leaves: bool = False, padding: int = 0) -> bytes:
    """A message with one sample, longer by `padding` bytes. With a `seq` it has a report besides events."""
    sample: dict[str, Any] = {
        "clientId": client_id,
        "roomId": room,
        "sampleSeq": seq,
        "timestamp": time.time_ns() // 1_000_000,
    }
    if seq:
        sample["pcTransports"] = [{"peerConnectionId": f"pc-{client_id}", "transportId": "t"}]
    message: dict[str, Any] = {"clientSamples": [sample], "padding": "x" * padding}
    if leaves:
        message["controls"] = {"close": True}
    return orjson.dumps(message)


class Guests:
    """The clients, and all that they said.

    `answers` counts, for each kind of proxy, how POSTs were answered, `ends` how sessions ended that were not left.
    """

    def __init__(self, proxies: list[Proxy], sessions: int, visitors: float) -> None:
        self.said: list[Said] = []
        self.answers: dict[str, Counter[object]] = {proxy.kind: Counter() for proxy in proxies}
        self.ends: dict[str, Counter[object]] = {proxy.kind: Counter() for proxy in proxies}
        self.life = Life("proxy", 0, 0, trio.current_time())
        self.ids = [f"client-{n}" for n in range(sessions)]
        self._proxies, self._visitors = proxies, visitors
        self._rng = random.Random()
        self._leaving = trio.Event()
        self._staying = sessions
        self._asked: dict[str, dict[str, float]] = {proxy.kind: {} for proxy in proxies}
        """When each visitor asked who has no answer yet."""
        self._visiting = 0
        self._gone = trio.Event()

    def node_halted(self, at: float) -> None:
        """A node was, and will be killed: what was said shortly before, or is said until then, may be lost with it."""
        self.life.killed = at
        self.life.silenced.append(at)

    def node_killed(self, at: float) -> None:
        """The node that was halted was killed."""
        self.life = Life("proxy", self.life.number + 1, 0, at)

    async def wait_hanging(self) -> None:
        """Waits until a POST through each proxy gets no answer."""
        with trio.fail_after(_PATIENCE):
            while not all(self._hangs(proxy.kind) for proxy in self._proxies):  # noqa: ASYNC110 - it is seldom asked
                await trio.sleep(_AGAIN)

    def _hangs(self, kind: str) -> bool:
        return any(trio.current_time() - began > _LONG for began in self._asked[kind].values())

    async def leave(self) -> None:
        """Lets all sessions leave and no more visitors come; waits until that is said."""
        self._leaving.set()
        self._look()
        with trio.fail_after(_PATIENCE):
            await self._gone.wait()

    async def wait_speaking(self) -> None:
        """Waits until each session has said something from now on."""
        since = trio.current_time()
        with trio.fail_after(_PATIENCE):
            while not self._all_spoke(since):  # noqa: ASYNC110 - it is seldom asked
                await trio.sleep(_AGAIN)

    def _all_spoke(self, since: float) -> bool:
        spoke = {one.client_id for one in self.said if one.seq and one.at > since}
        return spoke.issuperset(self.ids)

    async def run(self) -> None:
        """Lets them speak until it is cancelled."""
        async with trio.open_nursery() as nursery:
            for n, client_id in enumerate(self.ids):
                nursery.start_soon(self._stay, self._proxies[n % len(self._proxies)], client_id, f"room-{n // 3}")
            nursery.start_soon(self._let_visitors_in, nursery)

    async def _stay(self, proxy: Proxy, client_id: str, room: str) -> None:
        numbers = count(1)
        await trio.sleep(self._rng.uniform(0, _PERIOD))
        while True:
            spoken: list[Said] = []
            try:
                async with session(proxy) as socket:
                    await self._speak(socket, client_id, room, numbers, spoken)
                break
            except ENDS as error:
                self.ends[proxy.kind][_words(error)] += 1
            for one in spoken:
                one.cut = trio.current_time()
            if spoken and spoken[-1].leaves:
                break
            await trio.sleep(_AGAIN * self._rng.uniform(0.5, 1.5))
        self._staying -= 1
        self._look()

    async def _speak(self, socket: Any, client_id: str, room: str, numbers: "count[int]", spoken: list[Said]) -> None:
        while True:
            leaves, seq, at = self._leaving.is_set(), next(numbers), trio.current_time()
            await socket.send_message(sample(client_id, room, seq, leaves=leaves))
            one = Said(client_id, room, seq, at, self.life, leaves=leaves)
            spoken.append(one)
            self.said.append(one)
            if leaves:
                return
            with trio.move_on_after(_PERIOD):
                await self._leaving.wait()

    async def _let_visitors_in(self, nursery: trio.Nursery) -> None:
        async with trio.open_nursery() as visits:
            browsers = [(await nursery.start(self._open, proxy), proxy) for proxy in self._proxies]
            for number in count():
                await trio.sleep(self._rng.expovariate(self._visitors))
                if self._leaving.is_set():
                    return
                self._visiting += 1
                visits.start_soon(self._visit, *browsers[number % len(browsers)], f"visitor-{number}")

    async def _open(self, proxy: Proxy, task_status: trio.TaskStatus[httpx.AsyncClient]) -> None:
        async with browser(proxy) as opened:
            task_status.started(opened)
            await trio.sleep_forever()

    async def _visit(self, opened: httpx.AsyncClient, proxy: Proxy, client_id: str) -> None:
        body = sample(client_id, f"hall-{client_id[-1]}")
        status, answers = 0, self.answers[proxy.kind]
        while status != 200:
            life = self.life
            self._asked[proxy.kind][client_id] = trio.current_time()
            try:
                status = (await opened.post(post_url(proxy), content=body, headers=JSON)).status_code
                answers[status] += 1
            except httpx.TransportError as error:
                answers[type(error).__name__] += 1
            del self._asked[proxy.kind][client_id]
            if status != 200:
                await trio.sleep(_AGAIN)
        self.said.append(Said(client_id, f"hall-{client_id[-1]}", 0, trio.current_time(), life))
        self._visiting -= 1
        self._look()

    def _look(self) -> None:
        if self._leaving.is_set() and not self._staying and not self._visiting:
            self._gone.set()


def _words(end: BaseException) -> object:
    """The code with which a WebSocket was closed, or the status with which it was refused, or what else happened."""
    reason = getattr(end, "reason", None)
    return int(reason.code) if reason else getattr(end, "status_code", type(end).__name__)


@asynccontextmanager
async def guests(*proxies: Proxy, sessions: int = 18, visitors: float = 30.0) -> AsyncIterator[Guests]:
    """So many sessions, each with a sample four times a second, and so many visitors a second, spread over proxies."""
    them = Guests(list(proxies), sessions, visitors)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(them.run)
        yield them
        nursery.cancel_scope.cancel()
