"""The load generator against servers of real sockets."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.sync.server import Server, ServerConnection, serve

TOP = Path(__file__).parents[2]
LINES = [
    orjson.dumps({"clientSamples": [{"clientId": "00000000-0000-4000-8000-000000000000", "n": n}]}) for n in (1, 2)
]


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    path = tmp_path / "two.jsonl"
    path.write_bytes(b"\n".join(LINES))
    return path


def loaded(url: str, messages: Path, *commands: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", f"--url={url}", f"--messages={messages}", *commands],
        cwd=TOP,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def running(server: Server | ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    if isinstance(server, ThreadingHTTPServer):
        server.server_close()


@pytest.fixture
def got() -> list[str | bytes]:
    return []


@pytest.fixture
def websockets(got: list[str | bytes]) -> Iterator[str]:
    def take(session: ServerConnection) -> None:
        for message in session:
            got.append(message)

    server = serve(take, "127.0.0.1", 0, compression=None)
    with running(server):
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/samples?a=b"


def test_all_that_was_sent_was_read_when_it_says_so(websockets: str, messages: Path, got: list[str | bytes]) -> None:
    opened, flat, rated, closed = loaded(websockets, messages, "open 3", "flat 0.1", "rated 0.1 100", "close")

    assert opened["opened"] == 3
    assert not opened["failed"]
    assert rated["sent"] == 10
    assert len(got) == flat["sent"] + 10
    assert flat["unanswered"] == 0
    assert closed == {"ended": 3, "closed": 0}


def test_what_it_sends_are_the_messages_of_the_file(websockets: str, messages: Path, got: list[str | bytes]) -> None:
    loaded(websockets, messages, "open 1", "rated 0.1 40", "close")

    assert got == LINES * 2


def test_connections_that_broke_without_a_word_are_opened_again(websockets: str, messages: Path) -> None:
    *_, reset, opened, once = loaded(websockets, messages, "open 5", "reset", "open 5 100", "once 100")

    assert reset["ended"] == 5
    assert opened["opened"] == once["sent"] == 5


def test_a_connection_that_is_refused_counts_as_failed(messages: Path) -> None:
    [told] = loaded("ws://127.0.0.1:1/samples", messages, "open 2")

    assert told["failed"] == 2
    assert told["why"] == {"ConnectionRefusedError": 2}


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: list[bytes]
    status = 200

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.mark.parametrize(("status", "refused"), [(200, False), (503, True)])
def test_posts_follow_each_other_over_one_connection(messages: Path, status: int, refused: bool) -> None:
    got: list[bytes] = []

    class ThisDoor(Door):
        pass

    ThisDoor.bodies, ThisDoor.status = got, status
    server = ThreadingHTTPServer(("127.0.0.1", 0), ThisDoor)
    with running(server):
        url = f"http://127.0.0.1:{server.server_port}/rest"
        _, flat, rated, _ = loaded(url, messages, "open 1", "flat 0.1", "rated 0.1 40", "close")

    assert flat["sent"] > 1
    assert rated["sent"] == 4
    assert got[:4] == LINES * 2
    assert len(got) == flat["sent"] + 4
    assert flat["refused"] == (flat["sent"] if refused else 0)
