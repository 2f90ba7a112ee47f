"""One control plane for all tests of a worker that ask for it."""

from collections.abc import Iterator

import pytest

from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.control_plane import control_plane as start


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real control plane; tests take namespaces of their own."""
    with start(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane
