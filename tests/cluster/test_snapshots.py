"""The rules of snapshots, one at a time: how a leader gives them, and what a member takes."""

import pytest

from cluster.configuration import ADD
from cluster.messages import Ack, Part, Taken
from cluster.settings import LogLimits
from cluster.transfer import AT_ONCE, PATIENCE, WINDOW
from tests.cluster.one_member import HEARTBEAT, LONG, MEMBERS, SHORT, A, B, C, D, E, One, append, follower, leader
from tests.cluster.tape import PART


def part(number: int, *, index: int = 9, last: bool = False, data: bytes = b"x", term: int = 5) -> Part:
    return Part(term, 1, 7, index, term, number, last, sorted(MEMBERS), b"" if last else data)


def teaching(*learners: str, parts: int = 1, limits: LogLimits = LONG) -> One:
    """A leader without others, whose log does not begin at the beginning, and who teaches."""
    one = leader(limits=limits)
    one.tape.parts = parts
    one.proposes(b"x")
    one.raft.log.cut_to(one.raft.log.last)
    one.links(*learners)
    for learner in learners:
        one.raft.teach(learner, one.now)
        one.tick()
        one.hears(learner, Ack(5, 1, one.raft.log.last))
    one.pass_time(HEARTBEAT)
    return one


def test_a_snapshot_is_made_a_few_parts_at_a_time() -> None:
    one = teaching(D, parts=100)
    one.said.clear()
    one.tick(HEARTBEAT)
    assert 0 < sum(len(said.data) for said in one.parts(D)) <= AT_ONCE


def test_no_more_of_a_snapshot_is_on_its_way_than_its_window() -> None:
    one = teaching(D, parts=100)
    one.pass_time(0.9)
    assert sum(len(said.data) for said in one.parts(D)) == WINDOW


def test_the_window_moves_on_with_the_answers() -> None:
    one = teaching(D, parts=100)
    one.pass_time(0.9)
    one.said.clear()
    one.hears(D, Taken(5, 1, 2))
    one.tick()
    assert [said.number for said in one.parts(D)] == [WINDOW // len(PART), WINDOW // len(PART) + 1]


def test_after_a_new_link_a_transfer_goes_on_with_the_first_part_that_was_not_answered() -> None:
    one = teaching(D, parts=100)
    one.pass_time(0.5)
    one.hears(D, Taken(5, 1, 3))
    one.loses(D)
    one.said.clear()
    one.links(D)
    one.tick(HEARTBEAT)
    first = one.parts(D)[0]
    assert (first.transfer, first.number) == (1, 3)


def test_one_transfer_at_a_time_and_after_one_that_came_to_nothing_it_is_anothers_turn() -> None:
    one = teaching(D, E, parts=100)
    before = {said[0] for said in one.said if isinstance(said[1], Part)}
    one.pass_time(PATIENCE - 1.0)
    during = {said[0] for said in one.said if isinstance(said[1], Part)}
    one.said.clear()
    one.pass_time(2.0)
    after = {said[0] for said in one.said if isinstance(said[1], Part) and said[1].transfer == 2}
    assert (before, during, after) == ({D}, {D}, {E})


def test_entries_behind_a_snapshot_that_is_on_its_way_stay_up_to_some_times_the_bounds() -> None:
    one = teaching(D, parts=100, limits=SHORT)
    first = one.raft.log.first
    for _ in range(60):
        one.proposes(b"x")
    kept = one.raft.log.first
    for _ in range(60):
        one.proposes(b"x")
    assert kept == first
    assert len(one.raft.log) <= SHORT.max_entries * SHORT.max_times_in_transfer
    assert one.statistics.snapshots_aborted == 1


def test_a_snapshot_names_the_members_as_of_its_entry() -> None:
    one = leader(B, C)
    one.proposes(b"x")
    one.acked_by(B, C)
    one.raft.change(ADD, D)
    one.tick()
    one.raft.log.cut_to(one.raft.last_applied)
    one.raft.teach(E, one.now)
    one.links(E)
    one.tick(HEARTBEAT)
    one.hears(E, Ack(5, 1, one.raft.log.last))
    one.tick(HEARTBEAT)
    assert one.raft.configuration.members == {A, B, C, D}
    assert one.parts(E)[0].members == sorted(MEMBERS)


def test_every_part_is_answered() -> None:
    one = follower()
    one.hears(B, part(0))
    one.hears(B, part(1))
    one.hears(B, part(1))
    assert one.new(B) == [Taken(5, 7, 1), Taken(5, 7, 2), Taken(5, 7, 2)]


def test_the_present_state_stays_until_the_last_part() -> None:
    one = follower(5, commit=2)
    one.hears(B, part(0))
    before = [*one.tape.told]
    one.hears(B, part(1, last=True))
    assert (before, one.tape.told) == ([b"2"], [b"x"])


def test_a_snapshot_that_is_older_than_what_is_here_is_not_installed() -> None:
    one = follower(5, 5, 5, commit=4)
    one.hears(B, part(0, index=3))
    one.hears(B, part(1, index=3, last=True))
    assert one.tape.told == [b"2", b"3", b"4"]
    assert one.raft.last_applied == 4


@pytest.mark.parametrize(("terms", "last"), [((5, 5, 5, 5), 5), ((4, 4, 4, 4), 3)])
def test_entries_behind_a_snapshot_stay_if_the_log_agrees_with_it(terms: tuple[int, ...], last: int) -> None:
    one = follower(*terms)
    one.hears(B, part(0, index=3))
    one.hears(B, part(1, index=3, last=True))
    assert (one.raft.last_applied, one.raft.log.last) == (3, last)


def test_a_malformed_part_ends_the_transfer_and_is_counted() -> None:
    one = follower(5, commit=2)
    one.hears(B, part(0))
    one.hears(B, part(1, data=b""))
    one.hears(B, part(1))
    one.hears(B, part(2, last=True))
    assert one.tape.told == [b"2"]
    assert (one.statistics.malformed, one.statistics.snapshots_aborted) == (1, 1)


def test_a_part_of_another_transfer_is_not_taken() -> None:
    one = follower()
    one.hears(B, part(0))
    other = part(1)
    other.transfer = 8
    one.hears(B, other)
    assert one.new(B)[-1] == Taken(5, 7, 1)


def test_an_answer_to_another_transfer_moves_nothing() -> None:
    one = teaching(D, parts=100)
    one.pass_time(0.9)
    one.said.clear()
    one.hears(D, Taken(5, 99, 2))
    one.tick()
    assert one.parts(D) == []


def test_with_the_leadership_its_transfers_end() -> None:
    one = teaching(D, parts=100)
    one.hears(D, Ack(9, 1))
    assert (one.raft.leads(), one.statistics.snapshots_aborted) == (False, 1)


def test_of_entries_that_begin_before_the_base_those_behind_it_are_taken() -> None:
    one = follower()
    one.hears(B, part(0))
    one.hears(B, part(1, last=True))
    one.hears(B, append(7, 5, (5, 5, 5, 5)))
    assert (one.raft.log.first, one.raft.log.last, one.new(B)[-1]) == (9, 11, Ack(5, 12))
