"""Images and containers with buildah and podman, in a storage of their own that is gone afterwards.

Both run without a registry, without systemd and without the right to raise limits, so in a container as well.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.services import ROOT, tool

BASE = "localhost/observer-test-base"
"""What the image is built on: a Debian with Python."""

_BASE_TAR = ROOT / ".services" / "base.tar"
_PATIENCE_S = 300.0

_RUNTIME = f"""#!{sys.executable}
# Starts processes with the limits of this one: raising them is not allowed everywhere.
import json, os, sys
arguments = sys.argv[1:]
for flag, value in zip(arguments, arguments[1:]):
    path = {{{{"--bundle": value + "/config.json", "--process": value}}}}.get(flag)
    if path:
        with open(path) as file:
            told = json.load(file)
        told.get("process", told).pop("rlimits", None)
        with open(path, "w") as file:
            json.dump(told, file)
os.execv({{runc!r}}, ["runc", *arguments])
"""


class Engine:
    """Builds images, and runs containers."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def build(self, *options: str) -> str:
        """Builds the image by `tools/build-image`; its name."""
        told = self._run(
            [str(ROOT / "tools" / "build-image"), "--network", "host", "--build-arg", f"BASE={BASE}", *options]
        )
        return told.stdout.decode().splitlines()[-1]

    def podman(self, *arguments: str, checked: bool = True) -> subprocess.CompletedProcess[bytes]:
        """What a command of podman did; raises `AssertionError` with what it said if it failed and should not have."""
        return self._run(["podman", *arguments], checked)

    def inspect(self, name: str) -> dict[str, Any]:
        """What podman knows of an image or a container."""
        (found,) = json.loads(self.podman("inspect", name).stdout)
        return dict(found)

    def _run(self, command: Sequence[str], checked: bool = True) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(command, env=self.environment, capture_output=True, timeout=_PATIENCE_S, check=False)
        assert not checked or done.returncode == 0, f"{' '.join(command)}\n{done.stderr.decode()[-5000:]}"
        return done


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine that has the base; all that it made and started ends with it."""
    programs = {name: tool(name) for name in ("podman", "buildah", "runc")}
    # Not below pytest's folders: their names are too long for the sockets of containers.
    folder = Path(tempfile.mkdtemp(prefix="observer-image-"))
    made = Engine(folder, os.environ | _settings(folder, programs["runc"]))
    try:
        made.podman("import", "--quiet", str(_base(folder)), BASE)
        yield made
    finally:
        made.podman("rm", "--all", "--force", "--time", "1", checked=False)
        made.podman("umount", "--all", checked=False)
        subprocess.run(["umount", str(folder / "root" / "overlay")], capture_output=True, check=False)
        shutil.rmtree(folder)


def _settings(folder: Path, runc: Path) -> dict[str, str]:
    """The environment in which podman and buildah keep everything in this folder."""
    runtime = folder / "runtime"
    runtime.write_text(_RUNTIME.format(runc=str(runc)))
    runtime.chmod(0o755)
    containers = folder / "containers.conf"
    containers.write_text(
        f'[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n'
        f'tmp_dir = "{folder}/tmp"\n[engine.runtimes]\nrunc = ["{runtime}"]\n'
    )
    storage = folder / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n')
    return {
        "BUILDER": "buildah",
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINERS_CONF": str(containers),
        "CONTAINERS_STORAGE_CONF": str(storage),
        "TMPDIR": str(folder),
    }


def _base(folder: Path) -> Path:
    """A small Debian with Python as an archive. It is made once, from Debian's archive, and kept."""
    if not _BASE_TAR.is_file():
        fresh = folder / "base.tar"
        command = [str(tool("mmdebstrap")), "--quiet", "--variant=minbase", "--include=python3,python3-venv"]
        command += [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "locale", "man")]
        made = subprocess.run([*command, "bookworm", str(fresh)], capture_output=True, timeout=_PATIENCE_S, check=False)
        if made.returncode != 0:
            pytest.skip(f"no Debian can be made: {made.stderr.decode()[-1000:]}")
        _BASE_TAR.parent.mkdir(exist_ok=True)
        shutil.move(fresh, _BASE_TAR)
    return _BASE_TAR
