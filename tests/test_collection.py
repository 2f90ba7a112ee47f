"""The tests have the same names in every process: what runs them in several refuses to begin otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LATER_AND_OTHERWISE_HASHED = """
import time
now = time.time
time.time = lambda: now() + 100_000
import pytest
raise SystemExit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider"]))
"""


def test_tests_have_the_same_names_in_every_process_and_at_every_time(request: pytest.FixtureRequest) -> None:
    elsewhere = subprocess.run(
        [sys.executable, "-c", LATER_AND_OTHERWISE_HASHED],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "2"},
        capture_output=True,
        text=True,
        timeout=100,
    )

    here = sorted((item.nodeid for item in request.session.items), key=module)
    known = set(here)
    assert [name for name in sorted(elsewhere.stdout.splitlines(), key=module) if name in known] == here


def module(name: str) -> str:
    return name.partition("::")[0]
