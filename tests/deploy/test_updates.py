"""The commands of an update and of the way back, typed as the page has them, on a machine that is only played.

`/opt` and the programs that would change this machine are replaced; `systemctl restart` notes which version runs.
"""

import os
import subprocess
from pathlib import Path

from tests.docs.documents import TOP, blocks_of, text_of

PROGRAMS = {
    "python3": 'mkdir -p "$3/bin"; for name in pip webrtc-observer; do cp "$0.installed" "$3/bin/$name"; done',
    "python3.installed": ":",
    "systemctl": 'readlink "$ROOT/opt/webrtc-observer/current" >> "$ROOT/started"; echo "$*" >> "$ROOT/asked"',
    "curl": "test -s $ROOT/started",
    "sleep": ":",
}


def typed(block: str, root: Path) -> None:
    """Types the commands of a block, as root of the machine that has its folders below `root`."""
    text = block.replace("/opt/", f"{root}/opt/")
    path = f"{root / 'bin'}:{os.environ['PATH']}"
    subprocess.run(["sh", "-euc", text], env={"PATH": path, "ROOT": str(root)}, cwd=root, check=True, timeout=30)


def machine(root: Path) -> None:
    programs = root / "bin"
    programs.mkdir()
    for name, script in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    observer = root / "opt" / "webrtc-observer"
    (observer / "0.1.0").mkdir(parents=True)
    (observer / "current").symlink_to("0.1.0")


def test_an_update_runs_the_new_version_and_the_way_back_the_former(tmp_path: Path) -> None:
    page = text_of(TOP / "docs" / "deployment.md")
    update, back = (
        block.text for block in blocks_of(page) if block.language == "console" and "restart webrtc" in block.text
    )
    machine(tmp_path)
    typed(update, tmp_path)
    typed(back, tmp_path)

    assert (tmp_path / "started").read_text().split() == ["0.2.0", "0.1.0"]
    assert set((tmp_path / "asked").read_text().splitlines()) == {"restart webrtc-observer"}
