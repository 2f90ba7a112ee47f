"""Retries hear the first outcome again, and outcomes are kept until they are told."""

from store.commands import Outcome
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
