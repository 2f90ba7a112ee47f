"""What a sample opens in the registry, and which call a client is put in."""

import pytest
from msgspec.structs import asdict

from store.commands import Outcome
from store.entities import INBOUND, OUTBOUND
from store.registry import Registry
from tests.build import (
    NOW,
    client_seen,
    client_with,
    inbound_seen,
    leave,
    observe,
    peer_connection_seen,
    registry_of,
    sweep,
    told,
    track_seen,
)

ALICE = [("call", "call"), ("client", "alice"), ("peerConnection", "pc"), ("track", "mic")]
"""What one client with one track opens."""


def test_a_first_sample_opens_all_that_it_shows_parents_first() -> None:
    outcome = Registry().apply(observe("n1", 1, client_with(track_seen())))

    assert told(outcome.opened) == ALICE


def test_the_outcome_tells_the_call_of_each_entry() -> None:
    outcome = Registry().apply(
        observe("n1", 1, client_seen(room="a", spare_call="c1"), client_seen("bob", room="b", spare_call="c2"))
    )

    assert outcome.calls == ["c1", "c2"]


def test_what_is_known_does_not_open_again() -> None:
    registry = registry_of(client_with(track_seen()))

    outcome = registry.apply(observe("n1", 2, client_with(track_seen())))

    assert outcome == Outcome([], [], ["call"], None, [], [])


def test_two_nodes_agree_on_the_call_of_a_room() -> None:
    registry = Registry()
    registry.apply(observe("n1", 1, client_seen("alice", spare_call="c1")))

    outcome = registry.apply(observe("n2", 1, client_seen("bob", spare_call="c2")))

    assert outcome.calls == ["c1"]
    assert told(outcome.opened) == [("client", "bob")]


def test_one_room_name_in_two_services_is_two_calls() -> None:
    registry = registry_of(client_seen(service="a", spare_call="c1"))

    outcome = registry.apply(observe("n1", 2, client_seen(service="b", spare_call="c2")))

    assert outcome.calls == ["c2"]
    assert [client.call.call_id for client in registry.clients.values()] == ["c1", "c2"]


def test_a_client_keeps_what_its_first_sample_said_of_it() -> None:
    registry = registry_of(client_seen(user="u1", marker="m1", zone=2.0, media_unit="unit-1"))

    registry.apply(observe("n1", 2, client_seen(user="u2", marker="m2", zone=3.0, media_unit="unit-2")))

    client = registry.clients["service", "alice"]
    assert (client.user_id, client.marker, client.time_zone_offset, client.media_unit_id) == ("u1", "m1", 2.0, "unit-1")


def test_what_opens_tells_whose_it_is() -> None:
    seen = client_with(track_seen(ssrcs=[7], stream="st", sink="si"), user="u", marker="m", zone=-3.5, media_unit="mu")

    track = Registry().apply(observe("n1", 1, seen)).opened[-1]

    assert asdict(track) == {
        "what": "track",
        "service_id": "service",
        "room_id": "lobby",
        "call_id": "call",
        "timestamp": NOW,
        "media_unit_id": "mu",
        "client_id": "alice",
        "user_id": "u",
        "marker": "m",
        "time_zone_offset": -3.5,
        "peer_connection_id": "pc",
        "track_id": "mic",
        "direction": OUTBOUND,
        "media_kind": "AUDIO",
        "ssrcs": (7,),
        "sfu_stream_id": "st",
        "sfu_sink_id": "si",
    }


def test_a_track_of_the_same_id_on_another_peer_connection_is_another_track() -> None:
    seen = client_seen(
        "alice", peer_connection_seen(track_seen(), id="pc1"), peer_connection_seen(track_seen(), id="pc2")
    )

    outcome = Registry().apply(observe("n1", 1, seen))

    assert told(outcome.opened).count(("track", "mic")) == 2


def test_a_child_that_comes_back_under_a_living_parent_opens_again() -> None:
    registry = registry_of(client_with(track_seen()))
    registry.apply(leave("n1", 2, "alice"))

    outcome = registry.apply(observe("n1", 3, client_with(track_seen())))

    assert told(outcome.opened) == ALICE[1:]


def test_inbound_and_outbound_tracks_of_one_id_are_two() -> None:
    outcome = Registry().apply(observe("n1", 1, client_with(track_seen("t"), inbound_seen("t"))))

    assert [entry.direction for entry in outcome.opened if entry.what == "track"] == [OUTBOUND, INBOUND]


# Rooms and calls


def test_a_client_that_turns_up_in_another_room_leaves_the_one_and_joins_the_other() -> None:
    registry = registry_of(client_with(track_seen()))

    outcome = registry.apply(observe("n1", 2, client_seen(room="attic", spare_call="c2")))

    assert told(outcome.opened) == [("call", "c2"), ("client", "alice")]
    assert told(outcome.closed) == [("track", "mic"), ("peerConnection", "pc"), ("client", "alice")]
    assert registry.clients["service", "alice"].call.call_id == "c2"


def test_a_call_whose_last_client_left_stays() -> None:
    registry = registry_of(client_seen())

    outcome = registry.apply(leave("n1", 2, "alice"))

    assert told(outcome.closed) == [("client", "alice")]
    assert list(registry.rooms) == [("service", "lobby")]


def test_a_client_may_name_the_call_of_a_room_itself() -> None:
    outcome = Registry().apply(observe("n1", 1, client_seen(own_call="ours")))

    assert outcome.calls == ["ours"]


def test_another_call_id_in_the_same_room_supersedes_the_call() -> None:
    registry = registry_of(client_seen("alice", own_call="first"))

    outcome = registry.apply(observe("n1", 2, client_seen("bob", own_call="second")))

    assert told(outcome.opened) == [("call", "second"), ("client", "bob")]
    assert registry.rooms["service", "lobby"].call_id == "second"


def test_a_superseded_call_keeps_its_clients() -> None:
    registry = registry_of(client_seen("alice", own_call="first"))
    registry.apply(observe("n1", 2, client_seen("bob", own_call="second")))

    outcome = registry.apply(observe("n1", 3, client_seen("alice", own_call="first")))

    assert outcome == Outcome([], [], ["first"], None, [], [])


def test_a_superseded_call_takes_no_new_clients() -> None:
    registry = registry_of(client_seen("alice", own_call="first"))
    registry.apply(observe("n1", 2, client_seen("bob", own_call="second")))

    outcome = registry.apply(observe("n1", 3, client_seen("carol", own_call="first")))

    assert outcome == Outcome([], [], [None], None, [], [])


def test_a_superseded_call_ends_with_its_last_client() -> None:
    registry = registry_of(client_seen("alice", own_call="first"))
    registry.apply(observe("n1", 2, client_seen("bob", own_call="second")))

    outcome = registry.apply(leave("n1", 3, "alice"))

    assert told(outcome.closed) == [("client", "alice"), ("call", "first")]


def test_a_superseded_call_that_ends_leaves_the_room_to_its_successor() -> None:
    registry = registry_of(client_seen("alice", own_call="first"))
    registry.apply(observe("n1", 2, client_seen("bob", own_call="second")))

    registry.apply(leave("n1", 3, "alice"))

    assert registry.rooms["service", "lobby"].call_id == "second"


def test_a_call_without_clients_ends_when_it_is_superseded() -> None:
    registry = registry_of(client_seen("alice", own_call="first"))
    registry.apply(leave("n1", 2, "alice"))

    outcome = registry.apply(observe("n1", 3, client_seen("bob", own_call="second")))

    assert told(outcome.closed) == [("call", "first")]


@pytest.fixture
def outlived() -> Registry:
    """Alice lives on in the call *first* of the lobby; the call *second* that superseded it has ended."""
    registry = registry_of(client_seen("alice", own_call="first"))
    registry.apply(observe("n1", 2, client_seen("bob", own_call="second")))
    late = NOW + 20_000
    registry.apply(observe("n1", 3, client_seen("alice", own_call="first"), now=late))
    registry.apply(sweep("n1", 4, now=late))
    assert list(registry.calls) == [("service", "lobby", "first")]
    return registry


def test_a_superseded_call_that_outlives_its_successor_goes_on(outlived: Registry) -> None:
    outcome = outlived.apply(observe("n1", 5, client_seen("alice", own_call="first")))

    assert outcome == Outcome([], [], ["first"], None, [], [])


def test_a_superseded_call_that_outlives_its_successor_takes_no_new_clients(outlived: Registry) -> None:
    outcome = outlived.apply(observe("n1", 5, client_seen("carol", own_call="first")))

    assert outcome == Outcome([], [], [None], None, [], [])


def test_beside_a_superseded_call_a_room_may_get_a_new_one(outlived: Registry) -> None:
    outcome = outlived.apply(observe("n1", 5, client_seen("carol", own_call="third")))

    assert told(outcome.opened) == [("call", "third"), ("client", "carol")]
    assert outcome.closed == []
