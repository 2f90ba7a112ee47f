"""Reports as CSV: the columns of each type, and cells that read back as what they were."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.csv import CSV_COLUMNS, CsvFormat, to_csv
from schemas.reports import FIELDS, NAMES, Report, ReportType, report_with

HEADERS = Path(__file__).parents[3] / "shared" / "reference" / "schemas" / "csv-headers.json"

READERS: dict[CsvFormat, dict[str, Any]] = {
    CsvFormat.DEFAULT: {},
    CsvFormat.EXCEL: {},
    CsvFormat.INFORMIX_UNLOAD: {"delimiter": "|", "escapechar": "\\", "doublequote": False},
    CsvFormat.INFORMIX_UNLOAD_CSV: {},
    CsvFormat.MONGODB_CSV: {},
    CsvFormat.MONGODB_TSV: {"delimiter": "\t"},
    CsvFormat.ORACLE: {"escapechar": "\\", "doublequote": False},
    CsvFormat.POSTGRESQL_CSV: {},
    CsvFormat.POSTGRESQL_TEXT: {"delimiter": "\t", "escapechar": "\\", "doublequote": False},
    CsvFormat.RFC4180: {},
    CsvFormat.TDF: {"delimiter": "\t"},
}
"""How Python's csv module reads each format. It cannot read that of MySQL, which writes a line end as two letters."""


def extension(payload: Any) -> Report:
    """A report of few columns, whose last but one is the payload; the others are ``s`` or absent."""
    return report(ReportType.SFU_EXTENSION_DATA, serviceId="s", payload=payload)


def report(type_: ReportType, **values: Any) -> Report:
    return report_with(type_, values)


def cell(value: Any, format: CsvFormat = CsvFormat.DEFAULT) -> str:
    """How a value is written between its delimiters, in a format without quotes where there is no need."""
    before, after = to_csv(extension(1), format).split("1")
    line = to_csv(extension(value), format)
    assert line.startswith(before)
    assert line.endswith(after)
    return line[len(before) : len(line) - len(after)]


def read(text: str, format: CsvFormat) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True, **READERS[format]))


@pytest.mark.skipif(not HEADERS.exists(), reason="the tables of the reference are not at hand")
def test_the_columns_are_those_of_the_reference() -> None:
    columns = json.loads(HEADERS.read_text())["2.2"]

    assert {type_.value: list(names) for type_, names in CSV_COLUMNS.items()} == columns


@pytest.mark.parametrize("type_", ReportType)
def test_a_type_has_one_column_for_each_field(type_: ReportType) -> None:
    assert sorted(CSV_COLUMNS[type_]) == sorted(field.name for field in FIELDS[type_])


def test_the_cells_of_a_call_event_stand_in_the_order_of_its_columns() -> None:
    """C44."""
    told = report(ReportType.CALL_EVENT, **{name: f"the {name}" for name in NAMES[ReportType.CALL_EVENT]})

    assert to_csv(told) == (
        "the serviceId,the timestamp,the name,the attachments,the callId,the clientId,the marker,the mediaTrackId,"
        "the mediaUnitId,the message,the peerConnectionId,the roomId,the sampleSeq,the sampleTimestamp,the SSRC,"
        "the userId,the value\r\n"
    )


def test_what_is_absent_is_an_empty_cell() -> None:
    """C44."""
    assert to_csv(report(ReportType.SFU_EXTENSION_DATA, serviceId="s", timestamp=5)) == "s,5,,,,,\r\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'),
        ("a\nb", '"a\nb"'),
        ("a\r\nb", '"a\r\nb"'),
        (" leading", '" leading"'),
        ("trailing ", '"trailing "'),
        ("#comment", '"#comment"'),
        ("!", '"!"'),
        ("\x1fcontrol", '"\x1fcontrol"'),
        ("control\0", '"control\0"'),
        ("in\x1fside", "in\x1fside"),
        ("$", "$"),
        ("a\tb", "a\tb"),
        ("back\\slash", "back\\slash"),
        ("", ""),
        ("=1+1", "=1+1"),
        ("-03:00", "-03:00"),
        ("@x", "@x"),
        ("žluťoučký", "žluťoučký"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (7, "7"),
        (-(2**63), "-9223372036854775808"),
        (0.5, "0.5"),
        (0.0, "0.0"),
        (-0.25, "-0.25"),
        (1e-3, "0.001"),
        (1e-4, "1.0E-4"),
        (-1.25e-7, "-1.25E-7"),
        (9999999.5, "9999999.5"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (1e300, "1.0E300"),
        (float("nan"), ""),
        (float("inf"), ""),
    ],
)
def test_a_value_is_written_as_its_loaders_know_it(value: Any, written: str) -> None:
    """C44."""
    assert cell(value) == written


@pytest.mark.parametrize("text", ["#", "!", " a", "a ", "\x01", "a\0"])
def test_the_first_cell_and_the_last_are_guarded_as_the_others_are(text: str) -> None:
    told = report(ReportType.SFU_EXTENSION_DATA, serviceId=text, sfuId=text)

    assert to_csv(told) == f'"{text}",,,,,,"{text}"\r\n'


@pytest.mark.parametrize(
    ("format", "line"),
    [
        (CsvFormat.DEFAULT, 's,1,"x,|""\\\t\n ",,,true,\r\n'),
        (CsvFormat.EXCEL, 's,1,"x,|""\\\t\n ",,,true,\r\n'),
        (CsvFormat.RFC4180, 's,1,"x,|""\\\t\n ",,,true,\r\n'),
        (CsvFormat.MONGODB_CSV, 's,1,"x,|""\\\t\n ",,,true,\r\n'),
        (CsvFormat.INFORMIX_UNLOAD_CSV, 's,1,"x,|""\\\t\n ",,,true,\n'),
        (CsvFormat.INFORMIX_UNLOAD, 's|1|"x,|\\"\\\\\t\n "|||true|\n'),
        (CsvFormat.TDF, 's\t1\t"x,|""\\\t\n "\t\t\ttrue\t\r\n'),
        (CsvFormat.MONGODB_TSV, 's\t1\t"x,|""\\\t\n "\t\t\ttrue\t\r\n'),
        (CsvFormat.MYSQL, 's\t1\tx,|"\\\\\\\t\\n \t\\N\t\\N\ttrue\t\\N\n'),
        (CsvFormat.ORACLE, 's,1,"x,|\\"\\\\",\\N,\\N,true,\\N\n'),
        (CsvFormat.POSTGRESQL_CSV, '"s","1","x,|""\\\t\n ",,,"true",\n'),
        (CsvFormat.POSTGRESQL_TEXT, '"s"\t"1"\t"x,|\\"\\\\\t\n "\t\\N\t\\N\t"true"\t\\N\n'),
    ],
)
def test_every_format_has_its_own_delimiters_quotes_and_escapes(format: CsvFormat, line: str) -> None:
    told = report(ReportType.SFU_EXTENSION_DATA, serviceId="s", timestamp=1, extensionType='x,|"\\\t\n ', payload=True)

    assert to_csv(told, format) == line


def test_a_line_end_is_two_letters_for_mysql() -> None:
    assert cell("a\r\nb", CsvFormat.MYSQL) == "a\\r\\nb"


@pytest.mark.parametrize(
    ("format", "text", "none"),
    [
        (CsvFormat.MYSQL, "\\\\N", "\\N"),
        (CsvFormat.ORACLE, '"\\\\N"', "\\N"),
    ],
)
def test_a_text_that_looks_like_no_value_is_told_apart(format: CsvFormat, text: str, none: str) -> None:
    assert (cell("\\N", format), cell(None, format)) == (text, none)


def test_an_empty_text_is_told_from_none_for_postgresql() -> None:
    told = [to_csv(extension(value), CsvFormat.POSTGRESQL_CSV) for value in ("", None)]

    assert told == ['"s",,,,,"",\n', '"s",,,,,,\n']


@pytest.mark.parametrize("name", ["MySQL", "MYSQL", "mysql", "InformixUnloadCsv", "INFORMIX_UNLOAD_CSV", "RFC4180"])
def test_a_format_has_both_names(name: str) -> None:
    assert CsvFormat(name).value.replace("_", "") == name.replace("_", "").upper()


def test_an_unknown_format_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="'EXEL' is no format of CSV: it must be one of DEFAULT, EXCEL"):
        CsvFormat("EXEL")


TEXTS = st.text(st.sampled_from('ab,;|\t"\\\r\n #=\0é') | st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = {
    "s": TEXTS,
    "i": st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    "l": st.integers(-(2**63), 2**64 - 1),
    "d": st.floats(allow_nan=False, allow_infinity=False),
    "b": st.booleans(),
    "t": st.integers(0, 2**53),
}


@st.composite
def reports(draw: st.DrawFn) -> Report:
    type_ = draw(st.sampled_from(ReportType))
    return report_with(type_, {field.name: draw(st.none() | VALUES[field.kind]) for field in FIELDS[type_]})


def agrees(told: Any, read: str, format: CsvFormat) -> bool:
    """Whether what was read is what was told; of an empty text and none, the formats do not tell which it was."""
    match told:
        case None:
            return read in ("", "\\N", "N")
        case bool():
            return read == ("true" if told else "false")
        case int():
            return int(read) == told
        case float():
            return float(read) == told
    return bool(read == (told.strip("".join(map(chr, range(33)))) if format is CsvFormat.ORACLE else told))


@pytest.mark.parametrize("format", READERS)
@settings(max_examples=30, deadline=None)
@given(told=st.lists(reports(), min_size=1, max_size=2))
def test_lines_read_back_as_what_was_told(format: CsvFormat, told: list[Report]) -> None:
    rows = read("".join(to_csv(each, format) for each in told), format)

    assert len(rows) == len(told)
    for each, row in zip(told, rows, strict=True):
        columns = CSV_COLUMNS[each.type]
        assert len(row) == len(columns)
        wrong = [
            (name, each.payload[name], text)
            for name, text in zip(columns, row, strict=True)
            if not agrees(each.payload[name], text, format)
        ]
        assert wrong == []
