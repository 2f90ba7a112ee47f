"""What senders can make the registry hold is bounded, and what is there already goes on."""

from analysis.bounds import Bounds
from analysis.observe import CallIdAssignMode
from schemas.samples import Reason
from tests.world import IDLE, World, message, names, outbound, sample


def test_a_client_that_hops_from_room_to_room_opens_no_more_calls_than_may_be() -> None:
    world = World(bounds=Bounds(max_calls=3))

    for room in range(10):
        world.tell(message(sample(room=f"room-{room}")))

    assert len(world.registry.calls) == 3
    assert world.rejected == {Reason.TOO_MANY_CALLS: 7}


def test_rooms_of_one_batch_count_too() -> None:
    world = World(bounds=Bounds(max_calls=3))

    world.tell(message(*(sample(f"c{n}", room=f"room-{n}") for n in range(10))))

    assert len(world.registry.calls) == 3
    assert world.rejected == {Reason.TOO_MANY_CALLS: 7}


def test_a_room_that_has_its_call_takes_more_clients_when_there_are_no_more_calls_to_open() -> None:
    world = World(bounds=Bounds(max_calls=1))
    world.tell(message(sample("alice")))

    assert names(world.tell(message(sample("bob")))) == ["CLIENT_JOINED"]


def test_calls_that_clients_name_themselves_count_each() -> None:
    world = World(mode=CallIdAssignMode.SLAVE, bounds=Bounds(max_calls=2))

    for number in range(5):
        world.tell(message(sample(f"client-{number}", callId=f"call-{number}")))

    assert len(world.registry.calls) == 2
    assert world.rejected == {Reason.TOO_MANY_CALLS: 3}


def test_a_service_that_is_full_shuts_out_no_other() -> None:
    world = World(bounds=Bounds(max_clients_per_service=2))

    world.tell(message(*(sample(f"c{n}") for n in range(5))), message(sample("dave"), service="other"))

    assert world.registry.clients_of == {"svc": 2, "other": 1}
    assert world.rejected == {Reason.TOO_MANY_CLIENTS: 3}


def test_there_is_room_again_when_what_was_there_has_closed() -> None:
    world = World(bounds=Bounds(max_calls=1, max_clients=1, max_peer_connections=1, max_tracks=1))
    world.tell(message(sample("alice", **outbound("t", 1))))
    world.pass_time(2 * IDLE)

    told = world.tell(message(sample("bob", room="garden", **outbound("t", 2))))

    assert names(told) == ["CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]
    assert world.rejected == {}


def test_peer_connections_and_tracks_of_all_clients_together_have_a_bound() -> None:
    world = World(bounds=Bounds(max_peer_connections=3, max_tracks=2))

    told = world.tell(message(*(sample(f"c{n}", **outbound("t", n)) for n in range(5))))

    assert names(told).count("PEER_CONNECTION_OPENED") == 3
    assert names(told).count("MEDIA_TRACK_ADDED") == 2
    assert world.rejected == {Reason.TOO_MANY_PEER_CONNECTIONS: 2, Reason.TOO_MANY_TRACKS: 1}
