"""FirehoseSink: reports as records of delivery streams of Amazon Data Firehose, put directly."""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import trio
from botocore.exceptions import ClientError

from schemas.csv import CsvFormat
from schemas.reports import ReportType
from sinks.aws import Access, Clients, clients
from sinks.aws_credentials import AwsCredentials, bind_credentials
from sinks.aws_errors import aws_errors, hinted
from sinks.aws_values import http_url, region
from sinks.encoding import EncodingType, csv_lines, type_of
from sinks.firehose_records import LARGEST_RECORD, Record, body_of, calls, fits, records
from sinks.lines import Batch, Line, batch_of
from sinks.sink import NotDelivered, Rejection, Send
from sinks.threads import in_thread, threads

_STREAM = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_UNIQUE = "webrtc-observer"
"""A client serves many openings, and writes each request once."""
_IN_A_ROW = 32
"""How many rows of CSV are made before the rest of the observer gets its turn; that takes well below a millisecond."""


_Groups = dict[tuple[str, ReportType | None], list[int]]
"""The lines that may share records, by their numbers in the batch: those of a stream, and with CSV of one type."""
_BODY: ContextVar[bytes] = ContextVar("body")


class _Left:
    """What of a batch has to be sent again, by its numbers in the batch, and why."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.reason = ""

    def add(self, some: Iterable[Record], reason: str) -> None:
        for record in some:
            self.numbers += record.numbers
        self.reason = reason


class _Turns(NamedTuple):
    """Who of several streams is put into, and until when."""

    limiter: trio.CapacityLimiter
    end: float


@dataclass(frozen=True)
class FirehoseSink:
    """Puts reports into delivery streams: rows of CSV, many to a record, or lines of JSON.

    A report is acknowledged once Firehose has taken its record. Records that it does not take are put again alone, and
    nothing that comes after them goes to their stream before. One whose answer got lost is there twice.
    """

    region_id: str = field(metadata={"parse": region})
    """The region of the streams."""
    default_delivery_stream_id: str | None = None
    """The stream of all types that have none of their own. Without it, reports of such types are rejected."""
    streams: dict[ReportType, str] = field(default_factory=dict)
    """The streams of types: `call-event: my-call-events`."""
    encoding_type: EncodingType = EncodingType.CSV
    """`CSV`: the payload of each report, a row without headers. `JSON`: each report with its envelope, a line of
    JSON."""
    csv_format: CsvFormat = CsvFormat.DEFAULT
    """The dialect of CSV."""
    csv_chunk_size: int = field(default=100, metadata={"minimum": 1, "maximum": 100_000})
    """How many rows one record holds, at most; all of them are of one type."""
    json_chunk_size: int = field(default=1, metadata={"minimum": 1, "maximum": 100_000})
    """How many lines of JSON one record holds, at most. More than one costs less, where what is behind the stream goes
    by lines and not by records."""
    parallelism: int = field(default=4, metadata={"minimum": 1, "maximum": 64})
    """How many streams are put into at the same time."""
    credentials: AwsCredentials | None = field(default=None, metadata={"bind": bind_credentials})
    """Who puts records; without it whoever the default chain of AWS finds: in the environment, in a profile, by a web
    identity, as the role of the container or of the machine."""
    endpoint_url: str | None = field(default=None, metadata={"parse": http_url})
    """Where Firehose is, if not at its public address in the region: `https://firehose.example.com`."""
    connect_timeout_in_ms: int = field(default=5_000, metadata={"minimum": 1})
    """How long a connection may take to come about. (ms)"""
    read_timeout_in_ms: int = field(default=20_000, metadata={"minimum": 1})
    """How long an answer may take. (ms)"""
    batch_timeout_in_ms: int = field(default=30_000, metadata={"minimum": 1})
    """How long the calls for one batch are begun; what was not put by then is put again alone. (ms)"""
    _threads: trio.CapacityLimiter = threads(1)
    _clients: Clients = clients()

    def __post_init__(self) -> None:
        if self.default_delivery_stream_id is None and not self.streams:
            raise ValueError("either defaultDeliveryStreamId or streams is required")
        _check_stream("defaultDeliveryStreamId", self.default_delivery_stream_id)
        for type_, name in self.streams.items():
            _check_stream(f"streams.{type_.value.lower().replace('_', '-')}", name)
        self._threads.total_tokens = self.parallelism

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        """Make a client, and ask about one stream. Raises OSError, with a text for the operator."""
        async with self._clients.opened("firehose", self._access(), self._threads) as client:
            client.meta.events.register("before-call.firehose.PutRecordBatch", _with_body, unique_id=_UNIQUE)
            await in_thread(self._threads, lambda: self._look(client))
            yield lambda batch: self._send(client, batch)

    def _access(self) -> Access:
        return Access(
            self.region_id,
            self.credentials,
            self.endpoint_url,
            self.connect_timeout_in_ms,
            self.read_timeout_in_ms,
            self.parallelism,
        )

    def _look(self, client: Any) -> None:
        """Whether a stream is there, as far as it may be asked: who may only put records is not told."""
        name = self.default_delivery_stream_id or next(iter(self.streams.values()))
        with aws_errors():
            try:
                client.describe_delivery_stream(DeliveryStreamName=name, Limit=1)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "AccessDeniedException":
                    raise

    async def _send(self, client: Any, batch: Batch) -> None:
        lines, left, rejected = list[Line](), _Left(), list[Rejection]()
        groups = await self._grouped(batch, lines, rejected)
        streams = await self._records(groups, lines, rejected)
        turns = _Turns(trio.CapacityLimiter(self.parallelism), trio.current_time() + self.batch_timeout_in_ms / 1000)
        async with trio.open_nursery() as nursery:
            for stream, some in streams.items():
                nursery.start_soon(self._put_all, client, stream, some, turns, left)
        if len(left.numbers) == len(lines):
            raise ConnectionError(left.reason)
        if left.numbers or rejected:
            again = batch_of(lines[number] for number in sorted(left.numbers))
            raise NotDelivered(left.reason or "some reports are not taken", again, rejected)

    async def _grouped(self, batch: Batch, lines: list[Line], rejected: list[Rejection]) -> _Groups:
        """Take the lines of the batch one by one, and tell which may share records."""
        is_csv = self.encoding_type is EncodingType.CSV
        groups: _Groups = {}
        for number, line in enumerate(batch):
            lines.append(line)
            type_ = type_of(line)
            stream = self.streams.get(type_, self.default_delivery_stream_id)
            if stream is None:
                rejected.append(Rejection(line, f"no delivery stream is configured for reports of {type_.value}"))
            else:
                groups.setdefault((stream, type_ if is_csv else None), []).append(number)
            await _turn(number, 8 * _IN_A_ROW)
        return groups

    async def _records(
        self, groups: _Groups, lines: Sequence[Line], rejected: list[Rejection]
    ) -> dict[str, list[Record]]:
        """The records of each stream, in their order."""
        streams: dict[str, list[Record]] = {}
        most = self.csv_chunk_size if self.encoding_type is EncodingType.CSV else self.json_chunk_size
        for (stream, _), numbers in groups.items():
            texts = await self._texts([lines[number] for number in numbers])
            for count, record in enumerate(records(zip(numbers, texts, strict=True), most)):
                if fits(record):
                    streams.setdefault(stream, []).append(record)
                else:
                    why = f"as a record it is larger than the {LARGEST_RECORD} bytes that Firehose takes"
                    rejected += [Rejection(lines[number], why) for number in record.numbers]
                await _turn(count, 8 * _IN_A_ROW if most == 1 else 1)
        return streams

    async def _texts(self, lines: Sequence[Line]) -> list[bytes]:
        """What records hold of some lines that may share them."""
        if self.encoding_type is EncodingType.JSON:
            return [line + b"\n" for line in lines]
        rows: list[bytes] = []
        for count, start in enumerate(range(0, len(lines), _IN_A_ROW)):
            rows += csv_lines(lines[start : start + _IN_A_ROW], self.csv_format)
            await _turn(count, 1)
        return rows

    async def _put_all(self, client: Any, stream: str, some: Sequence[Record], turns: _Turns, left: _Left) -> None:
        """Put the records of a stream one call after the other, until one of them is not taken."""
        async with turns.limiter:
            for number, call in enumerate(todo := list(calls(some))):
                if trio.current_time() < turns.end:
                    failed, reason = await in_thread(self._threads, partial(_put, client, stream, call))
                else:
                    failed, reason = call, "the batch takes longer than batchTimeoutInMs"
                if failed:
                    left.add(chain(failed, *todo[number + 1 :]), reason)
                    return


def _put(client: Any, stream: str, call: Sequence[Record]) -> tuple[Sequence[Record], str]:
    """Put records; return those that were not taken, in their order, and why."""
    _BODY.set(body_of(stream, call))
    try:
        with aws_errors():
            answer = client.put_record_batch(DeliveryStreamName=stream, Records=[{"Data": b""}])
    except OSError as error:
        return call, f"stream {stream}: {error}"
    told = [one.get("ErrorCode") for one in answer.get("RequestResponses", ())]
    failed = [record for record, code in zip(call, told, strict=False) if code]
    if len(told) != len(call) or len(failed) != answer.get("FailedPutCount"):
        return call, f"stream {stream}: the answer does not say which records are taken"
    code = next(filter(None, told), "")
    return failed, f"stream {stream}: {len(failed)} records of {len(call)} are not taken: {hinted(code)}"


async def _turn(number: int, most: int) -> None:
    """Give the rest of the observer its turn, once in so many numbers."""
    if number % most == most - 1:
        await trio.lowlevel.checkpoint()


def _with_body(params: dict[str, Any], **_: object) -> None:
    """Put the records into a request of botocore, which would take several times as long over each of them."""
    params["body"] = _BODY.get()


def _check_stream(key: str, name: str | None) -> None:
    if name is not None and not _STREAM.fullmatch(name):
        raise ValueError(f"{key} must be the name of a stream: up to 64 letters, digits and any of _.-")
