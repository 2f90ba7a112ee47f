"""AwsS3Sink: reports as objects in a bucket of S3, or of a store that speaks like it.

Each batch becomes some objects, each with a name that no other has (`sinks.s3_keys`). They go up at once, in threads;
one that fails is sent again alone, under the same name, so that it is there once also if only the answer got lost.
"""

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import trio

from schemas.csv import CsvFormat
from schemas.reports import ReportType
from sinks.aws import Access, Clients, clients
from sinks.aws_credentials import AwsCredentials, AwsWebIdentityTokenFile, bind_credentials
from sinks.aws_errors import Refused, aws_errors
from sinks.aws_values import bucket, filled, http_url, region
from sinks.encoding import EncodingType
from sinks.lines import Batch
from sinks.s3_attempt import Attempt
from sinks.s3_indexes import Index, indexes_of
from sinks.s3_keys import Layout, Names, Remembered, prefix_of, word_of
from sinks.s3_objects import Group, Writing, Written, grouped, lines_of, written
from sinks.sink import NotDelivered, Send
from sinks.threads import in_thread, threads


@dataclass(frozen=True)
class AwsS3Sink:
    """Puts each batch into a bucket: one object for each place that its reports go to, and with CSV for each type.

    An object is in the bucket once its reports are acknowledged. One whose answer got lost is put again under the same
    name by the same process, so it is there once; only a batch that another process sends again is there twice.
    """

    bucket_name: str = field(metadata={"parse": bucket})
    """The bucket."""
    region_id: str = field(metadata={"parse": region})
    """The region of the bucket."""
    encoding_type: EncodingType = EncodingType.CSV
    """`CSV`: the payload of each report, a line of cells without headers. `JSON`: each report with its envelope, a line
    of JSON."""
    csv_format: CsvFormat = CsvFormat.DEFAULT
    """The dialect of CSV."""
    gzip: bool = False
    """Whether objects are packed."""
    default_prefix: str | None = field(default=None, metadata={"parse": prefix_of})
    """What the keys of all types begin with that have no prefix of their own; without it the type, as `call-event`."""
    prefixes: dict[ReportType, str] = field(default_factory=dict)
    """What the keys of single types begin with: `call-event: my-call-events`."""
    structured: bool = False
    """All three of the next keys at once."""
    add_service_id_prefix: bool = False
    """Put the service id before the prefix."""
    add_report_category_prefix: bool = False
    """Put `call-reports` or `sfu-reports` before the prefix, behind the service id."""
    add_sfu_or_call_id_prefix: bool = False
    """Put the id of the call, or of the SFU, before the prefix: then each call has objects of its own."""
    create_indexes: bool = False
    """Also put an object below `__indexes/` for each call, client, peer connection, track and pad that begins."""
    parallelism: int = field(default=10, metadata={"minimum": 1, "maximum": 100})
    """How many objects go up at once, each in a thread."""
    credentials: AwsCredentials | None = field(default=None, metadata={"bind": bind_credentials})
    """Who puts objects; without it whoever the default chain of AWS finds: in the environment, in a profile, by a web
    identity, as the role of the container or of the machine."""
    endpoint_url: str | None = field(default=None, metadata={"parse": http_url})
    """Where a store is that is not AWS: `https://storage.example.com`. The bucket is then part of the path."""
    connect_timeout_in_ms: int = field(default=5_000, metadata={"minimum": 1})
    """How long a connection may take to come about. (ms)"""
    read_timeout_in_ms: int = field(default=20_000, metadata={"minimum": 1})
    """How long an answer may take. (ms)"""
    batch_timeout_in_ms: int = field(default=30_000, metadata={"minimum": 1})
    """How long all objects of a batch may take; what is not there by then is sent again alone. (ms)"""
    type: str | None = field(default=None, metadata={"parse": filled})
    """Like `credentials.type`, at the place where the README of the reference shows `AwsWebIdentityTokenFile` once."""
    config: AwsWebIdentityTokenFile | None = None
    """Like `credentials.config`, at that place."""
    _encoder: trio.CapacityLimiter = threads(1)
    _uploads: trio.CapacityLimiter = threads(1)
    _clients: Clients = clients()
    _names: Names = field(
        default_factory=lambda: Names(secrets.token_hex(6)),
        init=False,
        repr=False,
        compare=False,
        metadata={"yaml": False},
    )
    _indexed: Remembered = field(
        default_factory=Remembered, init=False, repr=False, compare=False, metadata={"yaml": False}
    )

    def __post_init__(self) -> None:
        for type_, prefix in self.prefixes.items():
            try:
                prefix_of(prefix)
            except ValueError as error:
                raise ValueError(f"prefixes.{word_of(type_)} {error}") from None
        if self.type or self.config:
            if self.credentials is not None:
                raise ValueError("type and config beside credentials: they are meant in their stead")
            if self.type != "AwsWebIdentityTokenFile":
                raise ValueError("type and config stand in credentials, unless the type is AwsWebIdentityTokenFile")
        self._uploads.total_tokens = self.parallelism

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        """Make a client and look for the bucket. Raises OSError, with a text for the operator."""
        async with self._clients.opened("s3", self._access(), self._encoder) as client:
            await in_thread(self._encoder, lambda: self._look(client))
            yield lambda batch: self._send(client, batch)

    def _access(self) -> Access:
        return Access(
            self.region_id,
            self.credentials or (self.config or AwsWebIdentityTokenFile() if self.type else None),
            self.endpoint_url,
            self.connect_timeout_in_ms,
            self.read_timeout_in_ms,
            self.parallelism,
        )

    def _look(self, client: Any) -> None:
        """Whether the bucket is there, as far as it may be asked: who may only put objects is told nothing.

        An answer to such a request has no body, so what is wrong with credentials is told when an object is put.
        """
        try:
            with aws_errors():
                client.head_bucket(Bucket=self.bucket_name)
        except Refused as refused:
            if refused.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN):
                raise

    async def _send(self, client: Any, batch: Batch) -> None:
        """Put the objects of a batch: those of indexes first, so that what is acknowledged is in them as well."""
        layout = self._layout()
        attempt = Attempt(self.parallelism, trio.current_time() + self.batch_timeout_in_ms / 1000)
        groups = await in_thread(self._encoder, lambda: grouped(batch, layout.place_of, self.encoding_type))
        unindexed = await attempt.left(await self._indexes(groups), lambda one: self._put_index(client, one))
        without = {index.group for index in unindexed}
        ready = [group for number, group in enumerate(groups) if number not in without]
        left = await attempt.left(ready, lambda group: self._put_group(client, group))
        left += [groups[number] for number in without]
        if len(left) == len(groups):
            raise ConnectionError(attempt.reason)  # opened anew, it reads credentials anew
        if left:
            raise NotDelivered(attempt.reason, again=lines_of(left))

    async def _indexes(self, groups: Sequence[Group]) -> list[Index]:
        """Those that were not put already, since their group itself was not."""
        if not self.create_indexes:
            return []
        made = await in_thread(self._encoder, lambda: [*indexes_of(groups)])
        return [index for index in made if (index.key, index.object.digest) not in self._indexed]

    async def _put_index(self, client: Any, index: Index) -> None:
        await in_thread(self._uploads, lambda: self._put(client, index.key, index.object))
        self._indexed.remember(index.key, index.object.digest, "")

    async def _put_group(self, client: Any, group: Group) -> None:
        # One at a time: threads that compute hold up each other, and all the rest of the observer.
        made = await in_thread(self._encoder, lambda: written(group.lines, self._writing()))
        name = self._names.take(group.place, made.digest, time.time())
        word = f"-{word_of(group.type_)}" if group.type_ else ""
        key = f"{group.place}/{name}{word}.{made.suffix}"
        await in_thread(self._uploads, lambda: self._put(client, key, made))
        self._names.arrived(group.place, made.digest)

    def _put(self, client: Any, key: str, made: Written) -> None:
        with aws_errors():
            client.put_object(Bucket=self.bucket_name, Key=key, Body=made.body, **made.headers)

    def _writing(self) -> Writing:
        return Writing(self.encoding_type, self.csv_format, self.gzip)

    def _layout(self) -> Layout:
        return Layout(
            self.default_prefix,
            {type_: prefix_of(prefix) for type_, prefix in self.prefixes.items()},
            self.structured or self.add_service_id_prefix,
            self.structured or self.add_report_category_prefix,
            self.structured or self.add_sfu_or_call_id_prefix,
        )
