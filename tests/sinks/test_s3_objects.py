"""Reports as objects: which lie together, and what is written."""

import gzip
from base64 import b64encode
from hashlib import md5

import pytest

from schemas.csv import CsvFormat
from schemas.reports import ReportType
from sinks.encoding import EncodingType, csv_lines
from sinks.lines import Line, batch_of
from sinks.s3_objects import Group, Writing, grouped, lines_of, written
from tests.sinks.sinks_for_tests import line, names

AS_CSV = Writing(EncodingType.CSV, CsvFormat.DEFAULT, is_gzip=False)
AS_JSON = Writing(EncodingType.JSON, CsvFormat.DEFAULT, is_gzip=False)
MIXED = [line("a"), line("b", ReportType.SFU_EVENT), line("c"), line("d", ReportType.SFU_EVENT), line("e")]


def anywhere(_: Line) -> str:
    return "place"


def by_name(one: Line) -> str:
    return "left" if names([one])[0] in "abc" else "right"


def told(groups: list[Group]) -> list[tuple[str, str | None, list[str]]]:
    return [(group.place, group.type_, names(group.lines)) for group in groups]


def test_an_object_of_json_holds_all_types_of_its_place() -> None:
    groups = grouped(batch_of(MIXED), by_name, EncodingType.JSON)

    assert told(groups) == [("left", None, ["a", "b", "c"]), ("right", None, ["d", "e"])]


def test_an_object_of_csv_holds_one_type() -> None:
    groups = grouped(batch_of(MIXED), anywhere, EncodingType.CSV)

    assert told(groups) == [
        ("place", ReportType.CALL_EVENT, ["a", "c", "e"]),
        ("place", ReportType.SFU_EVENT, ["b", "d"]),
    ]


def test_the_lines_of_several_groups_are_in_the_order_of_their_batch() -> None:
    groups = grouped(batch_of(MIXED), by_name, EncodingType.CSV)

    assert names(lines_of(reversed(groups))) == list("abcde")


def test_the_lines_of_one_group_are_those_of_no_other() -> None:
    groups = grouped(batch_of(MIXED), by_name, EncodingType.CSV)

    assert names(lines_of(groups[:1])) == ["a", "c"]


def test_json_is_one_line_for_each_report() -> None:
    made = written(MIXED, AS_JSON)

    assert made.body == b"".join(one + b"\n" for one in MIXED)
    assert (made.suffix, made.headers["ContentType"]) == ("jsonl", "application/x-ndjson")


@pytest.mark.parametrize("format", CsvFormat)
def test_csv_is_in_the_dialect_that_was_chosen(format: CsvFormat) -> None:
    made = written(MIXED[:1], Writing(EncodingType.CSV, format, is_gzip=False))

    assert made.body == csv_lines(MIXED[:1], format)[0]
    assert (made.suffix, made.headers["ContentType"]) == ("csv", "text/csv; charset=utf-8; header=absent")


def test_what_is_packed_says_so() -> None:
    made = written(MIXED, AS_JSON._replace(is_gzip=True))

    assert gzip.decompress(made.body) == written(MIXED, AS_JSON).body
    assert (made.suffix, made.headers["ContentEncoding"]) == ("jsonl.gz", "gzip")
    assert made.headers["ContentType"] == "application/x-ndjson"


@pytest.mark.parametrize("writing", [AS_CSV, AS_JSON, AS_CSV._replace(is_gzip=True)])
def test_the_same_lines_are_always_the_same_bytes(writing: Writing) -> None:
    assert written(MIXED[::2], writing) == written(MIXED[::2], writing)


def test_a_store_is_told_by_which_hash_it_knows_that_nothing_got_lost() -> None:
    made = written(MIXED, AS_JSON)

    assert made.digest == md5(made.body, usedforsecurity=False).digest()
    assert made.headers["ContentMD5"] == b64encode(made.digest).decode()
