"""Retries hear the first outcome again, and outcomes are kept until they are told."""

from store.commands import NO_MEMBER, Outcome
from store.origins import MOST_GONE
from store.registry import Registry
from tests.build import (
    LIMITS,
    NOW,
    client_seen,
    client_with,
    expired,
    gone,
    leave,
    observe,
    registry_of,
    sweep,
    told,
    track_seen,
)
from tests.store.copies import copy_of, machine_of


def test_a_retry_hears_the_first_outcome_again_and_changes_nothing() -> None:
    registry = Registry()
    first = registry.apply(observe("n1", 1, client_seen()))
    registry.apply(leave("n2", 1, "alice"))

    again = registry.apply(observe("n1", 1, client_seen(), now=NOW + 1))

    assert again == first
    assert (registry.clients, registry.now) == ({}, NOW)


def test_a_retry_of_an_older_command_hears_nothing_and_changes_nothing() -> None:
    registry = registry_of(client_seen())
    registry.apply(leave("n1", 2, "alice"))

    stale = registry.apply(observe("n1", 1, client_seen()))

    assert stale == Outcome()
    assert registry.clients == {}


# Outbox


def untold(registry: Registry, origin: str) -> list[int]:
    """The numbers of the outcomes that the registry keeps for a node."""
    return list(registry.origins[origin].untold)


def test_what_a_node_has_not_told_is_kept() -> None:
    registry = registry_of(client_seen())

    registry.apply(leave("n1", 2, "alice"))

    assert untold(registry, "n1") == [1, 2]


def test_an_outcome_without_events_is_not_kept() -> None:
    registry = registry_of(client_seen())

    registry.apply(observe("n1", 2, client_seen()))

    assert untold(registry, "n1") == [1]


def test_a_mark_forgets_what_was_told() -> None:
    registry = registry_of(client_seen())

    registry.apply(observe("n1", 2, client_seen("bob"), mark=1))

    assert untold(registry, "n1") == [2]


def test_what_a_lost_node_had_not_told_is_told_by_its_heir() -> None:
    registry = Registry()
    lost = registry.apply(observe("n1", 1, client_with(track_seen())))

    outcome = registry.apply(gone("n2", 1, "n1"))

    assert outcome.opened == lost.opened
    assert list(registry.origins) == ["n2"]
    assert untold(registry, "n2") == [1]


def test_what_a_lost_node_had_told_is_not_told_again() -> None:
    registry = registry_of(client_seen())
    registry.apply(observe("n1", 2, client_seen("bob"), mark=1))

    outcome = registry.apply(gone("n2", 1, "n1"))

    assert told(outcome.opened) == [("client", "bob")]


def test_a_node_does_not_inherit_from_itself() -> None:
    registry = registry_of(client_seen())

    outcome = registry.apply(gone("n1", 2, "n1"))

    assert outcome.opened == []
    assert untold(registry, "n1") == [1]


def test_what_an_heir_opens_itself_comes_after_the_parents_it_inherits() -> None:
    registry = registry_of(client_seen("alice"))

    outcome = registry.apply(gone("n2", 1, "n1", seen=[client_seen("bob")]))

    assert told(outcome.opened)[0] == ("call", "call")


def test_what_an_heir_closes_itself_comes_after_the_children_it_inherits() -> None:
    registry = registry_of(client_seen("alice"))
    registry.apply(leave("n1", 2, "alice"))
    command = sweep("n2", 1, now=expired(LIMITS.call))._replace(gone=["n1"])

    outcome = registry.apply(command)

    assert told(outcome.closed) == [("client", "alice"), ("call", "call")]


def test_of_two_lost_nodes_parents_come_first() -> None:
    registry = registry_of(client_seen("alice"))
    registry.apply(observe("n2", 1, client_seen("bob")))

    outcome = registry.apply(gone("n3", 1, "n2", "n1"))

    assert told(outcome.opened) == [("call", "call"), ("client", "bob"), ("client", "alice")]


# Nodes that are gone


def test_what_a_node_proposed_before_it_was_gone_fails_and_changes_nothing() -> None:
    registry = registry_of(client_seen())
    registry.apply(gone("n2", 1, "n1"))

    late = registry.apply(observe("n1", 2, client_seen("bob"), now=NOW + 1))

    assert late == Outcome(failed=NO_MEMBER)
    assert (list(registry.clients), list(registry.origins), registry.now) == ([("service", "alice")], ["n2"], NOW)


def test_a_retry_of_a_node_that_is_gone_does_not_open_anew_what_has_closed() -> None:
    registry = registry_of(client_seen())
    registry.apply(leave("n2", 1, "alice"))
    registry.apply(gone("n2", 2, "n1"))

    registry.apply(observe("n1", 1, client_seen()))

    assert registry.clients == {}


def test_a_node_that_is_gone_inherits_nothing() -> None:
    registry = registry_of(client_seen())
    registry.apply(gone("n2", 1, "n3"))

    registry.apply(gone("n3", 1, "n1"))

    assert untold(registry, "n1") == [1]


def test_what_one_heir_told_no_other_inherits() -> None:
    registry = registry_of(client_seen())
    registry.apply(gone("n2", 1, "n1"))

    second = registry.apply(gone("n3", 1, "n1"))

    assert second.opened == []


def test_a_retried_inheritance_is_the_same_and_is_kept_once() -> None:
    registry = registry_of(client_seen())
    first = registry.apply(gone("n2", 1, "n1"))

    again = registry.apply(gone("n2", 1, "n1"))

    assert again == first
    assert untold(registry, "n2") == [1]


def test_what_a_lost_heir_had_not_told_is_told_by_the_next() -> None:
    registry = registry_of(client_seen())
    lost = registry.apply(gone("n2", 1, "n1"))

    outcome = registry.apply(gone("n3", 1, "n2"))

    assert outcome.opened == lost.opened


def test_of_the_nodes_that_are_gone_the_first_are_forgotten() -> None:
    registry = Registry()

    for number in range(MOST_GONE + 2):
        registry.apply(gone("n1", number + 1, f"lost{number}"))

    assert len(registry.gone) == MOST_GONE
    assert next(iter(registry.gone)) == "lost2"


def test_a_restored_registry_remembers_who_is_gone() -> None:
    registry = registry_of(client_seen())
    registry.apply(gone("n2", 1, "n1", "n0"))

    assert list(copy_of(machine_of(registry)).registry.gone) == ["n1", "n0"]
