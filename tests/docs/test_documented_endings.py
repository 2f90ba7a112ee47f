"""A process of the observer ends with the exit code that the documents tell, and never with a traceback."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.docs.documents import TOP

PATIENCE_S = 30.0

pytestmark = pytest.mark.processes


@contextmanager
def node(
    folder: Path, configuration: str, *, under: Sequence[str] = (), **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """A process that runs this configuration, on free ports unless the variables say otherwise.

    `under` is a command that runs it.
    """
    file = folder / "node.yaml"
    file.write_text(configuration)
    ports = {"APPLICATION_SERVER_PORT": "0", "APPLICATION_MANAGEMENT_PORT": "0"}
    process = subprocess.Popen(
        [*under, sys.executable, "-m", "observer", "run", "--config", str(file)],
        env=os.environ | {"PYTHONPATH": str(TOP)} | ports | variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(process: subprocess.Popen[str], said: str) -> str:
    """Reads the log of the process up to the line that matches."""
    assert process.stderr is not None
    read = ""
    for line in process.stderr:
        read += line
        if re.search(said, line):
            return line
    raise AssertionError(f"it never said {said}:\n{read}")


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code and the rest of the log."""
    _, rest = process.communicate(timeout=PATIENCE_S)
    return process.returncode, rest


def test_a_node_that_is_told_to_stop_ends_well(tmp_path: Path) -> None:
    with node(tmp_path, "{}") as process:
        wait_until(process, "Taking samples")
        process.send_signal(signal.SIGTERM)
        code, log = end(process)

    assert code == 0
    assert "Traceback" not in log


def test_a_node_that_cannot_deliver_what_it_accepted_says_so(tmp_path: Path) -> None:
    sink = f"{{type: FileSink, config: {{path: {tmp_path}/nowhere/reports.jsonl}}}}"
    with node(tmp_path, f"observer: {{shutdownGraceInS: 0.5, sinks: {{x: {sink}}}}}") as process:
        port, _ = re.findall(r"\d+", wait_until(process, "Taking samples").partition("port")[2])
        sample = b'{"clientSamples": [{"clientId": "c", "roomId": "r", "timestamp": 1}]}'
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/rest/samples/s/m", sample, {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(asked).close()
        process.send_signal(signal.SIGTERM)
        code, log = end(process)

    assert code == 1
    assert "0 reports acknowledged, 2 dropped" in log


def test_a_second_signal_ends_a_node_at_once(tmp_path: Path) -> None:
    with node(tmp_path, "observer: {sinks: {x: {type: FileSink, config: {path: /dev/null}}}}") as process:
        wait_until(process, "Taking samples")
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        code, log = end(process)

    assert code == 1
    assert "Traceback" not in log


def test_a_node_whose_port_is_taken_fails(tmp_path: Path) -> None:
    with node(tmp_path, "{}") as first:
        port = re.findall(r"port (\d+)", wait_until(first, "Taking samples"))[0]
        with node(tmp_path, "{}", APPLICATION_SERVER_PORT=port) as second:
            code, log = end(second)

    assert code == 1
    assert f"The node cannot go on: [Errno 98] 0.0.0.0:{port}: Address already in use" in log
    assert "Traceback" not in log


def test_a_node_whose_cluster_port_is_taken_fails(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        endpoint = f"{{type: WebsocketEndpoint, config: {{serverHost: 127.0.0.1, serverPort: {port}}}}}"
        with node(tmp_path, f"observer: {{hamok: {{endpoint: {endpoint}}}}}") as process:
            code, log = end(process)

    assert code == 1
    assert "The node cannot go on: [Errno 98]" in log
    assert "Traceback" not in log


def test_a_node_takes_no_more_connections_than_files_may_be_open(tmp_path: Path) -> None:
    with node(tmp_path, "{}", under=("sh", "-c", 'ulimit -n 100; exec "$@"', "sh")) as process:
        lowered = wait_until(process, "files may be open")
        port, ops_port = re.findall(r"port (\d+)", wait_until(process, "Taking samples"))
        with ExitStack() as crowd:
            for _ in range(60):
                last = crowd.enter_context(socket.create_connection(("127.0.0.1", int(port)), PATIENCE_S))
            assert last.recv(100).startswith(b"HTTP/1.1 503")
            with urllib.request.urlopen(f"http://127.0.0.1:{ops_port}/metrics", timeout=PATIENCE_S) as answer:
                metrics = answer.read().decode()

    assert "Only 100 files may be open: maxConnections is 50 instead of 20000" in lowered
    assert "observertc_sources_open_connections 50.0" in metrics


def test_the_port_for_operators_has_limits_of_its_own(tmp_path: Path) -> None:
    with node(tmp_path, "endpoints: {all: {limits: {maxConnections: 1}}}") as process:
        _, ops_port = re.findall(r"port (\d+)", wait_until(process, "Taking samples"))
        address = ("127.0.0.1", int(ops_port))
        with socket.create_connection(address), socket.create_connection(address, PATIENCE_S) as second:
            assert second.recv(100).startswith(b"HTTP/1.1 503")


def test_a_wrong_configuration_is_told_before_anything_starts(tmp_path: Path) -> None:
    with node(tmp_path, "observer: {repository: {clientsMaxIdel: 3}}") as process:
        code, log = end(process)

    assert code == 2
    assert log == "line 1: observer.repository.clientsMaxIdel: unknown key; did you mean clientsMaxIdle?\n"
