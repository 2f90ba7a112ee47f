"""Reports as objects: what goes into one, and how it is written."""

import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable
from hashlib import md5
from operator import itemgetter
from typing import Any, NamedTuple

from schemas.csv import CsvFormat
from schemas.reports import ReportType
from sinks.encoding import EncodingType, csv_lines, type_of
from sinks.lines import Batch, Line, batch_of

_GZIP = 16 + zlib.MAX_WBITS


class Group(NamedTuple):
    """The lines of one object, in their order, and where in their batch each of them stands."""

    place: str
    type_: ReportType | None
    """The type of all of them; None where an object may hold several."""
    numbers: list[int]
    lines: list[Line]


class Writing(NamedTuple):
    """How objects are written."""

    encoding: EncodingType
    format: CsvFormat
    is_gzip: bool


class Written(NamedTuple):
    """What is sent of an object, but for its key."""

    body: bytes
    suffix: str
    digest: bytes
    headers: dict[str, Any]


def grouped(batch: Batch, place_of: Callable[[Line], str], encoding: EncodingType) -> list[Group]:
    """The objects that a batch becomes: one for each place, and with CSV for each type, whose columns differ."""
    groups: dict[tuple[str, ReportType | None], Group] = {}
    is_csv = encoding is EncodingType.CSV
    for number, line in enumerate(batch):
        key = (place_of(line), type_of(line) if is_csv else None)
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(*key, [], [])
        group.numbers.append(number)
        group.lines.append(line)
    return list(groups.values())


def lines_of(groups: Iterable[Group]) -> Batch:
    """The lines of some groups of a batch, in the order of the batch."""
    numbered = (pair for group in groups for pair in zip(group.numbers, group.lines, strict=True))
    return batch_of(line for _, line in sorted(numbered, key=itemgetter(0)))


def written(lines: list[Line], writing: Writing) -> Written:
    """Lines as one object: the same lines are always the same bytes."""
    if writing.encoding is EncodingType.CSV:
        body = b"".join(csv_lines(lines, writing.format))
        return sealed(body, "csv", "text/csv; charset=utf-8; header=absent", writing.is_gzip)
    return sealed(b"\n".join((*lines, b"")), "jsonl", "application/x-ndjson", writing.is_gzip)


def sealed(body: bytes, suffix: str, content_type: str, is_gzip: bool) -> Written:
    """An object's content with the hash by which a store notices that some of it got lost on the way."""
    headers = {"ContentType": content_type}
    if is_gzip:
        packing = zlib.compressobj(wbits=_GZIP)
        body = packing.compress(body) + packing.flush()
        suffix += ".gz"
        headers["ContentEncoding"] = "gzip"
    digest = md5(body, usedforsecurity=False).digest()
    return Written(body, suffix, digest, headers | {"ContentMD5": b64encode(digest).decode()})
