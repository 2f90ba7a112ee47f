"""Batches as lines of CSV: what cannot be written costs only itself."""

from schemas.csv import CsvFormat
from schemas.reports import NAMES, Report, ReportType
from sinks.encoding import csv_lines


def extension(payload: str) -> Report:
    type_ = ReportType.SFU_EXTENSION_DATA
    return Report(type_, dict.fromkeys(NAMES[type_]) | {"serviceId": "s", "payload": payload})


def test_every_report_is_one_line_in_its_place() -> None:
    """C44."""
    one, other = extension("é"), extension("two")
    encoded = csv_lines([one, other], CsvFormat.INFORMIX_UNLOAD_CSV)

    assert encoded.reports == [one, other]
    assert encoded.lines == ["s,,,,,é,\n".encode(), b"s,,,,,two,\n"]
    assert encoded.rejected == []


def test_a_report_that_cannot_be_written_costs_only_itself() -> None:
    bad, good = extension("\ud800"), extension("x")
    encoded = csv_lines([bad, good], CsvFormat.DEFAULT)

    assert (encoded.reports, encoded.lines) == ([good], [b"s,,,,,x,\r\n"])
    assert [(rejection.report, rejection.reason) for rejection in encoded.rejected] == [
        (bad, "it cannot be written as CSV")
    ]
