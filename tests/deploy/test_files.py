"""What `deploy/` holds stands in the documents as it is, and is right."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.sources import Sources
from tests.deploy.placed import DEPLOY, replaced
from tests.docs.documents import TOP, blocks_of, text_of
from tests.faults.network import needs_networks, networks
from tests.services import tool

PAGE = TOP / "docs" / "deployment.md"
FILES = sorted(path.name for path in DEPLOY.iterdir() if path.is_file())

SHOWN = {
    "webrtc-observer.service": "ini",
    "nginx.conf": "nginx",
    "haproxy.cfg": "haproxy",
    "observer.yaml": "yaml",
}
"""The files that the page shows, and their languages there; to the others it has a link."""


@pytest.mark.parametrize("name", SHOWN)
def test_the_page_shows_a_file_as_it_is(name: str) -> None:
    shown = [block.text for block in blocks_of(text_of(PAGE)) if block.language == SHOWN[name]]

    assert (DEPLOY / name).read_text() in shown


@pytest.mark.parametrize("name", FILES)
def test_the_page_leads_to_every_file(name: str) -> None:
    assert f"](../deploy/{name})" in text_of(PAGE)


def test_no_proxy_cuts_a_silent_websocket_before_the_node_does() -> None:
    nginx, haproxy = ((DEPLOY / name).read_text() for name in ("nginx.conf", "haproxy.cfg"))
    limits = Sources().websocket
    seconds = [*re.findall(r"proxy_read_timeout (\d+)s", nginx), *re.findall(r"timeout tunnel (\d+)s", haproxy)]

    assert len(seconds) == 2
    assert min(map(int, seconds)) > limits.ping_interval_in_s + limits.ping_timeout_in_s


def test_nginx_takes_bodies_as_large_as_a_node_does() -> None:
    (mebibytes,) = re.findall(r"client_max_body_size (\d+)m;", (DEPLOY / "nginx.conf").read_text())

    assert int(mebibytes) * 2**20 == Sources().rest.max_body_size


def test_prometheus_takes_its_configuration_with_the_alerts(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "prometheus.yml", tmp_path)
    shutil.copy(TOP / "helm/webrtc-observer/files/alerts.yaml", tmp_path / "webrtc-observer-alerts.yaml")
    command = [str(tool("promtool")), "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr


ADMITTED, DROPPED = "refused", "silent"
"""What a stranger to a port hears at which nobody listens: the machine itself, or nothing."""

PROBE = (
    "import socket, sys\n"
    "for port in map(int, sys.argv[2:]):\n"
    "    try: socket.create_connection((sys.argv[1], port), 0.3)\n"
    "    except ConnectionRefusedError: print('refused')\n"
    "    except TimeoutError: print('silent')\n"
)
PORTS = ("22", "5601", "7080", "7081")


@needs_networks
def test_the_firewall_admits_each_to_its_ports() -> None:
    nft = tool("nft")
    with networks(4) as them:
        node, other, proxy, monitoring = them.hosts
        rules = replaced(
            (DEPLOY / "nftables.conf").read_text(),
            {
                "192.0.2.11, 192.0.2.12, 192.0.2.13": f"{node}, {other}",
                "192.0.2.21, 192.0.2.22": proxy,
                "192.0.2.31": monitoring,
            },
        )
        subprocess.run([*them.prefix(node), str(nft), "-f", "-"], input=rules.encode(), check=True, timeout=20)
        heard = {}
        for who in (other, proxy, monitoring):
            command = [*them.prefix(who), sys.executable, "-c", PROBE, node, *PORTS]
            heard[who] = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout.split()

    assert heard == {
        other: [DROPPED, ADMITTED, DROPPED, DROPPED],
        proxy: [DROPPED, DROPPED, ADMITTED, ADMITTED],
        monitoring: [DROPPED, DROPPED, DROPPED, ADMITTED],
    }
