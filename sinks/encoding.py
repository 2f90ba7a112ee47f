"""Reports as lines, of JSON or of CSV; a report that cannot be written costs only itself."""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.csv import CsvFormat, to_csv
from schemas.reports import Report, to_json
from sinks.sink import NotDelivered, Rejection


class Lines(NamedTuple):
    """Reports and the line of each, line end included, in their order; and those that have no line."""

    reports: list[Report]
    lines: list[bytes]
    rejected: list[Rejection]


def json_lines(batch: Iterable[Report]) -> Lines:
    """The envelope of each report as one line of compact JSON."""
    encoded = Lines([], [], [])
    for report in batch:
        try:
            line = to_json(report) + b"\n"
        except TypeError:  # orjson: too large an integer, a lone surrogate, a type that JSON does not have
            encoded.rejected.append(Rejection(report, "it cannot be written as JSON"))
        else:
            encoded.reports.append(report)
            encoded.lines.append(line)
    return encoded


def csv_lines(batch: Iterable[Report], format: CsvFormat) -> Lines:
    """The payload of each report as one line of CSV. Lines of one type have the same columns: keep types apart."""
    encoded = Lines([], [], [])
    for report in batch:
        try:
            line = to_csv(report, format).encode()
        except UnicodeEncodeError:  # a lone surrogate
            encoded.rejected.append(Rejection(report, "it cannot be written as CSV"))
        else:
            encoded.reports.append(report)
            encoded.lines.append(line)
    return encoded


def raise_rejections(encoded: Lines) -> None:
    """Raise `NotDelivered` for the reports that have no line, when all others were sent."""
    if encoded.rejected:
        raise NotDelivered(encoded.rejected[0].reason, rejected=encoded.rejected)
