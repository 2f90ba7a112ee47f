"""A fixed replay: the same messages each time, taken in several ways by the real observer, in one process.

Time is trio's `MockClock`, which moves only between batches, and ids are counted up, so that two runs do the same. The
messages are 42 of 9.3 kB, from seven clients of simulated calls: two of two in a mesh, one of three through an SFU. A
client's first message tells what is told once, five more tell the rest; they are told over and over.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count, cycle, islice
from pathlib import Path
from socket import socket

import orjson
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ingest.incoming import incoming
from ingest.intake import Intake
from ingest.sources import Sources
from ingest.statistics import Transport
from observer.config import Configuration, parse
from observer.node import Ports, run_node
from observer.simulation.protobuf_messages import in_protobuf
from schemas.reports import to_json
from tests.speed.clients import connected, drop_answers, frame, opened_websocket, post
from tests.world import NOW, World

MESSAGES = tuple(gzip.decompress((Path(__file__).parent / "messages.jsonl.gz").read_bytes()).splitlines())
SENDERS = tuple(orjson.loads(message)["clientSamples"][0]["clientId"] for message in MESSAGES)

BATCH = len(MESSAGES) // 2
"""The messages of a batch of the pipeline: three of each client."""

ONE_OF_EACH = BATCH // 3
"""So many messages, one of each client, come alone; the node takes them before there are more."""

OPENING = 2 * len(MESSAGES)
"""After so many messages all clients, connections and tracks are known."""

MEASURED = 3 * len(MESSAGES)
"""So many messages are measured: six batches."""

Measured = AbstractContextManager[object]
Way = Callable[[int, Measured], None]
"""Tells `OPENING` messages and then, within the context, so many more."""


def over_websocket(messages: int, measured: Measured) -> None:
    """A whole node with a FileSink that writes to nowhere; each message of a client comes alone."""
    _run_node(FRAMES, _open, messages, measured)


def over_websocket_at_once(messages: int, measured: Measured) -> None:
    """The same, where three messages of each client come together."""
    _run_node(FRAMES, _open, messages, measured, at_once=BATCH)


def over_rest(messages: int, measured: Measured) -> None:
    """The same by POST, over connections that are kept alive."""
    _run_node(POSTS, connected, messages, measured)


def without_sockets(messages: int, measured: Measured) -> None:
    """From the bytes of a message in JSON to those of its reports."""
    _run_pipeline(MESSAGES, {}, messages, measured)


def of_protobuf(messages: int, measured: Measured) -> None:
    """The same from protobuf."""
    _run_pipeline(PROTOBUF, {"format": "protobuf", "schemaVersion": "2.2.0"}, messages, measured)


WAYS: Mapping[str, Way] = {
    "WebSocket": over_websocket,
    "WebSocket, three at once": over_websocket_at_once,
    "REST": over_rest,
    "JSON, no sockets": without_sockets,
    "protobuf, no sockets": of_protobuf,
}

_GATHERING, _BATCHING = 0.06, 0.12
"""After the one the node has read what came, and after the other it has taken the batch. (s)"""

_PATH = "/samples/svc/unit"

# What is sent is made before anything is measured.
FRAMES = tuple(frame(message) for message in MESSAGES)
POSTS = tuple(post(f"/rest{_PATH}", message) for message in MESSAGES)
PROTOBUF = tuple(in_protobuf(orjson.loads(message)) for message in MESSAGES)


def _run_pipeline(told: Sequence[bytes], query: Mapping[str, str], messages: int, measured: Measured) -> None:
    wheel, world = _over_and_over(told), World()
    intake = Intake(Sources(), lambda: world.now)
    of = incoming({"serviceId": "svc", "mediaUnitId": "unit"}, query, 255)
    decoders = {who: intake.decoder(of, Transport.WEBSOCKET) for who in SENDERS}

    async def tell(amount: int) -> None:
        for batch in _groups(wheel, amount, BATCH):
            samples = [intake.take(data, decoders[who]) for who, data in batch]
            world.now += 100
            await world.pipeline.process(samples)
            for report in world.told:
                to_json(report)
            world.told.clear()

    async def run() -> None:
        await tell(OPENING)
        with measured:
            await tell(messages)

    trio.run(run, clock=MockClock())


def _run_node(
    told: Sequence[bytes],
    connect: Callable[[int], socket],
    messages: int,
    measured: Measured,
    *,
    at_once: int = ONE_OF_EACH,
) -> None:
    wheel, clock, stop = _over_and_over(told), MockClock(), trio.Event()
    fresh = (f"00000000-0000-4000-8000-{number:012}" for number in count())

    async def tell(amount: int, sockets: Mapping[str, socket]) -> None:
        for number, group in enumerate(_groups(wheel, amount, at_once), start=1):
            for who, data in group:
                sockets[who].sendall(data)
            await pass_time(_GATHERING)
            for who, _ in group:
                drop_answers(sockets[who])
            if number * at_once % BATCH == 0:
                await pass_time(_BATCHING)
                await trio.to_thread.run_sync(_nothing)
                await wait_all_tasks_blocked()

    async def pass_time(seconds: float) -> None:
        await wait_all_tasks_blocked()
        clock.jump(seconds)
        await wait_all_tasks_blocked()

    async def serve(task_status: trio.TaskStatus[Ports]) -> None:
        await run_node(
            _configuration(),
            now=lambda: NOW + int(trio.current_time() * 1000),
            fresh_id=lambda: next(fresh),
            stop=stop,
            task_status=task_status,
        )

    async def run() -> None:
        # One thread: what the sink writes there is written before the replay's own turn comes.
        trio.to_thread.current_default_thread_limiter().total_tokens = 1
        async with trio.open_nursery() as nursery:
            ports: Ports = await nursery.start(serve)
            sockets = {who: await trio.to_thread.run_sync(connect, ports.port) for who in dict.fromkeys(SENDERS)}
            await tell(OPENING, sockets)
            with measured:
                await tell(messages, sockets)
            for one in sockets.values():
                one.close()
            stop.set()
            clock.autojump_threshold = 0

    trio.run(run, clock=clock)


def _nothing() -> None:
    return None


def _open(port: int) -> socket:
    return opened_websocket(port, _PATH)


def _configuration() -> Configuration:
    here = {"host": "127.0.0.1", "port": 0}
    nowhere = {"type": "FileSink", "config": {"path": "/dev/null"}}
    at_each_batch = {"reportsCollector": {"maxTimeInMs": 0}}
    own = {"security": {"printConfigs": False}, "buffers": at_each_batch, "sinks": {"nowhere": nowhere}}
    return parse(json.dumps({"micronaut": {"server": here}, "endpoints": {"all": here}, "observer": own}), {})


def _over_and_over(told: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Who speaks, and the bytes."""
    return cycle(zip(SENDERS, told, strict=True))


def _groups(wheel: Iterator[tuple[str, bytes]], amount: int, size: int) -> Iterator[list[tuple[str, bytes]]]:
    for _ in range(amount // size):
        yield list(islice(wheel, size))
