"""Reports as lines, and what is read in these: what cannot be written costs only itself."""

import pytest

from schemas.csv import CsvFormat, to_csv
from schemas.reports import NAMES, Report, ReportType, report_of, to_json
from sinks.encoding import csv_lines, is_report, report_of_line, type_of, written
from sinks.lines import Batch
from tests.sinks.sinks_for_tests import line, report

every_type = pytest.mark.parametrize("type_", ReportType)


def extension(payload: str) -> Report:
    values = {"serviceId": "s", "payload": payload}
    return report_of(ReportType.SFU_EXTENSION_DATA, *map(values.get, NAMES[ReportType.SFU_EXTENSION_DATA]))


@every_type
def test_every_report_is_one_line_in_its_place(type_: ReportType) -> None:
    some = [report("one", type_), report("\n", type_), report('"}\r\n{"ひ', type_)]

    lines, unwritable = written(some)

    assert list(Batch([lines])) == [to_json(one) for one in some]
    assert (lines.number, unwritable) == (3, 0)


def test_no_reports_are_no_lines() -> None:
    assert written([]) == ((0, b""), 0)


@pytest.mark.parametrize("value", ["\ud800", object()])
def test_a_report_that_cannot_be_written_costs_only_itself(value: object) -> None:
    good, bad, better = report("good"), report("bad", message=value), report("better")

    lines, unwritable = written([good, bad, better])

    assert list(Batch([lines])) == [to_json(good), to_json(better)]
    assert (lines.number, unwritable) == (2, 1)


@every_type
def test_a_line_tells_its_type(type_: ReportType) -> None:
    assert type_of(line('"}', type_)) is type_


def test_a_line_among_others_tells_its_type() -> None:
    first, second = line("a"), line("b", ReportType.SFU_EVENT)

    assert type_of(first + b"\n" + second + b"\n", len(first) + 1) is ReportType.SFU_EVENT


@every_type
def test_a_report_is_read_back_from_its_line(type_: ReportType) -> None:
    some = report("ひ", type_, timestamp=2**53 + 1)

    assert report_of_line(to_json(some)) == some


def test_the_order_of_keys_in_a_payload_means_nothing() -> None:
    keys = list(NAMES[ReportType.SFU_EXTENSION_DATA])
    pairs = ",".join(f'"{key}":"{key}"' for key in reversed(keys))

    found = report_of_line(f'{{"type":"SFU_EXTENSION_DATA","schemaVersion":"2.1.0","payload":{{{pairs}}}}}'.encode())

    assert found == report_of(ReportType.SFU_EXTENSION_DATA, *keys)


@every_type
def test_a_line_is_a_report(type_: ReportType) -> None:
    assert is_report(line("one", type_))


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"\xff",
        b"null",
        b'{"type":"SONG","payload":{}}',
        b'{"type":["SONG"],"payload":{}}',
        b'{"type":"SFU_EXTENSION_DATA","payload":{"serviceId":null}}',
        b'{"type":"SFU_EXTENSION_DATA","payload":[]}',
        b'{"type":"SFU_EXTENSION_DATA"}',
        b'{"type":' + b"[" * 100_000 + b"}",
        line("cut")[:-9],
    ],
)
def test_a_line_is_no_report(other: bytes) -> None:
    assert not is_report(other)


def test_every_report_is_one_line_of_csv_in_its_place() -> None:
    lines = [to_json(extension("é")), to_json(extension("two"))]

    assert csv_lines(lines, CsvFormat.INFORMIX_UNLOAD_CSV) == ["s,,,,,é,\n".encode(), b"s,,,,,two,\n"]


def test_csv_of_a_line_is_that_of_its_report() -> None:
    video = report(
        "a", ReportType.OUTBOUND_VIDEO_TRACK, timestamp=1_700_000_000_000, roundTripTime=1e-05, targetBitrate=2.5e7
    )

    assert csv_lines([to_json(video)], CsvFormat.DEFAULT) == [to_csv(video).encode()]
