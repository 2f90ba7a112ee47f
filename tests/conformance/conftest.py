"""A clock for tests in which minutes pass, and nodes that are alone or one of three."""

from collections.abc import Iterator

import pytest
from trio.testing import MockClock

from tests import nodes

TWICE = {"test_leaving", "test_matching"}
"""The modules whose tests run with a node alone, and with one of three; ``OBSERVER_NODES=3`` makes that of all."""


@pytest.fixture
def clock() -> MockClock:
    """Runs as real time does, and can be moved on."""
    return MockClock(rate=1.0)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Has each test of some modules run twice."""
    if nodes.of_nodes == 1 and metafunc.module.__name__.rpartition(".")[2] in TWICE:
        metafunc.parametrize("of_nodes", [1, 3], indirect=True, ids=["alone", "one of three"])


@pytest.fixture(autouse=True)
def of_nodes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of how many nodes the node of the test is one."""
    before = nodes.of_nodes
    nodes.of_nodes = getattr(request, "param", before)
    yield
    nodes.of_nodes = before
