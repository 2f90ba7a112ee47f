"""FirehoseSink: records and calls within the limits of AWS, what is put again, and what never is."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from observer.config import ConfigError
from observer.config.binding import bind
from observer.config.effective import effective
from schemas.csv import CsvFormat, to_csv
from schemas.reports import FIELDS, ReportType, report_of, to_json
from sinks.aws_credentials import AwsCredentials, AwsStatic
from sinks.encoding import EncodingType, report_of_line
from sinks.firehose import FirehoseSink
from sinks.firehose_records import LARGEST_CALL, LARGEST_RECORD, MOST_RECORDS, Record, calls, records
from sinks.lines import Batch, Line, batch_of
from sinks.retry import Retry
from sinks.settings import SinkSettings
from sinks.sink import NotDelivered
from tests.sinks.firehose_server import Fault, FirehoseServer, firehose_server
from tests.sinks.services.moto import Moto
from tests.sinks.sinks_for_tests import batch, delivery, line, lines, names, reports, running

VALUES = {"i": -1, "l": 2**40, "t": 1_700_000_000_000, "d": 0.5, "s": 'a,"b"', "b": True}
JSON = EncodingType.JSON
KEYS = AwsCredentials("AwsStatic", AwsStatic("key", "of-a-test"))


@pytest.fixture
def firehose() -> Iterator[FirehoseServer]:
    with firehose_server() as server:
        yield server


def sink(firehose: FirehoseServer, **keys: Any) -> FirehoseSink:
    fixed = {"default_delivery_stream_id": "reports", "credentials": KEYS, "endpoint_url": firehose.endpoint}
    return FirehoseSink("eu-west-1", **{**fixed, **keys})


async def send_to(sink: FirehoseSink, some: Batch) -> None:
    async with sink.opened("mySink") as send:
        await send(some)


def row(one: Line, format: CsvFormat = CsvFormat.DEFAULT) -> bytes:
    return to_csv(report_of_line(one), format).encode()


def of_every_type() -> list[Line]:
    return [to_json(report_of(type_, *(VALUES[f.kind] for f in FIELDS[type_]))) for type_ in ReportType]


# Configuration


def test_a_stream_is_required() -> None:
    with pytest.raises(ConfigError, match="either defaultDeliveryStreamId or streams is required"):
        bind(FirehoseSink, {"regionId": "eu-west-1"})


def test_a_stream_needs_a_name_that_aws_takes() -> None:
    with pytest.raises(ConfigError, match=r"streams\.call-event must be the name of a stream"):
        bind(FirehoseSink, {"regionId": "eu-west-1", "streams": {"callEvent": "a/b"}})


def test_types_are_named_as_in_the_readme() -> None:
    bound = bind(FirehoseSink, {"regionId": "eu-west-1", "streams": {"outbound-autio-track": "a", "sfu-event": "b"}})

    assert bound.streams == {ReportType.OUTBOUND_AUDIO_TRACK: "a", ReportType.SFU_EVENT: "b"}


def test_its_secrets_are_shown_nowhere() -> None:
    one = FirehoseSink("eu-west-1", "reports", credentials=AwsCredentials("AwsStatic", AwsStatic("key", "s3cret")))

    assert "s3cret" not in repr(one) + effective(one)


# Records and calls


SIZES = st.lists(st.integers(1, 20) | st.integers(LARGEST_RECORD - 20, LARGEST_RECORD + 1), max_size=30)


@given(SIZES, st.integers(1, 5))
def test_records_hold_all_lines_in_their_order_within_the_limits(sizes: list[int], most: int) -> None:
    made = list(records(((number, b"x" * size) for number, size in enumerate(sizes)), most))

    assert [number for record in made for number in record.numbers] == list(range(len(sizes)))
    assert all(len(record.data) == sum(sizes[number] for number in record.numbers) for record in made)
    assert all(len(record.numbers) <= most for record in made)
    assert all(len(record.data) <= LARGEST_RECORD or len(record.numbers) == 1 for record in made)


@given(st.lists(st.sampled_from([1, 1000, 400_000, LARGEST_RECORD]), max_size=30), st.integers(0, 1200))
def test_calls_hold_all_records_in_their_order_within_the_limits(sizes: list[int], small: int) -> None:
    some = [Record(b"x" * size, [n]) for n, size in enumerate([*[1] * small, *sizes])]

    made = list(calls(some))

    assert [record for call in made for record in call] == some
    assert all(0 < len(call) <= MOST_RECORDS for call in made)
    assert all(sum(len(record.data) for record in call) <= LARGEST_CALL for call in made)


# What is put


async def test_a_record_holds_rows_of_one_type(firehose: FirehoseServer) -> None:
    some = [line(str(n), (ReportType.CALL_EVENT, ReportType.SFU_EVENT)[n % 2]) for n in range(10)]

    await send_to(sink(firehose, csv_chunk_size=3), batch_of(some))

    rows = [row(one) for one in (*some[::2], *some[1::2])]
    assert firehose.taken["reports"] == [b"".join(rows[at:end]) for at, end in ((0, 3), (3, 5), (5, 8), (8, 10))]


async def test_every_record_has_the_format_that_is_configured(firehose: FirehoseServer) -> None:
    some = lines(5)

    await send_to(sink(firehose, csv_format=CsvFormat.MYSQL, csv_chunk_size=2), batch_of(some))

    assert firehose.lines() == [row(one, CsvFormat.MYSQL) for one in some]


async def test_json_is_one_line_with_its_end_a_record(firehose: FirehoseServer) -> None:
    await send_to(sink(firehose, encoding_type=JSON), batch_of(of_every_type()))

    assert firehose.taken["reports"] == [one + b"\n" for one in of_every_type()]


async def test_a_record_may_hold_several_lines_of_json(firehose: FirehoseServer) -> None:
    await send_to(sink(firehose, encoding_type=JSON, json_chunk_size=4), batch(10))

    assert [data.count(b"\n") for data in firehose.taken["reports"]] == [4, 4, 2]
    assert names(firehose.lines()) == [str(n) for n in range(10)]


async def test_a_type_goes_to_its_stream_and_all_others_to_the_default(firehose: FirehoseServer) -> None:
    firehose.streams |= {"events"}
    streams = {ReportType.CALL_EVENT: "events", ReportType.SFU_EVENT: "events"}

    await send_to(sink(firehose, encoding_type=JSON, streams=streams), batch_of(of_every_type()))

    assert len(firehose.lines("events")) == 2
    assert len(firehose.lines("reports")) == 16


async def test_a_type_without_a_stream_is_rejected_and_costs_no_other(firehose: FirehoseServer) -> None:
    streams = {ReportType.CALL_EVENT: "reports"}
    some = [line("0"), line("1", ReportType.SFU_EVENT), line("2")]

    with pytest.raises(NotDelivered) as raised:
        await send_to(sink(firehose, default_delivery_stream_id=None, streams=streams), batch_of(some))

    assert firehose.lines() == [row(some[0]), row(some[2])]
    assert not raised.value.again
    assert [(one.line, one.reason) for one in raised.value.rejected] == [
        (some[1], "no delivery stream is configured for reports of SFU_EVENT")
    ]


@pytest.mark.parametrize("encoding", EncodingType)
async def test_a_report_that_no_record_has_room_for_costs_only_itself(
    firehose: FirehoseServer, encoding: EncodingType
) -> None:
    large = line("x" * LARGEST_RECORD)

    with pytest.raises(NotDelivered) as raised:
        await send_to(sink(firehose, encoding_type=encoding), batch_of([line("0"), large, line("1")]))

    assert len(firehose.lines()) == 2
    assert [one.line for one in raised.value.rejected] == [large]
    assert "larger than the 1024000 bytes" in raised.value.rejected[0].reason


async def test_large_batches_keep_to_the_limits_of_a_call(firehose: FirehoseServer) -> None:
    some = [*lines(1_201), *(line(f"{n:0900000d}") for n in range(5))]

    await send_to(sink(firehose, encoding_type=JSON), batch_of(some))

    assert firehose.calls == [500, 500, 205, 1]
    assert firehose.lines() == [one + b"\n" for one in some]


# What fails


async def test_records_that_are_not_taken_are_put_again_alone(firehose: FirehoseServer) -> None:
    firehose.faults.append(Fault(refused=(1, 3)))

    with pytest.raises(NotDelivered, match="stream reports: 2 records of 5 are not taken: Service") as raised:
        await send_to(sink(firehose, encoding_type=JSON), batch(5))

    assert names(firehose.lines()) == ["0", "2", "4"]
    assert names(raised.value.again) == ["1", "3"]
    assert not raised.value.rejected


async def test_nothing_overtakes_records_that_are_put_again(firehose: FirehoseServer) -> None:
    firehose.faults.append(Fault(refused=(499,)))

    with pytest.raises(NotDelivered) as raised:
        await send_to(sink(firehose, encoding_type=JSON), batch(1_000))

    assert firehose.calls == [500]
    assert names(raised.value.again) == [str(n) for n in range(499, 1_000)]


async def test_a_stream_that_fails_holds_up_no_other(firehose: FirehoseServer) -> None:
    streams = {ReportType.SFU_EVENT: "missing"}
    some = [line(str(n), (ReportType.CALL_EVENT, ReportType.SFU_EVENT)[n % 2]) for n in range(10)]

    with pytest.raises(NotDelivered, match=r"stream missing: .* no delivery stream of this name") as raised:
        await send_to(sink(firehose, encoding_type=JSON, streams=streams), batch_of(some))

    assert names(firehose.lines()) == ["0", "2", "4", "6", "8"]
    assert names(raised.value.again) == ["1", "3", "5", "7", "9"]


@pytest.mark.parametrize("code", ["ServiceUnavailableException", "ThrottlingException", "InvalidArgumentException"])
async def test_no_error_of_the_service_rejects_a_report(firehose: FirehoseServer, code: str) -> None:
    firehose.faults.append(Fault(error=code))

    with pytest.raises(ConnectionError, match=f"stream reports: .*{code}") as raised:
        await send_to(sink(firehose), batch(5))

    assert "s3cret" not in str(raised.value)


async def test_after_a_lost_answer_nothing_is_missing(firehose: FirehoseServer) -> None:
    firehose.faults.append(Fault(answers=False))
    one = sink(firehose, encoding_type=JSON)

    with pytest.raises(ConnectionError):
        await send_to(one, batch(3))
    await send_to(one, batch(3))

    assert names(firehose.lines()) == ["0", "1", "2"] * 2


async def test_a_batch_that_takes_too_long_is_put_again_from_where_it_stopped(firehose: FirehoseServer) -> None:
    firehose.faults.append(Fault(late_by_s=0.2))

    with pytest.raises(NotDelivered, match="longer than batchTimeoutInMs") as raised:
        await send_to(sink(firehose, encoding_type=JSON, batch_timeout_in_ms=100), batch(1_000))

    assert firehose.calls == [500]
    assert names(raised.value.again) == [str(n) for n in range(500, 1_000)]


async def test_an_answer_that_does_not_say_which_records_failed_counts_for_none(firehose: FirehoseServer) -> None:
    firehose.faults.append(Fault(refused=(1,), names_them=False))

    with pytest.raises(ConnectionError, match="does not say which records are taken"):
        await send_to(sink(firehose), batch(5))


async def test_everything_arrives_in_its_order_however_calls_fail(firehose: FirehoseServer) -> None:
    firehose.faults.extend([Fault(error="ServiceUnavailableException"), Fault(refused=range(300, 500)), Fault()] * 2)
    settings = SinkSettings("FirehoseSink", retry=Retry(initial_in_ms=1, max_in_ms=5))
    one = delivery(sink(firehose, encoding_type=JSON), settings)

    async with running(one) as deliveries:
        for start in range(0, 3_000, 500):
            deliveries.offer(reports(500, start))

    assert one.statistics().acknowledged == 3_000
    assert names(firehose.lines()) == [str(n) for n in range(3_000)]


async def test_a_missing_stream_keeps_it_from_opening(firehose: FirehoseServer) -> None:
    with pytest.raises(ConnectionError, match="there is no delivery stream of this name"):
        await send_to(sink(firehose, default_delivery_stream_id="missing"), batch(1))


async def test_who_may_only_put_records_may_open_it(firehose: FirehoseServer) -> None:
    firehose.may_describe = False

    await send_to(sink(firehose), batch(1))

    assert firehose.calls == [1]


async def test_nobody_there_keeps_it_from_opening() -> None:
    with pytest.raises(ConnectionError, match="could not be reached"):
        await send_to(sink(FirehoseServer("http://127.0.0.1:1")), batch(1))


async def test_nothing_of_a_report_is_logged_at_any_level(
    firehose: FirehoseServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    firehose.faults.append(Fault(refused=(0,)))

    with pytest.raises(ConnectionError):
        await send_to(sink(firehose), batch_of([line("s3cret")]))

    assert "s3cret" not in caplog.text


# With another implementation of the service


async def test_moto_takes_it_as_well_and_delivers(moto: Moto) -> None:
    await trio.to_thread.run_sync(moto.create_stream, "sink-of-firehose")
    keys = AwsCredentials("AwsStatic", AwsStatic(moto.access_key, moto.secret_key))
    one = FirehoseSink(
        moto.region, "sink-of-firehose", encoding_type=JSON, credentials=keys, endpoint_url=moto.endpoint
    )

    await send_to(one, batch(501))

    arrived = b"".join(moto.arrived("sink-of-firehose/").values())
    assert sorted(arrived.splitlines()) == sorted(lines(501))
