"""Values on their way to all nodes: gathered for a second, said again when it is time, and there on every node."""

from collections.abc import Callable
from functools import partial

import pytest
import trio

from observer.intake import Intake, SamplesCollector
from observer.keeping import MOST_BYTES_WAITING, MOST_WAITING, Keeping
from observer.peers import status_alone
from observer.proposals import ProposalCounts, Proposals
from store.commands import Command, Keep, Outcome, decode
from store.machine import Machine
from store.values import LONGEST_TIME, LONGEST_VALUE
from tests.replicas import Replicas
from tests.world import NOW, World

TTL = 30_000


class Node:
    """A node that is alone, and the commands that it proposed."""

    def __init__(self) -> None:
        self.now = NOW
        self.machine = Machine()
        self.commands: list[Command] = []
        self.before_commit: Callable[[], None] = lambda: None
        self.keeping = Keeping(lambda: self.machine.registry, lambda: self.now)
        self.proposals = Proposals(
            self._commit, partial(status_alone, "node"), lambda: 0, float("inf"), ProposalCounts()
        )

    @property
    def kept(self) -> list[list[Keep]]:
        """What each command kept."""
        return [list(command.keep) for command in self.commands]

    async def commit_all(self) -> None:
        """Commits all that waits."""
        await self.keeping.commit_all(self.proposals, self.now)

    async def commit_due(self) -> None:
        """Commits what is due."""
        await self.keeping.commit_due(self.proposals, self.now)

    async def _commit(self, command: bytes) -> Outcome:
        await trio.lowlevel.checkpoint()
        self.commands.append(decode(command))
        self.before_commit()
        return self.machine.apply(command)


async def test_values_of_a_second_go_together() -> None:
    node = Node()
    node.keeping.keep("x", "a", b"1", TTL)
    node.keeping.keep("x", "b", b"2", TTL)

    await node.commit_due()
    node.keeping.keep("x", "a", b"3", TTL)
    await node.commit_due()
    node.now += 1000
    await node.commit_due()

    assert node.kept == [[Keep("x", "a", b"1", TTL), Keep("x", "b", b"2", TTL)], [Keep("x", "a", b"3", TTL, 1000)]]


async def test_of_two_values_under_one_key_the_later_goes() -> None:
    node = Node()
    node.keeping.keep("x", "a", b"1", TTL)
    node.keeping.keep("x", "a", b"2", TTL)

    await node.commit_all()

    assert node.kept == [[Keep("x", "a", b"2", TTL)]]


async def test_a_value_tells_how_long_ago_it_was_said() -> None:
    node = Node()
    node.keeping.keep("x", "a", b"1", TTL)
    node.now += 700

    await node.commit_all()

    assert node.kept == [[Keep("x", "a", b"1", TTL, 700)]]


async def test_a_value_that_all_hold_is_not_proposed_again_before_a_tenth_of_its_time() -> None:
    node = Node()
    node.keeping.keep("x", "a", b"1", TTL)
    await node.commit_all()
    node.now += TTL // 10 - 1

    assert node.keeping.keep("x", "a", b"1", TTL)

    assert len(node.keeping) == 0


async def test_later_it_is_only_touched() -> None:
    node = Node()
    node.keeping.keep("x", "a", b"1", TTL)
    await node.commit_all()
    node.now += TTL // 10
    node.keeping.keep("x", "a", b"1", TTL)

    await node.commit_all()

    assert node.kept[1:] == [[Keep("x", "a", None, TTL)]]
    assert node.machine.registry.values.of_kind("x")["a"].touched == node.now


async def test_a_value_that_goes_while_it_is_touched_is_said_anew() -> None:
    node = Node()
    node.keeping.keep("x", "a", b"1", TTL)
    await node.commit_all()
    node.now += TTL
    node.keeping.keep("x", "a", b"1", TTL)
    node.before_commit = lambda: node.machine.registry.values.forget_silent(NOW + 10 * TTL, NOW)
    await node.commit_all()

    node.before_commit = lambda: None
    await node.commit_all()

    assert node.kept[1:] == [[Keep("x", "a", None, TTL)], [Keep("x", "a", b"1", TTL)]]
    assert node.keeping.kept("x") == {"a": b"1"}


async def test_a_value_that_comes_during_a_commit_waits_for_the_next() -> None:
    node = Node()
    node.keeping.keep("x", "a", b"1", TTL)

    def say_another() -> None:
        node.keeping.keep("x", "a", b"2", TTL)

    node.before_commit = say_another
    await node.commit_all()

    assert (node.keeping.kept_one("x", "a"), node.keeping.latest("x", "a")) == (b"1", b"2")


@pytest.mark.parametrize(
    ("key", "value", "ttl"),
    [("a", b"v" * (LONGEST_VALUE + 1), TTL), ("k" * 2000, b"v", TTL), ("a", b"v", -1), ("a", b"v", LONGEST_TIME + 1)],
)
async def test_a_value_out_of_bounds_is_refused_and_counted(key: str, value: bytes, ttl: int) -> None:
    keeping = Node().keeping

    assert not keeping.keep("x", key, value, ttl)

    assert (len(keeping), keeping.counts.refused) == (0, 1)


async def test_so_many_values_wait_at_most() -> None:
    keeping = Node().keeping

    taken = sum(keeping.keep("x", str(number), b"v", TTL) for number in range(MOST_WAITING + 10))

    assert taken == MOST_WAITING


async def test_the_bytes_that_wait_are_bounded() -> None:
    keeping, value = Node().keeping, b"v" * LONGEST_VALUE

    taken = sum(keeping.keep("x", str(number), value, TTL) for number in range(1000))

    assert taken == MOST_BYTES_WAITING // (LONGEST_VALUE + 3)


async def test_values_are_counted_before_they_are_committed_and_after() -> None:
    node = Node()
    node.keeping.keep("x", "a", b"1", TTL)
    node.keeping.keep("y", "a", b"1", TTL)
    await node.commit_all()
    node.keeping.keep("x", "a", b"2", TTL)
    node.keeping.keep("x", "b", b"1", TTL)
    node.keeping.keep("x", "b", b"2", TTL)
    waiting = (node.keeping.count("x"), node.keeping.count("y"))

    await node.commit_all()

    assert waiting == (node.keeping.count("x"), node.keeping.count("y")) == (2, 1)


async def test_what_is_much_goes_in_several_commands() -> None:
    node, value = Node(), b"v" * LONGEST_VALUE
    for number in range(20):
        node.keeping.keep("x", str(number), value, TTL)

    await node.commit_all()

    assert [len(keep) for keep in node.kept] == [8, 8, 4]
    assert len(node.keeping.kept("x")) == 20


def test_what_one_node_keeps_every_node_holds() -> None:
    nodes = Replicas("a", "b", "c")
    nodes["b"].pipeline.keeping.keep("x", "k", b"v", TTL)

    nodes.pass_time(1000)

    assert [held(nodes[name]) for name in "abc"] == [b"v"] * 3


def test_a_value_goes_from_all_nodes_within_a_second_of_its_time() -> None:
    nodes = Replicas("a", "b", "c")
    nodes["b"].pipeline.keeping.keep("x", "k", b"v", TTL)

    nodes.pass_time(TTL + TTL // 10 + 1000)
    before = [held(nodes[name]) for name in "abc"]
    nodes.pass_time(1000)

    assert before == [b"v"] * 3
    assert [held(nodes[name]) for name in "abc"] == [None] * 3


def test_only_who_leads_lets_values_go() -> None:
    nodes = Replicas("a", "b", "c")
    nodes["a"].pipeline.keeping.keep("x", "k", b"v", TTL)

    nodes.pass_time(2 * TTL)

    assert [nodes[name].commands for name in "abc"] == [2, 0, 0]


def test_a_node_that_is_born_anew_says_what_it_had_not_committed() -> None:
    nodes = Replicas("a", "b", "c")
    world = nodes["b"]
    world.pipeline.keeping.keep("x", "k", b"v", TTL)
    nodes.end_life_at_next_commit("b", "b2", applied=False)

    world.pass_time(1000)
    nodes.pass_time(1000)

    assert [held(nodes[name]) for name in ("a", "b2", "c")] == [b"v"] * 3


def test_values_outlive_the_node_that_kept_them() -> None:
    nodes = Replicas("a", "b", "c")
    nodes["b"].pipeline.keeping.keep("x", "k", b"v", TTL)
    nodes.pass_time(1000)

    nodes.lose("b", heir="a")
    nodes.join("d")

    assert [held(nodes[name]) for name in "acd"] == [b"v"] * 3


def test_a_clock_that_is_set_forward_forgets_nothing() -> None:
    world = World()
    world.pipeline.keeping.keep("x", "k", b"v", TTL)
    world.pass_time(1000)

    world.now += 3_600_000
    world.pass_time(TTL)

    assert held(world) == b"v"


def test_without_a_majority_values_wait() -> None:
    world = World()
    world.standing = {"quorum": False}
    world.pipeline.keeping.keep("x", "k", b"v", TTL)
    world.pass_time(5000)
    assert world.commands == 0

    world.standing = {}
    world.pass_time(1000)

    assert held(world) == b"v"


def test_a_node_that_stops_commits_what_waits() -> None:
    world = World()
    world.pipeline.keeping.keep("x", "k", b"v", TTL)
    intake = Intake(SamplesCollector())
    intake.close()

    trio.run(world.pipeline.run, intake.take, lambda: intake.exhausted)

    assert held(world) == b"v"


def held(world: World) -> bytes | None:
    """What a node holds under the key of these tests."""
    return world.pipeline.keeping.kept_one("x", "k")
