"""Clusters in virtual time, under faults drawn from a seed: what was acknowledged stays, all is told, and all heals.

What is checked at every step stands in `tests/cluster/simulation/court.py`. Many more seeds: ``make simulate-cluster``.
"""

import os
import subprocess
import sys

import pytest

from tests.cluster.simulation.random_run import run

SEEDS = 240
AT_ONCE = 10
"""So many seeds are one test."""


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_whatever_fails_nothing_is_lost_and_all_heals(first: int) -> None:
    wrong = {seed: found for seed in range(first, first + AT_ONCE) if (found := run(seed).court.wrong)}

    assert wrong == {}


def test_a_seed_gives_the_same_run_again() -> None:
    assert run(4).fingerprint == run(4).fingerprint


def test_a_run_does_not_depend_on_how_python_hashes_text() -> None:
    script = "from tests.cluster.simulation.random_run import run; print([run(seed).fingerprint for seed in range(4)])"

    runs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }

    assert len(runs) == 1
