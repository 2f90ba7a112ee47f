"""A real PostgreSQL for all tests of a process: each test has a database of its own. One that kills starts its own."""

from collections.abc import Iterator

import pytest

from tests.dumps.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server
