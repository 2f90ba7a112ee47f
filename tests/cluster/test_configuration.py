"""The members follow from the log."""

from cluster.configuration import ADD, REMOVE, Change, Configuration


def test_a_change_counts_as_soon_as_it_stands_in_the_log() -> None:
    configuration = Configuration(frozenset("ab"))
    configuration.append(Change(5, ADD, "c"))
    assert configuration.members == frozenset("abc")
    assert configuration.settled == frozenset("ab")


def test_a_change_that_is_cut_off_counts_no_more() -> None:
    configuration = Configuration(frozenset("ab"))
    configuration.append(Change(5, ADD, "c"))
    configuration.append(Change(7, REMOVE, "a"))
    configuration.cut_from(7)
    assert configuration.members == frozenset("abc")


def test_cutting_off_a_change_that_changed_nothing_changes_nothing() -> None:
    configuration = Configuration(frozenset("ab"))
    configuration.append(Change(5, ADD, "b"))
    configuration.cut_from(5)
    assert configuration.members == frozenset("ab")


def test_an_applied_change_is_settled() -> None:
    configuration = Configuration(frozenset("ab"))
    configuration.append(Change(5, ADD, "c"))
    configuration.append(Change(6, REMOVE, "a"))
    configuration.apply(5)
    assert configuration.settled == frozenset("abc")
    assert configuration.members == frozenset("bc")


def test_a_snapshot_replaces_what_came_before_its_entry_and_keeps_what_came_behind() -> None:
    configuration = Configuration(frozenset("ab"))
    configuration.append(Change(5, ADD, "c"))
    configuration.append(Change(9, ADD, "d"))
    configuration.install(frozenset("ac"), 7)
    assert configuration.settled == frozenset("ac")
    assert configuration.members == frozenset("acd")


def test_a_member_is_one_by_the_entry_that_makes_it_one_until_that_is_applied() -> None:
    configuration = Configuration(frozenset("ab"))
    configuration.append(Change(5, ADD, "c"))
    assert (configuration.since("a", 3), configuration.since("c", 3)) == (3, 5)
    configuration.apply(5)
    assert configuration.since("c", 8) == 8
