"""The rules of the membership, one at a time: who comes, who goes, who counts, and who leads then."""

from cluster.asking import Asked
from cluster.configuration import ADD
from cluster.governing import MOST_LEARNERS
from cluster.leaving import Leaving
from cluster.messages import Ack, Append, Decision, Description, Join, Leave, Stand, Vote, change_of, encode
from cluster.raft import NOTHING
from cluster.settings import Timing
from tests.cluster.one_member import CHANGE, HEARTBEAT, MEMBERS, A, B, C, D, E, One, append, follower, leader


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


def test_a_leader_that_wants_to_go_listens_first_for_others_who_want_to_go_too() -> None:
    assert goes(leader(B, C), 3 * HEARTBEAT) == set()


def test_a_follower_that_was_refused_does_not_go() -> None:
    one = follower()
    gone: list[bool] = []
    asked = Asked(lambda address, question: None)
    Leaving(asked, lambda: gone.append(True), Timing()).tick(one.raft, one.governing, one.now)
    name = f"{one.raft.leader()}{0:015x}"
    asked.answered("b:1", encode(Decision(False, "not now", Description(member=name))), one.now)
    assert gone == []


def test_who_asks_to_leave_is_told_when_its_removal_is_applied() -> None:
    one = leader(B, C)
    said: list[Decision] = []
    one.governing.asked_to_leave(Leave(C), said.append, one.now)
    one.governing.tick(one.now)
    one.tick()
    one.governing.tick(one.now)
    before = [*said]
    one.acked_by(B)
    one.governing.tick(one.now)
    assert (one.raft.configuration.settled, before, len(said)) == (MEMBERS - {C}, [], 1)


def test_who_is_out_of_touch_with_the_majority_takes_nobody_in() -> None:
    one = leader(B, C)
    one.now += 2.0
    assert [said.granted for said in joins(one, D)] == [False]


def test_so_many_are_taught_at_once_and_no_more() -> None:
    one = leader(B, C)
    granted = [joins(one, f"d:{port}#0")[0].granted for port in range(1, MOST_LEARNERS + 2)]
    assert granted == [True] * MOST_LEARNERS + [False]


def test_who_lacks_what_was_committed_when_it_was_first_sent_entries_has_not_learned() -> None:
    one = leader(B, C)
    one.links(D)
    one.raft.teach(D, one.now)
    one.hears(D, Ack(5, 2))
    before = one.raft.replication.streams_to(D), one.raft.has_learned(D)
    one.hears(D, Ack(5, 3))
    assert (before, one.raft.has_learned(D)) == ((True, False), True)
