"""Clocks that are set, clocks that differ, nodes that halt: nothing closes too early, and nothing stays for ever."""

from observer.intake import Departed
from store.machine import Machine
from tests.world import IDLE, World, event, message, names, outbound, sample


def test_a_clock_that_is_set_forward_closes_nothing() -> None:
    world = World()
    world.tell(message(sample()))
    world.pass_time(10_000)
    world.clock_error = 3_600_000

    told = world.pass_time(5000)
    told += world.tell(message(sample(at=15_000)))
    told += world.pass_time(IDLE)

    assert names(told) == []


def test_what_falls_silent_closes_after_its_limit_although_the_clock_was_set_forward() -> None:
    world = World()
    world.tell(message(sample(at=15_000)))
    world.pass_time(10_000)
    world.clock_error = 3_600_000

    told = world.pass_time(IDLE + IDLE // 10 + 20_000)

    assert names(told) == ["CLIENT_LEFT", "CALL_ENDED"]
    assert event(told, "CLIENT_LEFT")["timestamp"] == 15_000


def test_another_node_whose_clock_is_ahead_closes_nothing() -> None:
    a = World(origin="a")
    ahead = World(origin="b", machine=a.machine)
    ahead.clock_error = 3_600_000
    a.tell(message(sample("alice")))
    a.pass_time(10_000)
    ahead.tell(message(sample("bob", room="other")))

    told = a.pass_time(5000)

    assert names(told) == []


def test_a_node_that_halted_gives_its_clients_time_to_be_heard_again() -> None:
    world = World()
    world.tell(message(sample()))
    world.pass_time(5000)
    world.now += 10 * IDLE

    told = world.pass_time(5000)

    assert names(told) == []


def test_clients_leave_although_the_clock_was_set_back() -> None:
    world = World()
    world.tell(message(sample("alice")), message(sample("bob")))
    world.clock_error = -3_600_000
    world.tell(message(sample("alice", at=2000)), Departed("svc", {"alice"}))

    told = world.pass_time(2 * IDLE)

    assert names(told) == ["CLIENT_LEFT", "CLIENT_LEFT", "CALL_ENDED"]


def test_time_goes_on_although_another_node_was_ahead_of_ours() -> None:
    machine = Machine()
    ahead, world = World(origin="ahead", machine=machine), World(origin="a", machine=machine)
    ahead.clock_error = 3_600_000
    ahead.tell(message(sample("bob", room="other")))
    world.tell(message(sample("alice")))

    told = world.pass_time(2 * IDLE)

    assert names(told).count("CLIENT_LEFT") == 2


def test_a_short_halt_gives_time_only_to_rows_whose_limit_is_short() -> None:
    world = World(idle={"outbound_track": 10_000})
    world.tell(message(sample("alice", **outbound("ta", 1))), message(sample("bob", room="other")))
    for second in range(1, 330):
        world.pass_time(1000)
        world.tell(message(sample("alice", at=second * 1000, **outbound("ta", 1))))
    world.now += 12_000

    told = world.pass_time(1000)

    assert names(told) == ["CLIENT_LEFT", "CALL_ENDED"]
    assert event(told, "CLIENT_LEFT")["clientId"] == "bob"
