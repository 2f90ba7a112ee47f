"""What a process does that has no cluster or lost touch with it, from what the others say."""

from cluster.formation import BeBornAnew, Form, JoinThrough, Reform, Step, Wait, first_step, next_step
from cluster.messages import Description

A, B, C = "a:1", "b:1", "c:1"
EVERYONE = [A, B, C]
OLD = ["a:1#0", "b:1#0", "c:1#0"]


def unformed(address: str, known: list[str] = EVERYONE, life: str = "1") -> Description:
    return Description(member=f"{address}#{life}", known=known)


def member(
    name: str,
    *,
    leader: str | None = None,
    cluster: str = "a:1#0",
    members: list[str] = OLD,
    term: int = 1,
    index: int = 10,
    settled: list[str] | None = None,
    lineage: list[str] | None = None,
) -> Description:
    return Description(
        member=name,
        cluster=cluster,
        leader=leader,
        members=members,
        term=term,
        last_term=term,
        last_index=index,
        settled=members if settled is None else settled,
        applied=(term, index),
        since=(term, index),
        lineage=lineage or [],
        known=EVERYONE,
    )


def why(step: Step) -> str:
    assert isinstance(step, Wait)
    return step.why


def test_the_smallest_address_forms_a_cluster_when_all_have_none() -> None:
    assert first_step(unformed(A), {B: unformed(B), C: unformed(C)}) == Form()


def test_the_others_wait_for_it() -> None:
    assert why(first_step(unformed(B), {A: unformed(A), C: unformed(C)})) == "a:1 is to form a cluster"


def test_nobody_forms_a_cluster_while_a_founder_is_silent() -> None:
    assert why(first_step(unformed(A), {B: unformed(B), C: None})) == "c:1 has not answered"


def test_whom_another_would_ask_must_have_answered_too() -> None:
    step = first_step(unformed(B, [B, C]), {C: unformed(C, [A, C])})
    assert why(step) == "a:1 has not answered"


def test_one_that_knows_nobody_is_a_cluster_of_its_own() -> None:
    assert first_step(unformed(A, [A]), {}) == Form()


def test_an_address_that_turns_out_to_be_ones_own_is_no_peer() -> None:
    me = unformed(A, [A, "alias:1"])
    assert first_step(me, {"alias:1": me}) == Form()


def test_a_cluster_with_a_leader_is_joined_through_it() -> None:
    there = member("b:1#0", leader="c:1#0")
    assert first_step(unformed(A), {B: there, C: None}) == JoinThrough(C)


def test_a_cluster_without_a_leader_keeps_others_from_forming_one() -> None:
    assert why(first_step(unformed(A), {B: member("b:1#0"), C: unformed(C)})) == "b:1 has a cluster, but no leader"


def test_of_two_clusters_the_one_that_was_formed_from_the_other_is_joined() -> None:
    old = member("b:1#0", leader="b:1#0", term=9)
    new = member("c:1#2", leader="c:1#2", cluster="c:1#2", lineage=["a:1#0"])
    assert first_step(unformed(A), {B: old, C: new}) == JoinThrough(C)


def test_a_member_waits_while_an_address_of_its_cluster_is_silent() -> None:
    step = next_step(member("b:1#0"), {A: None, C: unformed(C)})
    assert why(step) == "no leader is in touch; a:1 has not answered"


def test_a_member_waits_while_a_majority_of_it_is_there() -> None:
    step = next_step(member("b:1#0"), {A: unformed(A), C: member("c:1#0")})
    assert why(step) == "the members that are there elect a leader"


def test_the_last_member_forms_its_cluster_anew_when_all_others_are_new_processes() -> None:
    assert next_step(member("b:1#0"), {A: unformed(A), C: unformed(C)}) == Reform()


def test_the_last_member_forms_nothing_anew_while_a_founder_is_silent() -> None:
    me = member("b:1#0", members=["b:1#0", "x:1#0", "y:1#0"])
    answers = {"x:1": unformed("x:1", []), "y:1": unformed("y:1", []), A: None, C: unformed(C)}
    assert why(next_step(me, answers)) == "no leader is in touch; a:1 has not answered"


def test_of_several_survivors_the_one_with_the_newest_log_forms_the_cluster_anew() -> None:
    five = [*OLD, "d:1#0", "e:1#0"]
    behind, ahead = member("d:1#0", members=five, index=9), member("e:1#0", members=five, index=10)
    gone = {A: unformed(A), B: unformed(B), C: unformed(C)}
    assert next_step(ahead, {**gone, "d:1": behind}) == Reform()
    assert why(next_step(behind, {**gone, "e:1": ahead})) == "e:1 knows most, and is to form the cluster anew"


def test_a_newer_term_counts_more_than_a_longer_log() -> None:
    five = [*OLD, "d:1#0", "e:1#0"]
    longer, newer = member("d:1#0", members=five, index=99), member("e:1#0", members=five, term=2, index=10)
    gone = {A: unformed(A), B: unformed(B), C: unformed(C)}
    assert next_step(newer, {**gone, "d:1": longer}) == Reform()


def test_a_member_that_was_removed_is_born_anew() -> None:
    there = member("a:1#0", leader="a:1#0", members=["a:1#0", "c:1#0"], index=11)
    assert next_step(member("b:1#0"), {A: there, C: None}) == BeBornAnew("it was removed from its cluster")


def test_a_removal_that_is_not_applied_removes_nobody() -> None:
    there = member("a:1#0", leader="a:1#0", members=["a:1#0", "c:1#0"], settled=OLD, index=11)
    assert why(next_step(member("b:1#0"), {A: there, C: None})).startswith("others have a leader")


def test_members_as_of_before_one_was_added_remove_nobody() -> None:
    there = member("a:1#0", leader="a:1#0", members=["a:1#0", "c:1#0"], index=5)
    assert why(next_step(member("b:1#0"), {A: there, C: None})).startswith("others have a leader")


def test_a_survivor_gives_up_its_place_for_the_cluster_that_was_formed_from_its_own() -> None:
    there = member("c:1#2", leader="c:1#2", cluster="c:1#2", members=["c:1#2"], lineage=["a:1#0"])
    step = next_step(member("b:1#0"), {A: None, C: there})
    assert step == BeBornAnew("its cluster was formed anew without it")


def test_a_survivor_joins_a_strange_cluster_only_when_its_own_can_have_no_majority_any_more() -> None:
    strange = member("c:1#5", leader="c:1#5", cluster="c:1#5", members=["c:1#5"])
    assert why(next_step(member("b:1#0"), {A: None, C: strange})) == "no leader is in touch; a:1 has not answered"
    assert isinstance(next_step(member("b:1#0"), {A: unformed(A), C: strange}), BeBornAnew)


def test_a_survivor_forms_nothing_while_another_is_forming_the_same_cluster_anew() -> None:
    there = member("c:1#2", cluster="c:1#2", members=["c:1#2"], lineage=["a:1#0"])
    step = next_step(member("b:1#0"), {A: unformed(A), C: there})
    assert why(step) == "c:1 is forming its cluster anew"


def test_who_is_left_of_a_cluster_that_this_one_was_formed_from_keeps_it_from_nothing() -> None:
    me = member("c:1#2", cluster="c:1#2", members=["c:1#2", "b:1#1", "d:1#1"], lineage=["a:1#0"])
    left = member("a:1#0", members=["a:1#0", "b:1#0", "c:1#0"])

    assert next_step(me, {A: left, B: unformed(B), "d:1": unformed("d:1")}) == Reform()


def test_who_is_left_of_a_strange_cluster_keeps_it_from_forming_anew() -> None:
    me = member("c:1#2", cluster="c:1#2", members=["c:1#2", "b:1#1", "d:1#1"], lineage=["a:1#0"])
    left = member("a:1#7", cluster="a:1#7", members=["a:1#7", "b:1#0", "c:1#0"])

    assert "have another one that has no leader" in why(
        next_step(me, {A: left, B: unformed(B), "d:1": unformed("d:1")})
    )
