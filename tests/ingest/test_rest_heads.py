"""What the head of a POST tells is decided before its body is sent: nobody who may send nothing fills our memory."""

import pytest
from trio.testing import MockClock

from ingest import Refused, Rest, Security, Sources
from tests.ingest.taking import Pipeline, samples_of, taking
from tests.ingest.tokens import NOW, hs256, token
from tests.web.serving import Answer, Served

PATH = "/rest/samples/svc/unit"
JSON = "Content-Type: application/json"
TOKENS = Sources(security=Security(hs256()))


def now() -> int:
    return NOW * 1000


def head(*headers: str, query: str = "") -> bytes:
    """The head of a POST whose body does not follow."""
    lines = [f"POST {PATH}{query} HTTP/1.1", "Host: x", "Content-Length: 1000000", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


async def told(served: Served, sent: bytes) -> Answer:
    client = served.client()
    await client.stream.send_all(sent)
    return await client.answer()


@pytest.mark.parametrize(
    ("sources", "sent", "status", "refused"),
    [
        (TOKENS, head(JSON), 401, Refused.ACCESS_REQUIRED),
        (TOKENS, head(JSON, query="?accessToken=x"), 401, Refused.ACCESS_INVALID),
        (TOKENS, head(JSON, f"Authorization: Bearer {token(exp=NOW)}"), 401, Refused.ACCESS_EXPIRED),
        (TOKENS, head(JSON, query=f"?accessToken={token(serviceId='x')}"), 403, Refused.ACCESS_ELSEWHERE),
        (Sources(), head("Content-Type: text/plain"), 415, Refused.CONTENT_TYPE),
        (Sources(), head(JSON, query="?schemaVersion=9.0.0"), 400, Refused.VERSION),
        (Sources(rest=Rest(enabled=False)), head(JSON), 403, Refused.DISABLED),
    ],
)
async def test_what_is_refused_by_its_head_is_answered_before_its_body(
    autojump_clock: MockClock, sources: Sources, sent: bytes, status: int, refused: Refused
) -> None:
    async with taking(sources, now) as (served, pipeline):
        answer = await told(served, sent)

        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert pipeline.statistics.refused == {refused: 1}


async def test_a_body_that_may_be_sent_is_asked_for() -> None:
    async with taking(TOKENS, now) as (served, _):
        answer = await told(served, head(JSON, "Expect: 100-continue", query=f"?accessToken={token()}"))

    assert answer.status == 100


async def test_a_body_that_may_not_be_sent_is_not_asked_for(autojump_clock: MockClock) -> None:
    async with taking(TOKENS, now) as (served, _):
        assert (await told(served, head(JSON, "Expect: 100-continue"))).status == 401


async def test_a_token_that_expires_while_the_body_comes_is_refused() -> None:
    clock = [NOW * 1000]
    body = samples_of("alice")
    shown = f"?accessToken={token(exp=NOW + 10)}"
    lines = [f"POST {PATH}{shown} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", JSON, "Expect: 100-continue"]
    async with taking(TOKENS, lambda: clock[0]) as (served, pipeline):
        client = served.client()
        await client.stream.send_all("\r\n".join([*lines, "", ""]).encode())
        assert (await client.answer()).status == 100

        clock[0] += 100_000
        await client.stream.send_all(body)
        answer = await client.answer()

    assert answer.status == 401
    assert_refused(pipeline, Refused.ACCESS_EXPIRED)


async def test_samples_whose_body_comes_when_nothing_is_taken_any_more_are_refused() -> None:
    body = samples_of("alice")
    lines = [f"POST {PATH} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", JSON, "Expect: 100-continue"]
    async with taking() as (served, pipeline):
        client = served.client()
        await client.stream.send_all("\r\n".join([*lines, "", ""]).encode())
        assert (await client.answer()).status == 100

        pipeline.not_taken = "not now"
        await client.stream.send_all(body)
        answer = await client.answer()

    assert (answer.status, answer.body) == (503, b"not now")
    assert_refused(pipeline, Refused.NO_QUORUM)


def assert_refused(pipeline: Pipeline, refused: Refused) -> None:
    assert pipeline.taken == []
    assert pipeline.statistics.refused == {refused: 1}


async def test_a_connection_whose_request_was_here_as_a_whole_goes_on() -> None:
    body = samples_of("alice")
    sent = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{JSON}\r\n\r\n".encode() + body
    async with taking(TOKENS, now) as (served, pipeline):
        client = served.client()
        statuses = []
        for _ in range(2):
            await client.stream.send_all(sent)
            statuses.append((await client.answer()).status)

    assert statuses == [401, 401]
    assert pipeline.statistics.refused == {Refused.ACCESS_REQUIRED: 2}
