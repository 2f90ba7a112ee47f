"""Nodes that share a real bucket and a real PostgreSQL delete what is due there, each dump once."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import trio

from dumps.postgres import PostgresCatalogue
from dumps.retention import Retention
from dumps.settings import Keep
from dumps.storage_s3 import S3Storage
from sinks.aws_credentials import AwsCredentials, AwsStatic
from tests.dumps.entries_for_tests import entry
from tests.dumps.postgres_server import PostgresServer
from tests.dumps.storing import packed
from tests.sinks.services.seaweed import SeaweedFS


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    with SeaweedFS(tmp_path_factory.mktemp("seaweed")) as service:
        yield service


def bucket(service: SeaweedFS, prefix: str) -> S3Storage:
    credentials = AwsCredentials("AwsStatic", AwsStatic(service.access_key, service.secret_key))
    return S3Storage(service.bucket, service.region, prefix, credentials, service.endpoint)


async def test_nodes_that_delete_at_once_delete_only_what_is_too_much(
    seaweed: SeaweedFS, postgres: PostgresServer, tmp_path: Path
) -> None:
    prefix, other, database = f"{uuid4()}/", f"{uuid4()}/", f"test-{uuid4().hex}"
    postgres.create(database)
    settings = PostgresCatalogue(postgres.uri(database), create_table=True)
    keep = Keep(max_age_in_days=None, max_bytes=500)
    async with settings.opened() as one, settings.opened() as another:
        for number, place in enumerate([prefix] * 10 + [other]):
            stored = await bucket(seaweed, place).put(f"d{number}", "n", packed(tmp_path, b"%d" % number))
            await one.enter(entry(location=stored.location, started_ms=0, ended_ms=number * 1000, size=100))

        async with trio.open_nursery() as nursery:
            for catalogue in (one, another):
                nursery.start_soon(Retention(keep, catalogue, bucket(seaweed, prefix), lambda: 0).delete_some)

    assert sorted(seaweed.arrived(prefix)) == [f"{prefix}d{number}.gz" for number in range(5, 10)]
    assert sorted(seaweed.arrived(other)) == [f"{other}d10.gz"]
    assert postgres.asked(database, 'select count(*) from "rtcstats-server"') == [(6,)]
