"""Reports as lines of CSV, in the dialects whose names the reference's configuration knows.

A line has one cell for each field of the report's type, in the order of `CSV_COLUMNS`; there is no line of headers.
Quotes, escapes, numbers and absent values are written as by commons-csv, the library behind these names: what reads its
files reads ours.

A cell that a spreadsheet would take for a formula (it begins with ``=``, ``+``, ``-`` or ``@``) is not defused: a
loader must get what the client sent, and numbers begin like that anyway. Who opens such a file in a spreadsheet must
import its columns as text.

Source: ObserveRTC report schemas 2.2.0; API documentation of commons-csv 1.9.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cache
from math import isfinite
from operator import itemgetter
from typing import Any, NamedTuple

from schemas.reports import NAMES, Report, ReportType


class CsvFormat(StrEnum):
    """The dialects of CSV. Their names are taken in any mixture of upper and lower case, with ``_`` or without."""

    DEFAULT = "DEFAULT"
    EXCEL = "EXCEL"
    INFORMIX_UNLOAD = "INFORMIX_UNLOAD"
    INFORMIX_UNLOAD_CSV = "INFORMIX_UNLOAD_CSV"
    MONGODB_CSV = "MONGODB_CSV"
    MONGODB_TSV = "MONGODB_TSV"
    MYSQL = "MYSQL"
    ORACLE = "ORACLE"
    POSTGRESQL_CSV = "POSTGRESQL_CSV"
    POSTGRESQL_TEXT = "POSTGRESQL_TEXT"
    RFC4180 = "RFC4180"
    TDF = "TDF"

    @classmethod
    def _missing_(cls, value: object) -> "CsvFormat":
        word = str(value).replace("_", "").upper()
        for known in cls:
            if known.replace("_", "") == word:
                return known
        raise ValueError(f"{value!r} is no format of CSV: it must be one of {', '.join(cls)}")


def to_csv(report: Report, format: CsvFormat = CsvFormat.DEFAULT) -> str:
    """The report's payload as one line, with the line end of the format."""
    return row_of(format)(_CELLS[report.type](report.payload))


_STREAM = "serviceId mediaUnitId timestamp callId clientId peerConnectionId sampleSeq"
_PAD = "serviceId mediaUnitId sfuId timestamp transportId sfuStreamId"
_LEADING = {
    ReportType.OBSERVER_EVENT: "serviceId timestamp callId name",
    ReportType.CALL_EVENT: "serviceId timestamp name",
    ReportType.CALL_META_DATA: "serviceId timestamp",
    ReportType.CLIENT_EXTENSION_DATA: "serviceId timestamp extensionType",
    ReportType.PEER_CONNECTION_TRANSPORT: _STREAM,
    ReportType.ICE_CANDIDATE_PAIR: _STREAM,
    ReportType.PEER_CONNECTION_DATA_CHANNEL: _STREAM,
    ReportType.INBOUND_AUDIO_TRACK: f"{_STREAM} ssrc",
    ReportType.INBOUND_VIDEO_TRACK: f"{_STREAM} ssrc",
    ReportType.OUTBOUND_AUDIO_TRACK: f"{_STREAM} ssrc",
    ReportType.OUTBOUND_VIDEO_TRACK: f"{_STREAM} ssrc",
    ReportType.SFU_EVENT: "serviceId timestamp name",
    ReportType.SFU_META_DATA: "serviceId timestamp",
    ReportType.SFU_EXTENSION_DATA: "serviceId timestamp extensionType",
    ReportType.SFU_TRANSPORT: "serviceId mediaUnitId sfuId timestamp transportId",
    ReportType.SFU_INBOUND_RTP_PAD: f"{_PAD} rtpPadId ssrc",
    ReportType.SFU_OUTBOUND_RTP_PAD: f"{_PAD} sfuSinkId rtpPadId ssrc",
    ReportType.SFU_SCTP_STREAM: "serviceId mediaUnitId sfuId timestamp transportId streamId",
}
"""The columns that the schemas demand; all others follow in alphabetical order."""


def _columns(type_: ReportType) -> tuple[str, ...]:
    leading = _LEADING[type_].split()
    return (*leading, *sorted(set(NAMES[type_]) - set(leading), key=str.lower))


CSV_COLUMNS: Mapping[ReportType, tuple[str, ...]] = {type_: _columns(type_) for type_ in ReportType}
"""The columns of each report type, in the order of the cells."""

_CELLS: Mapping[ReportType, Callable[[Mapping[str, Any]], tuple[Any, ...]]] = {
    type_: itemgetter(*columns) for type_, columns in CSV_COLUMNS.items()
}


class _Dialect(NamedTuple):
    """How cells become a line.

    A cell that needs it stands in `quote`s; where there are none, `escape` alone keeps the cells apart. `trim` cuts
    the spaces around a cell. `quotes_all` puts every cell in quotes but for those without a value, which are `null`.
    """

    delimiter: str = ","
    line_end: str = "\r\n"
    null: str = ""
    quote: str | None = '"'
    escape: str | None = None
    quotes_all: bool = False
    trim: bool = False


_DIALECTS = {
    CsvFormat.DEFAULT: _Dialect(),
    CsvFormat.EXCEL: _Dialect(),
    CsvFormat.INFORMIX_UNLOAD: _Dialect("|", "\n", escape="\\"),
    CsvFormat.INFORMIX_UNLOAD_CSV: _Dialect(",", "\n"),
    CsvFormat.MONGODB_CSV: _Dialect(escape='"'),
    CsvFormat.MONGODB_TSV: _Dialect("\t", escape='"'),
    CsvFormat.MYSQL: _Dialect("\t", "\n", "\\N", quote=None, escape="\\"),
    CsvFormat.ORACLE: _Dialect(",", "\n", "\\N", escape="\\", trim=True),
    CsvFormat.POSTGRESQL_CSV: _Dialect(",", "\n", escape='"', quotes_all=True),
    CsvFormat.POSTGRESQL_TEXT: _Dialect("\t", "\n", "\\N", escape="\\", quotes_all=True),
    CsvFormat.RFC4180: _Dialect(),
    CsvFormat.TDF: _Dialect("\t"),
}

_ESCAPED_ENDS = {"\n": "n", "\r": "r"}

_WHITE_SPACE = "".join(map(chr, range(33)))
"""What is trimmed: everything up to the space."""


Cells = tuple[Any, ...]


@cache
def row_of(format: CsvFormat) -> Callable[[Cells], str]:
    """What makes a line of cells, which are the values of a report in the order of its columns."""
    dialect = _DIALECTS[format]
    delimiter, line_end, null, all_texts = dialect.delimiter, dialect.line_end, dialect.null, dialect.quotes_all
    in_need, guarded = _quoting(dialect) if dialect.quote else _escaping(dialect)

    def guarded_row(cells: Cells) -> str:
        if dialect.trim:
            cells = tuple(cell.strip(_WHITE_SPACE) if type(cell) is str else cell for cell in cells)
        if all_texts:
            cells = tuple(cell if cell is None or type(cell) is str else _number(cell) for cell in cells)
        line = [
            null
            if cell is None
            else (cell if in_need(cell) is None else guarded(cell))
            if type(cell) is str
            else str(cell)
            if type(cell) is int
            else _number(cell) or null
            for cell in cells
        ]
        return delimiter.join(line) + line_end

    def row(cells: Cells) -> str:
        line = _bare(cells)
        return line + line_end if _is_plain(line, len(cells)) else guarded_row(cells)

    return row if dialect in (_Dialect(), _Dialect(escape='"')) else guarded_row


# Few cells hold anything that must be guarded, and to see that of a whole line costs a third of looking at each cell.


def _bare(cells: Cells) -> str:
    """The cells with commas between them, none guarded."""
    return ",".join(
        [
            cell
            if type(cell) is str
            else ""
            if cell is None
            else str(cell)
            if type(cell) is int
            else repr(cell)
            if type(cell) is float and 1e-3 <= cell < 1e7
            else _number(cell) or ""
            for cell in cells
        ]
    )


def _is_plain(line: str, number: int) -> bool:
    """Whether no cell of so many needs a guard; it may also be said of such a line that it is not."""
    return (
        line.isprintable()
        and line.count(",") == number - 1
        and '"' not in line
        and ", " not in line
        and " ," not in line
        and ",!" not in line
        and ",#" not in line
        and line[:1] > "#"
        and line[-1] != " "
    )


Search = Callable[[str], re.Match[str] | None]
Guard = Callable[[str], str]


def _quoting(dialect: _Dialect) -> tuple[Search, Guard]:
    """What finds texts that a reader could mistake, and what puts these in quotes, doubling or escaping those within.

    In need are texts with a delimiter, a line end, a quote or an escape, those that begin with a character up to
    ``#``, which some readers take for a comment, and those that end with a space or a control character.
    """
    quote, escape = dialect.quote or "", dialect.escape or dialect.quote or ""
    special = re.escape(dialect.delimiter + quote + escape)
    in_need = re.compile("" if dialect.quotes_all else rf"[\r\n{special}]|\A[\0-#]|[\0- ]\Z")
    within = re.compile(f"[{re.escape(quote + escape)}]")
    return in_need.search, lambda text: quote + within.sub(lambda found: escape + found[0], text) + quote


def _escaping(dialect: _Dialect) -> tuple[Search, Guard]:
    """What finds in a text all that could end its cell, and what escapes it."""
    escape = dialect.escape or ""
    special = re.compile(f"[\r\n{re.escape(dialect.delimiter + escape)}]")

    def escaped(found: re.Match[str]) -> str:
        return escape + _ESCAPED_ENDS.get(found[0], found[0])

    return special.search, lambda text: special.sub(escaped, text)


def _number(value: Any) -> str | None:
    """A number or a truth value; ``None`` for what is no number.

    Fractions from 10**7 and below 10**-3 are written as a digit, a fraction, ``E`` and the exponent: ``1.0E-4``.
    """
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is not float:
        return str(value)
    if not isfinite(value):
        return None
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{int(exponent) + len(digits) - 1}"
