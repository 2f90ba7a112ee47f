"""Clusters of pods in virtual time, seen through an API server that hears late and is heard late.

Whatever pods, machines and the API server do, short of running two pods of one name, there are never two clusters.
Many more seeds: ``python -m tests.cluster.simulation --pods``.
"""

import pytest

from tests.cluster.simulation.pods import run_pods

SEEDS = 120
AT_ONCE = 10
"""So many seeds are one test."""


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_pods_are_one_cluster_however_late_anybody_hears_of_them(first: int) -> None:
    wrong = {seed: found for seed in range(first, first + AT_ONCE) if (found := run_pods(seed).court.wrong)}

    assert wrong == {}
