import gzip

import pytest

from ingest import Refused, Rest, Sources, Transport
from schemas.samples import Reason
from tests.ingest.taking import samples_of, taking
from tests.web.serving import get, post

PATH = "/rest/samples/svc/unit"
JSON = "Content-Type: application/json"


async def test_samples_are_offered_with_their_size() -> None:
    body = samples_of("alice", "bob")
    async with taking() as (served, pipeline):
        answer = await served.client().ask(post(body, JSON, path=PATH))

    assert (answer.status, answer.body) == (200, b"")
    assert (pipeline.taken[0].service_id, pipeline.taken[0].media_unit_id) == ("svc", "unit")
    assert pipeline.client_ids == ["alice", "bob"]
    assert pipeline.sizes == [len(body)]
    assert pipeline.statistics.messages == {Transport.REST: 1}
    assert pipeline.statistics.written == {("json", "unnamed"): 1}
    assert pipeline.statistics.received_bytes == {Transport.REST: len(body)}


async def test_the_root_is_answered_with_nothing() -> None:
    async with taking() as (served, _):
        answer = await served.client().ask(get())

    assert (answer.status, answer.body) == (200, b"")


async def test_a_compressed_body_counts_inflated() -> None:
    body = samples_of(*["alice"] * 100)
    async with taking() as (served, pipeline):
        await served.client().ask(post(gzip.compress(body), JSON, "Content-Encoding: gzip", path=PATH))

    assert pipeline.sizes == [len(body)]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/octet-stream",
        "Application/JSON; charset=utf-8",
        "application/octet-stream;x=y",
        "",
    ],
)
async def test_content_types_that_are_taken(content_type: str) -> None:
    headers = [f"Content-Type: {content_type}"] if content_type else []
    async with taking() as (served, pipeline):
        assert (await served.client().ask(post(samples_of("alice"), *headers, path=PATH))).status == 200

    assert pipeline.client_ids == ["alice"]


@pytest.mark.parametrize(
    ("request_", "status", "refused"),
    [
        (post(b"no json", JSON, path=PATH), 400, Refused.UNDECODABLE),
        (post(b"", JSON, path=PATH), 400, Refused.UNDECODABLE),
        (post(b"{}", JSON, path=PATH + "?schemaVersion=9.9.9"), 400, Refused.VERSION),
        (post(b"{}", JSON, path=PATH + "?schemaVersion="), 400, Refused.VERSION),
        (post(b"{}", JSON, path=PATH + "?format=ProtoBuf"), 400, Refused.UNDECODABLE),
        (post(b"{}", "Content-Type: application/x-protobuf", path=PATH), 400, Refused.UNDECODABLE),
        (post(b"{}", JSON, path=PATH + "?encoding=base64"), 400, Refused.FORMAT),
        (post(b"{}", JSON, path=PATH + "?encoding=delta&schemaVersion=2.2.0"), 400, Refused.FORMAT),
        (post(b"{}", JSON, path=PATH + f"?roomId={'r' * 256}"), 400, Refused.ID_TOO_LONG),
        (post(b"{}", JSON, path=PATH + "?format=avro"), 400, Refused.FORMAT),
        (post(b"{}", JSON, path=PATH + "?format=none"), 400, Refused.FORMAT),
        (post(b"{}", JSON, path=f"/rest/samples/{'s' * 513}/unit"), 400, Refused.ID_TOO_LONG),
        (post(b"{}", JSON, path=f"/rest/samples/svc/{'%C3%BC' * 513}"), 400, Refused.ID_TOO_LONG),
        (post(b"{}", JSON, path="/rest/samples/s%00c/unit"), 400, Refused.ID_INVALID),
        (post(b"{}", JSON, path="/rest/samples/svc/uni%C2%85t"), 400, Refused.ID_INVALID),
        (post(b"{}", "Content-Type: text/plain", path=PATH), 415, Refused.CONTENT_TYPE),
    ],
)
async def test_what_is_refused_is_told_and_counted(request_: bytes, status: int, refused: Refused) -> None:
    async with taking() as (served, pipeline):
        answer = await served.client().ask(request_)

    assert answer.status == status
    assert answer.body
    assert pipeline.statistics.refused == {refused: 1}
    assert not pipeline.taken


@pytest.mark.parametrize(
    "query",
    [
        "schemaVersion=2.0.4",
        "schemaVersion=2.1.8",
        "schemaVersion=2.2.0",
        "schemaVersion=2.2.1-rc.0",
        "schemaVersion=3.5.0",
        "format=JSON",
        "format=other",
        "format=",
        "encoding=",
    ],
)
async def test_versions_and_formats_that_are_taken(query: str) -> None:
    async with taking() as (served, pipeline):
        await served.client().ask(post(samples_of("alice"), JSON, path=f"{PATH}?{query}"))

    assert pipeline.client_ids == ["alice"]


async def test_who_posts_to_the_same_place_in_another_format_is_read_in_that() -> None:
    async with taking() as (served, pipeline):
        client = served.client()
        for content_type in ("application/json", "application/protobuf", "application/json"):
            await client.ask(post(samples_of("alice"), f"Content-Type: {content_type}", path=PATH))

    assert pipeline.statistics.written == {("json", "unnamed"): 2, ("protobuf", "2.2.x"): 1}


async def test_many_places_are_told_apart() -> None:
    async with taking() as (served, pipeline):
        client = served.client()
        for _ in range(2):
            for number in range(1100):
                await client.ask(post(samples_of("alice"), JSON, path=f"/rest/samples/svc/{number}"))

    assert [samples.media_unit_id for samples in pipeline.taken] == [str(number) for number in range(1100)] * 2


async def test_ids_in_the_path_are_decoded() -> None:
    longest = "%C3%BC" * 255
    async with taking() as (served, pipeline):
        await served.client().ask(post(samples_of("alice"), JSON, path=f"/rest/samples/a%2Fb/{longest}"))

    assert (pipeline.taken[0].service_id, pipeline.taken[0].media_unit_id) == ("a/b", "ü" * 255)


async def test_where_there_is_no_room_the_sender_may_come_back() -> None:
    async with taking() as (served, pipeline):
        pipeline.full = True
        answer = await served.client().ask(post(samples_of("alice"), JSON, path=PATH))

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert pipeline.statistics.refused == {Refused.FULL: 1}


async def test_while_nothing_is_taken_the_sender_hears_why_and_may_come_back() -> None:
    async with taking() as (served, pipeline):
        pipeline.not_taken = "It is night"
        answer = await served.client().ask(post(samples_of("alice"), JSON, path=PATH))

    assert (answer.status, answer.body, answer.headers["retry-after"]) == (503, b"It is night", "1")
    assert pipeline.statistics.refused == {Refused.NO_QUORUM: 1}
    assert pipeline.taken == []


async def test_a_content_type_that_is_never_taken_is_told_first() -> None:
    async with taking() as (served, pipeline):
        pipeline.not_taken = "It is night"
        answer = await served.client().ask(post(samples_of("alice"), "Content-Type: text/html", path=PATH))

    assert answer.status == 415


async def test_rest_may_be_disabled() -> None:
    async with taking(Sources(rest=Rest(enabled=False))) as (served, pipeline):
        answer = await served.client().ask(post(samples_of("alice"), JSON, path=PATH))

    assert (answer.status, answer.body) == (403, b"REST is disabled")
    assert pipeline.statistics.refused == {Refused.DISABLED: 1}


async def test_a_body_too_large_is_refused() -> None:
    async with taking(Sources(rest=Rest(max_body_size=1000))) as (served, _):
        assert (await served.client().ask(post(b" " * 1001, JSON, path=PATH))).status == 413


@pytest.mark.parametrize(
    ("sources", "reasons"),
    [
        (Sources(allowed_service_ids=["other"]), {Reason.SERVICE_NOT_ALLOWED: 3}),
        (Sources(allowed_service_ids=[]), {Reason.SERVICE_NOT_ALLOWED: 3}),
        (Sources(accept_client_samples=False), {Reason.CLIENT_SAMPLES_NOT_ACCEPTED: 2}),
        (Sources(accept_sfu_samples=False), {Reason.SFU_SAMPLES_NOT_ACCEPTED: 1}),
        (Sources(allowed_service_ids=["svc"]), {}),
    ],
)
async def test_what_is_not_taken_is_tallied_and_the_sender_hears_nothing(
    sources: Sources, reasons: dict[Reason, int]
) -> None:
    body = samples_of("alice", "bob", sfuSamples=[{"sfuId": "s", "timestamp": 1}], controls={"close": True})
    async with taking(sources) as (served, pipeline):
        answer = await served.client().ask(post(body, JSON, path=PATH))

    assert answer.status == 200
    [samples] = pipeline.taken
    assert samples.rejected == reasons
    assert len(samples.clients) + len(samples.sfus) + sum(reasons.values()) == 3
    assert set(samples.leaving) == {client.client_id for client in samples.clients}
    assert set(samples.leaving_sfus) == {sfu.sfu_id for sfu in samples.sfus}


async def test_the_servers_time_may_replace_that_of_samples() -> None:
    async with taking(Sources(use_server_timestamp=True)) as (served, pipeline):
        await served.client().ask(post(samples_of("alice"), JSON, path=PATH))

    assert pipeline.taken[0].clients[0].timestamp == 5000


async def test_a_page_of_an_allowed_origin_may_ask() -> None:
    preflight = get(PATH, "Origin: https://a.example", "Access-Control-Request-Method: POST", method="OPTIONS")
    async with taking(Sources(rest=Rest(cors_allowed_origins=["https://a.example"]))) as (served, _):
        client = served.client()
        answers = [await client.ask(preflight)]
        answers += [await client.ask(post(body, "Origin: https://a.example", path=PATH)) for body in (b"{}", b"bad")]

    assert [answer.status for answer in answers] == [204, 200, 400]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {"https://a.example"}
    assert answers[0].headers["access-control-allow-methods"] == "POST, OPTIONS"
