"""Pages with rtcstats-js on the port for samples."""

import logging
import re
from urllib.parse import quote

import orjson
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from wsproto.events import TextMessage

from ingest import Kind, Rtcstats, Sources
from ingest.guest_statistics import TurnedAway
from tests.ingest.visiting import SECRET, Cluster, Visited, closed_with, created, signed, visiting
from tests.web.serving import RawSession

WITH_SECRET = Rtcstats(jwt_secret=SECRET)
NOW = 1_700_000_000


def with_token(token: str, path: str = "/rtcstats/lobby") -> str:
    return f"{path}?rtcstats-token={token}"


def clients(visited: Visited) -> list[tuple[str | None, str, str | None]]:
    return [(it.room_id, it.client_id, it.user_id) for samples in visited.pipeline.taken for it in samples.clients]


@pytest.mark.parametrize("subprotocol", ["rtcstats#5.0", "rtcstats#4.0", ""])
async def test_a_page_speaks_any_version_or_names_none(subprotocol: str) -> None:
    async with visiting() as visited:
        page = await visited.page(subprotocol=subprotocol)
        await page.send_message(created())
        await wait_all_tasks_blocked()

        assert page.subprotocol == (subprotocol or None)
        assert clients(visited) == [("lobby", "fresh-0", None)]


async def test_a_page_is_in_the_service_that_is_configured() -> None:
    async with visiting(Rtcstats(service_id="pages", media_unit_id="browsers")) as visited:
        await (await visited.page()).send_message(created())
        await wait_all_tasks_blocked()

        samples = visited.pipeline.taken[0]
        assert (samples.service_id, samples.media_unit_id) == ("pages", "browsers")
        assert visited.pipeline.sizes == [len(created())]


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("/rtcstats/team/daily%20call", "team/daily call"),
        ("/rtcstats/team/", "team"),
        ("/rtcstats", "fresh-0"),
        ("/rtcstats/NULL", "fresh-0"),
    ],
)
async def test_without_a_token_the_path_names_the_conference(path: str, room: str) -> None:
    async with visiting() as visited:
        await (await visited.page(path)).send_message(created())
        await wait_all_tasks_blocked()

        assert clients(visited) == [(room, "fresh-0", None)]


async def test_a_path_of_its_own_may_be_all_paths() -> None:
    async with visiting(Rtcstats(path="/{rest...}")) as visited:
        await (await visited.page("/page.html")).send_message(created())
        browser, _ = await visited.browser()
        await wait_all_tasks_blocked()

        assert clients(visited) == [("page.html", "fresh-0", None)]
        assert browser.subprotocol == "3.1_STANDARD"


@pytest.mark.parametrize("path", [f"/rtcstats/{'r' * 300}", "/rtcstats/a%0Ab"])
async def test_a_path_that_can_be_no_room_is_turned_away(path: str) -> None:
    async with visiting() as visited:
        assert await closed_with(await visited.page(path)) == 1008
        assert visited.statistics.turned_away == {(Kind.RTCSTATS, TurnedAway.ID_INVALID): 1}


async def test_a_token_names_user_session_and_conference() -> None:
    async with visiting(WITH_SECRET) as visited:
        await (await visited.page(with_token(signed(exp=NOW + 60)))).send_message(created())
        await wait_all_tasks_blocked()

        assert clients(visited) == [("room-1", "sess-1", "alice")]
        assert visited.dumps[0].began.identity == {"user": "alice", "session": "sess-1", "conference": "room-1"}


async def test_what_a_token_leaves_out_is_as_without_one() -> None:
    async with visiting(WITH_SECRET) as visited:
        await (await visited.page(with_token(signed({"user": "alice"})))).send_message(created())
        await wait_all_tasks_blocked()

        assert clients(visited) == [("lobby", "fresh-0", "alice")]


@pytest.mark.parametrize(
    "token",
    [
        signed(secret="another secret that nobody knows"),
        signed(algorithm="none"),
        signed(algorithm="HS512"),
        signed(exp=NOW - 31),
        signed(nbf=NOW + 31),
        signed(exp="soon"),
        signed(exp=-1),
        signed({"session": ["sess-1"]}),
        signed({"session": "s" * 300}),
        signed({"session": "a\nb"}),
        signed() + "A",
        signed().rpartition(".")[0] + ".",
        "a.b.c",
        "..",
        "x" * 5000,
        "\u00e4.b.c",
    ],
)
async def test_who_has_an_invalid_token_is_closed_once_open(token: str) -> None:
    async with visiting(Rtcstats(jwt_secret=SECRET, require_jwt=False)) as visited:
        page = await visited.page(with_token(quote(token)))

        assert await closed_with(page) == 1008
        assert visited.statistics.turned_away == {(Kind.RTCSTATS, TurnedAway.ACCESS_INVALID): 1}
        assert visited.dumps == []


@pytest.mark.parametrize("token", [signed(exp=NOW - 29), signed(nbf=NOW + 29), signed(exp=NOW + 0.5), signed()])
async def test_a_token_is_good_as_far_as_clocks_may_differ(token: str) -> None:
    async with visiting(WITH_SECRET) as visited:
        await (await visited.page(with_token(token))).send_message(created())
        await wait_all_tasks_blocked()

        assert clients(visited) == [("room-1", "sess-1", "alice")]


async def test_who_has_no_token_is_closed_where_one_is_required() -> None:
    async with visiting(WITH_SECRET) as visited:
        assert await closed_with(await visited.page()) == 1008
        assert visited.statistics.turned_away == {(Kind.RTCSTATS, TurnedAway.ACCESS_REQUIRED): 1}


async def test_who_has_no_token_is_taken_where_none_is_required() -> None:
    async with visiting(Rtcstats(jwt_secret=SECRET, require_jwt=False)) as visited:
        await (await visited.page()).send_message(created())
        await wait_all_tasks_blocked()

        assert clients(visited) == [("lobby", "fresh-0", None)]


async def test_a_former_secret_is_good_as_well() -> None:
    async with visiting(Rtcstats(jwt_secret="the secret of this year", former_jwt_secret=SECRET)) as visited:
        await (await visited.page(with_token(signed()))).send_message(created())
        await wait_all_tasks_blocked()

        assert clients(visited) == [("room-1", "sess-1", "alice")]


async def test_without_a_secret_nobody_is_believed() -> None:
    async with visiting() as visited:
        await (await visited.page(with_token(signed(secret="anybody's")))).send_message(created())
        await wait_all_tasks_blocked()

        assert clients(visited) == [("lobby", "fresh-0", None)]


@pytest.mark.parametrize("parameter", ["rtcstats-token", "rtcstats%2Dtoken", "rtcstats%2dtok%65n"])
async def test_a_token_reaches_neither_logs_nor_dumps(caplog: pytest.LogCaptureFixture, parameter: str) -> None:
    caplog.set_level(logging.DEBUG)
    token = signed()
    async with visiting(WITH_SECRET) as visited:
        page = await visited.page(f"/rtcstats/lobby?a=1&{parameter}={token}&b=2")
        await page.send_message(created())
        await wait_all_tasks_blocked()

        assert visited.dumps[0].began.target == f"/rtcstats/lobby?a=1&{parameter}=obfuscated&b=2"
        signature = token.rpartition(".")[2]
        assert signature not in caplog.text
        assert signature not in repr(visited.dumps)


async def test_a_dump_has_each_message_as_it_came_and_the_close() -> None:
    async with visiting() as visited:
        page = await visited.page()
        await page.send_message(created())
        await page.send_message(b'["websocket",null,{"connectionTime": 14},18]')
        await page.aclose(1000)
        await wait_all_tasks_blocked()

        (dump,) = visited.dumps
        assert dump.lines == [created().encode(), b'["websocket",null,{"connectionTime": 14},18]']
        assert dump.closed == (b'["close",null,1000,0]', NOW * 1000)
        began = dump.began
        assert (began.origin, began.user_agent, began.protocol) == ("https://app.example", "Browser/1", "rtcstats#5.0")


async def test_a_page_that_says_no_code_is_closed_with_1005() -> None:
    async with visiting() as visited:
        raw = await RawSession(visited.served.client()).open("/rtcstats/lobby")
        await raw.send(TextMessage(created()))
        await raw.client.stream.send_all(b"\x88\x80\0\0\0\0")
        await wait_all_tasks_blocked()

        assert visited.dumps[0].closed == (b'["close",null,1005,0]', NOW * 1000)


async def test_a_page_that_is_gone_is_closed_with_1006() -> None:
    async with visiting() as visited:
        raw = await RawSession(visited.served.client()).open("/rtcstats/lobby")
        await raw.client.stream.aclose()
        await wait_all_tasks_blocked()

        assert visited.dumps[0].closed == (b'["close",null,1006,0]', NOW * 1000)


@pytest.mark.parametrize(
    "bad", ["this is not json", "", "[" * 1000, "\x00", '["getStats"', "[NaN]", '{"a":1}x', "Infinity"]
)
async def test_a_bad_message_costs_only_itself(bad: str) -> None:
    async with visiting() as visited:
        page = await visited.page()
        await page.send_message(bad)
        await page.send_message(created())
        await wait_all_tasks_blocked()

        assert clients(visited) == [("lobby", "fresh-0", None)]
        assert visited.dumps[0].lines == [created().encode()]
        assert visited.skipped("malformed") == 1


@pytest.mark.parametrize("other", ["null", '{"a":1}', "[]", '["a"]', "7", '"text"'])
async def test_what_is_no_message_but_json_is_written_down_all_the_same(other: str) -> None:
    async with visiting() as visited:
        page = await visited.page()
        await page.send_message(other)
        await page.send_message(created())
        await wait_all_tasks_blocked()

        assert visited.dumps[0].lines == [other.encode(), created().encode()]
        assert clients(visited) == [("lobby", "fresh-0", None)]
        assert visited.skipped("malformed") == 1


async def test_a_frame_may_hold_several_lines() -> None:
    async with visiting() as visited:
        page = await visited.page()
        await page.send_message(f'{created()}\nnonsense\r\n\n[":custom",null,{{}},5]')
        await wait_all_tasks_blocked()

        assert visited.dumps[0].lines == [created().encode(), b'[":custom",null,{},5]']
        assert visited.statistics.messages == {Kind.RTCSTATS: 1}
        assert visited.skipped("malformed") == 1


async def test_a_message_with_breaks_of_lines_becomes_one_line() -> None:
    async with visiting() as visited:
        page = await visited.page()
        await page.send_message('[":custom",\r\n null,{},\n1700000000000]')
        await wait_all_tasks_blocked()

        assert [orjson.loads(line) for line in visited.dumps[0].lines] == [[":custom", None, {}, 1_700_000_000_000]]
        assert b"\n" not in visited.dumps[0].lines[0]


async def test_a_frame_of_very_many_lines_is_read_in_part() -> None:
    async with visiting() as visited:
        page = await visited.page()
        await page.send_message("1\n" * 5000)
        await wait_all_tasks_blocked()

        assert visited.skipped("malformed") == 5000


async def test_a_frame_that_is_too_long_closes_its_socket() -> None:
    async with visiting(Rtcstats(max_frame_size=100)) as visited:
        page = await visited.page()
        await page.send_message(" " * 101)

        assert await closed_with(page) == 1009


REPORT = {"0": {"11": "video", "10": 77, "type": 1, "17": "track", "14": 5, "41": 100}, "t": 1_700_000_000_100}
CHANGED = {"0": {"14": 9, "41": 300}, "t": 1_700_000_001_100}


async def test_a_session_that_comes_back_goes_on_from_what_is_remembered() -> None:
    async with visiting(WITH_SECRET) as visited:
        first = await visited.page(with_token(signed()))
        await first.send_message(created())
        await first.send_message('[39,"PC_0",{},10]')
        await first.send_message(f'["g","PC_0",{orjson.dumps(REPORT).decode()},100]')
        await first.aclose()
        second = await visited.page(with_token(signed()))
        await second.send_message(f'["g","PC_0",{orjson.dumps(CHANGED).decode()},1700000001100]')
        await wait_all_tasks_blocked()

        (track,) = visited.pipeline.taken[-1].clients[0].tracks
        assert (track.ssrc, track.peer_connection_id) == (77, "sess-1:PC_0")
        assert visited.statistics.resumed_sessions == {Kind.RTCSTATS: 1}
        assert visited.statistics.opened_sessions == {Kind.RTCSTATS: 1}
        assert len(visited.dumps) == 2


async def test_a_session_is_remembered_for_a_while_only(autojump_clock: MockClock) -> None:
    async with visiting(Rtcstats(jwt_secret=SECRET, remember_in_s=100)) as visited:
        await (await visited.page(with_token(signed()))).aclose()
        await wait_all_tasks_blocked()
        assert visited.statistics.remembered_sessions[Kind.RTCSTATS] == 1
        await trio.sleep(102)

        assert visited.statistics.remembered_sessions[Kind.RTCSTATS] == 0
        visited.cluster.clear()
        await visited.page(with_token(signed()))
        await wait_all_tasks_blocked()
        assert visited.statistics.opened_sessions == {Kind.RTCSTATS: 2}


async def test_only_so_many_sessions_are_remembered() -> None:
    async with visiting(Rtcstats(jwt_secret=SECRET, max_remembered_sessions=1)) as visited:
        for session in ("a", "b"):
            await (await visited.page(with_token(signed({"session": session})))).aclose()
        await wait_all_tasks_blocked()

        assert visited.statistics.remembered_sessions[Kind.RTCSTATS] == 1
        assert visited.statistics.forgotten_sessions == {Kind.RTCSTATS: 1}


async def test_nobody_can_come_back_to_a_session_without_a_name() -> None:
    async with visiting() as visited:
        await (await visited.page()).aclose()
        await wait_all_tasks_blocked()

        assert visited.statistics.remembered_sessions.total() == 0


async def test_the_newer_socket_of_a_session_takes_it_over() -> None:
    async with visiting(WITH_SECRET) as visited:
        older = await visited.page(with_token(signed()))
        await older.send_message(created())
        newer = await visited.page(with_token(signed()))

        assert await closed_with(older) == 1008
        await newer.send_message('[":custom",null,{},1700000000100]')
        await wait_all_tasks_blocked()
        assert [it[1] for it in clients(visited)] == ["sess-1", "sess-1"]
        assert visited.pipeline.departures == []
        assert visited.statistics.open_sessions == {Kind.RTCSTATS: 1}
        assert visited.statistics.turned_away == {(Kind.RTCSTATS, TurnedAway.SESSION_TAKEN_OVER): 1}


async def test_a_session_in_another_conference_begins_anew() -> None:
    async with visiting(WITH_SECRET) as visited:
        older = await visited.page(with_token(signed()))
        await visited.page(with_token(signed({"session": "sess-1", "conference": "room-2"})))

        assert await closed_with(older) == 1008
        await wait_all_tasks_blocked()
        assert visited.statistics.opened_sessions == {Kind.RTCSTATS: 2}
        assert visited.statistics.open_sessions == {Kind.RTCSTATS: 1}
        assert visited.statistics.remembered_sessions.total() == 0


async def test_the_client_of_a_socket_that_closes_has_departed() -> None:
    async with visiting() as visited:
        page = await visited.page()
        await page.send_message(created())
        await page.aclose()
        await wait_all_tasks_blocked()

        assert visited.pipeline.departures == [("rtcstats", {"fresh-0"})]
        assert visited.statistics.open_sockets == {Kind.RTCSTATS: 0}
        assert visited.statistics.open_sessions == {Kind.RTCSTATS: 0}


async def test_nobody_departs_because_the_node_stops() -> None:
    async with visiting() as visited:
        page = await visited.page()
        await page.send_message(created())
        await wait_all_tasks_blocked()
        visited.served.nursery.start_soon(visited.served.server.close, 5)

        assert await closed_with(page) == 1001
        await page.aclose()
        await wait_all_tasks_blocked()
        assert visited.pipeline.departures == []
        assert visited.dumps[0].closed == (b'["close",null,1001,0]', NOW * 1000)


async def test_nobody_departs_whom_a_node_that_stops_cuts_off(autojump_clock: MockClock) -> None:
    async with visiting() as visited:
        visited.pipeline.room = trio.Event()
        page = await visited.page()
        await page.send_message(created())
        await wait_all_tasks_blocked()
        await visited.served.server.close(5)

        assert visited.statistics.open_sockets[Kind.RTCSTATS] == 0
        assert visited.pipeline.departures == []


async def test_a_page_that_is_not_admitted_is_closed() -> None:
    async with visiting() as visited:
        visited.pipeline.not_admitted = "The service is not ready"

        assert await closed_with(await visited.page()) == 1013
        assert visited.statistics.turned_away == {(Kind.RTCSTATS, TurnedAway.NOT_READY): 1}


async def test_only_so_many_pages_are_connected_at_once() -> None:
    async with visiting(Rtcstats(max_sockets=1)) as visited:
        first = await visited.page()
        assert await closed_with(await visited.page("/rtcstats/other")) == 1013
        await first.aclose()
        await wait_all_tasks_blocked()

        await (await visited.page()).send_message(created())
        await wait_all_tasks_blocked()
        assert len(clients(visited)) == 1


async def test_a_page_is_not_read_while_there_is_no_room() -> None:
    async with visiting() as visited:
        visited.pipeline.room = trio.Event()
        page = await visited.page()
        for number in range(20):
            await page.send_message(f'[":custom",null,{{"n":{number}}},{1_700_000_000_000 + number}]')
        await wait_all_tasks_blocked()
        waiting = visited.statistics.messages[Kind.RTCSTATS]
        visited.pipeline.room.set()
        await wait_all_tasks_blocked()

        assert waiting == 1
        assert len(clients(visited)) == 20


async def test_a_page_is_not_read_while_its_dump_has_no_room() -> None:
    async with visiting() as visited:
        page = await visited.page()
        await wait_all_tasks_blocked()
        visited.dumps[0].room = trio.Event()
        for _ in range(5):
            await page.send_message(created())
        await wait_all_tasks_blocked()
        waiting = visited.statistics.messages[Kind.RTCSTATS]
        visited.dumps[0].room.set()
        await wait_all_tasks_blocked()

        assert (waiting, visited.statistics.messages[Kind.RTCSTATS]) == (1, 5)


async def test_a_service_that_is_not_allowed_is_not_taken() -> None:
    async with visiting(sources=Sources(allowed_service_ids=["svc"])) as visited:
        page = await visited.page()
        await page.send_message(created())
        await page.aclose()
        await wait_all_tasks_blocked()

        assert clients(visited) == []
        assert visited.pipeline.departures == []


async def test_the_addresses_of_a_page_are_those_that_proxies_tell() -> None:
    async with visiting() as visited:
        await RawSession(visited.served.client()).open("/rtcstats/lobby")
        raw = visited.served.client()
        await raw.ask(
            b"GET /rtcstats/lobby HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"X-Forwarded-For: 203.0.113.77, 10.1.2.3\r\n\r\n"
        )
        await wait_all_tasks_blocked()

        assert [dump.began.addresses for dump in visited.dumps] == [(), ("203.0.113.77", " 10.1.2.3")]


async def test_without_dumps_samples_are_taken_all_the_same() -> None:
    async with visiting(dumping=False) as visited:
        await (await visited.page()).send_message(created())
        await wait_all_tasks_blocked()

        assert visited.dumps == []
        assert len(clients(visited)) == 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"jwt_secret": "too short"}, "jwtSecret is too short"),
        ({"jwt_secret": SECRET, "former_jwt_secret": "short"}, "formerJwtSecret is too short"),
        ({"former_jwt_secret": SECRET}, "of no use without jwtSecret"),
        ({"path": "rtcstats"}, "path must begin with /"),
        ({"path": "/{room}/x"}, "may end in {rest...}"),
        ({"path": "/x?y"}, "path must begin with /"),
    ],
)
def test_settings_that_cannot_serve_are_told(settings: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        Rtcstats(**settings)  # type: ignore[arg-type]  # of one type each


async def test_a_session_goes_on_at_another_node(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    async with visiting(WITH_SECRET, cluster=cluster) as left:
        page = await left.page(with_token(signed()))
        await page.send_message(created())
        await page.send_message('[39,"PC_0",{},10]')
        await page.send_message(f'["g","PC_0",{orjson.dumps(REPORT).decode()},100]')
        await trio.sleep(2)
    async with visiting(WITH_SECRET, cluster=cluster) as visited:
        page = await visited.page(with_token(signed()))
        await page.send_message(f'["g","PC_0",{orjson.dumps(CHANGED).decode()},1700000001100]')
        await wait_all_tasks_blocked()

        (track,) = visited.pipeline.taken[-1].clients[0].tracks
        assert (track.ssrc, track.peer_connection_id) == (77, "sess-1:PC_0")
        assert visited.statistics.resumed_sessions == {Kind.RTCSTATS: 1}


async def test_what_a_session_needs_is_known_once_its_node_has_stopped() -> None:
    async with visiting(WITH_SECRET) as visited:
        page = await visited.page(with_token(signed()))
        await page.send_message('[39,"PC_0",{},1700000000000]')
        await page.send_message(f'["g","PC_0",{orjson.dumps(REPORT).decode()},100]')
        await wait_all_tasks_blocked()
        visited.served.nursery.start_soon(visited.served.server.close, 5)
        await closed_with(page)
        await page.aclose()
        await wait_all_tasks_blocked()

        assert {*visited.cluster} == {("rtcstats-base", "sess-1")}


async def test_of_sessions_without_a_name_no_other_node_is_told(autojump_clock: MockClock) -> None:
    async with visiting() as visited:
        page = await visited.page()
        await page.send_message(f'["g","PC_0",{orjson.dumps(REPORT).decode()},1700000000100]')
        await trio.sleep(3)

        assert visited.cluster == {}
