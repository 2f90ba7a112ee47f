"""Whether the lines of CSV that reports become have every value in its column."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.csv import CSV_COLUMNS, to_csv
from schemas.reports import ReportType, report_with

Envelope = Mapping[str, Any]


def csv_faults(reports: Iterable[Envelope]) -> list[str]:
    """What a reader of the lines would take for something else, in whole sentences."""
    found: Counter[str] = Counter()
    for report in reports:
        type_, payload = ReportType(report["type"]), report["payload"]
        line = to_csv(report_with(type_, payload))
        rows = [*csv.reader(io.StringIO(line, newline=""), strict=True)]
        columns = CSV_COLUMNS[type_]
        if len(rows) != 1 or len(rows[0]) != len(columns):
            found[f"{type_} is no line of {len(columns)} cells."] += 1
            continue
        for column, cell in zip(columns, rows[0], strict=True):
            if not _says(cell, payload[column]):
                found[f"{type_} has another value in the column {column}."] += 1
    return [f"{times} reports: {fault}" for fault, times in found.items()]


def _says(cell: str, value: Any) -> bool:
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell == str(value).lower()
    if isinstance(value, int | float):
        return float(cell) == value
    return isinstance(value, str) and cell == value
