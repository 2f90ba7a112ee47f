"""AwsS3Sink: what is there after each way in which a batch can go wrong, and how often."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from observer.config import ConfigError
from observer.config.binding import bind
from schemas.csv import CsvFormat
from schemas.reports import ReportType, report_with, to_json
from sinks.aws_credentials import AwsCredentials, AwsStatic, AwsWebIdentityTokenFile
from sinks.encoding import EncodingType
from sinks.lines import Batch, Line, batch_of
from sinks.s3 import AwsS3Sink
from sinks.sink import NotDelivered
from tests.sinks.s3_server import Fault, S3Server, s3_server
from tests.sinks.services.receiver import self_signed
from tests.sinks.sinks_for_tests import batch, delivery, line, lines, names, reports, running, with_retry
from tests.sinks.sts_for_tests import Sts

KEYS = AwsCredentials("AwsStatic", AwsStatic("the-id", "the-secret"))
TYPES = [ReportType.CALL_EVENT, ReportType.CALL_META_DATA, ReportType.SFU_EVENT]
MIXED = [line(str(n), TYPES[n % 3]) for n in range(9)]


@pytest.fixture
def store() -> Iterator[S3Server]:
    with s3_server() as store:
        yield store


def sink(store: S3Server, **keys: Any) -> AwsS3Sink:
    usual = {"encoding_type": EncodingType.JSON, "credentials": KEYS, "endpoint_url": store.endpoint}
    return AwsS3Sink(**{"bucket_name": "reports", "region_id": "eu-west-1", **usual, **keys})


def joined(client: str) -> Line:
    payload = {"serviceId": "s", "name": "CLIENT_JOINED", "clientId": client, "marker": client}
    return to_json(report_with(ReportType.CALL_EVENT, payload))


def of_type(type_: str, fault: Fault) -> Callable[[str, str], Fault]:
    """What goes wrong with objects of one type only."""
    return lambda method, key: fault if key.startswith(type_) else Fault()


def once(fault: Fault) -> Callable[[str, str], Fault]:
    """What goes wrong with the first object of all."""
    left = [fault]
    return lambda method, key: left.pop() if method == "PUT" and left else Fault()


async def sent(some: AwsS3Sink, *batches: Batch) -> None:
    async with some.opened("mySink") as send:
        for one in batches:
            await send(one)


async def not_delivered(some: AwsS3Sink, one: Batch) -> NotDelivered:
    async with some.opened("mySink") as send:
        with pytest.raises(NotDelivered) as raised:
            await send(one)
    return raised.value


async def test_what_was_sent_is_in_objects_of_json(store: S3Server) -> None:
    await sent(sink(store, default_prefix="all"), batch(3), batch(2, 3))

    assert store.lines == lines(5)
    assert [stored.content_type for stored in store.objects.values()] == ["application/x-ndjson"] * 2


async def test_csv_is_an_object_for_each_type_whose_name_tells_it(store: S3Server) -> None:
    await sent(sink(store, default_prefix="all", encoding_type=EncodingType.CSV), batch_of(MIXED))

    assert sorted(key.split("-", 3)[3] for key in store.objects) == [
        "call-event.csv",
        "call-meta-data.csv",
        "sfu-event.csv",
    ]
    assert len(store.lines) == 9


async def test_objects_sort_in_the_order_of_sending(store: S3Server) -> None:
    some = sink(store, default_prefix="all")
    for start in range(5):
        await sent(some, batch(1, start))

    assert names(store.lines) == ["0", "1", "2", "3", "4"]


async def test_two_sinks_never_write_the_same_object(store: S3Server) -> None:
    await sent(sink(store), batch(1))
    await sent(sink(store), batch(1))

    assert len(store.objects) == 2


async def test_what_is_packed_is_told(store: S3Server) -> None:
    await sent(sink(store, gzip=True), batch(1))

    ((key, stored),) = store.objects.items()
    assert key.endswith(".jsonl.gz")
    assert stored.content_encoding == "gzip"


async def test_the_store_can_tell_that_nothing_got_lost(store: S3Server) -> None:
    await sent(sink(store), batch_of(MIXED))

    assert len(store.objects) == 3
    assert store.damaged == []


async def test_what_clients_choose_is_escaped_on_the_wire_as_well(store: S3Server) -> None:
    some = sink(store, default_prefix="p", structured=True)
    await sent(some, batch_of([line("a", serviceId="../s?x#", callId="é/ ..")]))

    (key,) = store.objects
    assert key.startswith("..!2Fs!3Fx!23/call-reports/!C3!A9!2F!20../p/")


async def test_objects_go_up_at_once_but_no_more_than_that(store: S3Server) -> None:
    store.fails = lambda method, key: Fault(late_by_s=0.1)
    some = sink(store, default_prefix="p", add_sfu_or_call_id_prefix=True, parallelism=3)

    await sent(some, batch_of([line(str(n), callId=str(n)) for n in range(9)]))

    assert store.most_at_once == 3
    assert len(store.objects) == 9


async def test_only_what_was_refused_is_sent_again(store: S3Server) -> None:
    store.fails = of_type("call-meta-data", Fault(403, "AccessDenied"))

    failure = await not_delivered(sink(store), batch_of(MIXED))

    assert names(failure.again) == ["1", "4", "7"]
    assert not failure.rejected
    assert str(failure) == "PutObject was answered with AccessDenied (403): the credentials do not allow this"


async def test_an_object_whose_answer_got_lost_is_there_once(store: S3Server) -> None:
    store.fails = of_type("call-meta-data", Fault(answers=False))
    some = sink(store)
    failure = await not_delivered(some, batch_of(MIXED))
    store.fails = lambda method, key: Fault()

    await sent(some, failure.again)

    assert len(store.objects) == 3
    assert len([key for key in store.puts if key.startswith("call-meta-data")]) == 2


async def test_a_batch_whose_answers_all_got_lost_is_there_once(store: S3Server) -> None:
    store.fails = lambda method, key: Fault(answers=method == "HEAD")
    some = sink(store)
    with pytest.raises(ConnectionError, match="the service could not be reached"):
        await sent(some, batch_of(MIXED))
    store.fails = lambda method, key: Fault()

    await sent(some, batch_of(MIXED))

    assert len(store.objects) == 3


async def test_the_order_of_a_place_holds_when_its_first_object_failed(store: S3Server) -> None:
    store.fails = once(Fault(503, "SlowDown"))
    some = sink(store)

    async with running(delivery(some, with_retry(initial_in_ms=1))) as deliveries:
        for start in range(0, 30, 3):
            deliveries.offer(reports(3, start))
            await trio.sleep(0.01)

    assert names(store.lines) == [str(n) for n in range(30)]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(503, "SlowDown"), r"SlowDown \(503\): the service asks for fewer requests"),
        (Fault(400, "ExpiredToken"), r"ExpiredToken \(400\): the session token is not valid any more"),
    ],
)
async def test_a_store_that_takes_nothing_now_is_left_alone(fault: Fault, told: str, store: S3Server) -> None:
    store.fails = lambda method, key: fault if method == "PUT" else Fault()
    some = sink(store, add_sfu_or_call_id_prefix=True, parallelism=2)

    with pytest.raises(ConnectionError, match=told):
        await sent(some, batch_of([line(str(n), callId=str(n)) for n in range(50)]))

    assert len(store.puts) <= 3


async def test_what_takes_too_long_is_sent_again_alone(store: S3Server, mock_clock: MockClock) -> None:
    answered = threading.Event()
    store.fails = of_type("call-meta-data", Fault(waits_for=answered))
    some = sink(store, batch_timeout_in_ms=500)

    async def let_it_be_late() -> None:
        while len(store.objects) < 2 or some._uploads.borrowed_tokens != 1:
            await trio.lowlevel.checkpoint()
        await wait_all_tasks_blocked()
        mock_clock.jump(0.5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(let_it_be_late)
        try:
            failure = await not_delivered(some, batch_of(MIXED))
        finally:
            answered.set()

    assert names(failure.again) == ["1", "4", "7"]
    assert str(failure) == "not all objects of a batch were there within batchTimeoutInMs"


async def test_a_bucket_that_is_not_there_cannot_be_opened(store: S3Server) -> None:
    store.fails = lambda method, key: Fault(404)

    with pytest.raises(ConnectionError, match="there is no bucket of this name"):
        await sent(sink(store), batch(1))


async def test_a_service_that_redirects_to_itself_is_told(store: S3Server) -> None:
    store.fails = lambda method, key: Fault(301)

    with pytest.raises(ConnectionError, match="the service redirects to itself: is regionId that of the bucket"):
        await sent(sink(store), batch(1))


@pytest.mark.parametrize("status", [400, 403])
async def test_who_may_only_put_objects_can_open_the_bucket(status: int, store: S3Server) -> None:
    store.fails = lambda method, key: Fault(status if method == "HEAD" else 0)

    await sent(sink(store), batch(1))

    assert store.lines == lines(1)


async def test_credentials_are_looked_for_again_after_all_was_refused(
    store: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "old")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    def fails(method: str, key: str) -> Fault:
        if "new" in store.signed_by:
            return Fault()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "new")
        return Fault(403, "ExpiredToken")

    store.fails = fails
    some = sink(store, credentials=bind_environment())

    async with running(one := delivery(some, with_retry(initial_in_ms=1))) as deliveries:
        deliveries.offer(reports(1))

    assert one.statistics().acknowledged == 1


async def test_readme_s_own_place_for_a_web_identity_works(store: S3Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a.b.c")
    with Sts(lasts_s=3600) as sts:
        identity = AwsWebIdentityTokenFile("arn:aws:iam::123456789012:role/r", None, str(tmp_path / "token"), sts.url)
        await sent(sink(store, credentials=None, type="AwsWebIdentityTokenFile", config=identity), batch(1))

    assert store.signed_by == {"key-1"}


async def test_a_certificate_of_the_stores_own_authority_is_believed_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path)
    with s3_server(certificate, key) as store:
        with pytest.raises(ConnectionError, match="the service's certificate was not accepted"):
            await sent(sink(store), batch(1))
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))

        await sent(sink(store), batch(1))

    assert store.lines == lines(1)


async def test_what_begins_is_found_by_its_indexes(store: S3Server) -> None:
    await sent(sink(store, create_indexes=True), batch_of([joined("a"), joined("b")]))

    assert sorted(store.objects)[:2] == ["__indexes/clients/s/a", "__indexes/clients/s/b"]
    assert len(store.objects) == 3


async def test_nothing_is_acknowledged_before_it_is_in_the_indexes(store: S3Server) -> None:
    store.fails = of_type("__indexes", Fault(403, "AccessDenied"))
    some = sink(store, create_indexes=True)

    failure = await not_delivered(some, batch_of([joined("a"), *MIXED[1:]]))

    assert names(failure.again) == ["a", "3", "6"]


async def test_an_index_that_is_there_is_not_put_again_with_its_batch(store: S3Server) -> None:
    store.fails = of_type("call-event", Fault(403, "AccessDenied"))
    some = sink(store, create_indexes=True)
    failure = await not_delivered(some, batch_of([joined("a"), *MIXED[1:]]))
    store.fails = lambda method, key: Fault()

    await sent(some, failure.again)

    assert store.puts.count("__indexes/clients/s/a") == 1


async def test_no_failure_tells_what_a_client_wrote_or_the_service_said(store: S3Server) -> None:
    store.fails = lambda method, key: Fault(400, "InvalidArgument") if method == "PUT" else Fault()

    with pytest.raises(ConnectionError) as raised:
        await sent(sink(store, structured=True), batch_of([line("of-a-client", serviceId="of-a-client")]))

    assert str(raised.value) == "PutObject was answered with InvalidArgument (400)"


def written(**keys: Any) -> dict[str, Any]:
    return {"bucketName": "b", "regionId": "eu-west-1", **keys}


def bind_environment() -> AwsCredentials | None:
    return bind(AwsS3Sink, written(credentials={"type": "AwsEnvironmentVariable"})).credentials


def test_all_keys_have_names_that_the_readme_knows() -> None:
    some = bind(
        AwsS3Sink,
        written(
            encodingType="json",
            csvFormat="MongoDBCsv",
            defaultPrefix="/all/",
            prefixes={"call-event": "a", "callMetaData": "b", "SFU_EVENT": "c", "outbound-autio-track": "d"},
            structured=False,
            addServiceIdPrefix=True,
            addReportCategoryPrefix=True,
            addSfuOrCallIdPrefix=True,
            createIndexes=True,
            parallelism=3,
        ),
    )

    assert some == AwsS3Sink(
        "b",
        "eu-west-1",
        EncodingType.JSON,
        CsvFormat.MONGODB_CSV,
        default_prefix="all",
        prefixes={
            ReportType.CALL_EVENT: "a",
            ReportType.CALL_META_DATA: "b",
            ReportType.SFU_EVENT: "c",
            ReportType.OUTBOUND_AUDIO_TRACK: "d",
        },
        add_service_id_prefix=True,
        add_report_category_prefix=True,
        add_sfu_or_call_id_prefix=True,
        create_indexes=True,
        parallelism=3,
    )


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"bucketName": None}, "bucketName is required"),
        ({"regionId": "eu west"}, "regionId: must be the name of a region"),
        ({"prefixes": {"call-event": "a/../b"}}, "prefixes.call-event must be a prefix of keys"),
        ({"prefixes": {"call-events": "a"}}, "prefixes.call-events: expected"),
        ({"endpointUrl": "storage"}, "endpointUrl: must be a URL"),
        ({"parallelism": 0}, "parallelism: must be at least 1"),
        ({"type": "AwsStatic"}, "type and config stand in credentials, unless"),
        (
            {"type": "AwsWebIdentityTokenFile", "credentials": {"type": "AwsEnvironmentVariable"}},
            "type and config beside credentials",
        ),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_opened(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        bind(AwsS3Sink, written(**keys))

    assert problem in str(raised.value)
