"""The unit of systemd: it is sound, it restrains the observer, and the observer lives with that."""

import ctypes.util
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from observer.config.configuration import Observer
from tests.deploy.guests import JSON, sample
from tests.deploy.machines import certify, machines
from tests.deploy.placed import DEPLOY, Site
from tests.deploy.restrained import settings
from tests.faults.ledger import told
from tests.services import tool
from web import Limits

UNIT = DEPLOY / "webrtc-observer.service"

WRONG_CONFIGURATION = "2"
MOST_EXPOSED = 15
"""How exposed the service may be, in tenths, where 100 is not restrained at all."""

TARGETS = ("basic", "multi-user", "network-online", "shutdown", "sysinit")


def only(key: str) -> str:
    (value,) = settings(UNIT)[key]
    return value


def verified(unit: str, root: Path) -> str:
    """What `systemd-analyze verify` says of this unit on a machine with the observer and hardly anything else."""
    program = root / "opt/webrtc-observer/current/bin/webrtc-observer"
    units = root / "etc/systemd/system"
    for folder in (program.parent, units):
        folder.mkdir(parents=True)
    program.touch(mode=0o755)
    for target in TARGETS:
        (units / f"{target}.target").write_text("[Unit]\n")
    (units / UNIT.name).write_text(unit)
    command = [str(tool("systemd-analyze")), "verify", "--man=no", f"--root={root}", UNIT.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.stderr + (f"exit code {done.returncode}" if done.returncode else "")


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    assert verified(UNIT.read_text(), tmp_path) == ""


def test_systemd_would_find_a_word_that_it_does_not_know(tmp_path: Path) -> None:
    assert "TimeoutStopSek" in verified(UNIT.read_text().replace("TimeoutStopSec", "TimeoutStopSek"), tmp_path)


def test_systemd_counts_the_service_among_the_restrained() -> None:
    analyze = [str(tool("systemd-analyze")), "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager"]
    done = subprocess.run([*analyze, str(UNIT)], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout


def test_systemd_waits_longer_than_a_node_takes_to_drain() -> None:
    assert float(only("TimeoutStopSec")) >= Observer().shutdown_grace_in_s + 10


def test_a_node_may_have_more_files_open_than_connections() -> None:
    assert int(only("LimitNOFILE")) > Limits().max_connections + 256


def test_a_failed_node_is_started_again_for_ever_unless_its_configuration_is_wrong() -> None:
    assert only("Restart") == "on-failure"
    assert only("StartLimitIntervalSec") == "0"
    assert only("RestartPreventExitStatus") == WRONG_CONFIGURATION


@pytest.mark.processes
async def test_nodes_form_a_cluster_report_and_drain_under_the_restrictions_of_the_unit(tmp_path: Path) -> None:
    tool("systemd-analyze")
    if ctypes.util.find_library("seccomp") is None:
        pytest.skip("libseccomp is not at hand")
    site = Site(tmp_path)
    certify(site)
    restrained = [sys.executable, "-m", "tests.deploy.restrained", str(UNIT)]
    async with machines(site, before=lambda own: [*restrained, str(own)]) as nodes:
        async with httpx.AsyncClient() as client:
            url = f"http://{nodes[0].host}:{nodes[0].port}/rest/samples/my-service/web"
            status = (await client.post(url, content=sample("alice", "room"), headers=JSON)).status_code
        metrics = (await nodes[0].get("/metrics"))[1].decode()
        codes = [await node.stop() for node in nodes]

        assert (status, codes) == (200, [0, 0, 0])
        assert [one.payload["name"] for one in told(nodes)] == ["CALL_STARTED", "CLIENT_JOINED"]
        assert re.search(r"^process_start_time_seconds ", metrics, re.MULTILINE)


def test_what_the_unit_forbids_is_forbidden_there(tmp_path: Path) -> None:
    tool("systemd-analyze")
    if ctypes.util.find_library("seccomp") is None:
        pytest.skip("libseccomp is not at hand")
    tries = (
        "import mmap, socket, os\n"
        "def refused(what):\n"
        "    try: what()\n"
        "    except OSError: return True\n"
        "print(refused(lambda: mmap.mmap(-1, 4096, prot=7)), refused(lambda: socket.socket(socket.AF_PACKET)),\n"
        "    refused(lambda: os.chroot('/')), refused(lambda: os.nice(1)), refused(lambda: socket.socketpair()))\n"
    )
    command = [sys.executable, "-m", "tests.deploy.restrained", str(UNIT), str(tmp_path), sys.executable, "-c", tries]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.stdout == "True True True True None\n", done.stderr
