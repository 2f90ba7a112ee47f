"""The nodes of docker-compose.yaml as containers of podman, each in a network of its own."""

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

from tests.faults.network import networks
from tests.image.compose import services
from tests.image.conftest import Image
from tests.image.engine import Engine

NODES = ("node1", "node2", "node3")

_POLL_S = 0.2
_PATIENCE_S = 90.0
_ANSWERS_S = 10.0

T = TypeVar("T")


@dataclass(frozen=True)
class Container:
    """A node that runs in a container."""

    name: str
    host: str
    engine: Engine

    def is_healthy(self) -> bool:
        """What the health check says that docker-compose.yaml gives it: whether it is ready."""
        words = services()[self.name].health_check()
        return self.engine.podman("exec", self.name, *words, checked=False).returncode == 0

    def is_alive(self) -> bool:
        """What the health check says that the image has of its own."""
        return self.engine.podman("healthcheck", "run", self.name, checked=False).returncode == 0

    def wait_until_healthy(self) -> None:
        """Returns once it is healthy; raises `AssertionError` with its log if that takes too long."""
        try:
            wait_until(self.is_healthy)
        except AssertionError as error:
            raise AssertionError(self.engine.podman("logs", self.name).stderr.decode()[-3000:]) from error

    def info(self) -> dict[str, Any]:
        """What it says of itself to operators."""
        with urllib.request.urlopen(f"http://{self.host}:7081/info", timeout=_ANSWERS_S) as answer:
            return dict(json.load(answer))

    def take(self, client_id: str, user_id: str, **parts: object) -> None:
        """Sends it a sample of somebody in the room `lobby`."""
        take(f"{self.host}:7080", client_id, user_id, **parts)

    def reports(self, type_: str) -> list[dict[str, Any]]:
        """The reports of this type that stand in its volume."""
        volume = self.engine.podman("volume", "inspect", f"reports{self.name[-1]}", "--format", "{{.Mountpoint}}")
        file = Path(volume.stdout.decode().strip()) / "reports.jsonl"
        whole, _, _ = file.read_text().rpartition("\n") if file.exists() else ("", "", "")
        told = [json.loads(line) for line in whole.splitlines()]
        return [report for report in told if report["type"] == type_]

    def python(self, code: str) -> subprocess.CompletedProcess[bytes]:
        """Runs a line of Python beside the node."""
        return self.engine.podman("exec", self.name, "python3", "-c", code, checked=False)

    def stop(self) -> tuple[int, float]:
        """Stops it as the engine does; its exit code, and how long it took. (s)"""
        began = monotonic()
        self.engine.podman("stop", self.name)
        took = monotonic() - began
        return int(self.engine.inspect(self.name)["State"]["ExitCode"]), took


@contextmanager
def cluster(image: Image) -> Iterator[Sequence[Container]]:
    """Three nodes that are ready; their certificates were made by a container."""
    with networks(len(NODES)) as between:
        make_certificates(image)
        known = [f"--add-host={name}:{host}" for name, host in zip(NODES, between.hosts, strict=True)]
        containers = []
        try:
            for name, host in zip(NODES, between.hosts, strict=True):
                service = services()[name]
                *_, namespace = between.prefix(host)
                place = [f"--network=ns:/run/netns/{namespace}", *known]
                image.engine.podman(
                    "run", "--detach", f"--name={name}", *place, *service.options(), image.name, *service.command()
                )
                containers.append(Container(name, host, image.engine))
            for container in containers:
                container.wait_until_healthy()
            yield containers
        finally:
            image.engine.podman("rm", "--all", "--force", "--time", "1", checked=False)


def take(authority: str, client_id: str, user_id: str, **parts: object) -> None:
    """Sends a sample of somebody in the room `lobby`; raises `OSError` if it is not taken."""
    sample = {"clientId": client_id, "userId": user_id, "roomId": "lobby", "timestamp": 1_700_000_000_000, **parts}
    body = json.dumps({"clientSamples": [sample]}).encode()
    url = f"http://{authority}/rest/samples/my-service/web"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_ANSWERS_S):
        pass


def wait_until(condition: Callable[[], T]) -> T:
    """The first true answer; raises `AssertionError` with the last one if that takes too long."""
    deadline = monotonic() + _PATIENCE_S
    while True:
        answer = condition()
        if answer:
            return answer
        assert monotonic() < deadline, answer
        sleep(_POLL_S)


def make_certificates(image: Image) -> None:
    """Runs the service that makes them, to its end."""
    service = services()["certificates"]
    image.engine.podman("run", "--rm", *service.options(), image.name, *service.command())
