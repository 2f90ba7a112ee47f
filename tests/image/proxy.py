"""The proxy of docker-compose.yaml with its own configuration, as a process at the bridge of the containers."""

import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from observer.simulation.free_ports import free_ports
from tests.image.cluster import Container, wait_until
from tests.image.compose import FILE
from tests.services import tool

CONFIGURATION = FILE.parent / "deploy" / "compose" / "haproxy.cfg"

_PATIENCE_S = 10.0


@contextmanager
def proxy(containers: Sequence[Container], folder: Path) -> Iterator[str]:
    """A proxy for the containers; the address at which it listens."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    text = (
        CONFIGURATION.read_text()
        .replace("bind :7070", f"bind {address}")
        .replace(" resolvers compose init-addr none", "")
    )
    for container in containers:
        text = re.sub(rf"\b{container.name}:7080", f"{container.host}:7080", text)
    file = folder / "haproxy.cfg"
    file.write_text(text)
    with subprocess.Popen([str(tool("haproxy")), "-db", "-f", str(file)], stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: _listens(port))
            yield address
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), _PATIENCE_S).close()
    except ConnectionRefusedError:
        return False
    return True
