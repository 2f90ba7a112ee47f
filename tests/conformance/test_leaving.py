"""Leaving: silence, closed sockets, goodbyes and the end of the node; everything ends exactly once."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.conformance.bodies import attachments, client, events, names, one, samples, track, transport, types
from tests.nodes import Node, now_of_trio, running

CALLS_OF_3_S = {"callMaxIdleTimeInS": 3}
ALL_OF_3_S = CALLS_OF_3_S | dict.fromkeys(
    ("clientsMaxIdle", "peerConnectionsMaxIdle", "inboundTracksMaxIdle", "outboundTracksMaxIdle"), 3
)
ENDS = ("MEDIA_TRACK_REMOVED", "PEER_CONNECTION_CLOSED", "CLIENT_LEFT", "CALL_ENDED")


def whole(at: int = 1000, who: str = "A") -> dict[str, object]:
    """A client with a peer connection and a track."""
    inbound = [track(f"t-{who}", f"p-{who}", 1, sfuStreamId="S", sfuSinkId="K")]
    return client(who, at, userId=who.lower(), pcTransports=[transport(f"p-{who}")], inboundAudioTracks=inbound)


@pytest.mark.parametrize("limits", [CALLS_OF_3_S, ALL_OF_3_S], ids=["the call's limit", "all limits"])
async def test_a_silent_call_ends_with_all_that_is_in_it(
    tmp_path: Path, clock: MockClock, limits: dict[str, int]
) -> None:
    """C18: children before parents, each at its own last sample, the call at the server's time of its last touch."""
    async with running(tmp_path, repository=limits) as node:
        await node.post(whole(1000))
        await node.reports()
        before = now_of_trio()
        await node.post(whole(2500))
        await node.reports()
        after = now_of_trio()
        await node.pass_time(20)
        reports = await node.reports_until(*ENDS)

    assert names(reports) == list(ENDS)
    assert {report["timestamp"] for report in reports[:3]} == {2500}
    assert before <= reports[3]["timestamp"] <= after
    assert len({report["callId"] for report in reports}) == 1


async def test_ends_say_what_the_reference_says(tmp_path: Path, clock: MockClock) -> None:
    """C18: messages and attachments."""
    async with running(tmp_path, repository=CALLS_OF_3_S) as node:
        await node.post(whole() | {"timeZoneOffsetInHours": 3})
        call = one(await node.reports(), "CALL_STARTED")["callId"]
        await node.pass_time(20)
        removed, closed, left, ended = await node.reports_until(*ENDS)

    assert removed["message"] == (
        "Media Track is removed. sfuStreamId: S, sfuSinkId: K, direction: INBOUND, kind: AUDIO"
    )
    assert attachments(removed) == {
        "streamDirection": "INBOUND",
        "mediaKind": "AUDIO",
        "sfuStreamId": "S",
        "sfuSinkId": "K",
    }
    assert (removed["mediaTrackId"], removed["peerConnectionId"], removed["SSRC"]) == ("t-A", "p-A", 1)
    assert closed["message"] == "Peer Connection (p-A) is closed"
    assert (left["message"], left["userId"], left["mediaUnitId"]) == ("Client left", "a", "mu")
    assert attachments(left) == {"timeZoneId": "+03:00"}
    assert (ended["message"], ended["clientId"], ended["mediaUnitId"]) == (f"Call ({call}) is ended", None, None)


async def test_nothing_ends_before_its_time(tmp_path: Path, clock: MockClock) -> None:
    async with running(tmp_path, repository={"callMaxIdleTimeInS": 30}) as node:
        await node.post(whole())
        await node.reports()
        await node.pass_time(29)
        reports = await node.reports()

    assert reports == []


async def test_the_defaults_keep_a_silent_call_for_five_minutes(tmp_path: Path, clock: MockClock) -> None:
    async with running(tmp_path) as node:
        await node.post(whole())
        await node.reports()
        await node.pass_time(295)
        early = await node.reports()
        await node.pass_time(95)
        late = await node.reports_until(*ENDS)

    assert early == []
    assert sorted(names(late)) == sorted(ENDS)


async def test_a_room_lives_again_after_its_call_ended(tmp_path: Path, clock: MockClock) -> None:
    """C19."""
    async with running(tmp_path, repository=CALLS_OF_3_S) as node:
        await node.post(whole(1000))
        first = await node.reports()
        await node.pass_time(20)
        await node.reports_until(*ENDS)
        await node.post(whole(30_000))
        again = await node.reports()

    assert names(again) == names(first)
    assert types(again) == types(first)
    assert one(again, "CALL_STARTED")["callId"] != one(first, "CALL_STARTED")["callId"]
    assert {report["callId"] for report in again} == {one(again, "CALL_STARTED")["callId"]}


async def test_a_client_leaves_a_living_call_and_may_come_back(tmp_path: Path, clock: MockClock) -> None:
    """C20."""
    idle = {"clientsMaxIdle": 3, "callMaxIdleTimeInS": 60}
    async with running(tmp_path, repository=idle) as node:
        await node.post(whole(1000, "A"), whole(1000, "B"))
        first = await node.reports()
        await keep_sending(node, "B", seconds=10)
        gone = await node.reports_until(*ENDS[:3])
        await node.post(whole(20_000, "A"))
        back = await node.reports()

    assert names(gone) == list(ENDS[:3])
    assert {event["clientId"] for event in gone if event.name} == {"A"}
    assert events(gone, "CLIENT_LEFT")[0]["timestamp"] == 1000
    assert names(back) == ["CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]
    assert {report["callId"] for report in back} == {first[0]["callId"]}


async def test_a_peer_connection_is_replaced(tmp_path: Path, clock: MockClock) -> None:
    """C21."""
    async with running(tmp_path, repository={"peerConnectionsMaxIdle": 3}) as node:
        await node.post(client("A", 1000, pcTransports=[transport("p1")]))
        await node.reports()
        await node.post(client("A", 2000, pcTransports=[transport("p2")]))
        at_once = await node.reports()
        for second in range(10):
            await node.pass_time(1)
            await node.post(client("A", 3000 + second, pcTransports=[transport("p2")]))
        later = await node.reports_until("PEER_CONNECTION_CLOSED")

    assert names(at_once) == ["PEER_CONNECTION_OPENED"]
    assert at_once[0]["peerConnectionId"] == "p2"
    closed = one(later, "PEER_CONNECTION_CLOSED")
    assert (closed["peerConnectionId"], closed["timestamp"]) == ("p1", 1000)
    assert names(later) == ["PEER_CONNECTION_CLOSED"]


async def test_a_peer_connection_that_comes_back_opens_again(tmp_path: Path, clock: MockClock) -> None:
    async with running(tmp_path, repository={"peerConnectionsMaxIdle": 3, "inboundTracksMaxIdle": 3}) as node:
        await node.post(whole(1000))
        await node.reports()
        for second in range(10):
            await node.pass_time(1)
            await node.post(client("A", 2000 + second))
        gone = await node.reports_until(*ENDS[:2])
        await node.post(whole(20_000))
        back = await node.reports()

    assert names(gone) == list(ENDS[:2])
    assert names(back) == ["PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]


@pytest.mark.parametrize(
    ("limit", "tracks"),
    [("inboundTracksMaxIdle", "inboundVideoTracks"), ("outboundTracksMaxIdle", "outboundAudioTracks")],
)
async def test_a_silent_track_is_removed(tmp_path: Path, clock: MockClock, limit: str, tracks: str) -> None:
    async with running(tmp_path, repository={limit: 3}) as node:
        await node.post(client("A", 1000, pcTransports=[transport("p1")]) | {tracks: [track("t", "p1", 1)]})
        await node.reports()
        for second in range(10):
            await node.pass_time(1)
            await node.post(client("A", 2000 + second, pcTransports=[transport("p1")]))
        reports = await node.reports_until("MEDIA_TRACK_REMOVED")

    assert names(reports) == ["MEDIA_TRACK_REMOVED"]
    assert events(reports, "MEDIA_TRACK_REMOVED")[0]["timestamp"] == 1000


async def test_who_says_goodbye_leaves_at_once(tmp_path: Path) -> None:
    """C53: after the reports of the last samples; the call lives on."""
    async with running(tmp_path) as node:
        await node.post(whole(1000, "A"), client("B"))
        await node.reports()
        await node.post(body=samples(whole(2000, "A"), controls={"close": True}))
        reports = await node.reports()

    assert types(reports) == ["PEER_CONNECTION_TRANSPORT", "INBOUND_AUDIO_TRACK"]
    assert [report.type for report in reports[-3:]] == ["CALL_EVENT"] * 3
    assert names(reports) == list(ENDS[:3])
    assert events(reports, "CLIENT_LEFT")[0]["timestamp"] == 2000
    assert {event["clientId"] for event in reports} == {"A"}


async def test_who_said_goodbye_over_a_session_leaves_at_once(tmp_path: Path) -> None:
    """C53."""
    async with running(tmp_path) as node, node.websocket() as session:
        await session.send(samples(whole(1000)))
        await session.send(samples(whole(2000), controls={"close": True}))
        reports = await node.reports(session)

    assert [event["timestamp"] for event in events(reports, "CLIENT_LEFT")] == [2000]


async def test_who_said_goodbye_may_come_back(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(body=samples(client("A"), controls={"close": True}))
        first = await node.reports()
        await node.post(client("A", 2000))
        second = await node.reports()

    assert names(first) == ["CALL_STARTED", "CLIENT_JOINED", "CLIENT_LEFT"]
    assert names(second) == ["CLIENT_JOINED"]
    assert second[0]["callId"] == first[0]["callId"]


GRACE = {"websocket": {"leaveGraceInS": 5}}


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006])
async def test_a_closed_session_starts_the_grace(tmp_path: Path, clock: MockClock, code: int) -> None:
    async with running(tmp_path, sources=GRACE) as node:
        await send_and_close(node, code)
        await node.pass_time(4)
        early = await node.reports()
        await node.pass_time(10)
        late = await node.reports_until(*ENDS[:3])

    assert early == []
    assert names(late) == list(ENDS[:3])
    assert events(late, "CLIENT_LEFT")[0]["timestamp"] == 1000


async def test_the_grace_is_half_a_minute_by_default(tmp_path: Path, clock: MockClock) -> None:
    async with running(tmp_path) as node:
        await send_and_close(node, 1005)
        await node.pass_time(28)
        early = await node.reports()
        await node.pass_time(30)
        late = await node.reports_until("CLIENT_LEFT")

    assert early == []
    assert names(late).count("CLIENT_LEFT") == 1


async def test_a_client_that_is_heard_from_elsewhere_stays(tmp_path: Path, clock: MockClock) -> None:
    async with running(tmp_path, sources=GRACE) as node:
        await send_and_close(node, 1006)
        await node.pass_time(3)
        async with node.websocket() as session:
            await session.send(samples(client("A", 2000)))
            await node.reports(session)
            await node.pass_time(60)
            reports = await node.reports(session)

    assert names(reports) == []


async def test_a_client_whose_new_session_came_before_the_old_one_closed_stays(
    tmp_path: Path, clock: MockClock
) -> None:
    async with running(tmp_path, sources=GRACE) as node, node.websocket() as old:
        await old.send(samples(client("A", 1000)))
        await node.reports(old)
        async with node.websocket() as new:
            await new.send(samples(client("A", 2000)))
            await node.reports(new)
            await old.close(1001)
            await node.pass_time(2)
            await new.send(samples(client("A", 3000)))
            await node.reports(new)
            await node.pass_time(60)
            reports = await node.reports(new)

    assert names(reports) == []


async def test_only_the_clients_of_the_closed_session_leave(tmp_path: Path, clock: MockClock) -> None:
    async with running(tmp_path, sources=GRACE) as node, node.websocket() as stays:
        await stays.send(samples(client("B")))
        await node.reports(stays)
        await send_and_close(node, 1005)
        await node.pass_time(15)
        reports = await node.reports_until("CLIENT_LEFT")

    assert [event["clientId"] for event in events(reports, "CLIENT_LEFT")] == ["A"]


async def test_a_stopped_node_has_told_all_that_it_accepted(tmp_path: Path) -> None:
    """What REST answered with 200 is delivered, although the buffers would have held it for a minute."""
    patient = {"samplesCollector": {"maxTimeInMs": 60_000}, "reportsCollector": {"maxTimeInMs": 60_000}}
    async with running(tmp_path, buffers=patient) as node:
        statuses = [(await node.post(whole(1000 + number, f"c{number}"))).status for number in range(20)]
        reports = await node.stop_and_wait()

    assert statuses == [200] * 20
    assert names(reports).count("CLIENT_JOINED") == 20
    assert types(reports).count("INBOUND_AUDIO_TRACK") == 20


async def test_a_stopped_node_closes_its_sessions(tmp_path: Path) -> None:
    async with running(tmp_path) as node, node.websocket() as session:
        await session.send(samples(whole()))
        first = await node.reports(session)
        await node.stop_and_wait()
        code, _ = await session.wait_closed()

    assert names(first).count("CLIENT_JOINED") == 1
    assert code in (1001, 1012)


async def test_a_stop_waits_for_no_session_that_has_closed(tmp_path: Path) -> None:
    """Its peer answers the close frame at once, so the node is down long before its grace is over."""
    async with running(tmp_path) as node, node.websocket() as session:
        await session.send(samples(whole()))
        await node.reports(session)
        began = trio.current_time()
        await node.stop_and_wait()

    assert trio.current_time() - began < 2


async def keep_sending(node: Node, who: str, *, seconds: int) -> None:
    for second in range(seconds):
        await node.pass_time(1)
        await node.post(whole(2000 + 1000 * second, who))


async def send_and_close(node: Node, code: int) -> None:
    """Client A says one thing over a session, which then closes."""
    async with node.websocket() as session:
        await session.send(samples(whole(1000)))
        await node.reports(session)
        await session.close(code)
