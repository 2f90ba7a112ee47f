"""Reports as records of Firehose, and records as calls of PutRecordBatch, within the limits of AWS.

Source of the limits: API reference of Amazon Data Firehose, PutRecordBatch.
"""

from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

LARGEST_RECORD = 1_024_000
"""The most that one record may hold. (bytes)"""
LARGEST_CALL = 4_000_000
"""The most that the records of one call hold together; a little below the limit. (bytes)"""
MOST_RECORDS = 500
"""The most records of one call."""


class Record(NamedTuple):
    """One record: whole lines of one stream, and where in their batch each of them stands."""

    data: bytes
    numbers: Sequence[int]


def records(lines: Iterable[tuple[int, bytes]], most: int) -> Iterator[Record]:
    """Lines with their ends as records, in their order: at most so many to a record, and as many as it has room for.

    A line that is larger than a record may be is a record by itself, which `fits` tells.
    """
    numbers, texts, size = list[int](), list[bytes](), 0
    for number, text in lines:
        if numbers and (len(numbers) == most or size + len(text) > LARGEST_RECORD):
            yield Record(b"".join(texts), numbers)
            numbers, texts, size = [], [], 0
        numbers.append(number)
        texts.append(text)
        size += len(text)
    if numbers:
        yield Record(b"".join(texts), numbers)


def body_of(stream: str, call: Iterable[Record]) -> bytes:
    """A call as it is on the wire; the name of the stream has no character that JSON would escape."""
    data = (b'{"Data":"%b"}' % b2a_base64(record.data, newline=False) for record in call)
    return b'{"DeliveryStreamName":"%b","Records":[%b]}' % (stream.encode(), b",".join(data))


def fits(record: Record) -> bool:
    """Whether Firehose takes a record of this size."""
    return len(record.data) <= LARGEST_RECORD


def calls(some: Iterable[Record]) -> Iterator[list[Record]]:
    """Records as calls, in their order, each as large as it may be."""
    call, size = list[Record](), 0
    for record in some:
        if call and (len(call) == MOST_RECORDS or size + len(record.data) > LARGEST_CALL):
            yield call
            call, size = [], 0
        call.append(record)
        size += len(record.data)
    if call:
        yield call
