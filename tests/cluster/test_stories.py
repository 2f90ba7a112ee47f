"""Stories of clusters in virtual time: one thing happens, and all is well in the end.

What is checked at every step stands in `tests/cluster/simulation/court.py`.
"""

import pytest

from cluster.names import address_of
from tests.cluster.simulation.application import Change
from tests.cluster.simulation.paths import between
from tests.cluster.simulation.process import Process
from tests.cluster.simulation.stories import Story

# Memory is lost


def test_who_starts_with_empty_memory_does_not_vote_a_command_away() -> None:
    """The leader and a follower hold a command; the follower forgets it, the leader dies, the third was cut off."""
    story = Story()
    leader, (follower, stranger) = story.the_leader(), story.followers()
    ways = story.cut_off(stranger)
    story.run(1.0)
    follower.crash(silently=False)
    leader.crash(silently=False)
    story.start(follower.address)
    story.network.unblock(ways)

    story.run(15.0)

    assert story.serving() == []
    assert story.court.wrong == []


def test_two_who_forgot_everything_do_not_serve_while_the_third_remembers() -> None:
    story = Story()
    leader, followers = story.the_leader(), story.followers()
    ways = story.cut_off(leader)
    for follower in followers:
        follower.crash(silently=False)
        story.start(follower.address)
    story.run(15.0)
    served, number = story.serving(), leader.witness.number

    story.network.unblock(ways)
    wrong = story.ends_well()

    assert served == []
    assert wrong == []
    assert min(process.witness.number for process in story.alive()) >= number


def test_when_a_majority_died_at_once_the_survivor_goes_on_with_all_it_knows() -> None:
    story = Story()
    survivor, *dead = story.alive()
    number, cluster = survivor.witness.number, survivor.cluster
    for process in dead:
        process.crash(silently=True)

    wrong = story.ends_well()

    assert wrong == []
    assert survivor.cluster != cluster
    assert min(process.witness.number for process in story.alive()) >= number


def test_two_survivors_of_five_go_on_with_what_the_one_knows_who_knows_more() -> None:
    story = Story(5)
    one, other, *dead = story.alive()
    ways = story.cut_off(other)
    story.run(1.0)
    for process in dead:
        process.crash(silently=False)
    number = one.witness.number
    story.network.unblock(ways)

    wrong = story.ends_well()

    assert wrong == []
    assert min(process.witness.number for process in story.alive()) >= number


def test_a_survivor_does_not_go_on_alone_while_anybody_is_silent() -> None:
    story = Story()
    _, *dead = story.alive()
    for process in dead:
        process.crash(silently=False)
    story.start(dead[0].address)

    story.run(20.0)

    assert story.serving() == []


def test_when_all_died_a_new_cluster_is_formed() -> None:
    story = Story()
    for process in story.alive():
        process.crash(silently=False)

    assert story.ends_well() == []


def test_no_cluster_is_formed_while_a_founder_is_silent() -> None:
    story = Story()
    processes = story.alive()
    for process in processes:
        process.crash(silently=False)
    for process in processes[1:]:
        story.start(process.address)

    story.run(20.0)

    assert story.serving() == []


# Leaders


def test_a_leader_that_is_cut_off_serves_no_more_and_the_others_do() -> None:
    story = Story()
    leader = story.the_leader()
    ways = story.cut_off(leader)
    story.run(3.0)
    served = story.serving()

    story.network.unblock(ways)

    assert sorted(served) == sorted(process.address for process in story.alive() if process is not leader)
    assert story.ends_well() == []


def test_a_dead_leader_is_missed_for_a_second_at_most() -> None:
    gaps = []
    for seed in range(10):
        story = Story(seed=seed)
        follower = story.followers()[0]
        story.the_leader().crash(silently=True)
        gaps.append(story.longest_gap(5.0, follower))

    assert max(gaps) < 1.5
    assert sorted(gaps)[5] < 1.0


def test_a_leader_that_stood_still_for_long_does_no_harm_when_it_goes_on() -> None:
    story = Story()
    story.the_leader().pause(2.5)
    story.run(4.0)

    assert story.ends_well() == []


@pytest.mark.parametrize("half", [0, 1])
def test_a_path_that_is_open_in_one_direction_only_stops_nobody_for_long(half: int) -> None:
    story = Story()
    ways = story.cut_off(story.the_leader())
    middle = len(ways) // 2
    opened, closed = (ways[:middle], ways[middle:]) if half else (ways[middle:], ways[:middle])
    story.network.unblock(opened)

    story.run(8.0)
    serving = story.serving()
    story.network.unblock(closed)

    assert len(serving) >= 2
    assert story.ends_well() == []


def test_a_leader_leaves_under_load_without_a_gap() -> None:
    story = Story(pace=0.02)
    leader, follower = story.the_leader(), story.followers()[0]
    story.retire(leader)

    gap = story.longest_gap(3.0, follower)

    assert leader.left
    assert gap < 0.5
    assert story.ends_well() == []


# A log that conflicts, and one that is long


@pytest.mark.parametrize("entries", [2000, 40])
def test_a_leader_that_was_cut_off_under_load_catches_up(entries: int) -> None:
    """What it took in without being able to commit it conflicts with what the others went on with."""
    story = Story(entries=entries, pace=0.01)
    leader = story.the_leader()
    ways = story.cut_off(leader)
    burst(story, leader, 500)
    story.run(5.0)
    story.network.unblock(ways)

    assert story.ends_well() == []


def burst(story: Story, leader: Process, count: int) -> None:
    """Many commands at once, of nobody."""
    for number in range(count):
        command = leader.witness.application.command(Change(f"nobody {number}", 1, 0, ()), story.random, 0)
        leader.do(lambda now, command=command: leader.member.propose(command, lambda answer: None, now))  # type: ignore[misc]


# Members come and go


def test_who_was_silent_for_too_long_is_removed_and_comes_back() -> None:
    story = Story()
    follower = story.followers()[0]
    ways = story.cut_off(follower)
    story.run(8.0)
    members = story.the_leader().status.members

    story.network.unblock(ways)

    assert follower.name not in members
    assert story.ends_well() == []
    assert follower.member.statistics.rebirths == 1


def test_one_that_died_is_replaced_by_one_at_another_address() -> None:
    story = Story()
    dead = story.followers()[0]
    dead.crash(silently=True)
    fresh = story.replace(dead.address)

    story.wait_until(story.one_cluster)

    assert fresh in map(address_of, story.the_leader().status.members)
    assert story.ends_well() == []


def test_three_become_five_and_three_again() -> None:
    story = Story(pace=0.05)
    story.add()
    story.add()
    story.wait_until(story.one_cluster)
    five = story.the_leader().status.members
    for process in [story.the_leader(), story.followers()[0]]:
        story.retire(process)
    story.wait_until(lambda: len(story.alive()) == 3 and story.one_cluster())

    assert len(five) == 5
    assert story.ends_well() == []


@pytest.mark.parametrize("silently", [True, False])
def test_all_are_killed_and_started_again_one_after_the_other(silently: bool) -> None:
    story = Story(entries=40)
    for process in story.alive():
        process.crash(silently=silently)
        story.start(process.address)
        story.wait_until(story.one_cluster)

    assert story.ends_well() == []
    assert {process.cluster for process in story.alive()} == {*story.court.history.stories}


def test_a_rolling_restart_in_order_tells_nothing_twice() -> None:
    story = Story(pace=0.03)
    for process in story.alive():
        story.leave(process, lambda address=process.address: story.start_if_wanted(address))  # type: ignore[misc]
        story.run(0.5)
        story.wait_until(story.one_cluster)

    assert story.ends_well() == []
    assert max(map(len, story.court.told.values())) == 1


def test_a_joiner_that_dies_while_it_learns_leaves_no_trace() -> None:
    story = Story(entries=20)
    address = story.add()
    story.network.paths[story.the_leader().address, address].rate = 300.0
    story.run(2.5)
    joiner = story.at(address)
    assert joiner
    role = joiner.status.role
    joiner.crash(silently=True)
    del story.wanted[address]

    assert role == "learner"
    assert story.ends_well() == []


def test_a_joiner_whose_leader_dies_learns_from_the_next() -> None:
    story = Story(entries=20)
    leader, address = story.the_leader(), story.add()
    story.network.paths[leader.address, address].rate = 300.0
    story.run(2.5)
    leader.crash(silently=True)

    story.wait_until(lambda: any(process.address == address and process.status.ready for process in story.alive()))

    assert story.ends_well() == []


def test_a_slow_joiner_delays_nobody() -> None:
    story = Story(entries=20, pace=0.02)
    address = story.add()
    for other in story.wanted:
        story.network.paths[other, address].rate = 5_000.0

    gap = story.longest_gap(10.0, story.followers()[0])

    assert gap < 0.3
    for path in story.network.paths.every():
        path.rate = None
    assert story.ends_well() == []


def test_two_who_come_at_once_are_both_taken_in() -> None:
    story = Story(1)
    story.add()
    story.add()

    story.wait_until(story.busy)

    assert len(story.the_leader().status.members) == 3
    assert story.ends_well() == []


def test_an_address_of_ones_own_under_another_name_is_nobody_else() -> None:
    story = Story(3)
    for process in story.alive():
        process.crash(silently=False)
    own = next(iter(story.wanted))
    story.questions.aliases["observer-0:5601"] = own
    for address in [*story.wanted]:
        process = story.start(address)
        found = story.found(address)
        process.discovers(found._replace(addresses=found.addresses | {"observer-0:5601"}))

    assert story.ends_well() == []


def test_a_round_that_somebody_asked_in_meanwhile_forms_nothing_without_asking_back() -> None:
    """Everyone starts again just when there are to be more: they know different founders, and one is slow."""
    clusters = []
    for seed in range(30):
        story = Story(2, seed=seed)
        processes = story.alive()
        slow = between([processes[0].address], [processes[1].address])
        for path in story.network.paths.all_of(slow):
            path.least_delay, path.most_delay = 0.2, 0.8
        before = len(story.court.history.stories)
        for process in processes:
            process.crash(silently=False)
            story.start(process.address)
        for _ in range(2):
            story.add()
        story.wait_until(story.one_cluster)
        clusters.append(len(story.court.history.stories) - before)
        assert story.court.wrong == []

    assert set(clusters) == {1}
