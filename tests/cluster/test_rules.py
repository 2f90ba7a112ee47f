"""The rules of driving the engine, of the log and of votes, one at a time: what one member says and keeps.

A rule that only saves time or memory does not show in `tests/cluster/simulation`, where all is well in the end without
it; and one whose failure takes several faults at once shows there in a few seeds only.
"""

import pytest

from cluster.messages import Ack, Append, Vote, Voted
from cluster.raft import Base
from cluster.replication import Diverged
from cluster.settings import LogLimits, Timing
from tests.cluster.one_member import COMMAND, HEARTBEAT, SHORT, A, B, C, D, E, One, append, follower, leader

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


# Votes


def candidate(*others: str) -> One:
    one = One(Base(1, 4, frozenset({A, *others})))
    one.links(*others)
    one.raft.election_deadline = one.now
    one.tick()
    return one


def test_a_member_has_one_vote() -> None:
    one = candidate(B, C, D, E)
    one.hears(B, Voted(5))
    one.hears(B, Voted(5))
    assert not one.raft.leads()


def test_who_is_no_member_has_no_vote() -> None:
    one = candidate(B, C)
    one.hears(D, Voted(5))
    assert not one.raft.leads()


def test_a_leader_of_an_old_term_is_told_the_newer_one_and_not_followed() -> None:
    one = follower(5)
    one.hears(C, append(1, 4, (3, 3), term=3))
    assert ([said.term for said in one.new(C) if isinstance(said, Ack)], one.raft.log.last) == ([5], 2)
