"""A value that is in no column, or in another, is found in lines of CSV."""

from typing import Any

import pytest

from schemas.reports import NAMES, ReportType
from tests.recordings.csv_faults import csv_faults


def event(**fields: Any) -> dict[str, Any]:
    payload = dict.fromkeys(NAMES[ReportType.CALL_EVENT]) | {"serviceId": "svc", "timestamp": 1, "name": "JOINED"}
    return {"type": "CALL_EVENT", "schemaVersion": "2.2.0", "payload": payload | fields}


@pytest.mark.parametrize("value", ["", "a,b", 'say "hello"', "two\nlines", "two\r\nlines", " spaced ", "#", "ünï"])
def test_any_text_stands_in_its_column(value: str) -> None:
    assert csv_faults([event(message=value)]) == []


@pytest.mark.parametrize("value", [0, -1, 2**53, 1.5, 0.00001, 123456789.25, True, False, None])
def test_any_number_stands_in_its_column(value: float | None) -> None:
    assert csv_faults([event(SSRC=value)]) == []


def test_what_csv_cannot_say_is_found() -> None:
    assert csv_faults([event(attachments={"a": 1}), event(attachments={"b": 1})]) == [
        "2 reports: CALL_EVENT has another value in the column attachments."
    ]
