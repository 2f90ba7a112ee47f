"""A real PostgreSQL for all tests of a process: each test has a database of its own. One that kills starts its own."""

from collections.abc import Iterator

import pytest

from tests.dumps.postgres_database import ORIGINAL, Database
from tests.dumps.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def originals(postgres: PostgresServer) -> Database:
    """The table as the migrations of the original leave it."""
    return Database(postgres, ORIGINAL)


@pytest.fixture
def empty(postgres: PostgresServer) -> Database:
    return Database(postgres)
