"""The script of `helm test` finds out whether all observers are ready and one cluster."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest

from tests.helm.charts import CHART, one


@pytest.fixture
def script() -> ModuleType:
    spec = spec_from_file_location("ask", CHART / "files" / "ask.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def observers(*answers: tuple[int, object], samples: int = 200) -> Iterator[int]:
    """Observers at 127.0.0.1, 127.0.0.2 and so on, all at one port, with these answers about their readiness."""
    servers: list[ThreadingHTTPServer] = []
    try:
        for number, (status, answer) in enumerate(answers, 1):
            port = servers[0].server_port if servers else 0
            servers.append(ThreadingHTTPServer((f"127.0.0.{number}", port), _observer(status, answer, samples)))
        for server in servers:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield servers[0].server_port
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _observer(status: int, answer: object, samples: int) -> type[BaseHTTPRequestHandler]:
    class Observer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.path == "/health/readiness"
            body = json.dumps(answer).encode()
            self.send_response(status if asked else samples)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Observer


def addresses(*found: str) -> Callable[[str, int], set[str]]:
    return lambda host, port: set(found)


def ready(cluster: str) -> tuple[int, object]:
    return 200, {"status": "UP", "cluster": {"clusterId": cluster}}


def test_observers_of_one_cluster_are_well(script: ModuleType) -> None:
    with observers(ready("a"), ready("a")) as port:
        found = addresses("127.0.0.1", "127.0.0.2")
        assert script.trouble(f"http://127.0.0.1:{port}/", "all", port, 2, found) is None


def test_two_clusters_are_noticed(script: ModuleType) -> None:
    with observers(ready("a"), ready("b")) as port:
        found = addresses("127.0.0.1", "127.0.0.2")
        assert script.trouble(f"http://127.0.0.1:{port}/", "all", port, 2, found) == "there are 2 clusters: a, b"


def test_an_observer_that_is_not_ready_is_named_with_its_reason(script: ModuleType) -> None:
    with observers(ready("a"), (503, {"reason": "no quorum"})) as port:
        found = addresses("127.0.0.1", "127.0.0.2")
        problem = script.trouble(f"http://127.0.0.1:{port}/", "all", port, 2, found)

    assert problem == '127.0.0.2 is not ready: {"reason": "no quorum"}'


def test_too_few_observers_are_noticed(script: ModuleType) -> None:
    assert script.trouble("http://127.0.0.1:1/", "all", 1, 2, addresses("127.0.0.1")) == (
        "1 of 2 observers have an address"
    )


def test_a_service_that_does_not_answer_is_noticed(script: ModuleType) -> None:
    with observers(ready("a"), samples=502) as port:
        problem = script.trouble(f"http://127.0.0.1:{port}/", "all", port, 1, addresses("127.0.0.1"))

    assert "cannot be asked" in problem


def test_the_script_runs_as_the_pod_runs_it(script: ModuleType) -> None:
    (container,) = one("Pod")["spec"]["containers"]
    python, option, text, *arguments = container["command"]

    assert (python, option) == ("python3", "-c")
    assert text.strip() == (CHART / "files" / "ask.py").read_text().strip()
    assert arguments == ["http://observer:7080/", "observer-cluster.rtc.svc.cluster.local", "7081", "3"]
    with observers(ready("a")) as port:
        assert script.main(f"http://127.0.0.1:{port}/", "127.0.0.1", str(port), "1") == 0
