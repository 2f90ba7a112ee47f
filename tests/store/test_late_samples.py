"""What a sample does that is committed after a newer one of its client: nothing that the newer one has undone."""

import pytest

import store.departed
from store.commands import Outcome, encode
from store.departed import REMEMBERED, Departed
from store.registry import Registry
from tests.build import (
    LIMITS,
    NOW,
    client_seen,
    client_with,
    expired,
    leave,
    observe,
    observe_sfus,
    registry_of,
    sfu_leaves,
    sfu_seen,
    sfu_told,
    sfu_with,
    sweep,
    told,
)
from tests.build import track_seen as track
from tests.store.copies import copy_of, machine_of, parts_of
from tests.store.one_sfu import ALL, BELOW, sfus_of

NOTHING = Outcome([], [], [None], None, [], [])
EARLIER = NOW - 1


def left() -> Registry:
    """Alice, whose last sample was of `NOW`, has left; bob is still in the lobby."""
    registry = registry_of(client_with(track()), client_seen("bob"))
    registry.apply(leave("n1", 2, "alice"))
    return registry


def test_a_client_that_left_is_not_brought_back_by_an_older_sample() -> None:
    registry = left()

    outcome = registry.apply(observe("n2", 1, client_with(track(), at=EARLIER)))

    assert outcome == NOTHING
    assert list(registry.clients) == [("service", "bob")]


def test_an_older_sample_of_a_client_that_left_starts_no_call() -> None:
    registry = left()

    outcome = registry.apply(observe("n2", 1, client_seen(room="attic", at=EARLIER)))

    assert outcome == NOTHING
    assert list(registry.rooms) == [("service", "lobby")]


@pytest.mark.parametrize("at", [NOW, NOW + 1])
def test_a_client_that_left_comes_back_with_a_sample_that_is_not_older(at: int) -> None:
    outcome = left().apply(observe("n2", 1, client_seen(at=at)))

    assert told(outcome.opened) == [("client", "alice")]


def test_of_several_samples_of_an_entry_the_last_one_counts() -> None:
    seen = client_seen(at=EARLIER)._replace(last=NOW + 1)

    outcome = left().apply(observe("n2", 1, seen))

    assert told(outcome.opened) == [("client", "alice")]


def test_the_last_sample_of_a_client_that_expired_is_remembered_too() -> None:
    registry = registry_of(client_seen())
    when = expired(LIMITS.client)
    registry.apply(sweep("n1", 2, now=when))

    outcome = registry.apply(observe("n2", 1, client_seen(at=EARLIER), now=when))

    assert outcome == NOTHING


def test_another_client_and_the_same_name_in_another_service_may_come_with_old_samples() -> None:
    seen = [client_seen("carol", at=EARLIER), client_seen(service="other", at=EARLIER)]

    outcome = left().apply(observe("n2", 1, *seen))

    assert outcome.calls == ["call", "call"]


@pytest.mark.parametrize(("passed", "known"), [(REMEMBERED, True), (REMEMBERED + 1, False)])
def test_who_left_is_forgotten_after_half_a_minute_of_registry_time(passed: int, known: bool) -> None:
    registry = left()

    outcome = registry.apply(observe("n2", 1, client_seen(at=EARLIER), now=NOW + passed))

    assert (outcome.calls == [None]) is known
    assert bool(registry.departed.rows) is known


def test_a_client_that_came_back_is_not_remembered() -> None:
    registry = left()

    registry.apply(observe("n2", 1, client_seen()))

    assert not registry.departed.rows


def test_an_older_sample_does_not_move_a_client_to_another_room() -> None:
    registry = registry_of(client_with(track()))

    outcome = registry.apply(observe("n2", 1, client_seen(room="attic", at=EARLIER)))

    assert outcome == NOTHING
    assert registry.clients["service", "alice"].call.room_id == "lobby"
    assert registry.clients["service", "alice"].origin == "n1"


def test_an_older_sample_does_not_move_a_client_to_another_call_of_its_own_naming() -> None:
    registry = registry_of(client_seen(own_call="second"))

    outcome = registry.apply(observe("n2", 1, client_seen(own_call="first", at=EARLIER)))

    assert outcome == NOTHING
    assert list(registry.calls) == [("service", "lobby", "second")]


def test_a_sample_of_the_same_time_moves_a_client() -> None:
    outcome = registry_of(client_seen()).apply(observe("n2", 1, client_seen(room="attic", spare_call="c2")))

    assert outcome.calls == ["c2"]


def test_an_older_sample_of_the_same_room_is_taken() -> None:
    outcome = registry_of(client_seen()).apply(observe("n2", 1, client_with(track(), at=EARLIER)))

    assert told(outcome.opened) == [("peerConnection", "pc"), ("track", "mic")]


def test_a_client_that_moved_and_left_is_not_brought_back_to_its_first_room() -> None:
    registry = registry_of(client_seen())
    registry.apply(observe("n1", 2, client_seen(room="attic", at=NOW + 2)))
    registry.apply(leave("n1", 3, "alice"))

    outcome = registry.apply(observe("n2", 1, client_seen(at=NOW + 1)))

    assert outcome == NOTHING


def test_a_restored_registry_remembers_who_left() -> None:
    machine = machine_of(left())
    late = encode(observe("n2", 1, client_seen(at=EARLIER)))

    copy = copy_of(machine)

    assert copy.apply(late) == NOTHING == machine.apply(late)
    assert parts_of(copy) == parts_of(machine)


def test_of_too_many_those_who_left_first_are_forgotten() -> None:
    departed = Departed()
    most = store.departed.MOST_REMEMBERED

    for number in range(most + 2):
        departed.add(("service", str(number)), NOW, NOW)

    assert len(departed.rows) == most
    assert next(iter(departed.rows)) == ("service", "2")


def test_who_left_again_is_remembered_from_then_on() -> None:
    departed = Departed()
    departed.add(("service", "alice"), NOW, NOW)
    departed.add(("service", "bob"), NOW, NOW + 1)
    departed.add(("service", "alice"), NOW + 2, NOW + 2)

    departed.forget(NOW + REMEMBERED + 2)

    assert list(departed.rows) == [("service", "alice")]


# SFUs


def sfu_left() -> Registry:
    """An SFU whose last sample was of `NOW` has left."""
    registry = sfus_of(sfu_with(*BELOW))
    registry.apply(sfu_leaves("n1", 2, "sfu"))
    return registry


def test_an_sfu_that_left_is_not_brought_back_by_an_older_sample() -> None:
    registry = sfu_left()

    outcome = registry.apply(observe_sfus("n2", 1, sfu_with(*BELOW, at=EARLIER)))

    assert outcome == Outcome([], [], [], None, [], [])
    assert registry.sfus == {}


@pytest.mark.parametrize("at", [NOW, NOW + 1])
def test_an_sfu_that_left_comes_back_with_a_sample_that_is_not_older(at: int) -> None:
    registry = sfu_left()

    outcome = registry.apply(observe_sfus("n2", 1, sfu_with(*BELOW, at=at)))

    assert sfu_told(outcome.sfus_opened) == ALL
    assert not registry.sfu_half.departed.rows


def test_another_sfu_and_the_same_name_in_another_service_may_come_with_old_samples() -> None:
    seen = [sfu_seen(sfu="other", at=EARLIER), sfu_seen(service="other", at=EARLIER)]

    outcome = sfu_left().apply(observe_sfus("n2", 1, *seen))

    assert sfu_told(outcome.sfus_opened) == [("sfu", "other"), ("sfu", "sfu")]


def test_the_last_sample_of_an_sfu_that_expired_is_remembered_too() -> None:
    registry = sfus_of(sfu_with(*BELOW))
    when = expired(LIMITS.sfu)
    registry.apply(sweep("n1", 2, now=when))

    outcome = registry.apply(observe_sfus("n2", 1, sfu_seen(at=EARLIER), now=when))

    assert outcome.sfus_opened == []


@pytest.mark.parametrize(("passed", "known"), [(REMEMBERED, True), (REMEMBERED + 1, False)])
def test_an_sfu_that_left_is_forgotten_after_half_a_minute_of_registry_time(passed: int, known: bool) -> None:
    registry = sfu_left()

    outcome = registry.apply(observe_sfus("n2", 1, sfu_seen(at=EARLIER), now=NOW + passed))

    assert bool(outcome.sfus_opened) is not known


def test_a_client_and_an_sfu_of_one_name_are_not_taken_for_each_other() -> None:
    registry = sfu_left()

    assert registry.apply(observe("n2", 1, client_seen("sfu", at=EARLIER))).calls == ["call"]


def test_a_restored_registry_remembers_which_sfus_left() -> None:
    machine = machine_of(sfu_left())
    late = encode(observe_sfus("n2", 1, sfu_with(*BELOW, at=EARLIER)))

    copy = copy_of(machine)

    assert copy.apply(late) == machine.apply(late) == Outcome([], [], [], None, [], [])
    assert parts_of(copy) == parts_of(machine)
