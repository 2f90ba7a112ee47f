"""The rules of the log and of the membership, one at a time: what one member says and keeps.

A rule that only saves time or memory does not show in `tests/cluster/simulation`, where all is well in the end without
it; and one whose failure takes several faults at once shows there in a few seeds only.
"""

import pytest

from cluster.asking import Asked
from cluster.configuration import ADD
from cluster.leaving import Leaving
from cluster.messages import Ack, Append, Decision, Join, Leave, Stand, Vote, change_of
from cluster.raft import NOTHING
from cluster.replication import Diverged
from cluster.settings import LogLimits, Timing
from tests.cluster.one_member import (
    CHANGE,
    COMMAND,
    HEARTBEAT,
    MEMBERS,
    SHORT,
    A,
    B,
    C,
    D,
    E,
    One,
    append,
    follower,
    leader,
)

# Driving the engine


def test_what_is_proposed_is_sent_before_the_next_heartbeat() -> None:
    one = leader(B, C)
    one.proposes(b"x")
    assert [len(said.entries) for said in one.appends(B)] == [1]


def test_at_most_a_mebibyte_and_one_command_is_applied_in_one_tick() -> None:
    one = One()
    one.links(B)
    command = COMMAND + bytes(600_000)
    one.hears(B, Append(5, 5, 1, 4, [(5, command)] * 4))
    more = one.tick()
    assert (more, len(one.tape.told)) == (True, 2)


def test_who_had_no_link_listens_for_an_election_timeout_once_it_has_one() -> None:
    one = One()
    one.pass_time(1.0)
    one.links(B)
    one.pass_time(Timing().election_min - HEARTBEAT)
    assert one.new(B) == []


def test_who_was_halted_reads_what_waits_before_it_stands() -> None:
    one = One()
    one.links(B)
    one.tick(2.0)
    assert one.new(B) == []


def test_who_is_halted_again_and_again_stands_at_last() -> None:
    one = One()
    one.links(B)
    for _ in range(4):
        one.tick(2.0)
    assert any(isinstance(said, Vote) for said in one.new(B))


# The log


def test_a_candidate_of_an_old_term_is_told_the_newer_one() -> None:
    one = follower()
    one.hears(C, Vote(3, 50, 3))
    assert [said.term for said in one.new(C) if isinstance(said, Ack)] == [5]


def test_an_answer_to_an_earlier_leadership_counts_for_nothing() -> None:
    one = leader(B, C, acked=False)
    one.hears(B, Ack(4, 3))
    one.tick()
    assert (one.raft.known_by(B), one.raft.commit_index) == (0, 1)


def test_an_answer_of_a_newer_term_ends_the_leadership() -> None:
    one = leader(B, C)
    one.hears(B, Ack(9, 1))
    assert (one.raft.leads(), one.raft.term) == (False, 9)


def test_an_acknowledgement_does_not_send_again_what_is_under_way() -> None:
    one = leader(B, C)
    one.proposes(b"x")
    one.proposes(b"y")
    one.said.clear()
    one.hears(B, Ack(5, 4))
    one.pass_time(2 * HEARTBEAT)
    assert [said.entries for said in one.appends(B) if said.entries] == []


def test_an_old_acknowledgement_takes_nothing_back() -> None:
    one = leader(B, C)
    one.hears(B, Ack(5, 1))
    assert one.raft.known_by(B) == 2


def test_after_a_new_link_the_leader_asks_for_what_was_acknowledged_with_an_empty_message() -> None:
    one = leader(B, C)
    one.proposes(b"x")
    one.loses(B)
    one.said.clear()
    one.links(B)
    one.pass_time(2 * HEARTBEAT)
    assert {(said.prev_index, len(said.entries)) for said in one.appends(B)} == {(2, 0)}


def test_after_a_rejection_the_leader_probes_with_an_empty_message() -> None:
    one = leader(B, C, acked=False)
    one.hears(B, Ack(5, 2, 1))
    one.hears(B, Ack(5, 2))
    one.tick()
    one.said.clear()
    one.hears(B, Ack(5, 2, 2))
    one.tick()
    assert [(said.prev_index, said.entries) for said in one.appends(B)] == [(1, [])]


def test_a_rejection_that_is_not_of_the_last_probe_is_ignored() -> None:
    one = leader(B, C)
    one.hears(B, Ack(5, 1, 1))
    assert one.raft.replication.streams_to(B)


def test_a_rejection_names_everything_that_is_committed_here() -> None:
    one = follower(5, 5, 5, commit=3)
    one.hears(B, append(9, 5, ()))
    assert one.new(B) == [Ack(5, 4, 9)]


def test_entries_that_agree_stay_with_all_behind_them() -> None:
    one = follower(5, 5, 5)
    one.hears(B, append(1, 4, (5,)))
    assert one.raft.log.last == 4


def test_entries_that_conflict_go_with_all_behind_them() -> None:
    one = follower(5, 5, 5)
    one.hears(C, append(2, 5, (6,), term=6))
    assert (one.raft.log.last, one.raft.log.last_term) == (3, 6)


def test_a_leader_that_contradicts_what_is_committed_is_not_followed() -> None:
    one = follower(5, 5, commit=3)
    with pytest.raises(Diverged):
        one.hears(C, append(2, 5, (6,), term=6))


def test_nothing_is_committed_that_this_message_has_not_confirmed() -> None:
    one = follower(5, 5, 5)
    one.hears(C, append(2, 5, (), commit=4, term=6))
    assert one.raft.commit_index == 2


@pytest.mark.parametrize(("limits", "size"), [(SHORT, 1), (LogLimits(20_000, 20_000, 4), 1000)])
def test_the_log_is_dropped_by_count_and_by_size(limits: LogLimits, size: int) -> None:
    one = leader(limits=limits)
    for _ in range(100):
        one.proposes(bytes(size))
    assert len(one.tape.told) == 100
    assert len(one.raft.log) <= 21


# Members


def test_one_change_of_the_membership_at_a_time() -> None:
    one = leader(B, C)
    one.raft.change(ADD, D)
    one.raft.change(ADD, E)
    one.tick()
    assert one.raft.configuration.members == {A, B, C, D}


def test_no_change_of_the_membership_before_an_entry_of_ones_own_term_is_committed() -> None:
    one = leader(B, C, acked=False)
    one.raft.change(ADD, D)
    one.tick()
    assert one.raft.configuration.members == MEMBERS


def test_a_change_that_is_cut_off_the_log_counts_no_more() -> None:
    one = follower()
    one.hears(B, Append(5, 1, 1, 4, [(5, CHANGE + change_of(ADD, D))]))
    with_it = one.raft.configuration.members
    one.hears(C, append(1, 4, (6,), term=6))
    assert (with_it, one.raft.configuration.members) == (MEMBERS | {D}, MEMBERS)


def test_who_is_no_member_by_its_own_log_does_not_stand() -> None:
    one = One(NOTHING, name=D)
    one.links(A)
    one.pass_time(5.0)
    assert (one.new(A), one.raft.term) == ([], 0)


def test_what_a_newcomer_acknowledged_counts_from_the_entry_that_makes_it_a_member() -> None:
    one = leader(B, C)
    one.links(D)
    one.raft.teach(D, one.now)
    one.acked_by(D)
    one.raft.change(ADD, D)
    one.tick()
    at_first = one.raft.known_by(D)
    one.hears(D, Ack(5, one.raft.log.last))
    before = one.raft.known_by(D)
    one.hears(D, Ack(5, one.raft.log.last + 1))
    assert (at_first, before, one.raft.known_by(D)) == (0, 0, one.raft.log.last)


def test_a_learner_votes_for_nobody() -> None:
    one = leader(B, C)
    one.raft.teach(D, one.now)
    one.hears(D, Vote(9, 50, 9))
    assert (one.raft.leads(), one.raft.term) == (True, 5)


def joins(one: One, name: str) -> list[Decision]:
    said: list[Decision] = []
    one.governing.asked_to_join(Join(name), said.append, one.now)
    return said


def test_who_joins_is_added_when_it_has_everything() -> None:
    one = leader(B, C)
    joins(one, D)
    one.links(D)
    one.governing.tick(one.now)
    one.tick()
    before = one.raft.configuration.members
    one.govern(0.5)
    assert (before, one.raft.configuration.members) == (MEMBERS, MEMBERS | {D})


def test_before_a_process_is_added_the_former_life_at_its_address_is_removed() -> None:
    one = leader(B, C)
    one.loses(C)
    joins(one, "c:1#1")
    one.links("c:1#1")
    one.govern(1.0)
    assert one.raft.configuration.members == {A, B, "c:1#1"}


def test_who_was_silent_for_long_is_removed() -> None:
    one = leader(B, C)
    one.loses(C)
    one.govern(2.9)
    before = one.raft.configuration.members
    one.govern(0.4)
    assert (before, one.raft.configuration.members) == (MEMBERS, MEMBERS - {C})


def test_nobody_is_removed_unless_a_majority_of_the_rest_is_there() -> None:
    one = leader(B, C, D, E)
    for member in (C, D, E):
        one.loses(member)
    for _ in range(100):
        one.hears(D, Ack(5, one.raft.log.last + 1))  # over a link that this member takes for broken
        one.govern(HEARTBEAT)
    assert one.raft.leads()
    assert one.raft.configuration.members == {A, B, C, D, E}


def test_nobody_is_added_unless_a_majority_is_there_without_him() -> None:
    one = leader(B)
    one.loses(B)
    joins(one, D)
    one.links(D)
    for _ in range(10):
        one.hears(B, Ack(5, one.raft.log.last + 1))
        one.govern(HEARTBEAT)
    assert one.raft.configuration.members == {A, B}


def test_to_a_member_that_is_alone_one_is_added() -> None:
    one = leader()
    joins(one, D)
    one.links(D)
    one.govern(0.5)
    assert one.raft.configuration.members == {A, D}


def test_a_leader_that_hands_over_lets_its_commands_wait() -> None:
    one = leader(B, C)
    one.raft.holding = True
    one.proposes(b"x")
    before = one.raft.log.last
    one.raft.holding = False
    one.tick()
    assert (before, one.raft.log.last) == (2, 3)


def goes(one: One, seconds: float) -> set[str]:
    """The leader wants to go, and time passes; whom it asks to stand in its place."""
    leaving = Leaving(Asked(lambda address, question: None), lambda: None, Timing())
    for _ in range(round(seconds / HEARTBEAT)):
        leaving.tick(one.raft, one.governing, one.now)
        one.tick(HEARTBEAT)
    return {member for member, said in one.said if isinstance(said, Stand)}


def test_a_leader_that_goes_hands_over_to_the_member_that_has_most() -> None:
    one = leader(B, C)
    one.proposes(b"x")
    one.hears(C, Ack(5, one.raft.log.last + 1))
    assert goes(one, 1.0) == {C}


def test_a_leader_that_goes_hands_over_only_to_one_who_stays() -> None:
    one = leader(B, C)
    one.governing.asked_to_leave(Leave(B), lambda decision: None, one.now)
    assert goes(one, 1.0) == {C}


def test_a_leader_that_goes_after_all_others_hands_over_to_nobody() -> None:
    one = leader(B, C)
    for member in (B, C):
        one.governing.asked_to_leave(Leave(member), lambda decision: None, one.now)
    assert goes(one, 1.0) == set()
