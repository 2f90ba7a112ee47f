"""Clients behind a load balancer: each speaks to any node, and when that fails to another, under the same names.

*Sessions* are clients that stay: they send samples over a WebSocket, and leave at the end. *Visitors* are clients that
post one sample and are never heard of again: if the node that took it loses it, nobody else can tell of them.
Some of both send a sample of an SFU of their own name along.
"""

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import orjson
import trio

from observer.simulation.sessions import Lost, Refused, rest_session, websocket_session
from tests.faults.ledger import Said
from tests.faults.node import Node

Send = Callable[[bytes], Awaitable[None]]

_FIRST_WAIT, _LONGEST_WAIT = 0.05, 0.5
_PATIENCE = 2.0
_BY_HAND = 0.02


class Crowd:
    """The clients, and all that they said."""

    def __init__(self, nodes: Sequence[Node], *, clients: int, in_room: int, period: float, visitors: float) -> None:
        self.nodes = nodes
        self.said: list[Said] = []
        self.began: dict[str, float] = {}
        """When each visitor first tried."""
        self.refused = 0
        self.clients = [(f"client-{n}", f"room-{n // in_room}") for n in range(clients)]
        self._period = period
        self._visitors = visitors
        self._rng = random.Random()
        self._leaving = trio.Event()
        self._left = 0
        self._all_left = trio.Event()
        self._moving: dict[str, Node] = {}
        self._closing = trio.Event()

    async def run(self) -> None:
        """Lets them speak until it is cancelled."""
        async with trio.open_nursery() as nursery:
            for client_id, room in self.clients:
                nursery.start_soon(self._stay, client_id, room)
            if self._visitors:
                nursery.start_soon(self._let_visitors_in, nursery)

    async def leave(self, patience: float = 20.0) -> None:
        """Lets everyone who stays leave, no more visitors come, and waits until that is said."""
        self._leaving.set()
        if self.clients:
            with trio.fail_after(patience):
                await self._all_left.wait()
        while len({one.client_id for one in self.said if one.seq == 0}) < len(self.began):
            with trio.fail_after(patience):
                await trio.sleep(_BY_HAND)

    async def move_to(self, node: Node, patience: float = 20.0) -> None:
        """Lets everyone who stays close its session and open one at this node; waits until all have spoken there."""
        since = trio.current_time()
        self._moving = {client_id: node for client_id, _ in self.clients}
        closing, self._closing = self._closing, trio.Event()
        closing.set()
        with trio.fail_after(patience):
            while not self._all_spoke(node, since):  # noqa: ASYNC110 - it is seldom asked
                await trio.sleep(_BY_HAND)

    def _all_spoke(self, node: Node, since: float) -> bool:
        spoke = {one.client_id for one in self.said if one.at > since and one.life is node.life}
        return all(client_id in spoke for client_id, _ in self.clients)

    async def _stay(self, client_id: str, room: str) -> None:
        seq, wait, node = count(1), _FIRST_WAIT, self._any()
        await trio.sleep(self._rng.uniform(0, self._period))
        while True:
            node = self._moving.pop(client_id, node)
            session: list[Said] = []
            try:
                async with websocket_session(f"{node.url}/samples/svc/mu", patience=_PATIENCE) as send:
                    life = node.life
                    ended = await self._speak(send, client_id, room, seq, life, session)
                if ended:
                    break
                wait = _FIRST_WAIT
                continue
            except Refused:
                self.refused += 1
            except Lost:
                pass
            for one in session:
                one.cut = trio.current_time()
            if session and session[-1].leaves:
                break
            if session:
                wait = _FIRST_WAIT
            await trio.sleep(wait * self._rng.uniform(0.5, 1.5))
            wait = min(2 * wait, _LONGEST_WAIT)
            node = self._any(node)
        self._left += 1
        if self._left == len(self.clients):
            self._all_left.set()

    async def _speak(
        self, send: Send, client_id: str, room: str, seq: "count[int]", life: Any, session: list[Said]
    ) -> bool:
        """Sends samples until it is to leave (true), or to move (false)."""
        closing = self._closing
        while True:
            leaves = self._leaving.is_set()
            number = next(seq)
            at = trio.current_time()
            await send(_message(client_id, room, number, leaves=leaves))
            one = Said(client_id, room, number, at, life, leaves=leaves, sfu=_has_sfu(client_id))
            session.append(one)
            self.said.append(one)
            if leaves or closing.is_set():
                return leaves
            with trio.move_on_after(self._period):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_either, self._leaving, nursery.cancel_scope)
                    nursery.start_soon(_either, closing, nursery.cancel_scope)

    async def _let_visitors_in(self, nursery: trio.Nursery) -> None:
        for number in count():
            await trio.sleep(self._rng.expovariate(self._visitors))
            if self._leaving.is_set():
                return
            nursery.start_soon(self._visit, f"visitor-{number}", f"hall-{number % 5}")

    async def _visit(self, client_id: str, room: str) -> None:
        self.began[client_id] = trio.current_time()
        body, wait, node = _message(client_id, room, 0), _FIRST_WAIT, self._any()
        while True:
            life = node.life
            try:
                url = f"http://{node.host}:{node.port}/rest/samples/svc/mu"
                async with rest_session(url, patience=_PATIENCE) as send:
                    await send(body)
            except Refused:
                self.refused += 1
            except Lost:
                pass
            else:
                self.said.append(Said(client_id, room, 0, trio.current_time(), life, sfu=_has_sfu(client_id)))
                return
            await trio.sleep(wait * self._rng.uniform(0.5, 1.5))
            wait = min(2 * wait, _LONGEST_WAIT)
            node = self._any(node)

    def _any(self, but: Node | None = None) -> Node:
        return self._rng.choice([node for node in self.nodes if node is not but] or [*self.nodes])


async def _either(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


@asynccontextmanager
async def crowd(
    nodes: Sequence[Node], *, clients: int = 24, in_room: int = 3, period: float = 0.25, visitors: float = 30.0
) -> AsyncIterator[Crowd]:
    """Clients that stay, in rooms of some, with a sample each `period` (s), and so many visitors a second."""
    it = Crowd(nodes, clients=clients, in_room=in_room, period=period, visitors=visitors)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(it.run)
        yield it
        nursery.cancel_scope.cancel()


class Joins:
    """The visitors that nodes tell of from now on."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._read = {node: node.reports.stat().st_size for node in nodes}
        self._rest = dict.fromkeys(nodes, b"")

    async def first(self, since: Mapping[str, float], after: float, patience: float = 20.0) -> float:
        """When one is told of that first tried later than `after`; `since` is when each did."""
        with trio.fail_after(patience):
            while True:
                for client_id in self._news():
                    if since.get(client_id, 0.0) > after:
                        return trio.current_time()
                await trio.sleep(0.005)

    def _news(self) -> list[str]:
        told = []
        for node in self._read:
            with node.reports.open("rb") as file:
                file.seek(self._read[node])
                more = file.read()
            self._read[node] += len(more)
            *lines, self._rest[node] = (self._rest[node] + more).split(b"\n")
            told += [orjson.loads(line)["payload"]["clientId"] for line in lines if b'"CLIENT_JOINED"' in line]
        return told


def _has_sfu(client_id: str) -> bool:
    """Every fourth does."""
    return int(client_id.split("-")[1]) % 4 == 0


def _message(client_id: str, room: str, seq: int, *, leaves: bool = False) -> bytes:
    sample: dict[str, Any] = {
        "clientId": client_id,
        "roomId": room,
        "sampleSeq": seq,
        "timestamp": time.time_ns() // 1_000_000,
    }
    if seq:
        connection = f"pc-{client_id}"
        sample["pcTransports"] = [{"peerConnectionId": connection, "transportId": "t"}]
        track = {
            "peerConnectionId": connection,
            "trackId": f"track-{client_id}",
            "ssrc": int(client_id.split("-")[1]) + 1,
        }
        sample["outboundAudioTracks"] = [track]
    message: dict[str, Any] = {"clientSamples": [sample]}
    if _has_sfu(client_id):
        pad = {"transportId": "t", "padId": f"pad-{client_id}", "streamId": "s", "ssrc": 1}
        of_sfu = {"sfuId": client_id, "timestamp": sample["timestamp"], "inboundRtpPads": [pad]}
        message["sfuSamples"] = [of_sfu]
    if leaves:
        message["controls"] = {"close": True}
    return orjson.dumps(message)
