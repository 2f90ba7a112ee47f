"""Clients of Jitsi's rtcstats on the port for samples."""

import orjson
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from trio_websocket import WebSocketConnection

from ingest import Jitsi, Kind, Sources
from ingest.guest_statistics import TurnedAway
from tests.ingest.visiting import Cluster, Visited, closed_with, entry, envelope, identity, visiting

OFTEN = Jitsi(acknowledge_every_in_s=0)
NOW = 1_700_000_000_000


def clients(visited: Visited) -> list[tuple[str | None, str, str | None]]:
    return [(it.room_id, it.client_id, it.user_id) for samples in visited.pipeline.taken for it in samples.clients]


async def said(websocket: WebSocketConnection) -> dict[str, object]:
    """What a client is told next."""
    message: dict[str, object] = orjson.loads(await websocket.get_message())
    return message


@pytest.mark.parametrize("subprotocol", ["3.1_STANDARD", "3.0_STANDARD", "3.0_JVB", "1.0_JICOFO", "4.0_STANDARD"])
async def test_a_client_is_told_at_once_that_it_may_begin(subprotocol: str) -> None:
    async with visiting() as visited:
        browser, seq = await visited.browser(subprotocol=subprotocol)

        assert seq == 0
        assert browser.subprotocol == subprotocol


async def test_a_client_without_a_subprotocol_is_told_as_well() -> None:
    async with visiting() as visited:
        browser, seq = await visited.browser(subprotocol="")

        assert (browser.subprotocol, seq) == (None, 0)


async def test_the_conference_is_the_room() -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser(room="Elsewhere")
        await browser.send_message(identity(userId="ann-1"))
        await browser.send_message(entry(2))
        await wait_all_tasks_blocked()

        assert {*clients(visited)} == {("lobby", "s-1", "ann-1")}
        assert visited.pipeline.taken[0].service_id == "jitsi"


@pytest.mark.parametrize(("room", "named"), [("Tenant/Room", "tenant/room"), ("", "s-1"), ("x" * 300, "s-1")])
async def test_before_an_identity_the_path_names_the_room(room: str, named: str) -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser(room=room)
        await browser.send_message(entry(1))
        await wait_all_tasks_blocked()

        assert clients(visited) == [(named, "s-1", None)]


async def test_messages_may_come_together_and_in_parts() -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        stream = identity() + entry(2) + entry(3)
        for at in range(0, len(stream), 100):
            await browser.send_message(stream[at : at + 100].encode())
        await wait_all_tasks_blocked()

        assert [orjson.loads(line)[4] for line in visited.dumps[0].lines] == [1, 2, 3]


async def test_a_dump_has_each_message_as_it_came() -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await browser.send_message(envelope("s-1", "stats-entry", '["logs", null, [1.50],\n 1700000000001, 2]'))
        await browser.send_message(envelope("s-1", "keepalive"))
        await browser.aclose(3001)
        await wait_all_tasks_blocked()

        (dump,) = visited.dumps
        assert orjson.loads(dump.lines[0])[0] == "identity"
        assert dump.lines[1:] == [b'["logs", null, [1.50],  1700000000001, 2]']
        assert dump.identity["displayName"] == "Ann"
        assert (dump.began.id, dump.began.client, dump.began.protocol) == ("s-1", "rtcstats", "3.1_STANDARD")
        assert dump.began.target == "/jitsi/lobby?statsSessionId=s-1&isReconnect=false"
        assert dump.closed == (None, NOW)


@pytest.mark.parametrize("message", [envelope("s-1", "keepalive"), envelope("s-1", "close"), envelope("s-1", "bogus")])
async def test_a_session_that_says_nothing_leaves_no_dump(message: str) -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message(message)
        await wait_all_tasks_blocked()

        assert visited.dumps == []
        assert visited.statistics.open_sessions.total() == 0


@pytest.mark.parametrize(
    ("subprotocol", "kind"),
    [("3.0_JVB", "jvb"), ("1.0_JICOFO", "jicofo"), ("1.0_JIGASI", "jigasi"), ("1.0_JIBRI", "jibri"), ("", "unknown")],
)
async def test_sessions_of_servers_are_written_down_and_no_clients(subprotocol: str, kind: str) -> None:
    async with visiting() as visited:
        server, _ = await visited.browser(subprotocol=subprotocol)
        await server.send_message(envelope("s-1", "identity", {"confName": "room@conference.x", "endpoints": []}))
        await server.send_message(envelope("s-1", "stats-entry", '["confData",null,{"a":1},5]'))
        await wait_all_tasks_blocked()

        (dump,) = visited.dumps
        assert dump.began.client == kind
        assert [orjson.loads(line) for line in dump.lines] == [
            {
                "statsSessionId": "s-1",
                "type": "identity",
                "data": {"confName": "room@conference.x", "endpoints": []},
                "timestamp": NOW,
            },
            {
                "statsSessionId": "s-1",
                "type": "stats-entry",
                "data": '["confData",null,{"a":1},5]',
                "timestamp": NOW,
            },
        ]
        assert dump.identity == {"confName": "room@conference.x"}
        assert visited.pipeline.taken == []


async def test_a_message_after_the_close_begins_another_dump() -> None:
    async with visiting() as visited:
        server, _ = await visited.browser(subprotocol="1.0_JICOFO")
        await server.send_message(envelope("s-1", "stats-entry", "[1]"))
        await server.send_message(envelope("s-1", "close"))
        await server.send_message(envelope("s-1", "stats-entry", "[2]"))
        await wait_all_tasks_blocked()

        assert [dump.began.id for dump in visited.dumps] == ["s-1", "s-1"]
        assert [dump.closed is not None for dump in visited.dumps] == [True, False]


async def test_a_socket_may_bring_many_sessions() -> None:
    async with visiting() as visited:
        server, _ = await visited.browser("", subprotocol="3.0_JVB")
        for id_ in ("a", "b", "c"):
            await server.send_message(envelope(id_, "stats-entry", "[1]"))
        await server.aclose(3001)
        await wait_all_tasks_blocked()

        assert [dump.began.id for dump in visited.dumps] == ["a", "b", "c"]
        assert all(dump.closed for dump in visited.dumps)


@pytest.mark.parametrize(("subprotocol", "most"), [("3.0_JVB", 3), ("3.1_STANDARD", 10)])
async def test_only_so_many_sessions_of_a_socket_are_heard(subprotocol: str, most: int) -> None:
    async with visiting(jitsi=Jitsi(max_sessions_per_socket=3)) as visited:
        socket, _ = await visited.browser(subprotocol=subprotocol)
        for number in range(12):
            await socket.send_message(entry(1, f"s{number}"))
        await wait_all_tasks_blocked()

        assert len(visited.dumps) == most
        assert visited.skipped("too_many_sessions") == 12 - most


@pytest.mark.parametrize(
    "bad",
    [
        "not json",
        "[1]",
        "{}",
        '{"statsSessionId":"s-1"}',
        '{"statsSessionId":"../../etc/passwd","type":"identity"}',
        '{"statsSessionId":"s-1","type":"identity","data":5}',
        '{"statsSessionId":"s-1","type":"stats-entry","data":{"a":1}}',
        '{"statsSessionId":"s-1","type":"stats-entry","data":"[1,"}',
        '{"statsSessionId":"s-1","type":"bogus"}',
        "{" * 200,
        "\x00",
    ],
)
async def test_a_bad_message_costs_only_itself(bad: str) -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message(entry(1))
        await browser.send_message(bad)
        await browser.send_message(entry(2))
        await wait_all_tasks_blocked()

        assert [orjson.loads(line)[4] for line in visited.dumps[0].lines] == [1, 2]
        assert visited.statistics.skipped.total() == 1


async def test_a_server_that_nests_too_deep_costs_only_its_message() -> None:
    async with visiting() as visited:
        server, _ = await visited.browser(subprotocol="3.0_JVB")
        await server.send_message('{"statsSessionId":"a","type":"identity","data":' + "[" * 800 + "]" * 800 + "}")
        await server.send_message(envelope("a", "stats-entry", "[1]"))
        await wait_all_tasks_blocked()

        assert len(visited.dumps[0].lines) == 1


async def test_who_leaves_the_conference_has_left_at_once() -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await browser.aclose(3001)
        await wait_all_tasks_blocked()

        assert visited.pipeline.taken[-1].leaving == {"s-1"}
        assert visited.pipeline.departures == []
        assert visited.statistics.remembered_sessions.total() == 0


async def test_who_says_close_has_left_at_once() -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await browser.send_message(envelope("s-1", "close"))
        await wait_all_tasks_blocked()

        assert visited.pipeline.taken[-1].leaving == {"s-1"}
        assert visited.dumps[0].closed is not None
        await browser.aclose()
        await wait_all_tasks_blocked()
        assert visited.pipeline.departures == []


@pytest.mark.parametrize("code", [1000, 1001, 3000, 3002])
async def test_who_closes_otherwise_may_come_back(code: int) -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await browser.aclose(code)
        await wait_all_tasks_blocked()

        assert visited.pipeline.departures == [("jitsi", {"s-1"})]
        assert visited.pipeline.taken[-1].leaving == set()
        assert visited.dumps[0].closed is None
        assert visited.statistics.remembered_sessions[Kind.JITSI] == 1


async def test_a_session_goes_on_where_its_dump_ends() -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        for message in (identity(), entry(2), entry(3)):
            await browser.send_message(message)
        await browser.aclose(1001)
        await wait_all_tasks_blocked()
        browser, seq = await visited.browser(back=True)
        await browser.send_message(entry(4))
        await wait_all_tasks_blocked()

        assert seq == 3
        (dump,) = visited.dumps
        assert [orjson.loads(line)[4] for line in dump.lines] == [1, 2, 3, 4]
        assert {room for room, _, _ in clients(visited)} == {"lobby"}
        assert visited.statistics.resumed_sessions == {Kind.JITSI: 1}
        assert visited.statistics.gaps.total() == 0


async def test_what_is_not_on_disk_is_sent_again_and_taken_once() -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await wait_all_tasks_blocked()
        visited.dumps[0].slow = True
        await browser.send_message(entry(2))
        await browser.aclose(1001)
        await wait_all_tasks_blocked()
        browser, seq = await visited.browser(back=True)
        for number in range(seq + 1, 4):
            await browser.send_message(entry(number))
        await wait_all_tasks_blocked()

        assert seq == 1
        assert [orjson.loads(line)[4] for line in visited.dumps[0].lines] == [1, 2, 3]
        assert visited.skipped("told_before") == 1


async def test_a_client_is_told_up_to_where_its_messages_are_kept(autojump_clock: MockClock) -> None:
    async with visiting(jitsi=OFTEN) as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await browser.send_message(entry(2))
        await trio.sleep(1.5)
        await browser.send_message(envelope("s-1", "keepalive"))

        assert await said(browser) == {"type": "sn", "body": {"value": 2, "state": "acknowledged"}}
        assert visited.statistics.acknowledgements == {Kind.JITSI: 1}


async def test_what_is_not_on_disk_is_not_acknowledged(autojump_clock: MockClock) -> None:
    async with visiting(jitsi=OFTEN) as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await trio.sleep(0.5)
        visited.dumps[0].slow = True
        await browser.send_message(entry(2))
        await trio.sleep(5)
        await browser.send_message(entry(3))

        assert (await said(browser))["body"] == {"value": 1, "state": "acknowledged"}


async def test_what_the_cluster_does_not_know_is_not_acknowledged(autojump_clock: MockClock) -> None:
    class Deaf(Cluster):
        def keep(self, kind: str, key: str, value: bytes, ttl_ms: int) -> bool:
            return False

    async with visiting(jitsi=OFTEN, cluster=Deaf()) as visited:
        browser, _ = await visited.browser()
        for number in range(1, 5):
            await browser.send_message(entry(number))
            await trio.sleep(2)

        assert len(visited.dumps[0].lines) == 4
        assert visited.statistics.acknowledgements.total() == 0


async def test_without_dumps_what_was_taken_is_acknowledged(autojump_clock: MockClock) -> None:
    async with visiting(jitsi=OFTEN, dumping=False) as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await browser.send_message(entry(2))
        await trio.sleep(1.5)
        await browser.send_message(entry(3))

        assert (await said(browser))["body"] == {"value": 2, "state": "acknowledged"}


async def test_without_dumps_what_waits_for_room_is_not_acknowledged(autojump_clock: MockClock) -> None:
    async with visiting(jitsi=OFTEN, dumping=False) as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await trio.sleep(1.5)
        visited.pipeline.room = trio.Event()
        await browser.send_message(entry(2))
        await trio.sleep(5)

        assert orjson.loads(visited.cluster["jitsi", "s-1"])["seq"] == 1


async def test_acknowledgements_are_not_sent_more_often_than_said(autojump_clock: MockClock) -> None:
    async with visiting(jitsi=Jitsi(acknowledge_every_in_s=5)) as visited:
        browser, _ = await visited.browser()
        for number in range(1, 30):
            await browser.send_message(entry(number))
            await trio.sleep(0.5)

        assert visited.statistics.acknowledgements[Kind.JITSI] == 2


async def test_a_session_goes_on_at_another_node(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    async with visiting(cluster=cluster) as left:
        browser, _ = await left.browser(room="x")
        for message in (identity(userId="ann-1"), entry(2), entry(3)):
            await browser.send_message(message)
        await trio.sleep(2)
    async with visiting(cluster=cluster) as visited:
        browser, seq = await visited.browser(back=True, room="x")
        for number in (3, 4):
            await browser.send_message(entry(number))
        await wait_all_tasks_blocked()

        assert seq == 3
        assert clients(visited) == [("lobby", "s-1", "ann-1")]
        assert visited.statistics.resumed_sessions == {Kind.JITSI: 1}
        assert visited.statistics.opened_sessions == {}


async def test_a_node_that_hears_again_what_is_kept_does_not_say_that_less_is(autojump_clock: MockClock) -> None:
    cluster = Cluster({("jitsi", "s-1"): b'{"seq":50,"roomId":"lobby","userId":null}'})
    async with visiting(cluster=cluster) as visited:
        browser, seq = await visited.browser(back=True)
        await browser.send_message(entry(49))
        await trio.sleep(2)
        again = visited.cluster["jitsi", "s-1"]
        await browser.send_message(entry(51))
        await trio.sleep(2)

        assert seq == 50
        assert orjson.loads(again)["seq"] == 50
        assert orjson.loads(visited.cluster["jitsi", "s-1"])["seq"] == 51


async def test_what_is_missing_between_two_messages_is_counted() -> None:
    async with visiting(cluster=Cluster({("jitsi", "s-1"): b'{"seq":5}'})) as visited:
        browser, _ = await visited.browser(back=True)
        for number in (8, 9, 11):
            await browser.send_message(entry(number))
        await wait_all_tasks_blocked()

        assert visited.statistics.gaps == {Kind.JITSI: 2}
        assert visited.statistics.missing_messages == {Kind.JITSI: 3}


@pytest.mark.parametrize(
    "value", [b"", b"7", b"[]", b'{"seq":"x"}', b'{"seq":-1}', b'{"seq":true}', b'{"seq":9,"roomId":7}', b"\xff"]
)
async def test_what_the_cluster_holds_may_be_anything(value: bytes) -> None:
    async with visiting(cluster=Cluster({("jitsi", "s-1"): value})) as visited:
        browser, seq = await visited.browser(back=True)
        await browser.send_message(entry(10))
        await wait_all_tasks_blocked()

        assert seq in (0, 9)
        assert clients(visited) == [("lobby", "s-1", None)]


async def test_a_session_that_idles_stays_known_to_the_cluster(autojump_clock: MockClock) -> None:
    async with visiting(jitsi=Jitsi(resume_in_s=100)) as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await trio.sleep(2)
        visited.cluster.clear()
        await trio.sleep(30)
        await browser.send_message(envelope("s-1", "keepalive"))
        await trio.sleep(2)

        assert orjson.loads(visited.cluster["jitsi", "s-1"])["seq"] == 1


async def test_a_session_in_use_is_not_given_to_who_does_not_come_back() -> None:
    async with visiting() as visited:
        owner, _ = await visited.browser()
        await owner.send_message(identity())
        await wait_all_tasks_blocked()
        other = await visited.socket("/jitsi/lobby?statsSessionId=s-1&isReconnect=false", "3.1_STANDARD")

        assert await closed_with(other) == 3001
        await owner.send_message(entry(2))
        await wait_all_tasks_blocked()
        assert len(visited.dumps[0].lines) == 2
        assert visited.statistics.turned_away == {(Kind.JITSI, TurnedAway.SESSION_IN_USE): 1}


async def test_who_comes_back_takes_its_session_over() -> None:
    async with visiting() as visited:
        older, _ = await visited.browser()
        await older.send_message(identity())
        await wait_all_tasks_blocked()
        newer, seq = await visited.browser(back=True)

        assert seq == 1
        assert await closed_with(older) == 1008
        await newer.send_message(entry(2))
        await wait_all_tasks_blocked()
        assert [orjson.loads(line)[4] for line in visited.dumps[0].lines] == [1, 2]
        assert visited.pipeline.departures == []
        assert visited.statistics.open_sessions == {Kind.JITSI: 1}


async def test_messages_of_a_session_in_use_are_not_heard_from_another_socket() -> None:
    async with visiting() as visited:
        owner, _ = await visited.browser()
        await owner.send_message(identity())
        await wait_all_tasks_blocked()
        other, _ = await visited.browser("other")
        await other.send_message(entry(2))
        await other.send_message(entry(1, "other"))
        await wait_all_tasks_blocked()

        assert len(visited.dumps[0].lines) == 1
        assert visited.dumps[1].began.id == "other"
        assert visited.skipped("session_in_use") == 1


async def test_a_server_keeps_its_other_sessions_when_one_goes_on_elsewhere() -> None:
    async with visiting() as visited:
        older, _ = await visited.browser("", subprotocol="3.0_JVB")
        for id_ in ("a", "b"):
            await older.send_message(envelope(id_, "stats-entry", "[1]"))
        await wait_all_tasks_blocked()
        newer, _ = await visited.browser("", back=True, subprotocol="3.0_JVB")
        await newer.send_message(envelope("a", "stats-entry", "[2]"))
        await older.send_message(envelope("b", "stats-entry", "[2]"))
        await wait_all_tasks_blocked()

        assert [len(dump.lines) for dump in visited.dumps] == [2, 2]


async def test_a_session_that_does_not_come_back_is_forgotten(autojump_clock: MockClock) -> None:
    async with visiting(jitsi=Jitsi(remember_in_s=50)) as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await browser.aclose(1001)
        await trio.sleep(52)

        assert visited.dumps[0].closed == (None, NOW)
        assert visited.statistics.remembered_sessions[Kind.JITSI] == 0


async def test_a_socket_that_idles_is_closed_and_may_come_back(autojump_clock: MockClock) -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await trio.sleep(59)
        await browser.send_message(envelope("s-1", "keepalive"))
        await trio.sleep(58)
        assert visited.statistics.open_sockets[Kind.JITSI] == 1
        await trio.sleep(5)

        assert await closed_with(browser) == 1001
        assert visited.statistics.remembered_sessions[Kind.JITSI] == 1


async def test_nobody_departs_because_the_node_stops() -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await wait_all_tasks_blocked()
        visited.served.nursery.start_soon(visited.served.server.close, 5)

        assert await closed_with(browser) == 1001
        await browser.aclose()
        await wait_all_tasks_blocked()
        assert visited.pipeline.departures == []
        assert visited.dumps[0].closed == (None, NOW)
        assert orjson.loads(visited.cluster["jitsi", "s-1"])["seq"] == 1


async def test_nobody_departs_whom_a_node_that_stops_cuts_off(autojump_clock: MockClock) -> None:
    async with visiting() as visited:
        visited.pipeline.room = trio.Event()
        browser, _ = await visited.browser()
        await browser.send_message(entry(1))
        await wait_all_tasks_blocked()
        await visited.served.server.close(5)

        assert visited.statistics.open_sockets[Kind.JITSI] == 0
        assert visited.pipeline.departures == []


async def test_who_is_remembered_is_forgotten_when_the_node_has_stopped() -> None:
    async with visiting() as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await browser.aclose(1001)
        await wait_all_tasks_blocked()
    assert visited.dumps[0].closed == (None, NOW)


async def test_who_is_not_admitted_is_closed_so_that_it_comes_back() -> None:
    async with visiting(jitsi=Jitsi(max_sockets=1)) as visited:
        visited.pipeline.not_admitted = "The service is not ready"
        assert await closed_with(await visited.socket("/jitsi/lobby", "3.1_STANDARD")) == 1013
        visited.pipeline.not_admitted = None
        await visited.browser()

        assert await closed_with(await visited.socket("/jitsi/lobby", "3.1_STANDARD")) == 1013
        assert visited.statistics.turned_away == {
            (Kind.JITSI, TurnedAway.NOT_READY): 1,
            (Kind.JITSI, TurnedAway.TOO_MANY_SOCKETS): 1,
        }


async def test_a_client_is_not_read_while_there_is_no_room() -> None:
    async with visiting() as visited:
        visited.pipeline.room = trio.Event()
        browser, _ = await visited.browser()
        for number in range(1, 11):
            await browser.send_message(entry(number))
        await wait_all_tasks_blocked()
        waiting = visited.statistics.messages[Kind.JITSI]
        visited.pipeline.room.set()
        await wait_all_tasks_blocked()

        assert waiting == 1
        assert len(clients(visited)) == 10


async def test_a_service_that_is_not_allowed_is_not_taken() -> None:
    async with visiting(sources=Sources(allowed_service_ids=["svc"])) as visited:
        browser, _ = await visited.browser()
        await browser.send_message(identity())
        await wait_all_tasks_blocked()

        assert clients(visited) == []
        assert len(visited.dumps[0].lines) == 1


async def test_statistics_go_on_at_another_node(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    stream = {"id": "I1", "type": "inbound-rtp", "ssrc": 77, "kind": "video", "trackIdentifier": "track"}
    async with visiting(cluster=cluster) as left:
        browser, _ = await left.browser()
        await browser.send_message(identity())
        await browser.send_message(measured(2, {"I1": {**stream, "packetsReceived": 1, "timestamp": 0}}))
        await trio.sleep(2)
    async with visiting(cluster=cluster) as visited:
        browser, _ = await visited.browser(back=True)
        await browser.send_message(measured(3, {"I1": {"packetsReceived": 9, "timestamp": 0}}))
        await wait_all_tasks_blocked()

        (track,) = visited.pipeline.taken[-1].clients[0].tracks
        assert (track.ssrc, track.peer_connection_id) == (77, "s-1:PC_0")


def measured(seq: int, stats: dict[str, object]) -> str:
    value = {"timestamp": NOW + seq, **stats}
    return envelope("s-1", "stats-entry", orjson.dumps(["getstats", "PC_0", value, NOW + seq, seq]).decode())
