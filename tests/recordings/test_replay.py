"""A replay sends the very bytes in the recorded order, and closes as recorded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, serve_websocket

from tests.recordings.recording import Recording, Step, load
from tests.recordings.replay import play

DATA = Path(__file__).parent / "data"
SOCKETS = ("oc2-kills3-json", "oc2-reconnect-default")


@dataclass
class Heard:
    """What a server heard."""

    port: int = 0
    messages: list[str | bytes] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    sessions: list[trio.Event] = field(default_factory=list)


@asynccontextmanager
async def listening(refuse_with: int | None = None) -> AsyncIterator[Heard]:
    """A server of WebSockets that only listens; with `refuse_with` it closes after the first message."""
    heard = Heard()

    async def listen(asked: Any) -> None:
        heard.targets.append(asked.path)
        heard.sessions.append(over := trio.Event())
        socket = await asked.accept()
        try:
            while True:
                heard.messages.append(await socket.get_message())
                if refuse_with is not None:
                    await socket.aclose(refuse_with, "no")
        except ConnectionClosed as closed:
            heard.codes.append(int(closed.reason.code) if closed.reason else 1006)
        over.set()

    async with trio.open_nursery() as nursery:
        server: Any = await nursery.start(serve_websocket, listen, "127.0.0.1", 0, None)
        heard.port = server.port
        yield heard
        with trio.move_on_after(5):
            for session in heard.sessions:
                await session.wait()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", SOCKETS)
async def test_the_very_bytes_are_sent(name: str) -> None:
    recording = load(DATA / f"{name}.jsonl.gz")

    async with listening() as heard:
        played = await play([recording], heard.port)

    assert sorted(message for message in heard.messages if isinstance(message, bytes)) == sorted(bodies(recording))
    assert heard.targets == [step.target for step in recording.steps if step.act == "open"]
    assert not played.refusals


@pytest.mark.parametrize("name", SOCKETS)
async def test_sockets_close_as_recorded(name: str) -> None:
    recording = load(DATA / f"{name}.jsonl.gz")

    async with listening() as heard:
        await play([recording], heard.port)

    assert sorted(heard.codes) == sorted(step.code for step in recording.steps if step.act == "close")


async def test_copies_are_played_together_and_share_no_id() -> None:
    recording = load(DATA / "oc2-kills3-json.jsonl.gz")

    async with listening() as heard:
        await play([recording.copy(number) for number in range(3)], heard.port)

    assert len(heard.messages) == 3 * len(bodies(recording))
    assert len({client for number in range(3) for client in recording.copy(number).heard()}) == 9


def test_a_copy_is_rewritten_consistently() -> None:
    recording = load(DATA / "oc2-kills3-json.jsonl.gz")

    copy = recording.copy(7)

    assert {person["clientId"] for person in copy.truth["participants"]} == set(copy.heard())
    assert {match["ssrc"] for match in copy.truth["matching"]} == inbound_ssrcs(copy)
    assert not inbound_ssrcs(copy) & inbound_ssrcs(recording)
    assert {sample["roomId"] for sample in client_samples(copy)} == {room["roomId"] for room in copy.truth["rooms"]}


async def test_a_refusal_is_told() -> None:
    recording = load(DATA / "oc2-reconnect-default.jsonl.gz")

    async def pass_time(_: float) -> None:
        await trio.sleep(0.01)

    async with listening(refuse_with=4230) as heard:
        played = await play([recording], heard.port, pass_time)

    assert "the server closed with 4230 no" in played.refusals


async def test_the_recorded_time_passes_between_steps() -> None:
    passed: list[float] = []
    steps = [Step(1000.0, "open", 1, "/"), Step(3500.0, "message", 1, body="{}"), Step(4000.0, "close", 1, code=1000)]

    async def pass_time(seconds: float) -> None:
        passed.append(seconds)

    async with listening() as heard:
        await play([Recording("three steps", 0, steps, {})], heard.port, pass_time)

    assert passed == [2.5, 0.5]


def bodies(recording: Recording) -> list[bytes]:
    return [bytes(step.body) for step in recording.steps if step.act == "message" and isinstance(step.body, bytes)]


def client_samples(recording: Recording) -> list[Any]:
    return [sample for samples in recording.samples() for sample in samples["clientSamples"]]


def inbound_ssrcs(recording: Recording) -> set[int]:
    lists = ("inboundAudioTracks", "inboundVideoTracks")
    return {track["ssrc"] for s in client_samples(recording) for name in lists for track in s.get(name, ())}
