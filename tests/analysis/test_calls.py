"""Calls, clients, peer connections and tracks: when they open and close."""

from analysis.bounds import Bounds
from analysis.observe import CallIdAssignMode
from observer.intake import Departed
from schemas.reports import ReportType
from schemas.samples import Reason
from store.commands import Command, Sweep, encode
from tests.world import GRACE, IDLE, NOW, World, event, inbound, message, names, of_type, outbound, sample


def test_a_first_sample_starts_a_call_and_opens_what_it_shows() -> None:
    world = World()

    told = world.tell(message(sample(pcTransports=[{"peerConnectionId": "p1"}], **outbound("t1", 7, "p1"))))

    assert names(told) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]


def test_what_opens_is_told_before_the_reports_and_what_closes_after_them() -> None:
    world = World()

    told = world.tell(message(sample(**outbound("t1", 7)), leaving=("alice",)))

    kinds = [report.payload.get("name", report.type) for report in told]
    assert kinds.index("MEDIA_TRACK_ADDED") < kinds.index("OUTBOUND_AUDIO_TRACK") < kinds.index("MEDIA_TRACK_REMOVED")
    assert kinds[-2:] == ["PEER_CONNECTION_CLOSED", "CLIENT_LEFT"]


def test_a_known_client_gives_no_events_and_no_command() -> None:
    world = World()
    world.tell(message(sample(**outbound("t1", 7))))
    commands = world.commands

    told = world.tell(message(sample(at=2000, **outbound("t1", 7))))

    assert names(told) == []
    assert world.commands == commands


def test_rooms_of_two_services_are_two_calls() -> None:
    world = World()

    world.tell(message(sample()), message(sample(), service="other"))

    assert world.client("alice").call.call_id != world.client("alice", "other").call.call_id


def test_a_client_that_turns_up_in_another_room_leaves_the_first() -> None:
    world = World()
    world.tell(message(sample(at=1000, **outbound("t1", 7))))
    world.tell(message(sample(at=1500, **outbound("t1", 7))))

    told = world.tell(message(sample(at=2000, room="garden")))

    assert names(told) == [
        "CALL_STARTED", "CLIENT_JOINED", "MEDIA_TRACK_REMOVED", "PEER_CONNECTION_CLOSED", "CLIENT_LEFT",
    ]  # fmt: skip
    assert event(told, "CLIENT_LEFT")["roomId"] == "lobby"
    assert event(told, "CLIENT_LEFT")["timestamp"] == 1500
    assert world.client("alice").call.room_id == "garden"


def test_a_client_that_moves_back_and_forth_within_a_batch_joins_each_time() -> None:
    world = World()

    told = world.tell(message(sample(at=1), sample(at=2, room="garden"), sample(at=3)))

    assert names(told).count("CLIENT_JOINED") == 3
    assert names(told).count("CLIENT_LEFT") == 2


def test_one_local_track_on_two_peer_connections_is_two_tracks() -> None:
    world = World()

    told = world.tell(
        message(
            sample(
                outboundAudioTracks=[
                    {"trackId": "mic", "peerConnectionId": "p1", "ssrc": 1},
                    {"trackId": "mic", "peerConnectionId": "p2", "ssrc": 2},
                ]
            )
        )
    )

    assert names(told).count("MEDIA_TRACK_ADDED") == 2


def test_a_second_ssrc_of_a_track_adds_no_track() -> None:
    world = World()
    world.tell(message(sample(**outbound("t1", 7))))

    told = world.tell(message(sample(at=2000, **outbound("t1", 8))))

    assert names(told) == []
    assert world.registry.calls["svc", "lobby", "call-1"].ssrcs.keys() == {7, 8}


def test_everything_that_was_silent_too_long_closes_once_with_the_time_of_its_last_sample() -> None:
    world = World()
    world.tell(message(sample(at=1000, **outbound("t1", 7))))
    world.now += 2000
    world.tell(message(sample(at=3000, **outbound("t1", 7))))

    told = world.pass_time(2 * IDLE)

    assert names(told) == ["MEDIA_TRACK_REMOVED", "PEER_CONNECTION_CLOSED", "CLIENT_LEFT", "CALL_ENDED"]
    assert event(told, "CLIENT_LEFT")["timestamp"] == 3000
    assert event(told, "MEDIA_TRACK_REMOVED")["timestamp"] == 3000
    assert event(told, "CALL_ENDED")["timestamp"] == NOW + 2000
    assert not world.registry.calls


def test_nothing_closes_before_its_idle_limit() -> None:
    world = World()
    world.tell(message(sample()))

    assert world.pass_time(IDLE) == []


def test_a_client_that_goes_on_never_leaves() -> None:
    world = World()
    told = []
    for second in range(0, 1000, 5):
        told += world.tell(message(sample(at=second * 1000, **outbound("t1", 7))))
        told += world.pass_time(5000)

    assert names(told) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]


def test_a_touch_is_committed_once_in_a_tenth_of_the_idle_limit() -> None:
    world = World()
    touched = set()
    for second in range(300):
        world.tell(message(sample(at=second * 1000, **outbound("t1", 7))))
        world.pass_time(1000)
        touched.add(world.client("alice").server_touched)

    assert len(touched) == 10


def test_no_batch_waits_for_a_touch_that_is_due() -> None:
    world = World()
    world.tell(message(sample(at=1000, **outbound("t1", 7))))
    world.now += IDLE // 10 + 1000

    world.tell(message(sample(at=2000, **outbound("t1", 7))))
    commands = world.commands
    world.tick()

    alice = world.client("alice")
    (connection,) = alice.peer_connections.values()
    rows = [alice, connection, *connection.tracks.values()]
    assert (commands, world.commands) == (1, 2)
    assert {row.sample_touched for row in rows} == {2000}
    assert {row.server_touched for row in [alice.call, *rows]} == {world.now}


def test_what_was_silent_for_half_of_its_limit_opens_again_if_it_closes_before_that_is_told() -> None:
    world = World()
    world.tell(message(sample(at=1000, **outbound("t1", 7))))
    world.now += IDLE // 2
    close_all = encode(Command("other", 1, world.now, 0, sweep=Sweep(*[0] * len(Sweep._fields))))

    def close() -> None:
        world.machine.apply(close_all)

    world.meanwhile = close

    told = world.tell(message(sample(at=2000, **outbound("t1", 7))))

    assert names(told) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]


def test_a_track_that_is_touched_more_often_than_its_client_stays() -> None:
    world = World(idle={"outbound_track": 3000})
    told = []
    for second in range(20):
        told += world.tell(message(sample(at=second * 1000, **outbound("t1", 7))))
        told += world.pass_time(1000)

    assert names(told).count("MEDIA_TRACK_REMOVED") == 0


def test_a_room_lives_again_after_its_call_ended() -> None:
    world = World()
    world.tell(message(sample()))
    world.pass_time(2 * IDLE)

    told = world.tell(message(sample(at=9000)))

    assert names(told) == ["CALL_STARTED", "CLIENT_JOINED"]
    assert event(told, "CALL_STARTED")["callId"] == "call-2"


def test_a_track_that_comes_back_under_a_living_parent_is_added_again() -> None:
    world = World(idle={"outbound_track": 3000})
    world.tell(message(sample(**outbound("t1", 7))))
    gone = world.pass_time(5000)

    told = world.tell(message(sample(at=9000, **outbound("t1", 7))))

    assert names(gone) == ["MEDIA_TRACK_REMOVED"]
    assert names(told) == ["MEDIA_TRACK_ADDED"]


def test_a_call_whose_last_client_left_lives_until_its_idle_limit() -> None:
    world = World()
    world.tell(message(sample(), leaving=("alice",)))

    back = world.tell(message(sample(at=2000)))
    world.tell(message(sample(at=3000), leaving=("alice",)))
    ended = world.pass_time(2 * IDLE)

    assert names(back) == ["CLIENT_JOINED"]
    assert names(ended) == ["CALL_ENDED"]


def test_a_client_whose_session_closed_leaves_after_the_grace() -> None:
    world = World()
    world.tell(message(sample(at=1000)))
    world.tell(message(sample(at=2000)), Departed("svc", {"alice"}))

    early = world.pass_time(GRACE - 1000)
    told = world.pass_time(2000)

    assert names(early) == []
    assert names(told) == ["CLIENT_LEFT"]
    assert event(told, "CLIENT_LEFT")["timestamp"] == 2000


def test_a_client_that_is_heard_again_within_the_grace_stays() -> None:
    world = World()
    world.tell(message(sample(at=1000)), Departed("svc", {"alice"}))
    world.pass_time(5000)
    world.tell(message(sample(at=6000)))

    assert names(world.pass_time(2 * GRACE)) == []


def test_a_client_that_is_heard_again_in_the_very_batch_of_its_departure_stays() -> None:
    world = World()

    world.tell(message(sample(at=1000)), Departed("svc", {"alice"}), message(sample(at=1100)))

    assert names(world.pass_time(2 * GRACE)) == []


def test_a_client_that_leaves_and_comes_back_within_a_batch_does_both() -> None:
    world = World()
    world.tell(message(sample(at=1000)))

    told = world.tell(message(sample(at=2000), leaving=("alice",)), message(sample(at=3000)))

    assert names(told) == ["CLIENT_LEFT", "CLIENT_JOINED"]


def test_one_of_ten_leaves_and_the_call_goes_on() -> None:
    world = World()
    world.tell(message(*(sample(f"client-{number}") for number in range(10))))

    told = world.tell(message(sample("client-3", at=2000), leaving=("client-3",)))

    assert [payload["clientId"] for payload in of_type(told, ReportType.CALL_EVENT)] == ["client-3"]
    assert len(world.registry.clients) == 9


def test_in_slave_mode_the_client_names_the_call() -> None:
    world = World(mode=CallIdAssignMode.SLAVE)

    told = world.tell(message(sample(at=500, callId="c1")))

    assert event(told, "CALL_STARTED")["callId"] == "c1"
    assert event(told, "CALL_STARTED")["timestamp"] == 500


def test_in_slave_mode_a_sample_without_call_id_costs_only_itself() -> None:
    world = World(mode=CallIdAssignMode.SLAVE)

    told = world.tell(message(sample("alice"), sample("bob", callId="c1")))

    assert [payload["clientId"] for payload in of_type(told, ReportType.CALL_EVENT)] == [None, "bob"]
    assert world.rejected[Reason.CALL_ID_MISSING] == 1


def test_in_slave_mode_clients_of_the_call_before_stay_in_it_and_new_ones_do_not_join_it() -> None:
    world = World(mode=CallIdAssignMode.SLAVE)
    world.tell(message(sample("alice", callId="c1", **outbound("t1", 7))))
    world.tell(message(sample("bob", callId="c2")))

    told = world.tell(message(sample("alice", at=2000, callId="c1", **outbound("t1", 7)), sample("dave", callId="c1")))

    assert names(told) == []
    assert [payload["callId"] for payload in of_type(told, ReportType.OUTBOUND_AUDIO_TRACK)] == ["c1"]
    assert world.rejected[Reason.REMEDY_CALL_IS_CLOSED] == 1


def test_in_slave_mode_a_call_that_was_followed_by_another_ends_with_its_last_client() -> None:
    world = World(mode=CallIdAssignMode.SLAVE)
    world.tell(message(sample("alice", callId="c1")))

    told = world.tell(message(sample("alice", at=2000, callId="c2")))

    assert names(told) == ["CALL_STARTED", "CLIENT_JOINED", "CLIENT_LEFT", "CALL_ENDED"]
    assert event(told, "CALL_ENDED")["callId"] == "c1"


def test_in_master_mode_call_ids_of_clients_count_for_nothing() -> None:
    world = World()

    told = world.tell(message(sample("alice", callId="mine"), sample("bob", callId="his")))

    assert {payload["callId"] for payload in of_type(told, ReportType.CALL_EVENT)} == {"call-1"}


def test_more_clients_than_may_be_known_are_refused_and_counted() -> None:
    world = World(bounds=Bounds(max_clients=2))

    world.tell(message(sample("alice"), sample("bob"), sample("carol"), sample("alice", at=2000)))

    assert len(world.registry.clients) == 2
    assert world.rejected[Reason.TOO_MANY_CLIENTS] == 1


def test_more_connections_and_tracks_than_may_be_known_are_reported_but_not_registered() -> None:
    world = World(bounds=Bounds(max_peer_connections_per_client=1, max_tracks_per_peer_connection=1))
    tracks = [{"trackId": f"t{n}", "peerConnectionId": f"p{c}", "ssrc": n} for c in range(2) for n in range(2)]

    told = world.tell(message(sample(outboundAudioTracks=tracks)))

    assert names(told).count("PEER_CONNECTION_OPENED") == 1
    assert names(told).count("MEDIA_TRACK_ADDED") == 1
    assert len(of_type(told, ReportType.OUTBOUND_AUDIO_TRACK)) == 4
    assert world.rejected == {Reason.TOO_MANY_PEER_CONNECTIONS: 2, Reason.TOO_MANY_TRACKS: 1}


def test_what_is_known_and_due_for_a_touch_takes_no_room_from_what_is_new() -> None:
    world = World(bounds=Bounds(max_peer_connections_per_client=3, max_tracks_per_peer_connection=3))
    known = [{"trackId": f"t{n}", "peerConnectionId": "p0", "ssrc": n} for n in range(2)]
    world.tell(message(sample(outboundAudioTracks=known, pcTransports=[{"peerConnectionId": "p1"}])))
    world.now += IDLE // 2

    fresh = [*known, {"trackId": "t2", "peerConnectionId": "p0", "ssrc": 2}]
    connections = [{"peerConnectionId": "p1"}, {"peerConnectionId": "p2"}]
    told = world.tell(message(sample(outboundAudioTracks=fresh, pcTransports=connections)))

    assert names(told) == ["PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]
    assert not world.rejected


def test_what_is_beyond_the_bounds_needs_no_command() -> None:
    world = World(bounds=Bounds(max_peer_connections_per_client=1, max_tracks_per_peer_connection=1))
    tracks = [{"trackId": f"t{n}", "peerConnectionId": f"p{c}", "ssrc": n} for c in range(2) for n in range(2)]
    world.tell(message(sample(outboundAudioTracks=tracks)))

    world.tell(message(sample(at=2000, outboundAudioTracks=tracks)))

    assert world.commands == 1


def test_a_track_without_ids_is_reported_but_not_registered() -> None:
    world = World()

    told = world.tell(message(sample(inboundAudioTracks=[{"ssrc": 1}, {"peerConnectionId": "pc", "ssrc": 2}])))

    assert len(of_type(told, ReportType.INBOUND_AUDIO_TRACK)) == 2
    assert names(told) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED"]
    assert world.rejected == {Reason.PEER_CONNECTION_ID_MISSING: 1, Reason.TRACK_ID_MISSING: 1}


def test_outcomes_are_kept_until_the_sinks_are_done_with_them() -> None:
    world = World()
    world.delivered = False
    world.tell(message(sample("alice")))
    world.tell(message(sample("bob")))
    kept = len(world.registry.origins["node"].untold)
    world.delivered = True

    world.tell(message(sample("carol")))

    assert kept == 2
    assert list(world.registry.origins["node"].untold) == [3]


def test_two_nodes_that_hear_one_client_in_turn_open_everything_once() -> None:
    a = World(origin="a")
    b = World(origin="b", machine=a.machine, ids=iter(["spare"]))

    told = a.tell(message(sample(at=1000, **inbound("t1", 7))))
    told += b.tell(message(sample(at=2000, **inbound("t1", 7))))
    told += a.tell(message(sample(at=3000, **inbound("t1", 7))))

    assert names(told) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]


def test_a_client_that_went_to_another_node_does_not_leave_with_its_old_session() -> None:
    a = World(origin="a")
    b = World(origin="b", machine=a.machine)
    a.tell(message(sample(at=1000)), Departed("svc", {"alice"}))
    b.tell(message(sample(at=2000)))

    assert names(a.pass_time(2 * GRACE)) == []


def test_what_closes_with_its_parent_ends_with_the_time_of_its_own_last_sample() -> None:
    world = World(idle={"call": 3000})
    world.tell(message(sample(at=1000, **outbound("t1", 7))))
    world.now += 1000
    world.tell(message(sample(at=2000, **outbound("t1", 7))))

    told = world.pass_time(10_000)

    assert {payload["timestamp"] for payload in of_type(told, ReportType.CALL_EVENT)} == {2000, NOW + 1000}
