"""Connections of memory, and real ones, which are served by another way where the system has epoll."""

from collections.abc import Iterator

import pytest
from trio.testing import memory_stream_pair

from tests.web.serving import WIRE, Wire, socket_pair


@pytest.fixture(params=[memory_stream_pair, socket_pair], ids=["memory", "sockets"])
def wires(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test with this mark runs over both."""
    wire: Wire = request.param
    token = WIRE.set(wire)
    yield
    WIRE.reset(token)
