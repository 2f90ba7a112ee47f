"""Rooms, calls and clients: what is opened, once, and under which call id."""

from pathlib import Path

from tests.conformance.bodies import client, events, names, of_type, one, samples, track, transport, types
from tests.nodes import UUID4, running

SLAVE = {"callUpdater": {"callIdAssignMode": "slave"}}


async def test_the_first_sample_of_a_room_opens_a_call(tmp_path: Path) -> None:
    """C01: events that open come before the reports."""
    async with running(tmp_path) as node:
        await node.post(client("A", 1000, pcTransports=[transport("p1", label="x")]))
        reports = await node.reports()

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED"]
    assert [report.type for report in reports] == ["CALL_EVENT"] * 3 + ["PEER_CONNECTION_TRANSPORT"]
    assert reports[3]["label"] == "x"
    assert {(r["serviceId"], r["roomId"]) for r in reports} == {("svc", "r")}
    assert [r["mediaUnitId"] for r in reports] == [None, "mu", "mu", "mu"]
    assert [r["clientId"] for r in reports] == [None, "A", "A", "A"]
    assert [r["peerConnectionId"] for r in reports] == [None, None, "p1", "p1"]
    assert [r["timestamp"] for r in reports[1:]] == [1000, 1000, 1000]


async def test_the_first_events_say_what_the_reference_says(tmp_path: Path) -> None:
    """C01: messages of the events, and a call id that is a generated UUID, the same everywhere."""
    async with running(tmp_path) as node:
        await node.post(client(pcTransports=[transport("p1")], userId="alice", marker="m"))
        reports = await node.reports()

    (call,) = {report["callId"] for report in reports}
    assert UUID4.fullmatch(call)
    assert [event["message"] for event in reports[:3]] == [
        f"Call ({call}) is started",
        "Client is joined",
        "PeerConnection (p1) is opened",
    ]
    assert [event["userId"] for event in reports[:3]] == [None, "alice", "alice"]
    assert [event["marker"] for event in reports] == ["m"] * 4
    assert all(event["sampleSeq"] is None and event["value"] is None for event in reports[:3])


async def test_the_next_sample_opens_nothing(tmp_path: Path) -> None:
    """C02."""
    async with running(tmp_path) as node:
        await node.post(client("A", 1000, pcTransports=[transport("p1")]))
        first = await node.reports()
        await node.post(client("A", 2000, pcTransports=[transport("p1")]))
        second = await node.reports()

    assert [report.type for report in second] == ["PEER_CONNECTION_TRANSPORT"]
    assert second[0]["timestamp"] == 2000
    assert second[0]["callId"] == first[0]["callId"]


async def test_two_clients_in_one_room_share_one_call(tmp_path: Path) -> None:
    """C03."""
    async with running(tmp_path) as node:
        await node.post(client("A"), client("B"))
        reports = await node.reports()

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED", "CLIENT_JOINED"]
    assert {event["clientId"] for event in events(reports, "CLIENT_JOINED")} == {"A", "B"}
    assert len({report["callId"] for report in reports}) == 1


async def test_a_client_that_comes_later_joins_the_call_of_its_room(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(client("A"))
        first = await node.reports()
        await node.post(client("B", 2000))
        second = await node.reports()

    assert names(second) == ["CLIENT_JOINED"]
    assert second[0]["callId"] == first[0]["callId"]


async def test_a_room_of_another_service_is_another_room(tmp_path: Path) -> None:
    """C04: even when client ids are the same."""
    async with running(tmp_path) as node:
        await node.post(client("A"), service="svc")
        await node.post(client("A"), client("B"), service="svc2")
        reports = await node.reports()

    started = events(reports, "CALL_STARTED")
    assert {event["serviceId"] for event in started} == {"svc", "svc2"}
    assert len({event["callId"] for event in started}) == 2
    assert names(reports).count("CLIENT_JOINED") == 3
    assert "CLIENT_LEFT" not in names(reports)


async def test_a_master_does_not_take_the_call_id_of_a_client(tmp_path: Path) -> None:
    """C05."""
    async with running(tmp_path) as node:
        await node.post(client(callId="mine", pcTransports=[transport()]))
        reports = await node.reports()

    assert {report["callId"] for report in reports} == {one(reports, "CALL_STARTED")["callId"]}
    assert "mine" not in {report["callId"] for report in reports}


async def test_a_slave_takes_the_call_id_of_a_client(tmp_path: Path) -> None:
    """C06."""
    async with running(tmp_path, evaluators=SLAVE) as node:
        await node.post(client(callId="c1", pcTransports=[transport()]))
        reports = await node.reports()

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED"]
    assert {report["callId"] for report in reports} == {"c1"}


async def test_a_slave_ignores_a_client_without_call_id(tmp_path: Path) -> None:
    """C07."""
    async with running(tmp_path, evaluators=SLAVE) as node:
        await node.post(client("A", pcTransports=[transport()]))
        reports = await node.reports()

    assert reports == []


async def test_a_client_without_call_id_takes_nothing_from_its_batch(tmp_path: Path) -> None:
    """C07."""
    async with running(tmp_path, evaluators=SLAVE) as node:
        await node.post(
            client("A", pcTransports=[transport("pa")]), client("B", callId="c1", pcTransports=[transport("pb")])
        )
        reports = await node.reports()

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED"]
    assert one(reports, "PEER_CONNECTION_TRANSPORT")["clientId"] == "B"


async def test_a_slave_starts_the_call_that_a_client_names_anew(tmp_path: Path) -> None:
    """C08: B names another call for the room."""
    async with running(tmp_path, evaluators=SLAVE) as node:
        await node.post(client("A", callId="c1"))
        await node.reports()
        await node.post(client("B", 2000, callId="c2"))
        reports = await node.reports()

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]
    assert {report["callId"] for report in reports} == {"c2"}


async def test_a_remedy_client_goes_on_in_its_older_call(tmp_path: Path) -> None:
    """C08: A still names the older call; D, who was never seen, may not enter it."""
    async with running(tmp_path, evaluators=SLAVE) as node:
        await node.post(client("A", 1000, callId="c1", pcTransports=[transport("pa")]))
        await node.reports()
        await node.post(client("B", 2000, callId="c2"))
        await node.reports()
        await node.post(client("A", 3000, callId="c1", pcTransports=[transport("pa")]))
        of_a = await node.reports()
        await node.post(client("D", 4000, callId="c1", pcTransports=[transport("pd")]))
        of_d = await node.reports()

    assert [(report.type, report["callId"]) for report in of_a] == [("PEER_CONNECTION_TRANSPORT", "c1")]
    assert of_d == []


async def test_a_client_that_turns_up_in_another_room_leaves_the_one_and_joins_the_other(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(client("A", 1000, room="r1", pcTransports=[transport("p1")]), client("B", 1000, room="r1"))
        await node.reports()
        await node.post(client("A", 2000, room="r2", pcTransports=[transport("p1")]))
        reports = await node.reports()

    left, joined = one(reports, "CLIENT_LEFT"), one(reports, "CLIENT_JOINED")
    assert (left["roomId"], left["clientId"], left["timestamp"]) == ("r1", "A", 1000)
    assert (joined["roomId"], joined["clientId"], joined["timestamp"]) == ("r2", "A", 2000)
    assert one(reports, "PEER_CONNECTION_CLOSED")["roomId"] == "r1"
    assert one(reports, "PEER_CONNECTION_OPENED")["roomId"] == "r2"
    assert one(reports, "PEER_CONNECTION_TRANSPORT")["callId"] == joined["callId"] != left["callId"]
    assert "CALL_ENDED" not in names(reports)


async def test_one_track_id_on_two_peer_connections_is_two_tracks(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(client("A", outboundAudioTracks=[track("ta", "p1", 1), track("ta", "p2", 2)]))
        reports = await node.reports()

    added = events(reports, "MEDIA_TRACK_ADDED")
    assert [(e["mediaTrackId"], e["peerConnectionId"], e["SSRC"]) for e in added] == [("ta", "p1", 1), ("ta", "p2", 2)]


async def test_peer_connections_of_two_clients_may_bear_one_id(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(client("A", pcTransports=[transport("PC_0")]), client("B", pcTransports=[transport("PC_0")]))
        reports = await node.reports()

    assert [event["clientId"] for event in events(reports, "PEER_CONNECTION_OPENED")] == ["A", "B"]


async def test_a_client_whose_samples_arrive_over_many_ways_is_one_client(tmp_path: Path) -> None:
    """C48 on one node: REST and two sessions in turns."""
    async with running(tmp_path) as node, node.websocket() as one_way, node.websocket(unit="other") as other_way:
        told = []
        for turn in range(3):
            for way, session in enumerate((one_way, other_way, None)):
                at = 1000 * (3 * turn + way + 1)
                sample = client("A", at, pcTransports=[transport()], outboundAudioTracks=[track("t", "p1", 1)])
                if session is None:
                    await node.post(sample)
                else:
                    await session.send(samples(sample))
                told += await node.reports(session)

    assert names(told) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]
    assert len(of_type(told, "PEER_CONNECTION_TRANSPORT")) == 9


async def test_two_samples_of_one_client_in_one_message_are_both_reported(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(client("A", 1000, pcTransports=[transport()]), client("A", 2000, pcTransports=[transport()]))
        reports = await node.reports()

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED"]
    assert one(reports, "CLIENT_JOINED")["timestamp"] == 1000
    assert [r["timestamp"] for r in reports if r.type == "PEER_CONNECTION_TRANSPORT"] == [1000, 2000]
    assert types(reports) == ["PEER_CONNECTION_TRANSPORT"] * 2
