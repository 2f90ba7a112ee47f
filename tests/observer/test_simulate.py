import argparse
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
import trio
from trio_websocket import ConnectionClosed, serve_websocket

from observer.simulate import NothingListens, Options, add_arguments, main, planned_calls, simulate
from observer.simulation.calls import CallShape, plan_call
from observer.simulation.client import Summary
from observer.simulation.progress import progress, size
from observer.simulation.sfu import sfu_id_of
from tests.nodes import running

QUICK = Options(calls=2, participants=2, seconds=0.8, period=0.08, ramp=0.1, seed=1)


@dataclass
class Heard:
    """What the little server heard."""

    paths: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    closes: list[int | None] = field(default_factory=list)
    refusals: int = 0
    enough: int = 10**9
    had_enough: trio.Event = field(default_factory=trio.Event)


@asynccontextmanager
async def little_server(heard: Heard, *, refuse_first: int = 0, close_after: int | None = None) -> AsyncIterator[str]:
    """Takes samples over WebSocket; refuses the first sessions with 4226, or closes each after some messages."""

    async def session(request: Any) -> None:
        socket = await request.accept()
        heard.paths.append(request.path)
        if heard.refusals < refuse_first:
            heard.refusals += 1
            await socket.aclose(4226, "not enough peers")
            return
        try:
            await socket.send_message("message")
            for n in range(10**9):
                if n == close_after:
                    await socket.aclose(1011, "made to fail")
                    return
                heard.messages.append(orjson.loads(await socket.get_message()))
                if len(heard.messages) >= heard.enough:
                    heard.had_enough.set()
        except ConnectionClosed as closed:
            heard.closes.append(closed.reason.code if closed.reason else None)

    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_websocket, session, "127.0.0.1", 0, ssl_context=None))
        yield f"ws://127.0.0.1:{server.port}"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def little_rest_server(bodies: list[bytes], status: Callable[[int], int]) -> AsyncIterator[str]:
    """Takes POSTs; `status` says what the n-th is answered with."""

    async def connection(stream: trio.SocketStream) -> None:
        text = b""
        while True:
            while b"\r\n\r\n" not in text:
                more = await stream.receive_some()
                if not more:
                    return
                text += more
            head, _, text = text.partition(b"\r\n\r\n")
            length = int(next(h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:"))[15:])
            while len(text) < length:
                text += await stream.receive_some()
            bodies.append(head.split(b"\r\n")[0] + b"\n" + text[:length])
            text = text[length:]
            await stream.send_all(b"HTTP/1.1 %d Well\r\ncontent-length: 0\r\n\r\n" % status(len(bodies)))

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, connection, 0, host="127.0.0.1"))
        yield f"ws://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def with_url(url: str | list[str], **changes: Any) -> Options:
    fields = {name: getattr(QUICK, name) for name in QUICK.__slots__}
    return Options(**{**fields, "url": url, **changes})


async def test_every_client_opens_one_session_and_every_sample_arrives() -> None:
    heard = Heard()
    async with little_server(heard) as url:
        summary = await simulate(with_url(url))

    assert (summary.calls, summary.clients, summary.errors, summary.refused) == (2, 4, 0, 0)
    assert len(heard.messages) == summary.samples
    assert set(heard.paths) == {"/samples/demo/web?format=json&schemaVersion=2.2.0"}
    assert len({m["clientSamples"][0]["clientId"] for m in heard.messages}) == 4


async def test_the_sfu_of_a_call_has_a_session_too() -> None:
    heard, call = Heard(), plan_call(Random(5), CallShape(participants=2, seconds=0.6, sfu=True))

    async with little_server(heard) as url:
        summary = await simulate(with_url(url, sfus=True), [(0.0, call)])

    of_sfu = [sample["sfuId"] for message in heard.messages for sample in message.get("sfuSamples", ())]
    assert len(of_sfu) >= 2
    assert set(of_sfu) == {sfu_id_of(call)}
    assert (len(heard.paths), summary.clients, summary.sfus) == (3, 2, 1)


@pytest.mark.parametrize("rest", [False, True])
async def test_a_node_takes_all_that_clients_and_sfus_say_in_protobuf(tmp_path: Path, rest: bool) -> None:
    call = plan_call(Random(5), CallShape(participants=2, seconds=0.6, sfu=True))

    async with running(tmp_path) as node:
        options = with_url(f"ws://127.0.0.1:{node.port}", sfus=True, protobuf=True, rest=rest)
        summary = await simulate(options, [(0.0, call)])
        reports = await node.reports()
        rejected = await node.by_reason("observertc_sources_rejected_total")

    joined = {report["clientId"] for report in reports if report.name == "CLIENT_JOINED"}
    fed = {report["clientId"] for report in reports if report.type == "SFU_OUTBOUND_RTP_PAD"} - {None}
    assert joined == fed == {person.client_id for person in call.participants}
    assert (summary.errors, rejected) == (0, {})


async def test_sfus_are_silent_unless_asked_for() -> None:
    heard, call = Heard(), plan_call(Random(5), CallShape(participants=2, seconds=0.6, sfu=True))

    async with little_server(heard) as url:
        summary = await simulate(with_url(url), [(0.0, call)])

    assert all("clientSamples" in message for message in heard.messages)
    assert summary.sfus == 0


async def test_a_client_leaves_by_closing() -> None:
    heard = Heard()
    async with little_server(heard) as url:
        await simulate(with_url(url))

    assert heard.closes == [1000] * 4
    assert not any("controls" in message for message in heard.messages)


async def test_the_samples_of_each_client_are_numbered_in_order() -> None:
    heard = Heard()
    async with little_server(heard) as url:
        await simulate(with_url(url, calls=1, ramp=0.0))

    numbers: dict[str, list[int]] = {}
    for message in heard.messages:
        [sample] = message["clientSamples"]
        numbers.setdefault(sample["clientId"], []).append(sample["sampleSeq"])
    assert all(seqs == list(range(len(seqs))) and len(seqs) > 3 for seqs in numbers.values())


async def test_a_refused_client_comes_back_and_tells_everything_anew() -> None:
    heard = Heard()
    async with little_server(heard, refuse_first=2) as url:
        summary = await simulate(with_url(url, calls=1, ramp=0.0, seconds=1.8))

    firsts = {m["clientSamples"][0]["clientId"]: m["clientSamples"][0] for m in reversed(heard.messages)}
    assert (summary.refused, summary.errors) == (2, 0)
    assert all("browser" in sample for sample in firsts.values())


async def test_a_lost_connection_is_counted_and_made_again() -> None:
    heard = Heard()
    async with little_server(heard, close_after=3) as url:
        summary = await simulate(with_url(url, calls=1, ramp=0.0, seconds=1.8))

    assert summary.errors >= 2
    assert summary.last_error == "closed with 1011 made to fail"
    assert len(heard.paths) > 2


async def test_a_server_that_goes_away_ends_nothing_but_counts() -> None:
    heard = Heard(enough=3)
    summary = Summary()

    async with trio.open_nursery() as clients:  # noqa: SIM117 - the server goes first
        async with little_server(heard) as url:
            clients.start_soon(partial(simulate, with_url(url, seconds=2.0), summary=summary))
            await heard.had_enough.wait()

    assert summary.errors >= 2
    assert summary.open == 0


def clients_of(heard: Heard) -> set[str]:
    return {message["clientSamples"][0]["clientId"] for message in heard.messages}


async def test_clients_are_spread_over_several_servers() -> None:
    one, other = Heard(), Heard()
    async with little_server(one) as first, little_server(other) as second:
        summary = await simulate(with_url([first, second]))

    assert (summary.clients, summary.errors) == (4, 0)
    assert len(clients_of(one)) == len(clients_of(other)) == 2


async def test_a_client_that_lost_its_server_goes_on_at_another() -> None:
    dying, other = Heard(), Heard()
    async with little_server(dying, close_after=2) as first, little_server(other) as second:
        summary = await simulate(with_url([first, second], calls=1, ramp=0.0, seconds=1.8))

    assert summary.errors == 1
    assert len(clients_of(dying)) == 1
    assert clients_of(dying) < clients_of(other)


async def test_a_client_that_is_refused_tries_another_server() -> None:
    full, other = Heard(), Heard()
    async with little_server(full, refuse_first=10**9) as first, little_server(other) as second:
        summary = await simulate(with_url([first, second], calls=1, ramp=0.0, seconds=1.8))

    assert (summary.refused, summary.errors) == (1, 0)
    assert len(clients_of(other)) == 2


async def test_a_client_that_was_heard_and_is_refused_later_tells_its_events_once() -> None:
    dying, full, other = Heard(), Heard(), Heard()
    call = plan_call(Random(1), CallShape(participants=2, seconds=3.0, stagger=0.0))
    servers = little_server(dying, close_after=6), little_server(full, refuse_first=10**9), little_server(other)
    async with servers[0] as first, servers[1] as second, servers[2] as third:
        await simulate(with_url([first, second, third], seconds=3.0), [(0.0, call)])

    [early] = clients_of(dying)
    assert early in clients_of(other)
    assert full.refusals > 0
    states = [
        event["value"]
        for heard in (dying, other)
        for message in heard.messages
        for sample in message["clientSamples"]
        for event in sample.get("customCallEvents", ())
        if sample["clientId"] == early and event["name"] == "CONNECTION_STATE_CHANGED"
    ]
    assert states == ["connecting", "connected"]


async def test_one_of_several_servers_that_listens_is_enough() -> None:
    heard = Heard()
    async with little_server(heard) as url:
        summary = await simulate(with_url(["ws://127.0.0.1:1", url], calls=1, ramp=0.0, seconds=1.8))

    assert summary.errors == 1
    assert len(clients_of(heard)) == 2


async def test_several_servers_of_which_none_listens_are_all_told() -> None:
    with pytest.raises(NothingListens, match=r"127\.0\.0\.1:1 .*127\.0\.0\.1:2 "):
        await simulate(with_url(["ws://127.0.0.1:1", "ws://127.0.0.1:2"]))


async def test_nobody_listening_is_told_at_once() -> None:
    with pytest.raises(NothingListens, match=r"nothing listens at 127\.0\.0\.1:1 "):
        await simulate(with_url("ws://127.0.0.1:1"))


async def test_stopping_lets_the_clients_leave() -> None:
    heard = Heard(enough=1)
    summary, stop = Summary(), trio.Event()
    async with little_server(heard) as url, trio.open_nursery() as nursery:
        nursery.start_soon(partial(simulate, with_url(url, seconds=600.0), summary=summary, stop=stop))
        await heard.had_enough.wait()
        stop.set()

    assert set(heard.closes) == {1000}
    assert summary.open == summary.errors == 0


async def test_rest_clients_post_and_say_goodbye_in_their_last_message() -> None:
    bodies: list[bytes] = []
    async with little_rest_server(bodies, lambda n: 200) as url:
        summary = await simulate(with_url(url, rest=True))

    messages = [orjson.loads(body.partition(b"\n")[2]) for body in bodies]
    assert summary.errors == 0
    assert len(messages) == summary.samples
    assert bodies[0].startswith(b"POST /rest/samples/demo/web?format=json&schemaVersion=2.2.0 ")
    assert sum(message.get("controls") == {"close": True} for message in messages) == 4


async def test_a_busy_rest_server_is_asked_again() -> None:
    bodies: list[bytes] = []
    async with little_rest_server(bodies, lambda n: 503 if n == 1 else 200) as url:
        summary = await simulate(with_url(url, calls=1, ramp=0.0, rest=True, seconds=1.8))

    assert (summary.refused, summary.errors) == (1, 0)


def test_the_load_ramps_up() -> None:
    options = Options(calls=10, seconds=100, ramp=50, seed=1)

    assert [starts for starts, _ in planned_calls(options, Random(1))] == [5.0 * n for n in range(10)]


def test_calls_take_each_others_place_in_order() -> None:
    options = Options(calls=3, participants=2, seconds=100, ramp=6, call_seconds=30)
    starts = [starts for starts, _ in planned_calls(options, Random(1))]

    assert starts == sorted(starts)
    assert starts[:6] == [0, 2, 4, 30, 32, 34]


@pytest.mark.parametrize(
    ("scheme", "told"),
    [("ws", "no WebSocket handshake: status 404"), ("wss", "no TLS: wrong version number")],
)
async def test_what_is_no_observer_is_told_in_a_few_words(scheme: str, told: str) -> None:
    async def refuse(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, refuse, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        with trio.fail_after(10):
            summary = await simulate(Options(f"{scheme}://127.0.0.1:{port}", calls=1, participants=2, seconds=0.5))
        nursery.cancel_scope.cancel()

    assert summary.last_error == told


@pytest.mark.parametrize(
    "arguments",
    [
        "--url tcp://x",
        "--url ws://x:99999",
        "--url ws://[::1",
        "--url ws://x --url tcp://x",
        "--participants 1",
        "--calls 0",
        "--period 0",
        "--ramp 90",
        "--calls 1000 --participants 9",
    ],
)
def test_arguments_that_cannot_be_are_wrong_use(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(parsed(arguments)) == 2
    assert "webrtc-observer simulate: " in capsys.readouterr().err


def test_the_command_fails_in_one_line_when_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(parsed("--url ws://127.0.0.1:1 --seconds 1")) == 1

    assert capsys.readouterr().err.startswith(
        "webrtc-observer simulate: nothing listens at 127.0.0.1:1 (Connection refused)"
    )


def test_the_command_takes_several_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(parsed("--url ws://127.0.0.1:1 --url ws://127.0.0.1:2")) == 1

    assert "127.0.0.1:2 (Connection refused)" in capsys.readouterr().err


@pytest.mark.processes
def test_more_connections_than_files_may_be_open_are_wrong_use() -> None:
    ended = simulated_with("ulimit -n 100", "--calls 50 --participants 4")

    assert ended.returncode == 2
    assert ended.stderr == "webrtc-observer simulate: 200 connections are too many: only 100 files may be open\n"


@pytest.mark.processes
def test_the_limit_of_open_files_is_raised_as_far_as_it_may_be() -> None:
    assert "nothing listens" in simulated_with("ulimit -Sn 100", "--calls 50 --participants 4").stderr


def simulated_with(limit: str, arguments: str) -> subprocess.CompletedProcess[str]:
    command = f"{limit}; exec {sys.executable} -m observer simulate --url ws://127.0.0.1:1 {arguments}"
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True)


def test_the_bar_fits_the_terminal() -> None:
    line = progress(Summary(calls=2, samples=10, bytes=12_345), 30, 60, columns=80)

    assert line.startswith("[############------------]  50%")
    assert len(line) == 79


def test_the_bar_gives_way_to_the_figures_on_a_narrow_terminal() -> None:
    summary = Summary(calls=2, open=8, samples=1000, bytes=12_345_678)

    assert progress(summary, 30, 60, columns=60).endswith("]  50%  2 calls  8 sessions  1000 samples  12.3 MB")
    assert progress(summary, 30, 60, columns=40).startswith("[]  50%  2 calls  8 sessions")


def test_sizes_are_told_for_people() -> None:
    assert [size(n) for n in (0, 999, 1400, 2_500_000)] == ["0 B", "999 B", "1.4 kB", "2.5 MB"]


def parsed(arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments.split())
