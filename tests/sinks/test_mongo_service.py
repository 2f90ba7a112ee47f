"""MongoSink with a real MongoDB: where documents go, what it refuses, what is sent again; a server that is killed."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
import pytest
import trio

from schemas.reports import FIELDS, ReportType, report_of, to_json
from sinks.lines import Batch, Line, batch_of
from sinks.mongo import Connection, MongoSink
from sinks.mongo_collections import COLLECTIONS, SavingStrategy
from sinks.retry import Retry
from sinks.settings import SinkSettings
from sinks.sink import NotDelivered
from tests.sinks.services.mongod import Mongod
from tests.sinks.sinks_for_tests import batch, delivery, line, lines, names, reports, running

VALUES = {"i": -1, "l": 2**40, "t": 1_700_000_000_000, "d": 0.5, "s": "text\0ひ", "b": True}


class Database(NamedTuple):
    """A database of one test."""

    server: Mongod
    name: str

    def sink(self, **keys: Any) -> MongoSink:
        return MongoSink(self.name, **{"uri": self.server.uri, **keys})

    def documents(self, collection: str = "reports") -> list[dict[str, Any]]:
        return [dict(one) for one in self.server.arrived(self.name, collection)]

    def markers(self, collection: str = "reports") -> list[str]:
        return [one["payload"]["marker"] for one in self.documents(collection)]

    def refuse(self, marker: str) -> None:
        """Make MongoDB refuse documents with this marker."""
        rule = {"payload.marker": {"$ne": marker}}
        self.server.client[self.name].create_collection("reports", validator=rule)


@pytest.fixture
def database(mongod: Mongod) -> Iterator[Database]:
    name = f"test-{uuid4().hex}"
    yield Database(mongod, name)
    mongod.client.drop_database(name)


def of_every_type() -> list[Line]:
    return [
        to_json(report_of(type_, *(VALUES[f.kind] if n % 5 else None for n, f in enumerate(FIELDS[type_], 1))))
        for type_ in ReportType
    ]


async def send_to(sink: MongoSink, some: Batch) -> None:
    async with sink.opened("mySink") as send:
        await send(some)


async def test_every_type_of_report_is_a_document_with_all_its_values(database: Database) -> None:
    await send_to(database.sink(), batch_of(of_every_type()))

    assert database.documents() == [orjson.loads(one) for one in of_every_type()]


async def test_every_type_of_report_has_a_collection(database: Database) -> None:
    strategy = SavingStrategy.REPORT_TYPE_BASED

    await send_to(database.sink(saving_strategy=strategy), batch_of(of_every_type() * 2))

    assert {
        name: len(database.documents(name)) for name in database.server.collections(database.name)
    } == dict.fromkeys(COLLECTIONS.values(), 2)
    assert database.documents("IceCandidatePairReports")[0]["type"] == "ICE_CANDIDATE_PAIR"


async def test_every_service_has_a_collection_whatever_its_id(database: Database) -> None:
    services = ["a", "b.c", "$cmd", "system.users", "..", "x" * 1000, "a\0", "~others", "", None]
    some = [line(str(n), serviceId=service) for n, service in enumerate(services)]

    await send_to(database.sink(saving_strategy=SavingStrategy.SERVICE_ID_BASED), batch_of(some))

    found = database.server.collections(database.name)
    assert len(found) == 9
    assert {"a", "b.c", "%24cmd", "system%2Eusers"} < set(found)
    assert database.markers("~unknown") == ["8", "9"]


async def test_the_number_of_collections_is_bounded_across_restarts(database: Database) -> None:
    sink = database.sink(saving_strategy=SavingStrategy.SERVICE_ID_BASED, max_collections=3)

    for start in (0, 3, 6):
        await send_to(sink, batch_of(line(str(n), serviceId=f"service-{n}") for n in range(start, start + 3)))

    assert database.server.collections(database.name) == ["service-0", "service-1", "service-2", "~others"]
    assert database.markers("~others") == ["3", "4", "5", "6", "7", "8"]


async def test_a_connection_does_as_well_as_an_uri(database: Database) -> None:
    server = database.server
    connection = Connection((server.address,), server.username, server.password, {"replicaSet": "rs0"})

    await send_to(database.sink(uri=None, connection=connection), batch(3))

    assert database.markers() == ["0", "1", "2"]


async def test_a_document_is_acknowledged_by_a_majority_and_on_disk(database: Database) -> None:
    client = database.sink()._client()

    assert client.write_concern.document == {"w": "majority", "j": True}


async def test_an_uri_may_ask_for_less(database: Database) -> None:
    client = database.sink(uri=f"{database.server.uri}&w=1&journal=false")._client()

    assert client.write_concern.document == {"w": 1, "j": False}


async def test_a_batch_that_is_sent_again_is_not_inserted_twice(database: Database) -> None:
    for _ in range(2):
        await send_to(database.sink(), batch(1000))

    assert database.markers() == [str(n) for n in range(1000)]


async def test_equal_reports_of_one_batch_are_all_inserted_and_still_not_twice(database: Database) -> None:
    for _ in range(2):
        await send_to(database.sink(), batch_of(lines(1) * 20))

    assert database.markers() == ["0"] * 20


async def test_a_document_that_a_validator_refuses_costs_only_itself(database: Database) -> None:
    database.refuse("1")

    with pytest.raises(NotDelivered) as raised:
        await send_to(database.sink(), batch(4))

    assert database.markers() == ["0", "2", "3"]
    assert not raised.value.again
    assert [(one.line, one.reason) for one in raised.value.rejected] == [
        (lines(1, start=1)[0], "MongoDB refuses it: DocumentValidationFailure (121)")
    ]


async def test_a_document_of_more_than_16_mebibytes_costs_only_itself(database: Database) -> None:
    large = line("x" * 2**24)

    with pytest.raises(NotDelivered) as raised:
        await send_to(database.sink(), batch_of([*lines(1), large, *lines(1, start=1)]))

    assert database.markers() == ["0", "1"]
    assert [one.line for one in raised.value.rejected] == [large]
    assert "larger than the 16777216 bytes" in raised.value.rejected[0].reason


async def test_the_largest_document_arrives(database: Database) -> None:
    envelope = len(line(""))
    fits = line("x" * (2**24 - envelope - 1000))

    await send_to(database.sink(), batch_of([fits, fits]))

    assert list(map(len, database.markers())) == [2**24 - envelope - 1000] * 2


async def test_a_document_that_an_index_of_the_operators_refuses_costs_only_itself(database: Database) -> None:
    collection = database.server.client[database.name]["reports"]
    collection.create_index("payload.callId", unique=True)
    some = [line(name, callId=name[0]) for name in ("a1", "b1", "a2", "c1")]

    with pytest.raises(NotDelivered) as raised:
        await send_to(database.sink(), batch_of(some))

    assert database.markers() == ["a1", "b1", "c1"]
    assert names(one.line for one in raised.value.rejected) == ["a2"]


async def test_a_wrong_password_keeps_it_from_opening_and_is_not_told(database: Database) -> None:
    connection = Connection((database.server.address,), database.server.username, "s3cret")

    with pytest.raises(ConnectionError, match=r"^MongoDB refuses: AuthenticationFailed \(18\)$"):
        await send_to(database.sink(uri=None, connection=connection), batch(1))


async def test_a_user_who_may_not_write_costs_no_report(database: Database) -> None:
    client = database.server.client
    client[database.name].command("createUser", "reader", pwd="r", roles=["read"])
    uri = f"mongodb://reader:r@{database.server.address}/?authSource={database.name}"

    with pytest.raises(ConnectionError, match=r"MongoDB refuses: Unauthorized \(13\)"):
        await send_to(database.sink(uri=uri), batch(3))


async def test_nobody_there_keeps_it_from_opening() -> None:
    sink = MongoSink("reports", "mongodb://127.0.0.1:1", connect_timeout_in_ms=50)

    with pytest.raises(ConnectionError, match=r"no MongoDB that takes writes is found: 127\.0\.0\.1:1: .*refused"):
        await send_to(sink, batch(1))


async def test_it_sums_up_when_asked_to(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    await send_to(database.sink(print_summary=True), batch(3))

    assert ("sink.mySink", "Documents that were inserted: 3") in [(r.name, r.getMessage()) for r in caplog.records]


async def test_nothing_of_a_report_is_logged_at_any_level(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    await send_to(database.sink(), batch_of([line("s3cret")]))

    assert "s3cret" not in caplog.text


# What fails on the way


@asynccontextmanager
async def door(port: int, *, opens: trio.Event, hangs: bool = False) -> AsyncIterator[int]:
    """A port that leads to another one. Until the event is set, it swallows the answer to an insert, and hangs up.

    Or else it keeps silent, and `hangs`.
    """

    async def through(client: trio.SocketStream) -> None:
        async with client, await trio.open_tcp_stream("127.0.0.1", port) as server, trio.open_nursery() as nursery:
            asked = False

            async def answers() -> None:
                async for answer in server:
                    if asked and not opens.is_set():
                        if hangs:
                            await trio.sleep_forever()
                        break
                    await client.send_all(answer)
                nursery.cancel_scope.cancel()

            nursery.start_soon(answers)
            async for question in client:
                asked = asked or b"\x02insert\0" in question
                await server.send_all(question)
            nursery.cancel_scope.cancel()

    async def one(client: trio.SocketStream) -> None:
        try:
            await through(client)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, one, [listener])
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def behind(database: Database, port: int, **keys: Any) -> MongoSink:
    """A sink that knows the server by this port."""
    server = database.server
    connection = Connection((f"127.0.0.1:{port}",), server.username, server.password, {"directConnection": "true"})
    return database.sink(uri=None, connection=connection, **keys)


async def test_a_retry_after_a_lost_answer_inserts_nothing_twice(database: Database) -> None:
    opens = trio.Event()
    async with door(database.server.port, opens=opens) as port:
        sink = behind(database, port)

        with pytest.raises(ConnectionError, match="the connection to MongoDB fails"):
            await send_to(sink, batch(100))
        there = await trio.to_thread.run_sync(database.markers)
        opens.set()
        await send_to(sink, batch(100))

    assert there == [str(n) for n in range(100)]
    assert database.markers() == there


async def test_a_server_that_keeps_silent_is_given_up_on(database: Database) -> None:
    async with door(database.server.port, opens=trio.Event(), hangs=True) as port:
        with pytest.raises(ConnectionError, match="timed out"):
            await send_to(behind(database, port, write_timeout_in_ms=100), batch(1))


async def test_a_server_that_keeps_silent_does_not_hold_up_who_is_cancelled(database: Database) -> None:
    async with door(database.server.port, opens=trio.Event(), hangs=True) as port:
        with trio.fail_after(10), trio.move_on_after(0.3) as scope:
            await send_to(behind(database, port, write_timeout_in_ms=2_000), batch(1))

        assert scope.cancelled_caught


async def test_nothing_is_lost_or_there_twice_when_the_server_is_killed_and_comes_back(tmp_path: Path) -> None:
    settings = SinkSettings("MongoSink", retry=Retry(initial_in_ms=20, max_in_ms=200))
    with Mongod(tmp_path) as mongod:
        one = delivery(MongoSink("reports", mongod.uri, connect_timeout_in_ms=1_000), settings)
        async with running(one) as deliveries:
            deliveries.offer(reports(2_000))
            await until(lambda: one.statistics().sent > 0)
            mongod.kill()
            for start in range(2_000, 6_000, 500):
                deliveries.offer(reports(500, start))
            await until(lambda: one.statistics().failing_for_s is not None)
            await trio.to_thread.run_sync(mongod.start)
            await until(lambda: one.statistics().acknowledged == 6_000)

        markers = [document["payload"]["marker"] for document in mongod.arrived("reports", "reports", by="_id")]
        assert sorted(map(int, markers)) == list(range(6_000))


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - figures are looked at, and tell nobody when they change
            await trio.sleep(0.001)
