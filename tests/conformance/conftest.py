"""A clock for tests in which minutes pass."""

import pytest
from trio.testing import MockClock


@pytest.fixture
def clock() -> MockClock:
    """Runs as real time does, and can be moved on."""
    return MockClock(rate=1.0)
