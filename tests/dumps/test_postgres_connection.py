"""Connections to a real PostgreSQL: servers that go and come back, stand still or are somebody else; what is told."""

import logging
from collections.abc import Iterator
from contextlib import closing, suppress
from socket import create_server

import psycopg
import pytest
import trio

from dumps.catalogue import Catalogue
from dumps.postgres import PostgresCatalogue
from observer.config.effective import effective
from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.dumps.entries_for_tests import PLACE, entry
from tests.dumps.postgres_database import ORIGINAL, Database
from tests.dumps.postgres_server import PostgresServer
from tests.observer.certified import write_certificates


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may kill."""
    with PostgresServer() as server:
        yield server


async def test_a_connection_that_the_server_ends_is_made_anew(originals: Database) -> None:
    async with originals.opened() as catalogue:
        await catalogue.enter(entry("d1"))
        ends = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = %s"
        originals.asked(ends, originals.name)

        await catalogue.enter(entry("d2"))

    assert len(originals.rows()) == 2


async def test_a_server_that_was_killed_has_each_dump_once_when_it_is_back(own_server: PostgresServer) -> None:
    database = Database(own_server, ORIGINAL)
    async with database.opened() as catalogue:
        await catalogue.enter(entry("d1"))
        await trio.to_thread.run_sync(own_server.kill)
        with pytest.raises(OSError, match="refused"):
            await catalogue.enter(entry("d2"))
        await trio.to_thread.run_sync(own_server.start)

        with trio.fail_after(30):
            await _enter_at_last(catalogue, "d2")
        await catalogue.enter(entry("d1"))

    assert database.rows() == [(f"{PLACE}d1.gz",), (f"{PLACE}d2.gz",)]


async def _enter_at_last(catalogue: Catalogue, name: str) -> None:
    while True:
        with suppress(OSError):
            return await catalogue.enter(entry(name))
        await trio.sleep(0.05)


async def test_a_server_that_stands_still_holds_nothing_up(own_server: PostgresServer) -> None:
    database = Database(own_server, ORIGINAL)
    async with database.opened(connect_timeout_in_ms=2_000, timeout_in_ms=1_000) as catalogue:
        await catalogue.enter(entry("d1"))
        own_server.halt()
        try:
            with trio.fail_after(15), pytest.raises(OSError, match=r"did not answer|timeout"):
                await catalogue.enter(entry("d2"))
            with trio.fail_after(0.2), pytest.raises(OSError, match=r"did not answer|timeout"):
                await catalogue.enter(entry("d2"))
        finally:
            own_server.go_on()

        with trio.fail_after(30):
            await _enter_at_last(catalogue, "d2")

    assert len(database.rows()) == 2


async def test_a_table_that_is_locked_is_not_waited_for_long(originals: Database) -> None:
    async with originals.opened(timeout_in_ms=1_000) as catalogue:
        await catalogue.enter(entry("d1"))
        with psycopg.connect(originals.server.uri(originals.name)) as other:
            other.execute('lock table "rtcstats-server"')
            with trio.fail_after(10), pytest.raises(OSError, match=r"PostgreSQL"):
                await catalogue.enter(entry("d2"))


async def test_a_port_where_nobody_speaks_is_given_up_and_then_left_alone() -> None:
    with closing(create_server((LOOPBACK, 0))) as silent:
        where = f"postgresql://u@{LOOPBACK}:{silent.getsockname()[1]}/d"
        async with PostgresCatalogue(where, connect_timeout_in_ms=2_000, timeout_in_ms=100).opened() as catalogue:
            with trio.fail_after(10), pytest.raises(OSError, match="timeout"):
                await catalogue.enter(entry("d1"))

            with trio.fail_after(0.2), pytest.raises(OSError, match="timeout"):
                await catalogue.enter(entry("d1"))


async def test_a_host_of_several_that_is_away_is_passed_over(originals: Database) -> None:
    (nobody,) = free_ports(1)
    here = f"{LOOPBACK}:{originals.server.port}"
    where = originals.server.uri(originals.name).replace(here, f"{LOOPBACK}:{nobody},{here}")

    async with PostgresCatalogue(where).opened() as catalogue:
        await catalogue.enter(entry("d1"))

    assert len(originals.rows()) == 1


async def test_a_server_proves_who_it_is(originals: Database) -> None:
    proves = {"sslmode": "verify-full", "sslrootcert": str(originals.server.authority)}
    where = originals.server.uri(originals.name, **proves)

    async with PostgresCatalogue(where).opened() as catalogue:
        await catalogue.enter(entry("d1"))

    assert len(originals.rows()) == 1


async def test_a_server_that_cannot_prove_who_it_is_is_told_nothing(
    originals: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    write_certificates(other, LOOPBACK)
    where = originals.server.uri(originals.name, sslmode="verify-full", sslrootcert=str(other / "ca.pem"))

    async with PostgresCatalogue(where).opened() as catalogue:
        with pytest.raises(OSError, match="certificate"):
            await catalogue.enter(entry("d1"))


async def test_a_wrong_password_is_told_and_never_shown(originals: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    where = originals.server.uri(originals.name).replace("p%40ss", "wr0ng")

    async with PostgresCatalogue(where).opened() as catalogue:
        with pytest.raises(OSError, match="authentication failed") as raised:
            await catalogue.enter(entry("d1"))

    assert "wr0ng" not in str(raised.value) + caplog.text


@pytest.mark.parametrize(
    "where",
    ["", "host=db password=s3cret", "postgresql://h/d?s3cret=1", "postgresql://u:s3cret@[h/d", "mysql://u:s3cret@h/d"],
)
def test_a_connection_string_that_makes_no_sense_is_told_and_never_shown(where: str) -> None:
    with pytest.raises(ValueError, match="connectionString") as raised:
        PostgresCatalogue(where)

    assert "s3cret" not in f"{raised.value} {raised.value.__cause__}"


def test_the_password_is_in_no_text() -> None:
    settings = PostgresCatalogue("postgresql://u:s3cret@h/d?sslpassword=s3cret&password=s3cret")

    assert "s3cret" not in repr(settings) + effective(settings)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"table": ""}, "table"),
        ({"table": "t" * 64}, "table"),
        ({"schema": "s\0"}, "schema"),
        ({"host_identifier": ""}, "hostIdentifier"),
    ],
)
def test_a_name_that_cannot_be_one_is_told(fields: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        PostgresCatalogue("postgresql://h/d", **fields)  # type: ignore[arg-type]
