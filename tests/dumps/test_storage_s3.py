"""Dumps in a bucket of a real server that checks signatures; one that is killed."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trio

from dumps.storage import StorageChoice
from dumps.storage_s3 import S3Storage
from sinks.aws_credentials import AwsCredentials, AwsStatic
from sinks.aws_errors import Away
from tests.dumps.recording import STARTED_MS, jitsi, running, settled, write
from tests.dumps.storing import packed, put_at_once
from tests.sinks.services.seaweed import SeaweedFS


def storage(service: SeaweedFS, prefix: str, **keys: Any) -> S3Storage:
    credentials = AwsCredentials("AwsStatic", AwsStatic(service.access_key, service.secret_key))
    usual = {"prefix": prefix, "credentials": credentials, "endpoint_url": service.endpoint}
    return S3Storage(**{"bucket_name": service.bucket, "region_id": service.region, **usual, **keys})


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    with SeaweedFS(tmp_path_factory.mktemp("seaweed")) as service:
        yield service


@pytest.fixture
def prefix() -> str:
    return f"{uuid4()}/"


async def test_a_dump_is_kept_under_its_id(seaweed: SeaweedFS, prefix: str, tmp_path: Path) -> None:
    stored = await storage(seaweed, prefix).put("abc", "n", packed(tmp_path, b"1"))

    key = f"{prefix}abc.gz"
    assert stored == ("abc", key, f"{seaweed.endpoint}/{seaweed.bucket}/{key}")
    assert seaweed.arrived(prefix) == {key: b"1"}


async def test_another_dump_of_the_id_gets_a_number(seaweed: SeaweedFS, prefix: str, tmp_path: Path) -> None:
    some = storage(seaweed, prefix)

    found = [(await some.put("abc", "n", packed(tmp_path, text))).id for text in (b"1", b"2", b"3", b"2")]

    assert found == ["abc", "abc_1", "abc_2", "abc_1"]
    assert list(seaweed.arrived(prefix).values()) == [b"1", b"2", b"3"]


async def test_an_object_of_somebody_else_stays(seaweed: SeaweedFS, prefix: str, tmp_path: Path) -> None:
    seaweed.client.put_object(Bucket=seaweed.bucket, Key=f"{prefix}abc.gz", Body=b"other")

    stored = await storage(seaweed, prefix).put("abc", "n", packed(tmp_path, b"1"))

    assert stored.id == "abc_1"
    assert seaweed.arrived(prefix)[f"{prefix}abc.gz"] == b"other"


async def test_nodes_that_share_a_bucket_never_overwrite(seaweed: SeaweedFS, prefix: str, tmp_path: Path) -> None:
    files = [packed(tmp_path, b"%d" % number) for number in range(6)]

    stored = await put_at_once([storage(seaweed, prefix) for _ in files], "abc", files)

    assert sorted(seaweed.arrived(prefix).values()) == [b"%d" % number for number in range(6)]
    assert {one.key for one in stored} == set(seaweed.arrived(prefix))


async def test_a_dump_is_removed_and_once_more_is_no_error(seaweed: SeaweedFS, prefix: str, tmp_path: Path) -> None:
    some = storage(seaweed, prefix)
    stored = await some.put("abc", "n", packed(tmp_path, b"1"))

    await some.remove(stored.key)
    await some.remove(stored.key)

    assert seaweed.arrived(prefix) == {}


async def test_wrong_credentials_are_told(seaweed: SeaweedFS, prefix: str, tmp_path: Path) -> None:
    credentials = AwsCredentials("AwsStatic", AwsStatic(seaweed.access_key, "wrong"))

    with pytest.raises(ConnectionError, match="the secret key does not belong"):
        await storage(seaweed, prefix, credentials=credentials).put("abc", "n", packed(tmp_path, b"1"))


async def test_a_server_that_is_not_there_is_told(prefix: str, tmp_path: Path) -> None:
    credentials = AwsCredentials("AwsStatic", AwsStatic("a", "b"))
    nowhere = S3Storage("bucket", "us-east-1", credentials=credentials, endpoint_url="http://127.0.0.1:1")

    with pytest.raises(Away):
        await nowhere.put("abc", "n", packed(tmp_path, b"1"))


async def test_dumps_wait_for_a_bucket_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    with SeaweedFS(tmp_path / "service") as own:
        await trio.to_thread.run_sync(own.kill)
        chosen = StorageChoice("s3", storage(own, "dumps/"))
        async with running(tmp_path / "dumps", storage=chosen) as it:
            dump = it.recorder.opened(jitsi("abc"))
            await write(dump, b"[1]")
            dump.close(None, STARTED_MS)
            await settled(lambda: it.figures.errors["storage"] > 0)
            await trio.to_thread.run_sync(own.start)
            await settled(lambda: it.figures.files == 1)

        (text,) = own.arrived("dumps/").values()
        assert gzip.decompress(text).endswith(b"[1]\n")
        assert (it.rows[0].key, it.work()) == ("dumps/abc.gz", [])
