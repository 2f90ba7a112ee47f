"""S3Storage: completed dumps in a bucket of S3, or of a store that speaks like it.

An object is put on the condition that there is none of its name, so that of two nodes which store dumps of the same
session each keeps its own. Whether one that is there is the very dump tells the hash which stands with it.
"""

from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

import trio
from botocore.exceptions import ClientError

from dumps.packing import Packed
from dumps.storage import SUFFIX, Place, Stored, ids
from sinks.aws import Access, Clients, clients
from sinks.aws_credentials import AwsCredentials, bind_credentials
from sinks.aws_errors import Refused, aws_errors
from sinks.aws_values import filled, http_url, region
from sinks.threads import in_thread, threads

_DIGEST = "sha256"
_TAKEN = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT)
_NOT_TOLD = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN)


@dataclass(frozen=True)
class S3Storage:
    """Keeps each dump as an object ``<prefix><id>.gz``."""

    bucket_name: str = field(metadata={"parse": filled})
    """The bucket."""
    region_id: str = field(metadata={"parse": region})
    """The region of the bucket."""
    prefix: str = ""
    """What the keys of objects begin with, for instance `dumps/`."""
    credentials: AwsCredentials | None = field(default=None, metadata={"bind": bind_credentials})
    """Who puts objects; without it whoever the default chain of AWS finds."""
    endpoint_url: str | None = field(default=None, metadata={"parse": http_url})
    """Where a store is that is not AWS: `https://storage.example.com`. The bucket is then part of the path."""
    connect_timeout_in_ms: int = field(default=5_000, metadata={"minimum": 1})
    """How long a connection may take to come about. (ms)"""
    read_timeout_in_ms: int = field(default=20_000, metadata={"minimum": 1})
    """How long an answer may take. (ms)"""
    parallelism: int = field(default=4, metadata={"minimum": 1, "maximum": 100})
    """How many calls are made at once, each in a thread."""
    _uploads: trio.CapacityLimiter = threads(1)
    _clients: Clients = clients()

    def __post_init__(self) -> None:
        self._uploads.total_tokens = self.parallelism

    async def put(self, base_id: str, name: str, packed: Packed) -> Stored:
        """As `dumps.storage.Storage` says."""
        async with self._clients.opened("s3", self._access(), self._uploads) as client:
            for id_ in ids(base_id, name):
                key = f"{self.prefix}{id_}{SUFFIX}"
                if await in_thread(self._uploads, partial(self._put, client, key, packed)):
                    return Stored(id_, key, self._location(key))
        raise FileExistsError("all names of a dump are taken")

    async def remove(self, key: str) -> None:
        """As `dumps.storage.Storage` says."""
        async with self._clients.opened("s3", self._access(), self._uploads) as client:
            await in_thread(self._uploads, lambda: self._remove(client, key))

    def place(self) -> Place:
        """As `dumps.storage.Storage` says."""
        return Place(self._location(self.prefix), self.prefix)

    def _put(self, client: Any, key: str, packed: Packed) -> bool:
        """Whether the dump has this name now: not, if something else has it."""
        there = self._digest_at(client, key)
        if there is None:
            try:
                with aws_errors(), packed.path.open("rb") as body:
                    client.put_object(
                        Bucket=self.bucket_name,
                        Key=key,
                        Body=body,
                        IfNoneMatch="*",
                        ContentType="application/gzip",
                        Metadata={_DIGEST: packed.digest},
                    )
            except Refused as refused:
                if refused.status not in _TAKEN:
                    raise
                there = self._digest_at(client, key)
            else:
                return True
        return there == packed.digest

    def _digest_at(self, client: Any, key: str) -> str | None:
        """The hash of the object of a name; empty if it has none; None if there is no object, or we may not ask."""
        try:
            with aws_errors():
                answer = _looked_at(client, self.bucket_name, key)
        except Refused as refused:
            if refused.status not in _NOT_TOLD:
                raise
            return None
        return None if answer is None else answer.get("Metadata", {}).get(_DIGEST, "")

    def _remove(self, client: Any, key: str) -> None:
        with aws_errors():
            client.delete_object(Bucket=self.bucket_name, Key=key)

    def _access(self) -> Access:
        return Access(
            self.region_id,
            self.credentials,
            self.endpoint_url,
            self.connect_timeout_in_ms,
            self.read_timeout_in_ms,
            self.parallelism,
        )

    def _location(self, key: str) -> str:
        if self.endpoint_url:
            return f"{self.endpoint_url.rstrip('/')}/{self.bucket_name}/{key}"
        return f"https://{self.bucket_name}.s3.{self.region_id}.amazonaws.com/{key}"


def _looked_at(client: Any, bucket: str, key: str) -> Any:
    """What the service says of an object; None if there is none. Raises what botocore raises."""
    try:
        return client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != HTTPStatus.NOT_FOUND:
            raise
    return None
