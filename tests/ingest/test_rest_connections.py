"""Posts over one connection: what speeds up the next one changes nothing of it. Proxies send those of many over one."""

from typing import Any

import orjson
import pytest

from ingest import Security, Sources
from ingest.intake import Intake
from ingest.rest import Posts
from schemas.samples import Reason
from tests.ingest.taking import Pipeline, taking
from tests.ingest.tokens import NOW, hs256, token
from tests.web.serving import Answer, Client, post
from web import Request

PATH = "/rest/samples/svc/unit"
TOKENS = Sources(security=Security(hs256()))


async def posted(client: Client, sample: dict[str, Any], *headers: str, query: str = "") -> Answer:
    body = orjson.dumps({"clientSamples": [{"timestamp": 1000, **sample}]})
    return await client.ask(post(body, "Content-Type: application/json", *headers, path=PATH + query))


def three(**fields: Any) -> dict[str, Any]:
    codec = {"id": "c", "mimeType": "audio/opus"}
    told = [{"peerConnectionId": "p", "iceTransports": [{"id": "t"}], "codecs": [codec]}]
    return {"clientId": "alice", "callId": "call", "score": 1.0, "peerConnections": told, **fields}


def taken(pipeline: Pipeline) -> list[tuple[str, str, str | None]]:
    return [(it.client_id, it.room_id, it.user_id) for samples in pipeline.taken for it in samples.clients]


async def test_who_stands_in_for_whom_is_told_by_each_target() -> None:
    async with taking() as (served, pipeline):
        client = served.client()
        for who in ("alice", "bob", "alice"):
            await posted(client, {"roomId": "lobby"}, query=f"?clientId={who}&userId={who}@x")

    assert taken(pipeline) == [(who, "lobby", f"{who}@x") for who in ("alice", "bob", "alice")]


async def test_samples_of_many_over_one_connection_are_told_apart() -> None:
    async with taking() as (served, pipeline):
        client = served.client()
        for who in ("alice", "bob", "bob", "alice"):
            await posted(client, {"clientId": who, "roomId": f"{who}'s"})

    assert taken(pipeline) == [(who, f"{who}'s", None) for who in ("alice", "bob", "bob", "alice")]


async def test_what_a_client_of_3_repeats_is_told_with_each_post() -> None:
    async with taking() as (served, pipeline):
        client = served.client()
        for _ in range(3):
            await posted(client, three())

    told = [it.told["codecs"] for samples in pipeline.taken for it in samples.clients]
    assert [[codec["mimeType"] for codec in codecs] for codecs in told] == [["audio/opus"]] * 3


async def test_deltas_are_not_filled_with_what_another_post_said() -> None:
    async with taking() as (served, pipeline):
        client = served.client()
        await posted(client, three(), query="?encoding=delta")
        await posted(client, {"clientId": "alice"}, query="?encoding=delta")

    assert [len(samples.clients) for samples in pipeline.taken] == [1, 0]
    assert pipeline.taken[1].rejected == {Reason.ROOM_ID_MISSING: 1}


def place_of(posts: Posts, before: object, target: str = PATH) -> object:
    names = {"serviceId": "svc", "mediaUnitId": "unit"}
    request = Request("POST", target, ("rest", "samples", "svc", "unit"), parameters=names, checked_before=before)
    return posts.check(request)


@pytest.mark.parametrize("longer", [0, 1])
def test_a_place_is_known_again_if_its_target_is_short(longer: int) -> None:
    posts = Posts(Intake(Sources(), lambda: NOW), lambda samples, size: True, lambda: None)
    target = PATH + "?" + "x" * (511 - len(PATH) + longer)
    before = place_of(posts, None, target)

    assert (place_of(posts, before, target) is before) == (not longer)
    assert place_of(posts, before) is not before


async def test_each_token_says_itself_whose_samples_it_brings() -> None:
    async with taking(TOKENS, lambda: NOW * 1000) as (served, pipeline):
        client = served.client()
        for who in ("alice", "bob", "alice"):
            shown = f"Authorization: Bearer {token(clientId=who)}"
            assert (await posted(client, {"roomId": "lobby"}, shown)).status == 200
        refused = await posted(client, {"roomId": "lobby"})

    assert [it[0] for it in taken(pipeline)] == ["alice", "bob", "alice"]
    assert refused.status == 401


async def test_a_token_that_was_taken_is_not_taken_when_it_is_over() -> None:
    clock = [NOW * 1000]
    async with taking(TOKENS, lambda: clock[0]) as (served, _):
        client = served.client()
        shown = f"?accessToken={token(exp=NOW + 10)}"
        first = await posted(client, {"clientId": "alice", "roomId": "lobby"}, query=shown)
        clock[0] += 100_000
        second = await posted(client, {"clientId": "alice", "roomId": "lobby"}, query=shown)

    assert (first.status, second.status) == (200, 401)


async def test_while_nothing_is_taken_who_was_taken_before_is_refused() -> None:
    async with taking() as (served, pipeline):
        client = served.client()
        before = await posted(client, {"clientId": "alice", "roomId": "lobby"})
        pipeline.not_taken = "not now"
        after = await posted(client, {"clientId": "alice", "roomId": "lobby"})

    assert (before.status, after.status) == (200, 503)
