"""The files of `deploy/` as they are, but for where things are: one machine of a test stands for four.

`Site` says all that is replaced. A replacement that finds nothing to replace is an error, so this list stays true.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from observer.simulation.free_ports import free_ports

DEPLOY = Path(__file__).parents[2] / "deploy"

COUNT = 3


def _network() -> str:
    """The beginning of addresses of loopback that this test has alone."""
    return f"127.{random.randint(1, 250)}.{random.randint(0, 250)}."


@dataclass(frozen=True)
class Site:
    """Addresses of loopback in the place of machines, and free ports in the place of those that are documented."""

    folder: Path
    network: str = field(default_factory=_network)
    ports: tuple[int, ...] = field(default_factory=lambda: tuple(free_ports(3)))
    """In the place of 7080, 7081 and 5601, at every node."""

    @property
    def hosts(self) -> list[str]:
        """The addresses of the nodes; that of proxies is before them."""
        return [f"{self.network}{n}" for n in range(2, 2 + COUNT)]

    @property
    def proxy_host(self) -> str:
        return f"{self.network}1"

    @property
    def nobody(self) -> list[str]:
        """Addresses at which nothing ever listens."""
        return [f"{self.network}{n}" for n in range(101, 101 + COUNT)]

    def node(self, host: str) -> str:
        """`deploy/observer.yaml` of the node at this host: hosts, the port between nodes, and the folder of files."""
        own = {
            "advertisedHost: observer-1.example.org": f"advertisedHost: {host}",
            "port: 5601": f"port: {self.ports[2]}",
            "/etc/webrtc-observer/": f"{self.folder / host}/",
        }
        return replaced(_text("observer.yaml"), own | self._names())

    def nginx(self, port: int, user: str, changes: Mapping[str, str]) -> str:
        """`deploy/nginx.conf`: hosts and ports; user, certificates, log, limits of files, temporary files.

        `changes` are replacements besides.
        """
        folder = self.folder / "nginx"
        own = {
            "user www-data;": f"user {user};",
            "/run/nginx.pid": f"{folder}/nginx.pid",
            "/var/log/nginx/error.log": f"{folder}/error.log",
            "worker_rlimit_nofile 65536;": "",
            "worker_connections 32768;": "worker_connections 1000;",
            "listen 443 ssl;": f"listen {self.proxy_host}:{port} ssl;",
            "listen [::]:443 ssl;": "",
            "/etc/ssl/observer.pem": f"{self.folder}/proxy.pem",
            "/etc/ssl/private/observer.key": f"{self.folder}/proxy.key",
            ":7080": f":{self.ports[0]}",
            "http {": "http {\n" + "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in _TEMPORARY),
        }
        return replaced(_text("nginx.conf"), {**own, **self._names(), **changes})

    def haproxy(self, port: int, user: str, changes: Mapping[str, str]) -> str:
        """`deploy/haproxy.cfg`: hosts and ports; user, certificate, and as many connections as a process of tests may
        have files open.

        `changes` are replacements besides.
        """
        own = {
            _USER_OF_HAPROXY: _USER_OF_HAPROXY if user == "root" else "",
            "bind :443 ": f"bind {self.proxy_host}:{port} ",
            "    bind :::443 v6only ssl crt /etc/ssl/private/observer.pem\n": "",
            "/etc/ssl/private/observer.pem": f"{self.folder}/proxy-and-key.pem",
            "maxconn 30000": "maxconn 1000",
            ":7080": f":{self.ports[0]}",
            "check port 7081": f"check port {self.ports[1]}",
        }
        return replaced(_text("haproxy.cfg"), {**own, **self._names(), **changes})

    def _names(self) -> dict[str, str]:
        return {f"observer-{n}.example.org": host for n, host in enumerate(self.hosts, 1)}


_USER_OF_HAPROXY = "    user haproxy\n    group haproxy\n"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")


def replaced(text: str, replacements: Mapping[str, str]) -> str:
    """The text with each of these replaced, in their order. Raises `AssertionError` when one is not there."""
    for old, new in replacements.items():
        assert old in text, f"{old!r} is not there to be replaced"
        text = text.replace(old, new)
    return text


def _text(name: str) -> str:
    return (DEPLOY / name).read_text()
