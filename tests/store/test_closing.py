"""What keeps a row of the registry and what closes it: touches, leaves and idle limits."""

import pytest

from store.commands import Outcome
from store.registry import MOST_CLOSED, Registry
from tests.build import (
    LIMITS,
    NOW,
    client_seen,
    client_with,
    expired,
    inbound_seen,
    leave,
    observe,
    peer_connection_seen,
    registry_of,
    sweep,
    told,
    touch_call,
    touch_client,
    touch_peer_connection,
    touch_track,
    track_seen,
)

ALICE = [("call", "call"), ("client", "alice"), ("peerConnection", "pc"), ("track", "mic")]
"""What one client with one track opens."""


# Touches


def test_a_touch_moves_only_its_own_row() -> None:
    registry = registry_of(client_with(track_seen()))

    registry.apply(observe("n1", 2, now=NOW + 500, touches=[touch_client(at=NOW + 400, age=100)]))

    client = registry.clients["service", "alice"]
    assert (client.sample_touched, client.server_touched) == (NOW + 400, NOW + 400)
    assert (client.call.server_touched, client.peer_connections["pc"].server_touched) == (NOW, NOW)


def test_each_kind_of_row_can_be_touched() -> None:
    registry = registry_of(client_with(track_seen()))
    at = NOW + 1
    touches = [touch_call(at=at), touch_client(at=at), touch_peer_connection(at=at), touch_track(at=at)]

    registry.apply(observe("n1", 2, touches=touches))

    client = registry.clients["service", "alice"]
    peer_connection = client.peer_connections["pc"]
    rows = [client.call, client, peer_connection, *peer_connection.tracks.values()]
    assert [row.sample_touched for row in rows] == [at] * 4


def test_a_touch_never_goes_back() -> None:
    registry = registry_of(client_seen())

    registry.apply(observe("n1", 2, touches=[touch_client(at=NOW - 1, age=1)]))

    client = registry.clients["service", "alice"]
    assert (client.sample_touched, client.server_touched) == (NOW, NOW)


def test_a_touch_of_what_is_not_there_does_nothing() -> None:
    registry = registry_of(client_seen())
    touches = [touch_call("other"), touch_client("bob"), touch_peer_connection("other"), touch_track("other")]

    outcome = registry.apply(observe("n1", 2, touches=touches))

    assert outcome == Outcome([], [], [], None, [], [])
    assert registry.clients["service", "alice"].peer_connections == {}


def test_a_touch_comes_before_a_leave_of_the_same_command() -> None:
    registry = registry_of(client_seen())
    command = leave("n1", 2, "alice")._replace(touches=[touch_client(at=NOW + 700)])

    outcome = registry.apply(command)

    assert [entry.timestamp for entry in outcome.closed] == [NOW + 700]


# Leaving


def test_a_client_that_leaves_takes_all_below_it_along_children_first() -> None:
    registry = registry_of(client_with(track_seen()))

    outcome = registry.apply(leave("n1", 2, "alice"))

    assert told(outcome.closed) == ALICE[:0:-1]


def test_an_uncertain_leave_counts_if_its_node_heard_the_client_last() -> None:
    registry = registry_of(client_seen())

    outcome = registry.apply(leave("n1", 2, "alice", certain=False))

    assert told(outcome.closed) == [("client", "alice")]


def test_an_uncertain_leave_is_void_once_another_node_hears_the_client() -> None:
    registry = registry_of(client_seen())
    registry.apply(observe("n2", 1, client_seen()))

    outcome = registry.apply(leave("n1", 2, "alice", certain=False))

    assert outcome.closed == []


def test_a_certain_leave_counts_whoever_says_so() -> None:
    registry = registry_of(client_seen())

    outcome = registry.apply(leave("n2", 1, "alice"))

    assert told(outcome.closed) == [("client", "alice")]


def test_a_client_that_is_not_there_cannot_leave() -> None:
    outcome = registry_of(client_seen()).apply(leave("n1", 2, "bob"))

    assert outcome.closed == []


# Expiry


@pytest.mark.parametrize(
    ("limit", "row"),
    [
        (LIMITS.outbound_track, ("track", "mic")),
        (LIMITS.inbound_track, ("track", "speaker")),
        (LIMITS.peer_connection, ("peerConnection", "pc")),
        (LIMITS.client, ("client", "alice")),
        (LIMITS.call, ("call", "call")),
    ],
)
def test_a_row_closes_once_its_limit_and_a_tenth_are_over(limit: int, row: tuple[str, str]) -> None:
    seen = client_with(track_seen(), inbound_seen())

    just_before = registry_of(seen).apply(sweep("n1", 2, now=expired(limit) - 1))
    just_after = registry_of(seen).apply(sweep("n1", 2, now=expired(limit)))

    assert row not in told(just_before.closed)
    assert told(just_after.closed)[-1] == row


def test_a_call_that_ends_takes_its_room_along() -> None:
    registry = registry_of(client_with(track_seen()))

    outcome = registry.apply(sweep("n1", 2, now=expired(LIMITS.call)))

    assert told(outcome.closed) == ALICE[::-1]
    assert (registry.rooms, registry.calls, registry.clients) == ({}, {}, {})


def test_a_room_whose_call_ended_gets_a_new_call() -> None:
    registry = registry_of(client_seen())
    registry.apply(sweep("n1", 2, now=expired(LIMITS.call)))

    outcome = registry.apply(observe("n1", 3, client_seen(spare_call="c2"), now=expired(LIMITS.call)))

    assert outcome.calls == ["c2"]


def test_what_is_touched_in_time_does_not_expire() -> None:
    registry = registry_of(client_seen())
    late = expired(LIMITS.client)

    outcome = registry.apply(sweep("n1", 2, now=late)._replace(touches=[touch_client(age=late - NOW - 1)]))

    assert outcome.closed == []


def test_a_row_ends_at_its_last_sample_and_a_call_when_it_was_last_heard() -> None:
    registry = registry_of(client_seen(at=NOW - 300))

    outcome = registry.apply(sweep("n1", 2, now=expired(LIMITS.call)))

    assert [(entry.what, entry.timestamp) for entry in outcome.closed] == [("client", NOW - 300), ("call", NOW)]


def test_a_clock_that_is_behind_does_not_set_registry_time_back() -> None:
    registry = registry_of(client_seen())

    registry.apply(observe("n2", 1, client_seen("bob"), now=NOW - 60_000))

    assert registry.now == NOW
    assert registry.clients["service", "bob"].server_touched == NOW


@pytest.mark.parametrize("early", [1, 0])
def test_the_registry_knows_whether_a_sweep_would_close_anything(early: int) -> None:
    registry = registry_of(client_with(inbound_seen()))
    when = expired(LIMITS.inbound_track) - early

    known = registry.has_idle(LIMITS, when)

    assert known is bool(registry.apply(sweep("n1", 2, now=when)).closed)
    assert known is not bool(early)


def large_client() -> Registry:
    """A client with two peer connections, each of which has more tracks than one command closes."""
    tracks = [track_seen(f"t{number}", ssrcs=[number]) for number in range(MOST_CLOSED + 10)]
    return registry_of(client_seen("alice", peer_connection_seen(*tracks, id="a"), peer_connection_seen(*tracks)))


@pytest.mark.parametrize("certain", [True, False])
def test_a_client_with_very_many_rows_leaves_in_several_commands(certain: bool) -> None:
    registry = large_client()

    outcomes = [registry.apply(leave("n1", seq, "alice", certain=certain)) for seq in (2, 3, 4, 5)]

    assert [len(outcome.closed) for outcome in outcomes] == [MOST_CLOSED, MOST_CLOSED, 23, 0]
    assert told(outcomes[2].closed)[-1] == ("client", "alice")
    assert (registry.clients, registry.peer_connections, registry.tracks) == ({}, 0, 0)


def test_a_client_with_very_many_rows_expires_in_several_sweeps() -> None:
    registry = large_client()
    when = expired(max(LIMITS))

    closed = [len(registry.apply(sweep("n1", seq, now=when)).closed) for seq in (2, 3, 4)]

    assert closed == [MOST_CLOSED, MOST_CLOSED, 24]
    assert registry.calls == {}


def test_a_sweep_stops_after_enough_rows_and_the_next_goes_on() -> None:
    number = 6
    registry = registry_of(
        *(
            client_seen(f"client-{room}-{one}", room=f"room-{room}", spare_call=f"call-{room}")
            for room in range(number)
            for one in range(1000)
        )
    )
    when = expired(max(LIMITS))

    first = registry.apply(sweep("n1", 2, now=when)).closed
    second = registry.apply(sweep("n1", 3, now=when)).closed

    assert len(first) == MOST_CLOSED
    assert len(first) + len(second) == number * 1001
    assert registry.apply(sweep("n1", 4, now=when)).closed == []
