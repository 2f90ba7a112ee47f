"""Reports as lines of JSON, and what sinks read in these; a report that cannot be written costs only itself."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from schemas.csv import CsvFormat, to_csv
from schemas.reports import Report, ReportType, report_of, to_json
from sinks.sink import Line

_UNWRITABLE = (TypeError, ValueError, OverflowError)
"""Raised for a lone surrogate, and for a type that JSON does not have."""

AT_ONCE = 500
"""How many lines are joined and written at once: some 100 kB to 1 MB, which neither holds up whoever waits for the
interpreter, nor hands it over for every few lines."""

_decode = msgspec.json.Decoder().decode
_TYPE_AT = len('{"type":"')
_TYPES = {type_.encode(): type_ for type_ in ReportType}


class Written(NamedTuple):
    """Reports and the line of each, in their order; and those that have no line."""

    reports: Sequence[Report]
    lines: Sequence[Line]
    unwritable: Sequence[Report]


def written(reports: Sequence[Report]) -> Written:
    """Writes each report as a line; all at once, unless one of them cannot be written."""
    try:
        return Written(reports, [*map(to_json, reports)], ())
    except _UNWRITABLE:
        return _written_one_by_one(reports)


def type_of(line: Line) -> ReportType:
    """The type of the report, which stands at the head of its line; nothing else of it is read."""
    return _TYPES[line[_TYPE_AT : line.index(b'"', _TYPE_AT)]]


def report_of_line(line: Line) -> Report:
    """The report with all of its payload. It costs several times as much as writing it did."""
    envelope = _decode(line)
    return report_of(ReportType(envelope["type"]), *envelope["payload"].values())


def joined(lines: Sequence[bytes]) -> bytes:
    """The lines, and an end to each."""
    return b"\n".join((*lines, b""))


def csv_lines(lines: Iterable[Line], format: CsvFormat) -> list[bytes]:
    """The payload of each report as one line of CSV, line end included.

    Lines of one type have the same columns: keep types apart.
    """
    return [to_csv(report_of_line(line), format).encode() for line in lines]


def _written_one_by_one(reports: Sequence[Report]) -> Written:
    fitting: list[Report] = []
    lines: list[Line] = []
    unwritable: list[Report] = []
    for report in reports:
        try:
            lines.append(to_json(report))
        except _UNWRITABLE:
            unwritable.append(report)
        else:
            fitting.append(report)
    return Written(fitting, lines, unwritable)
