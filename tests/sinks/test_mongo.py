"""MongoSink without a server: its configuration, names of collections, documents and their ids, what answers mean."""

from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure, PyMongoError

from observer.config import ConfigError
from observer.config.binding import bind
from observer.config.effective import effective
from schemas.reports import ReportType
from sinks.lines import Line
from sinks.mongo import Connection, MongoSink
from sinks.mongo_answers import Outcome, outcome_of
from sinks.mongo_collections import (
    COLLECTIONS,
    LONGEST_NAME,
    OTHER_SERVICES,
    UNKNOWN_SERVICE,
    SavingStrategy,
    ServiceCollections,
    collection_of,
    collection_of_service,
)
from sinks.mongo_documents import Document, Documents, chunks
from tests.sinks.sinks_for_tests import line, lines

URI = "mongodb://localhost"


def envelope(type_: ReportType = ReportType.CALL_EVENT, service: str | None = "service") -> dict[str, Any]:
    return {"type": type_.value, "schemaVersion": "2.2.0", "payload": {"serviceId": service}}


async def made(*some: Line) -> list[Document]:
    collections, _ = await Documents(lambda _: "reports").of(some)
    return collections.get("reports", [])


async def ids(*some: Line) -> list[bson.ObjectId]:
    return [bson.decode(one.encoded.raw)["_id"] for one in await made(*some)]


# Configuration


def test_either_an_uri_or_a_connection_is_required() -> None:
    with pytest.raises(ConfigError, match="either uri or connection is required"):
        bind(MongoSink, {"database": "reports"})


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "$a", "a b", "x" * 64, "\ud83d"])
def test_a_database_needs_a_name_that_mongo_takes(name: str) -> None:
    with pytest.raises(ValueError, match="database must be the name of a database"):
        MongoSink(name, URI)


@pytest.mark.parametrize("name", ["", ".a", "a.", "a..b", "$a", "system.users", "a\0", "x" * 101])
def test_a_collection_needs_a_name_that_mongo_takes(name: str) -> None:
    with pytest.raises(ValueError, match="collectionNames"):
        MongoSink("reports", URI, collection_names={ReportType.CALL_EVENT: name})


@pytest.mark.parametrize(
    "uri",
    [
        "mongo://u:s3cret@host",
        "mongodb://u:s3cret@other@host",
        "mongodb://u:s3cret@host:99999999",
        "mongodb://u:s3cret/@host",
        "mongodb://u:s3cret@host/?connectTimeoutMS=s3cret",
        "mongodb://u:s3cret@host/?s3cret=1",
        "mongodb://u:s3cret@host/?tls=true&tlsCAFile=/s3cret",
    ],
)
def test_what_is_wrong_with_an_uri_is_told_without_its_secrets(uri: str) -> None:
    with pytest.raises(ValueError, match="uri") as told:
        MongoSink("reports", uri)

    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("uri", ["mongodb+srv://u:p@cluster.example/?retryWrites=true", "mongodb://a,b:1,[::1]:2/x"])
def test_what_an_uri_may_be(uri: str) -> None:
    assert MongoSink("reports", uri).uri == uri


def test_writes_without_an_answer_are_refused() -> None:
    with pytest.raises(ValueError, match="w=0 would lose reports"):
        MongoSink("reports", "mongodb://localhost/?w=0")


def test_user_and_password_of_a_connection_may_hold_anything() -> None:
    connection = Connection(("a:1", "b"), "us/er", "p@ss:w%rd?", {"replicaSet": "r s", "tls": "true"})

    assert connection.uri() == "mongodb://us%2Fer:p%40ss%3Aw%25rd%3F@a:1,b/?replicaSet=r%20s&tls=true"


def test_secrets_are_shown_by_neither_repr_nor_the_effective_configuration() -> None:
    sink = MongoSink("reports", "mongodb://u:s3cret@host", Connection(("host",), "u", "s3cret"))

    assert "s3cret" not in repr(sink) + effective(sink)


def test_types_are_named_as_everywhere() -> None:
    names = {"call-event": "a", "ICE_CANDIDATE_PAIR": "b", "sfuTransport": "c", "outbound-autio-track": "d"}

    sink = bind(MongoSink, {"database": "reports", "uri": URI, "collectionNames": names})

    assert sink.collection_names == {
        ReportType.CALL_EVENT: "a",
        ReportType.ICE_CANDIDATE_PAIR: "b",
        ReportType.SFU_TRANSPORT: "c",
        ReportType.OUTBOUND_AUDIO_TRACK: "d",
    }


# Collections


def test_every_type_has_a_collection_of_its_own() -> None:
    assert len({COLLECTIONS[type_] for type_ in ReportType}) == len(ReportType)


@pytest.mark.parametrize("strategy", SavingStrategy)
def test_a_name_that_is_configured_goes_before_every_strategy(strategy: SavingStrategy) -> None:
    place = collection_of(strategy, {ReportType.SFU_EVENT: "mine"}, ServiceCollections(10, []))

    assert place(envelope(ReportType.SFU_EVENT)) == "mine"
    assert place(envelope(ReportType.CALL_EVENT)) != "mine"


@pytest.mark.parametrize("plain", ["my-service", "com.example.app", "a b", "7f3a_x", "user@example"])
def test_a_plain_service_id_is_the_name_of_its_collection(plain: str) -> None:
    assert collection_of_service(plain) == plain


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("$cmd", "%24cmd"),
        ("system.users", "system%2Eusers"),
        ("a..b", "a%2E%2Eb"),
        (".a", "%2Ea"),
        ("a\0b", "a%00b"),
        ("100%", "100%25"),
        ("~others", "%7Eothers"),
        ("é", "%C3%A9"),
        ("", UNKNOWN_SERVICE),
        (None, UNKNOWN_SERVICE),
    ],
)
def test_any_other_service_id_is_escaped(service: str | None, name: str) -> None:
    assert collection_of_service(service) == name


def test_a_long_service_id_is_cut_and_still_has_a_name_of_its_own() -> None:
    names = {collection_of_service("x" * length) for length in range(95, 300)}

    assert len(names) == 205
    assert max(map(len, names)) == LONGEST_NAME


ODD = st.text(st.sampled_from("as.$%~\0é system%24"), max_size=8) | st.text(max_size=300)


@given(ODD, ODD)
def test_two_services_never_share_a_name_and_no_name_is_the_servers_own(one: str, other: str) -> None:
    names = [collection_of_service(one), collection_of_service(other)]

    assert (names[0] == names[1]) == (one == other)
    assert not any("$" in name or "\0" in name or ".." in name or name.startswith("system.") for name in names)
    assert not any(name.startswith(".") or name.endswith(".") or len(name) > LONGEST_NAME for name in names)


def test_services_beyond_the_limit_share_a_collection() -> None:
    place = ServiceCollections(3, ["old", "older"])

    assert [place(envelope(service=name)) for name in ("old", "a", "b", "a", "c")] == [
        *("old", "a"),
        *(OTHER_SERVICES, "a", OTHER_SERVICES),
    ]


def test_no_service_has_a_collection_of_the_operators() -> None:
    place = ServiceCollections(10, ["calls"], {"calls"})

    assert place(envelope(service="calls")) == "calls~"


@given(st.text(), st.text())
def test_a_service_whose_name_is_taken_shares_with_none(service: str, other: str) -> None:
    place = ServiceCollections(10, [], {collection_of_service(service)})

    assert service == other or place(envelope(service=service)) != place(envelope(service=other))


# Documents


async def test_a_document_is_the_envelope() -> None:
    (one,) = await made(line("x", ReportType.SFU_EVENT, serviceId="s", timestamp=7))

    document = bson.decode(one.encoded.raw)
    assert list(document) == ["_id", "type", "schemaVersion", "payload"]
    assert (document["type"], document["payload"]["marker"], document["payload"]["timestamp"]) == ("SFU_EVENT", "x", 7)


async def test_a_report_has_the_same_id_whenever_it_is_sent() -> None:
    assert await ids(*lines(3)) == [*(await ids(*lines(2))), *(await ids(*lines(1, start=2)))]


async def test_an_id_holds_the_time_of_its_report() -> None:
    (id,) = await ids(line("x", timestamp=1_700_000_000_999))

    assert id.generation_time.timestamp() == 1_700_000_000


@pytest.mark.parametrize("timestamp", [None, -1, 2**63 - 1])
async def test_any_timestamp_has_an_id(timestamp: int | None) -> None:
    assert len(await ids(line("x", timestamp=timestamp))) == 1


async def test_reports_of_a_batch_that_are_equal_have_different_ids() -> None:
    assert len(set(await ids(*lines(1) * 100))) == 100


async def test_a_whole_number_beyond_64_bits_costs_only_its_report() -> None:
    wide = line("wide", ReportType.SFU_TRANSPORT, rtpBytesSent=2**63)

    collections, rejected = await Documents(lambda _: "reports").of([line("0"), wide, line("1")])

    assert [one.line for one in collections["reports"]] == [line("0"), line("1")]
    assert [one.line for one in rejected] == [wide]
    assert "64 bits" in rejected[0].reason


def test_a_large_batch_is_made_into_documents_bit_by_bit() -> None:
    assert list(chunks([b"aaa", b"bb", b"c", b"dddddd", b"e"], 5)) == [[b"aaa", b"bb"], [b"c"], [b"dddddd"], [b"e"]]


# Answers


def write_error(index: int, code: int, **more: Any) -> dict[str, Any]:
    return {"index": index, "code": code, "errmsg": "quotes a s3cret", **more}


async def after(error: PyMongoError) -> Outcome:
    return outcome_of(error, await made(*lines(4)))


async def test_a_document_that_is_there_already_has_arrived() -> None:
    there = [
        write_error(0, 11000, keyPattern={"_id": 1}),
        {"index": 1, "code": 11000, "errmsg": "E11000 duplicate key error collection: a.b index: _id_ dup key: {}"},
    ]

    assert await after(BulkWriteError({"writeErrors": there})) == Outcome()


async def test_a_document_that_another_index_refuses_is_rejected() -> None:
    outcome = await after(BulkWriteError({"writeErrors": [write_error(2, 11000, keyPattern={"payload.callId": 1})]}))

    assert [(one.line, one.reason) for one in outcome.rejected] == [
        (lines(1, start=2)[0], "MongoDB refuses it: DuplicateKey (11000)")
    ]


async def test_an_error_that_may_pass_is_no_rejection() -> None:
    outcome = await after(BulkWriteError({"writeErrors": [write_error(1, 14031), write_error(3, 121)]}))

    assert outcome.failed == lines(1, start=1)
    assert [one.line for one in outcome.rejected] == lines(1, start=3)


async def test_an_error_that_we_do_not_know_is_the_documents_if_others_arrived() -> None:
    outcome = await after(BulkWriteError({"writeErrors": [write_error(1, 987_654)]}))

    assert [one.reason for one in outcome.rejected] == ["MongoDB refuses it: error (987654)"]


async def test_an_error_that_we_do_not_know_is_the_services_if_nothing_arrived() -> None:
    outcome = await after(BulkWriteError({"writeErrors": [write_error(n, 987_654) for n in range(4)]}))

    assert outcome.failed == lines(4)


@pytest.mark.parametrize(
    "error",
    [
        BulkWriteError({"writeConcernErrors": [{"code": 64, "codeName": "WriteConcernFailed", "errmsg": "s3cret"}]}),
        OperationFailure("s3cret", 13, {"code": 13, "codeName": "Unauthorized", "errmsg": "s3cret"}),
        AutoReconnect("host:27017: connection closed"),
        PyMongoError("s3cret"),
    ],
)
async def test_nothing_has_arrived_for_sure_when_the_service_fails(error: PyMongoError) -> None:
    outcome = await after(error)

    assert outcome.failed == lines(4)
    assert outcome.reason
    assert "s3cret" not in outcome.reason
