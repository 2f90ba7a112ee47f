"""Whether a Python was built with profile-guided optimisation is told from what it says, or else from its code."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.interpreter import OPTION, described, profile_guided

TOP = Path(__file__).parents[2]
OF_DEBIAN = Path("/usr/bin/python3")


def _is_debian() -> bool:
    return Path("/etc/debian_version").exists() and OF_DEBIAN.exists() and platform.machine() == "x86_64"


NEAR_EACH = [3264, 288, 1584]
"""As CPython 3.11 has them without a profile, compiled by GCC 12."""

FAR_EACH = [685_896, 1_456_528, 577_680]
"""As Debian 12 has them, with one."""


def test_a_python_that_was_configured_so_is_one_that_was_built_so() -> None:
    assert profile_guided(f"'--enable-shared' '{OPTION}' '--with-lto'", NEAR_EACH) is True


def test_a_python_that_does_not_say_so_is_known_by_where_its_code_lies() -> None:
    assert profile_guided("'--enable-shared'", FAR_EACH) is True
    assert profile_guided("'--enable-shared'", NEAR_EACH) is False


@pytest.mark.parametrize("apart", [[], [NEAR_EACH[0], *FAR_EACH[1:]]])
def test_a_python_whose_code_does_not_tell_it_is_unknown(apart: list[int]) -> None:
    assert profile_guided("", apart) is None


@pytest.mark.skipif(not _is_debian(), reason="this is not Debian on x86-64 with a Python of its own")
def test_the_python_of_debian_is_built_so() -> None:
    told = subprocess.run(
        [OF_DEBIAN, "-c", "from benchmarks.interpreter import described; print(described())"],
        cwd=TOP,
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    assert told.strip().endswith(" built with profile-guided optimisation")


def test_the_version_stands_first() -> None:
    assert described().split()[0] == ".".join(map(str, sys.version_info[:3]))
