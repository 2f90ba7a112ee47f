import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ingest import AccessTokens, Refused, Security, Sources, Transport
from schemas.samples import Reason
from tests.ingest.taking import samples_of, taking
from tests.ingest.test_sample_sessions import closed_with
from tests.ingest.tokens import NOW, OTHER_SECRET, hs256, token
from tests.web.serving import Answer, Served, get, post

SESSIONS = "/samples/svc/unit"
REST = "/rest/samples/svc/unit"
JSON = "Content-Type: application/json"


def sources(settings: AccessTokens | None = None) -> Sources:
    return Sources(security=Security(settings or hs256()))


def wall_clock(ahead: float = 0) -> int:
    """A clock on the wall that goes with the one of the tests. (ms since the epoch)"""
    return int((NOW + ahead + trio.current_time()) * 1000)


async def post_with(served: Served, *headers: str, query: str = "", path: str = REST) -> Answer:
    return await served.client().ask(post(samples_of("alice"), JSON, *headers, path=path + query))


async def test_a_session_with_a_token_is_taken(autojump_clock: MockClock) -> None:
    async with taking(sources(), wall_clock) as (served, pipeline):
        websocket = await served.websocket(f"{SESSIONS}?accessToken={token()}")
        await websocket.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()

    assert pipeline.client_ids == ["alice"]


@pytest.mark.parametrize(
    ("query", "code", "reason", "refused"),
    [
        ("", 4225, "Access token is required to provide", Refused.ACCESS_REQUIRED),
        ("?accessToken=x", 4231, "The provided access token is invalid", Refused.ACCESS_INVALID),
        (
            f"?accessToken={token(serviceId='other')}",
            4231,
            "The provided access token is not for this service",
            Refused.ACCESS_ELSEWHERE,
        ),
        (f"?accessToken={token(exp=NOW)}", 4224, "Access token is expired", Refused.ACCESS_EXPIRED),
    ],
)
async def test_a_session_without_a_good_token_is_closed(
    autojump_clock: MockClock, query: str, code: int, reason: str, refused: Refused
) -> None:
    async with taking(sources(), wall_clock) as (served, pipeline):
        assert await closed_with(await served.websocket(SESSIONS + query)) == (code, reason)
        assert pipeline.statistics.refused == {refused: 1}


async def test_a_silent_session_is_closed_when_its_token_expires(autojump_clock: MockClock) -> None:
    async with taking(sources(hs256(leeway_in_s=5)), wall_clock) as (served, pipeline):
        websocket = await served.websocket(f"{SESSIONS}?accessToken={token()}")
        await websocket.send_message(samples_of("alice"))
        began = trio.current_time()

        assert await closed_with(websocket) == (4224, "Access token is expired")
        assert trio.current_time() - began == pytest.approx(65, abs=0.5)
        assert pipeline.statistics.refused == {Refused.ACCESS_EXPIRED: 1}
        assert pipeline.departures == [("svc", {"alice"})]


async def test_a_message_that_comes_too_late_is_not_taken(autojump_clock: MockClock) -> None:
    """The clock on the wall was set, so the session was not closed in time."""
    ahead = 0.0
    async with taking(sources(), lambda: wall_clock(ahead)) as (served, pipeline):
        websocket = await served.websocket(f"{SESSIONS}?accessToken={token()}")
        await websocket.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()
        ahead = 3600
        await websocket.send_message(samples_of("bob"))

        assert (await closed_with(websocket))[0] == 4224
        assert pipeline.client_ids == ["alice"]


async def test_a_clock_that_was_set_back_gives_a_token_its_time(autojump_clock: MockClock) -> None:
    ahead = 0.0
    async with taking(sources(), lambda: wall_clock(ahead)) as (served, _):
        websocket = await served.websocket(f"{SESSIONS}?accessToken={token()}")
        await wait_all_tasks_blocked()
        began = trio.current_time()
        ahead = -30

        assert (await closed_with(websocket))[0] == 4224
        assert trio.current_time() - began == pytest.approx(90, abs=0.5)


async def test_what_was_received_in_time_is_taken_however_long_it_waits(autojump_clock: MockClock) -> None:
    async with taking(sources(), wall_clock) as (served, pipeline):
        pipeline.room = trio.Event()
        websocket = await served.websocket(f"{SESSIONS}?accessToken={token()}")
        await websocket.send_message(samples_of("alice"))
        await trio.sleep(100)
        pipeline.room.set()

        assert await websocket.get_message() == "message"
        assert (await closed_with(websocket))[0] == 4224
        assert pipeline.client_ids == ["alice"]


async def test_a_session_whose_token_never_expires_stays_open(autojump_clock: MockClock) -> None:
    async with taking(sources(hs256(require_expiry=False)), wall_clock) as (served, pipeline):
        websocket = await served.websocket(f"{SESSIONS}?accessToken={token(exp=...)}")
        await trio.sleep(1000)
        await websocket.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()

    assert pipeline.client_ids == ["alice"]


async def test_one_session_too_many_of_a_token_is_closed(autojump_clock: MockClock) -> None:
    path = f"{SESSIONS}?accessToken={token()}"
    async with taking(sources(hs256(max_sessions_per_token=1)), wall_clock) as (served, pipeline):
        first = await served.websocket(path)
        await wait_all_tasks_blocked()
        second = await closed_with(await served.websocket(path))
        await first.aclose()
        await wait_all_tasks_blocked()
        third = await served.websocket(path)
        await third.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()

    assert second == (4228, "There are too many websocket registered for the same access token")
    assert pipeline.statistics.refused == {Refused.ACCESS_OVERUSED: 1}
    assert pipeline.client_ids == ["alice"]


async def test_samples_of_another_room_cost_only_themselves(autojump_clock: MockClock) -> None:
    async with taking(sources(), wall_clock) as (served, pipeline):
        websocket = await served.websocket(f"{SESSIONS}?accessToken={token(clientId='bob')}")
        await websocket.send_message(samples_of("alice"))
        await websocket.send_message(samples_of("bob"))
        await wait_all_tasks_blocked()
        await websocket.aclose()
        await wait_all_tasks_blocked()

        assert pipeline.client_ids == ["bob"]
        assert pipeline.taken[0].rejected == {Reason.NOT_AUTHORIZED: 1}
        assert pipeline.departures == [("svc", {"bob"})]


async def test_what_a_token_binds_need_not_be_said_again(autojump_clock: MockClock) -> None:
    async with taking(sources(), wall_clock) as (served, pipeline):
        websocket = await served.websocket(
            f"{SESSIONS}?accessToken={token(roomId='lobby', clientId='alice', userId='u')}"
        )
        await websocket.send_message('{"clientSamples": [{"timestamp": 1}]}')
        await wait_all_tasks_blocked()

    [client] = pipeline.taken[0].clients
    assert (client.client_id, client.room_id, client.user_id) == ("alice", "lobby", "u")


async def test_the_address_does_not_widen_a_token(autojump_clock: MockClock) -> None:
    async with taking(sources(), wall_clock) as (served, pipeline):
        websocket = await served.websocket(f"{SESSIONS}?roomId=other&accessToken={token(roomId='lobby')}")
        await websocket.send_message('{"clientSamples": [{"clientId": "alice", "timestamp": 1}]}')
        await wait_all_tasks_blocked()

    assert pipeline.taken[0].rejected == {Reason.NOT_AUTHORIZED: 1}


async def test_a_token_in_the_header_is_taken_by_post(autojump_clock: MockClock) -> None:
    async with taking(sources(), wall_clock) as (served, pipeline):
        answer = await post_with(served, f"Authorization: Bearer {token()}")

    assert answer.status == 200
    assert pipeline.client_ids == ["alice"]


@pytest.mark.parametrize(
    ("header", "query", "status", "challenge"),
    [
        ("", "", 401, "Bearer"),
        (f"Authorization: Bearer {token(OTHER_SECRET)}", "", 401, 'Bearer error="invalid_token"'),
        (
            "",
            f"?accessToken={token(exp=NOW)}",
            401,
            'Bearer error="invalid_token", error_description="It is expired"',
        ),
        (f"Authorization: Bearer {token(serviceId='other')}", "", 403, 'Bearer error="insufficient_scope"'),
    ],
)
async def test_a_post_without_a_good_token_is_refused(
    autojump_clock: MockClock, header: str, query: str, status: int, challenge: str
) -> None:
    async with taking(sources(), wall_clock) as (served, pipeline):
        answer = await post_with(served, *[header] if header else [], query=query)

    assert (answer.status, answer.headers["www-authenticate"]) == (status, challenge)
    assert pipeline.taken == []
    assert pipeline.statistics.messages[Transport.REST] == 0


async def test_who_shows_no_token_learns_nothing_else(autojump_clock: MockClock) -> None:
    async with taking(sources(), wall_clock) as (served, pipeline):
        pipeline.not_taken = pipeline.not_admitted = "It is night"
        answer = await post_with(served, query="?schemaVersion=9.9.9")
        closed = await closed_with(await served.websocket(f"{SESSIONS}?schemaVersion=9.9.9"))

    assert (answer.status, closed[0]) == (401, 4225)


async def test_posts_of_a_token_are_not_counted(autojump_clock: MockClock) -> None:
    async with taking(sources(hs256(max_sessions_per_token=1)), wall_clock) as (served, _):
        await served.websocket(f"{SESSIONS}?accessToken={token()}")
        await wait_all_tasks_blocked()

        assert (await post_with(served, query=f"?accessToken={token()}")).status == 200


async def test_a_page_of_another_origin_may_show_a_token() -> None:
    preflight = get(REST, "Origin: https://a.example", "Access-Control-Request-Method: POST", method="OPTIONS")
    async with taking(sources()) as (served, _):
        answer = await served.client().ask(preflight)

    assert answer.status == 204
    assert "authorization" in answer.headers["access-control-allow-headers"]
