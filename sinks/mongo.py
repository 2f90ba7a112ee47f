"""MongoSink: reports as documents in collections of MongoDB."""

import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pymongo
import trio
from pymongo.errors import ConfigurationError, PyMongoError
from pymongo.uri_parser import parse_uri

from schemas.reports import ReportType
from sinks.lines import Batch, batch_of
from sinks.mongo_answers import Outcome, described, outcome_of
from sinks.mongo_collections import (
    CollectionOf,
    SavingStrategy,
    ServiceCollections,
    collection_of,
    is_name_of_collection,
)
from sinks.mongo_documents import Document, Documents, chunks
from sinks.sink import NotDelivered, Send
from sinks.threads import in_thread, threads

CLOSING_S = 2
"""How long MongoDB has to take a good-bye. (s)"""

Client = pymongo.MongoClient[dict[str, Any]]

# It tells every command, documents and all, at the level DEBUG.
logging.getLogger("pymongo").setLevel(logging.WARNING)

_NO_DATABASE = re.compile(r'\A\Z|[/\\. "$*<>:|?\0\ud800-\udfff]')


@dataclass(frozen=True)
class Connection:
    """How to reach MongoDB, for those who have no URI."""

    servers: tuple[str, ...]
    """The servers, each as `host:port`."""
    username: str | None = None
    """The user."""
    password: str | None = field(default=None, repr=False)
    """The user's password, as it is."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What else an URI of MongoDB can say, for instance `replicaSet`, `authSource` or `tls`."""

    def uri(self) -> str:
        """The same as an URI."""
        user = "" if self.username is None else _quoted(self.username)
        if self.password is not None:
            user += f":{_quoted(self.password)}"
        options = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in self.options.items())
        return f"mongodb://{user}{'@' if user else ''}{','.join(self.servers)}/?{options}"


@dataclass(frozen=True)
class MongoSink:
    """Inserts each report as a document of MongoDB: `type`, `schemaVersion` and `payload`.

    A batch is acknowledged once a majority of the members has it on disk. A report that is sent again, because the
    answer was lost or the observer was started anew, is found to be there, and not inserted twice.
    """

    database: str
    """The database that reports are written to."""
    uri: str | None = field(default=None, repr=False)
    """Where MongoDB is, as `mongodb://user:password@host:port/?options`. Either this or `connection`; this one counts
    if both are given."""
    connection: Connection | None = None
    """Where MongoDB is, part by part."""
    saving_strategy: SavingStrategy = SavingStrategy.ONE_COLLECTION
    """`ONE_COLLECTION`: all reports go to the collection `reports`. `SERVICE_ID_BASED`: each service has a collection,
    named by its id. `REPORT_TYPE_BASED`: each type of report has one, for instance `CallEventReports`."""
    collection_names: Mapping[ReportType, str] = field(default_factory=dict)
    """The collections of types of reports, in place of those that `savingStrategy` says."""
    max_collections: int = field(default=1000, metadata={"minimum": 1, "maximum": 100_000})
    """With `SERVICE_ID_BASED`: no service gets a collection of its own once the database has so many; what is new then
    goes to `~others`."""
    parallelism: int = field(default=4, metadata={"minimum": 1, "maximum": 64})
    """How many collections are written to at the same time, each over a connection of its own."""
    connect_timeout_in_ms: int = field(default=5_000, metadata={"minimum": 1, "maximum": 600_000})
    """How long finding a server that takes writes may take, and connecting to it. (ms)"""
    write_timeout_in_ms: int = field(default=30_000, metadata={"minimum": 1, "maximum": 600_000})
    """How long the answer to one insert may take. (ms)"""
    print_summary: bool = False
    """Log how many documents were inserted, for each batch."""
    _threads: trio.CapacityLimiter = threads(1)

    def __post_init__(self) -> None:
        if _NO_DATABASE.search(self.database) or len(self.database.encode()) > 63:
            raise ValueError(
                'database must be the name of a database: up to 63 bytes, none of them one of /\\. "$*<>:|?'
            )
        for name in self.collection_names.values():
            if not is_name_of_collection(name):
                raise ValueError("collectionNames holds what cannot be the name of a collection")
        options = _checked_options(self._where())
        if options.get("w") == 0:
            raise ValueError("w=0 would lose reports: without an answer nobody knows what arrived")
        self._threads.total_tokens = self.parallelism

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        """Connect, and ask for an answer. Raises ConnectionError."""
        client = await in_thread(self._threads, self._client)
        try:
            collections = await in_thread(self._threads, lambda: self._asked(client))
            services = ServiceCollections(self.max_collections, collections, self.collection_names.values())
            place = collection_of(self.saving_strategy, self.collection_names, services)
            yield lambda batch: self._send(key, client, place, batch)
        finally:
            with trio.move_on_after(CLOSING_S, shield=True):
                # Not one of the sink's threads: a call that hangs may have the last of them.
                await in_thread(trio.CapacityLimiter(1), client.close)

    async def _send(self, key: str, client: Client, place: CollectionOf, batch: Batch) -> None:
        documents = Documents(place)
        outcome = Outcome()
        for lines in chunks(batch):
            if outcome.failed:
                outcome.failed += lines
                continue
            collections, rejected = await documents.of(lines)
            outcome.rejected += rejected
            async with trio.open_nursery() as nursery:
                for name, some in collections.items():
                    nursery.start_soon(self._insert, client, name, some, outcome)
        self._end(key, batch, outcome)

    async def _insert(self, client: Client, name: str, documents: list[Document], outcome: Outcome) -> None:
        outcome.add(await in_thread(self._threads, lambda: self._inserted(client, name, documents)))

    def _inserted(self, client: Client, name: str, documents: list[Document]) -> Outcome:
        """Insert into one collection, all documents whatever becomes of some."""
        try:
            client[self.database][name].insert_many([one.encoded for one in documents], ordered=False)
        except PyMongoError as error:
            return outcome_of(error, documents)
        return Outcome()

    def _end(self, key: str, batch: Batch, outcome: Outcome) -> None:
        """Tell how it went, by raising or not."""
        failed = set(outcome.failed)
        if self.print_summary:
            log = logging.getLogger(f"sink.{key}")
            log.info("Documents that were inserted: %d", len(batch) - len(outcome.failed) - len(outcome.rejected))
        if len(outcome.failed) == len(batch):
            raise ConnectionError(outcome.reason)
        # Lines that are equal stay together, so that each gets the same id again.
        again = batch_of(line for line in batch if line in failed)
        rejected = [one for one in outcome.rejected if one.line not in failed]
        if again or rejected:
            raise NotDelivered(outcome.reason or "some documents are refused", again, rejected)

    def _client(self) -> Client:
        """A client that has not connected yet. What the URI says goes before what we prefer."""
        uri = self._where()
        defaults: dict[str, Any] = {
            "appname": "webrtc-observer",
            "serverSelectionTimeoutMS": self.connect_timeout_in_ms,
            "connectTimeoutMS": self.connect_timeout_in_ms,
            "socketTimeoutMS": self.write_timeout_in_ms,
            "w": "majority",
            "journal": True,
            "maxPoolSize": self.parallelism,
            "retryWrites": False,  # the delivery sends again
            "retryReads": False,
        }
        said = _checked_options(uri)
        return pymongo.MongoClient(
            uri, connect=False, **{name: value for name, value in defaults.items() if name not in said}
        )

    def _asked(self, client: Client) -> list[str]:
        """Connect, and ask which collections there are; only where their number matters."""
        try:
            client.admin.command("ping")
            if self.saving_strategy is SavingStrategy.SERVICE_ID_BASED:
                return client[self.database].list_collection_names()
        except PyMongoError as error:
            raise ConnectionError(described(error)) from error
        return []

    def _where(self) -> str:
        if self.uri is not None:
            return self.uri
        if self.connection is None:
            raise ValueError("either uri or connection is required")
        return self.connection.uri()


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _checked_options(uri: str) -> Mapping[str, Any]:
    """The options of an URI, whatever case they are written in. Raises ValueError, with nothing of the URI in it."""
    # Only DNS knows what a +srv name stands for; all the rest of such an URI is checked as that of another one.
    plain = re.sub(r"(?<=[?&])srv\w+=[^&]*&?", "", re.sub(r"\Amongodb\+srv://", "mongodb://", uri))
    try:
        options: Mapping[str, Any] = parse_uri(plain, normalize=False)["options"]
    except OSError:
        raise ValueError("a file that an option of the uri names cannot be read") from None
    except ConfigurationError:
        raise ValueError("an option of the uri is unknown, or does not go with another") from None
    except (PyMongoError, ValueError):
        form = "mongodb://user:password@host:port/?option=value"
        raise ValueError(f"the uri must read {form}, user and password percent-encoded") from None
    return options
