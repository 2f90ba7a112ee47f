"""AwsS3Sink with real servers: one that checks signatures, one that has STS; one that is killed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
import trio

from schemas.reports import FIELDS, ReportType, report_of, to_json
from sinks.aws_credentials import (
    AwsCredentials,
    AwsStatic,
    AwsStsAssumeRoleSession,
    AwsWebIdentityTokenFile,
)
from sinks.encoding import EncodingType, csv_lines
from sinks.lines import Batch, Line, batch_of
from sinks.retry import Retry
from sinks.s3 import AwsS3Sink
from sinks.settings import SinkSettings
from tests.sinks.services.moto import Moto
from tests.sinks.services.seaweed import SeaweedFS
from tests.sinks.sinks_for_tests import batch, delivery, lines, reports, running

ROLE = "arn:aws:iam::123456789012:role/observer"
VALUES = {"i": -1, "l": 2**40, "t": 1_700_000_000_000, "d": 0.5, "s": 'text, "ひ"\n', "b": True}


def static(
    service: SeaweedFS | Moto, *, access_key: str | None = None, secret_key: str | None = None
) -> AwsCredentials:
    keys = AwsStatic(access_key or service.access_key, secret_key or service.secret_key)
    return AwsCredentials("AwsStatic", keys)


def sink(service: SeaweedFS | Moto, prefix: str, **keys: Any) -> AwsS3Sink:
    usual = {"encoding_type": EncodingType.JSON, "credentials": static(service), "endpoint_url": service.endpoint}
    return AwsS3Sink(
        **{"bucket_name": service.bucket, "region_id": service.region, "default_prefix": prefix, **usual, **keys}
    )


async def sent(some: AwsS3Sink, *batches: Batch) -> None:
    async with some.opened("mySink") as send:
        for one in batches:
            await send(one)


async def failure(some: AwsS3Sink) -> str:
    with pytest.raises(ConnectionError) as raised:
        await sent(some, batch(1))
    return str(raised.value)


def of_every_type() -> list[Line]:
    return [
        to_json(report_of(type_, *(VALUES[f.kind] if n % 5 else None for n, f in enumerate(FIELDS[type_], 1))))
        for type_ in ReportType
    ]


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex}"


async def test_every_type_of_report_is_there_as_csv(seaweed: SeaweedFS, prefix: str) -> None:
    some = of_every_type()

    await sent(sink(seaweed, prefix, encoding_type=EncodingType.CSV), batch_of(some))

    arrived = seaweed.arrived(prefix)
    assert sorted(arrived.values()) == sorted(body for one in some for body in csv_lines([one], AwsS3Sink.csv_format))


async def test_objects_hold_the_reports_in_their_order(seaweed: SeaweedFS, prefix: str) -> None:
    await sent(sink(seaweed, prefix), batch(3), batch(3, 3))

    assert b"".join(seaweed.arrived(prefix).values()).splitlines() == lines(6)


async def test_a_client_of_the_store_unpacks_what_is_packed(seaweed: SeaweedFS, prefix: str) -> None:
    await sent(sink(seaweed, prefix, gzip=True), batch(3))

    (key,) = seaweed.arrived(prefix)
    told = seaweed.client.head_object(Bucket=seaweed.bucket, Key=key)
    assert (told["ContentEncoding"], told["ContentType"]) == ("gzip", "application/x-ndjson")


async def test_hostile_ids_are_places_like_any_other(seaweed: SeaweedFS, prefix: str) -> None:
    hostile = ["..", ".", "a/b", "é\n", "%2F", "a" * 255, "//", "\\", "?", "#", "+ &"]
    some = [
        to_json(report_of(ReportType.SFU_EXTENSION_DATA, id_, None, None, n, id_, "t", "p"))
        for n, id_ in enumerate(hostile)
    ]

    await sent(sink(seaweed, prefix, structured=True), batch_of(some))

    found = [body for key, body in seaweed.arrived().items() if f"/{prefix}/" in key]
    assert sorted(orjson.loads(one)["payload"]["serviceId"] for one in found) == sorted(hostile)


async def test_an_access_key_that_nobody_knows_is_told(seaweed: SeaweedFS, prefix: str) -> None:
    told = await failure(sink(seaweed, prefix, credentials=static(seaweed, access_key="nobody")))

    assert told == "PutObject was answered with InvalidAccessKeyId (403): the service does not know the access key"


async def test_a_wrong_secret_is_told_without_it(seaweed: SeaweedFS, prefix: str) -> None:
    told = await failure(sink(seaweed, prefix, credentials=static(seaweed, secret_key="wr0ng")))

    assert told == (
        "PutObject was answered with SignatureDoesNotMatch (403): the secret key does not belong to the access key"
    )


async def test_a_bucket_that_is_not_there_is_told(seaweed: SeaweedFS, prefix: str) -> None:
    assert await failure(sink(seaweed, prefix, bucket_name="nowhere")) == (
        "HeadBucket was answered with 404: there is no bucket of this name"
    )


def assumed(moto: Moto, folder: Path) -> AwsCredentials:
    role = AwsStsAssumeRoleSession(moto.region, ROLE, credentials=static(moto), endpoint_url=moto.endpoint)
    return AwsCredentials("AwsStsAssumeRoleSession", role)


def web_identity(moto: Moto, folder: Path) -> AwsCredentials:
    (folder / "token").write_text("a.b.c")
    identity = AwsWebIdentityTokenFile(ROLE, "observer", str(folder / "token"), moto.endpoint)
    return AwsCredentials("AwsWebIdentityTokenFile", identity)


@pytest.mark.parametrize("credentials", [assumed, web_identity])
async def test_a_session_of_a_real_sts_puts_objects(
    credentials: Callable[[Moto, Path], AwsCredentials], moto: Moto, prefix: str, tmp_path: Path
) -> None:
    await sent(sink(moto, prefix, credentials=credentials(moto, tmp_path)), batch(3))

    assert b"".join(moto.arrived(prefix).values()).splitlines() == lines(3)


async def test_what_is_sent_while_the_store_is_killed_is_there_once_and_in_order(tmp_path: Path, prefix: str) -> None:
    with SeaweedFS(tmp_path) as own:
        patient = SinkSettings("AwsS3Sink", retry=Retry(initial_in_ms=50, max_in_ms=200))
        one = delivery(sink(own, prefix, connect_timeout_in_ms=1000, read_timeout_in_ms=2000), patient)
        async with running(one) as deliveries:
            for start in range(0, 500, 10):
                deliveries.offer(reports(10, start))
                if start == 200:
                    await trio.to_thread.run_sync(own.kill)
                if start == 300:
                    await trio.to_thread.run_sync(own.start)
                await trio.sleep(0.01)

        assert b"".join(own.arrived(prefix).values()).splitlines() == lines(500)
        assert one.statistics().acknowledged == 500
