"""The health check of the image tells by its exit code what a node answers."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from observer.simulation.free_ports import free_ports
from tests.services import ROOT

HEALTHY = ROOT / "deploy" / "image" / "healthy.py"

_PATIENCE_S = 30.0


@contextmanager
def answering(statuses: dict[str, int]) -> Iterator[str]:
    """A server that answers each path with a status; its URL."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses[self.path])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Tests say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def check(*arguments: str, **environment: str) -> tuple[int, str]:
    """Runs it as the image does; its exit code and all that it says."""
    command = [sys.executable, "-I", "-S", str(HEALTHY), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=_PATIENCE_S, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_only_200_is_healthy(status: int, code: int) -> None:
    with answering({"/health/readiness": status}) as url:
        assert check(f"{url}/health/readiness")[0] == code


def test_the_environment_may_name_another_address_and_its_proxies_are_not_asked() -> None:
    (nobody,) = free_ports(1)
    with answering({"/health/liveness": 200}) as url:
        code, _ = check(HEALTH_URL=f"{url}/health/liveness", http_proxy=f"http://127.0.0.1:{nobody}")

    assert code == 0


def test_where_nobody_listens_nobody_is_healthy() -> None:
    (nobody,) = free_ports(1)

    code, said = check(f"http://127.0.0.1:{nobody}/health/liveness")

    assert (code, said.count("\n")) == (1, 1)


def test_what_is_no_url_is_said_to_be_none() -> None:
    code, said = check("localhost:7081")

    assert code == 1
    assert "is no URL such as http://127.0.0.1:7081/health/liveness" in said
