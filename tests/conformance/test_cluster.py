"""Three nodes are one observer, whichever of them a client reaches, and whichever of them goes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.conformance.bodies import client, events, names, of_type, one, samples, track, transport
from tests.nodes import Node, Told, cluster, members

SHORT = {"callMaxIdleTimeInS": 20}
"""A limit within which a cluster finds another leader, however patient it is."""
TIMING = {"heartbeatInMs": 50, "followerMaxIdleInMs": 1000, "peerMaxIdleInMs": 3000}
WITHIN_S = 20.0


def sender(who: str = "A", at: int = 1000, *, room: str = "r") -> dict[str, Any]:
    sends = [track(f"t-{who}", f"p-{who}", 7)]
    return client(who, at, room=room, pcTransports=[transport(f"p-{who}")], outboundAudioTracks=sends)


def receiver(who: str = "B", at: int = 1000) -> dict[str, Any]:
    plays = [track(f"r-{who}", f"p-{who}", 7)]
    return client(who, at, pcTransports=[transport(f"p-{who}")], inboundAudioTracks=plays)


async def told_by(nodes: Sequence[Node]) -> list[Told]:
    """What living nodes told since the last call, and what dead ones had told."""
    told = []
    for node in nodes:
        told += node.take() if node.stopped.is_set() else await node.reports()
    return told


async def leader_and_followers(nodes: Sequence[Node]) -> tuple[Node, list[Node]]:
    standings = [await node.standing() for node in nodes]
    (leader,) = [node for node, of in zip(nodes, standings, strict=True) if of["role"] == "leader"]
    return leader, [node for node in nodes if node is not leader]


async def test_a_room_whose_clients_reach_two_nodes_at_once_has_one_call(tmp_path: Path) -> None:
    """C47."""
    async with cluster(tmp_path) as nodes:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nodes[0].post, sender("A"))
            nursery.start_soon(nodes[1].post, receiver("B"))
        reports = await told_by(nodes)

    assert names(reports).count("CALL_STARTED") == 1
    assert names(reports).count("CLIENT_JOINED") == 2
    assert len({report["callId"] for report in reports}) == 1


async def test_an_inbound_track_is_matched_with_the_sender_at_another_node(tmp_path: Path) -> None:
    """C47, C09."""
    async with cluster(tmp_path) as nodes:
        await nodes[0].post(sender("A"))
        await nodes[0].reports()
        await nodes[2].reports()
        await nodes[2].post(receiver("B"))
        (report,) = of_type(await nodes[2].reports(), "INBOUND_AUDIO_TRACK")

    assert (report["remoteClientId"], report["remoteTrackId"]) == ("A", "t-A")


async def test_a_client_that_goes_from_node_to_node_joins_and_leaves_once(tmp_path: Path) -> None:
    """C48."""
    async with cluster(tmp_path) as nodes:
        for step in range(6):
            assert (await nodes[step % 2].post(sender("A", 1000 + step))).status == 200
        await nodes[2].post(body=samples(sender("A", 2000), controls={"close": True}))
        reports = await told_by(nodes)

    assert sorted(names(reports)) == sorted(
        [
            *("CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"),
            *("MEDIA_TRACK_REMOVED", "PEER_CONNECTION_CLOSED", "CLIENT_LEFT"),
        ]
    )


@pytest.mark.parametrize("which", ["leader", "follower"])
async def test_a_call_goes_on_when_the_node_that_opened_it_is_killed(
    tmp_path: Path, clock: MockClock, which: str
) -> None:
    """C49."""
    async with cluster(tmp_path, repository=SHORT) as nodes:
        leader, followers = await leader_and_followers(nodes)
        killed = leader if which == "leader" else followers[0]
        survivor = followers[1]
        await killed.post(sender("A", 1000))
        before = await killed.reports()
        await killed.pass_time(2)
        await killed.kill()
        statuses = []
        for second in range(10):
            statuses.append((await survivor.post(sender("A", 2000 + second))).status)
            await survivor.pass_time(1)
        await survivor.wait_ready()
        after = await survivor.reports()
        await survivor.pass_time(60)
        (other,) = {*nodes} - {killed, survivor}
        survivor.others = [other.file]
        ended = await survivor.reports_until("CALL_ENDED")

    assert one(before, "CALL_STARTED")["callId"] == one(ended, "CALL_ENDED")["callId"]
    assert 200 in statuses
    assert {report["callId"] for report in after} == {one(before, "CALL_STARTED")["callId"]}
    assert len(of_type(after, "OUTBOUND_AUDIO_TRACK")) == statuses.count(200)
    assert names(after) == []
    assert names(ended) == ["MEDIA_TRACK_REMOVED", "PEER_CONNECTION_CLOSED", "CLIENT_LEFT", "CALL_ENDED"]


async def test_sessions_wait_until_enough_remote_peers_have_joined(tmp_path: Path) -> None:
    """C35: and when one of them goes, they are not turned away again."""
    async with members(tmp_path, sources={"websocket": {"minRemotePeers": 2}}, timing=TIMING) as start:
        first = await start(0)
        refused = await closed_with(first)
        unready = await first.get("/health/readiness")
        others = [await start(1), await start(2)]
        for node in (first, *others):
            await node.wait_ready()
        async with first.websocket() as session:
            await session.send(samples(sender("A", 1000)))
            await first.reports(session)
            await others[0].kill()
            await first.wait_ready()
            async with first.websocket() as another:
                await another.send(samples(sender("B", 1000)))
                await session.send(samples(sender("A", 2000)))
                reports = await first.reports(another)

    assert refused == (4226, "The service is not ready")
    assert unready.status == 503
    assert "not answered" in json.loads(unready.text)["reason"]
    assert {report["clientId"] for report in of_type(reports, "OUTBOUND_AUDIO_TRACK")} == {"A", "B"}


async def closed_with(node: Node) -> tuple[int, str]:
    async with node.websocket() as session:
        return await session.wait_closed()


async def test_without_a_quorum_samples_are_turned_away_and_the_node_lives(tmp_path: Path) -> None:
    async with members(tmp_path, timing=TIMING) as start:
        nodes = [await start(number) for number in range(3)]
        for node in nodes:
            await node.wait_ready()
        survivor = nodes[0]
        await survivor.post(sender("A", 1000))
        first = await survivor.reports()
        for node in nodes[1:]:
            await node.kill()
        await wait_unready(survivor)

        session = await closed_with(survivor)
        posted = await survivor.post(sender("A", 2000))
        live = await survivor.get("/health/liveness")
        refused = await survivor.by_reason("observertc_sources_refused_total")
        quorum = await survivor.metric("observertc_cluster_quorum")

    assert session == (4226, "The service is not ready")
    assert (posted.status, posted.text, posted.headers["retry-after"]) == (503, "The service is not ready", "1")
    assert live.status == 200
    assert refused == {"not_ready": 1, "no_quorum": 1}
    assert quorum == 0
    assert names(first).count("CLIENT_JOINED") == 1


async def wait_unready(node: Node) -> None:
    with trio.fail_after(WITHIN_S):
        while (await node.get("/health/readiness")).status == 200:  # noqa: ASYNC110 - a node is asked from outside
            await trio.sleep(0.02)


async def test_what_was_held_up_without_a_quorum_is_told_when_there_is_one_again(tmp_path: Path) -> None:
    async with members(tmp_path, timing=TIMING) as start:
        nodes = [await start(number) for number in range(3)]
        for node in nodes:
            await node.wait_ready()
        survivor = nodes[0]
        async with survivor.websocket() as session:
            await session.send(samples(sender("A", 1000)))
            first = await survivor.reports(session)
            for node in nodes[1:]:
                await node.kill()
            await session.send(samples(sender("B", 2000)))
            await wait_unready(survivor)
            for number in (1, 2):
                await start(number)
            await survivor.wait_ready()
            later = await survivor.reports(session)

    assert [event["clientId"] for event in events(first, "CLIENT_JOINED")] == ["A"]
    assert [event["clientId"] for event in events(later, "CLIENT_JOINED")] == ["B"]
    assert one(later, "CLIENT_JOINED")["callId"] == one(first, "CALL_STARTED")["callId"]


async def test_a_node_that_still_looks_for_its_peers_stops_at_once(tmp_path: Path) -> None:
    async with members(tmp_path) as start:
        lonely = await start(0)
        began = trio.current_time()
        await lonely.stop_and_wait()

    assert lonely.delivered
    assert trio.current_time() - began < 5


async def test_a_node_that_stops_without_a_quorum_says_what_it_could_not_deliver(tmp_path: Path) -> None:
    async with members(tmp_path, timing=TIMING, shutdownGraceInS=2) as start:
        nodes = [await start(number) for number in range(3)]
        for node in nodes:
            await node.wait_ready()
        idle, busy, _ = nodes
        await nodes[2].kill()
        async with idle.websocket() as session:
            await session.send(samples(sender("A", 1000)))
            await idle.reports(session)
            async with busy.websocket() as another:
                await another.send(samples(sender("B", 1000)))
                await busy.reports(another)
                began = trio.current_time()
                await idle.stop_and_wait()
                await wait_unready(busy)
                await another.send(samples(sender("C", 1000)))
                await busy.stop_and_wait()

    assert (idle.delivered, busy.delivered) == (True, False)
    assert trio.current_time() - began < 15


async def test_a_rolling_restart_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    async with members(tmp_path, timing=TIMING) as start:
        nodes = {number: await start(number) for number in range(3)}
        for node in nodes.values():
            await node.wait_ready()
        reports = []
        for number in range(3):
            for at, node in nodes.items():
                assert (await node.post(sender(f"c{number}{at}", 1000, room=f"r{at}"))).status == 200
            reports += await nodes[number].stop_and_wait()
            nodes[number] = await start(number)
            await nodes[number].wait_ready()
            for node in nodes.values():
                await node.wait_ready()
        reports += await told_by(list(nodes.values()))
        standing = await nodes[0].standing()

    joined = sorted(event["clientId"] for event in events(reports, "CLIENT_JOINED"))
    assert joined == sorted(f"c{number}{at}" for number in range(3) for at in range(3))
    assert names(reports).count("CALL_STARTED") == 3
    assert names(reports).count("CLIENT_LEFT") == 0
    assert len(standing["members"]) == 3
