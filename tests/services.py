"""Programs that tests use for real, where they are at hand: a test that needs one is skipped without it.

`make services` fetches them into `.services/`.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FETCHED = ROOT / ".services" / "bin"
PACKED = ROOT.parent / "shared" / "services" / "k8s"


def tool(name: str) -> Path:
    """Where a program is; skips the test if it is nowhere."""
    fetched = FETCHED / name
    if fetched.is_file():
        return fetched
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found:
        return Path(found)
    packed = PACKED / f"{name}.zst"
    if packed.is_file() and shutil.which("zstd"):
        return _unpacked(packed, fetched)
    pytest.skip(f"{name} is not at hand: make services")


def _unpacked(packed: Path, into: Path) -> Path:
    into.parent.mkdir(parents=True, exist_ok=True)
    fresh = into.with_name(f"{into.name}.{os.getpid()}")
    subprocess.run(["zstd", "-q", "-d", "-f", str(packed), "-o", str(fresh)], check=True)
    fresh.chmod(0o755)
    return fresh.replace(into)
