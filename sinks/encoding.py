"""Reports written as lines of JSON, and what sinks read in these; a report that cannot be written costs only itself."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

import msgspec

from schemas.csv import CSV_COLUMNS, CsvFormat, row_of
from schemas.reports import NAMES, Report, ReportType, report_of, to_lines
from sinks.lines import Line, Piece


class EncodingType(StrEnum):
    """How a sink writes reports to places that could take either."""

    CSV = "CSV"
    JSON = "JSON"


_UNWRITABLE = (TypeError, ValueError, OverflowError)
"""Raised for a lone surrogate, and for a type that JSON does not have."""

UNREADABLE = (ValueError, TypeError, LookupError, RecursionError)
"""Raised for a line that is no report."""

_TYPES = {type_.encode(): type_ for type_ in ReportType}
_TYPE_AT = len('{"type":"')
_decode = msgspec.json.Decoder().decode


class Written(NamedTuple):
    """The lines of reports, in their order, and how many reports have none."""

    lines: Piece
    unwritable: int = 0


def written(reports: Sequence[Report]) -> Written:
    """Writes each report as a line, as `schemas.reports.to_json` does; all at once, unless one cannot be written."""
    try:
        return Written(Piece(len(reports), _encoded(reports)))
    except _UNWRITABLE:
        lines = [line for report in reports if (line := _encoded_alone(report))]
        return Written(Piece(len(lines), b"".join(lines)), len(reports) - len(lines))


def type_of(line: Line, start: int = 0) -> ReportType:
    """The type of the report, which stands at the head of its line; nothing else of it is read.

    The line may be one of a text of many; `start` is where it begins.
    """
    start += _TYPE_AT
    return _TYPES[line[start : line.index(b'"', start)]]


def report_of_line(line: Line) -> Report:
    """The report with all of its payload. It costs several times as much as writing it did.

    Raises one of `UNREADABLE` for a line that is damaged, of an unknown type, or without a field of its type.
    """
    envelope = _decode(line)
    type_, payload = ReportType(envelope["type"]), envelope["payload"]
    return report_of(type_, *[payload[name] for name in NAMES[type_]])


def is_report(line: Line) -> bool:
    """Whether the line is a report as this version writes it; one that waited on disk may be damaged, or of another."""
    try:
        report_of_line(line)
    except UNREADABLE:
        return False
    return True


def csv_lines(lines: Iterable[Line], format: CsvFormat) -> list[bytes]:
    """The payload of each report as one line of CSV, line end included.

    Lines of one type have the same columns: keep types apart.
    """
    row = row_of(format)
    return [row(_cells(type_of(line), line)).encode() for line in lines]


def _cells(type_: ReportType, line: Line) -> tuple[Any, ...]:
    """The values of the payload in the order of the type's columns; nothing else is made of the line."""
    cells: tuple[Any, ...] = msgspec.structs.astuple(_decode_columns(type_)(line).payload)
    return cells


@cache
def _decode_columns(type_: ReportType) -> Callable[[Line], Any]:
    names = {f"cell{n}": name for n, name in enumerate(CSV_COLUMNS[type_])}
    row = msgspec.defstruct("_Row", [(cell, Any, None) for cell in names], rename=names, gc=False)
    return msgspec.json.Decoder(msgspec.defstruct("_Envelope", [("payload", row)], gc=False)).decode


def _encoded(reports: Sequence[Report]) -> bytes:
    """Their lines. They are copied once more: what the encoder gives takes up to half as much memory again."""
    return memoryview(to_lines(reports)).tobytes()


def _encoded_alone(report: Report) -> bytes:
    """Its line, or nothing."""
    try:
        return _encoded([report])
    except _UNWRITABLE:
        return b""
