"""The pipeline of a node that is one of several: its name changes, its registry is replaced, others come and go."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from observer.intake import Departed, Intake, SamplesCollector
from schemas.reports import ReportType
from schemas.samples import Reason
from store.commands import CALL, CLIENT, Command, Outcome, decode
from tests.replicas import Replicas
from tests.world import (
    GRACE,
    IDLE,
    World,
    event,
    inbound,
    message,
    names,
    of_type,
    outbound,
    pad_in,
    sample,
    sfu,
)

JOINED = ["CALL_STARTED", "CLIENT_JOINED"]


def commands_of(world: World) -> list[Command]:
    """The commands of a node from now on, whatever becomes of them."""
    commands: list[Command] = []
    commit = world.commit

    async def noting(command: bytes) -> Outcome:
        commands.append(decode(command))
        return await commit(command)

    world.commit = noting
    return commands


# Born anew


def test_a_batch_whose_commit_ends_a_life_is_committed_in_the_next() -> None:
    replicas = Replicas("a", "b")
    replicas.end_life_at_next_commit("a", "a'", applied=False)
    commands = commands_of(replicas["a"])

    told = replicas["a"].tell(message(sample("alice")))

    assert names(told) == JOINED
    assert [(command.origin, command.seq) for command in commands] == [("a", 1), ("a'", 1)]


def test_a_batch_that_is_looked_at_twice_is_counted_once() -> None:
    replicas = Replicas("a", "b")
    world = replicas["a"]
    replicas.end_life_at_next_commit("a", "a'", applied=False)

    told = world.tell(
        message(
            sample("alice", **outbound("t", 1, connection=None)),
            {"clientId": "bob"},
            sfus=[sfu(inboundRtpPads=[{}, pad_in(None)])],
        )
    )

    assert world.rejected == dict.fromkeys(
        (Reason.PEER_CONNECTION_ID_MISSING, Reason.ROOM_ID_MISSING, Reason.EMPTY_ITEM, Reason.PAD_ID_MISSING), 1
    )
    assert (world.pipeline.counts.messages, world.pipeline.counts.client_samples) == (1, 1)
    assert len(of_type(told, ReportType.OUTBOUND_AUDIO_TRACK)) == 1


def test_what_was_applied_although_its_life_ended_is_told_by_the_leader_alone() -> None:
    replicas = Replicas("b", "a")
    a = replicas["a"]
    replicas.end_life_at_next_commit("a", "a'", applied=True)

    told_by_a = a.tell(message(sample("alice", **outbound("t", 1))))
    told_by_b = replicas["b"].tick()

    assert names(told_by_a) == []
    assert len(of_type(told_by_a, ReportType.OUTBOUND_AUDIO_TRACK)) == 1
    assert names(told_by_b) == [*JOINED, "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]


def test_what_a_node_told_in_a_former_life_it_does_not_inherit() -> None:
    replicas = Replicas("a", "b")
    a = replicas["a"]
    told = a.tell(message(sample("alice")))

    replicas.bear_anew("a", "a'")
    replicas.lead("a'")

    assert names(told) == JOINED
    assert names(a.tick() + a.tick()) == []
    assert "a" not in a.machine.registry.origins


def test_what_the_sinks_had_not_taken_in_a_former_life_is_inherited_only_when_they_have() -> None:
    replicas = Replicas("a", "b")
    a = replicas["a"]
    a.delivered = False
    a.tell(message(sample("alice")))

    replicas.bear_anew("a", "a'")
    replicas.lead("a'")

    assert names(a.tick() + a.tick()) == []
    assert "a" in a.machine.registry.origins
    a.delivered = True
    assert names(a.tick() + a.tick()) == []
    assert "a" not in a.machine.registry.origins


def test_a_node_that_was_born_anew_between_two_batches_numbers_anew() -> None:
    replicas = Replicas("b", "a")
    a = replicas["a"]
    a.tell(message(sample("alice")))
    a.tell(message(sample("carol")))
    replicas.bear_anew("a", "a'")
    commands = commands_of(a)

    told = a.tell(message(sample("alice", at=2000)), message(sample("bob")))

    assert [(command.origin, command.seq, command.mark) for command in commands] == [("a'", 1, 0)]
    assert names(told) == ["CLIENT_JOINED"]
    assert a.client("alice").origin == "a'"


def test_a_name_that_changes_while_a_batch_is_looked_at_is_noticed_before_it_is_committed() -> None:
    replicas = Replicas("b", "a")
    a = replicas["a"]
    commands = commands_of(a)
    crowd = [message(sample(f"c{number}")) for number in range(1000)]  # the look at which takes breath twice

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(a.pipeline.process, crowd)
            while not a.pipeline.counts.batches:
                await trio.lowlevel.checkpoint()
            replicas.bear_anew("a", "a'")

    trio.run(run)

    assert [(command.origin, command.seq, len(command.seen)) for command in commands] == [("a'", 1, 1000)]


def test_a_node_that_hears_that_it_is_gone_goes_on_when_it_is_a_new_member() -> None:
    replicas = Replicas("b", "a")
    a = replicas["a"]
    a.tell(message(sample("alice")))
    replicas.remove("a")
    replicas["b"].tick()

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(a.pipeline.process, [message(sample("bob"))])
            await wait_all_tasks_blocked()
            replicas.bear_anew("a", "a'")

    trio.run(run)

    assert a.client("bob").origin == "a'"
    assert a.rejected == {}


def test_last_touches_that_a_life_could_not_commit_are_committed_in_the_next() -> None:
    replicas = Replicas("b", "a")
    a = replicas["a"]
    a.tell(message(sample("alice")))
    a.now += 20_000
    a.tell(message(sample("alice", at=20_000)))
    a.tick()
    replicas.end_life_at_next_commit("a", "a'", applied=False)

    a.pass_time(IDLE // 10 + 2000)

    assert a.client("alice").sample_touched == 20_000


async def test_a_new_member_looks_at_a_batch_when_it_has_the_registry_of_the_others(autojump_clock: MockClock) -> None:
    replicas = Replicas("b", "a")
    a, b = replicas["a"], replicas["b"]
    replicas.absent.add(a)
    alice = message(sample("alice", **outbound("t", 1)))
    async with trio.open_nursery() as nursery:
        await b.pipeline.process([alice])
        a.standing["quorum"] = False
        nursery.start_soon(a.pipeline.process, [alice])
        await trio.sleep(1)
        replicas.bear_anew("a", "a'")
        commands = commands_of(a)

    ((seen,),) = [command.seen for command in commands]
    assert (seen.client_id, seen.peer_connections) == ("alice", [])


# Another registry


def test_a_client_that_others_saw_leave_while_we_lagged_is_reported_without_its_row() -> None:
    replicas = Replicas("a", "b")
    a, b = replicas["a"], replicas["b"]
    a.tell(message(sample("alice", **inbound("tb", 7))), message(sample("bob", **outbound("ta", 7))))
    replicas.absent.add(a)
    b.tell(message(leaving=("alice", "bob")))
    crowd = [message(sample("alice", at=2000, **inbound("tb", 7))) for _ in range(300)]

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(a.pipeline.process, crowd)
            await trio.lowlevel.checkpoint()
            replicas.give_state(a)

    trio.run(run)
    (*_, last) = of_type(a.told, ReportType.INBOUND_AUDIO_TRACK)

    assert last["callId"] == "call-1"
    assert last["remoteClientId"] is None


def test_reports_look_at_the_registry_that_came_while_a_batch_was_looked_at() -> None:
    replicas = Replicas("a", "b")
    a, b = replicas["a"], replicas["b"]
    a.tell(message(sample("alice", **inbound("tb", 7))))
    replicas.absent.add(a)
    b.tell(message(sample("bob", userId="Bob", **outbound("ta", 7))))
    crowd = [message(sample("alice", at=2000, **inbound("tb", 7))) for _ in range(300)]

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(a.pipeline.process, crowd)
            await trio.lowlevel.checkpoint()
            replicas.give_state(a)

    trio.run(run)
    (*_, last) = of_type(a.told, ReportType.INBOUND_AUDIO_TRACK)

    assert last["remoteUserId"] == "Bob"


def test_what_was_heard_of_rows_of_a_registry_that_was_replaced_is_settled() -> None:
    replicas = Replicas("b", "a")
    a = replicas["a"]
    a.tell(message(sample("alice", **outbound("t", 1))))
    a.now += 20_000
    a.tell(message(sample("alice", at=20_000, **outbound("t", 1))))
    replicas.give_state(a)

    a.pass_time(IDLE // 10 + 2000)

    alice = replicas["b"].client("alice")
    (connection,) = alice.peer_connections.values()
    rows = [alice, connection, *connection.tracks.values()]
    assert {row.sample_touched for row in rows} == {20_000}


def test_a_client_that_came_back_before_the_registry_was_replaced_does_not_leave() -> None:
    replicas = Replicas("b", "a")
    a = replicas["a"]
    a.tell(message(sample("alice")), Departed("svc", {"alice"}))
    a.now += 1000
    a.tell(message(sample("alice", at=2000)))
    replicas.give_state(a)

    told = a.pass_time(GRACE + 5000)

    assert names(told) == []


def test_a_client_that_stays_away_leaves_although_the_registry_was_replaced() -> None:
    replicas = Replicas("b", "a")
    a = replicas["a"]
    a.tell(message(sample("alice")), Departed("svc", {"alice"}))
    replicas.give_state(a)

    told = a.pass_time(GRACE + 5000)

    assert names(told) == ["CLIENT_LEFT"]


# Nodes that are gone


def test_what_a_node_that_was_killed_had_not_delivered_is_told_once() -> None:
    replicas = Replicas("a", "b", "c")
    a, b, c = (replicas[name] for name in "abc")
    a.delivered = False
    a.tell(message(sample("alice")))
    replicas.lose("a", heir="b")

    told = b.tick() + c.tick() + b.tick() + b.tick()

    assert names(told) == JOINED
    assert b.pipeline.counts.inherited == 1
    assert set(b.registry.origins) <= {"b", "c"}
    assert not any(origin.untold for origin in b.registry.origins.values())


def test_what_a_node_had_delivered_is_not_told_again_if_it_is_killed_a_tick_later() -> None:
    replicas = Replicas("a", "b")
    replicas["a"].tell(message(sample("alice")))
    replicas["a"].tick()
    replicas.lose("a", heir="b")

    assert replicas["b"].tick() == []


def test_only_the_leader_tells_what_others_left_untold() -> None:
    replicas = Replicas("a", "b", "c")
    replicas["a"].delivered = False
    replicas["a"].tell(message(sample("alice")))
    replicas.lose("a", heir="b")

    assert replicas["c"].tick() == []


def test_a_leader_that_stops_tells_first_what_a_node_that_is_gone_left_untold() -> None:
    replicas = Replicas("a", "b", "c")
    a, b = replicas["a"], replicas["b"]
    a.delivered = False
    a.tell(message(sample("alice")))
    replicas.lose("a", heir="b")
    before = len(b.told)

    async def stop() -> None:
        intake = Intake(SamplesCollector())
        intake.close()
        await b.pipeline.run(intake.take, lambda: intake.exhausted)

    trio.run(stop)

    assert names(b.told[before:]) == JOINED


def test_what_an_heir_had_not_delivered_is_inherited_in_turn() -> None:
    replicas = Replicas("a", "b", "c")
    a, b, c = (replicas[name] for name in "abc")
    a.delivered = b.delivered = False
    a.tell(message(sample("alice")))
    replicas.lose("a", heir="b")
    b.tick()
    replicas.lose("b", heir="c")

    assert names(c.tick()) == JOINED


def test_many_nodes_that_are_gone_are_inherited_a_few_at_a_time() -> None:
    many = [f"n{number:02}" for number in range(40)]
    replicas = Replicas("a", *many)
    for name in many:
        replicas[name].delivered = False
        replicas[name].tell(message(sample(name, room=name)))
    for name in many:
        replicas.lose(name, heir="a")
    commands = commands_of(replicas["a"])

    told = [report for _ in range(4) for report in replicas["a"].tick()]

    assert names(told).count("CLIENT_JOINED") == 40
    assert max(len(command.gone) for command in commands) <= 16


# Marks


def test_what_was_delivered_is_marked_at_the_next_tick_although_nothing_else_happens() -> None:
    world = World()
    world.tell(message(sample("alice")))

    world.tick()

    assert not world.registry.origins["node"].untold


def test_a_tick_proposes_nothing_when_all_is_marked() -> None:
    world = World()
    world.tell(message(sample("alice")))
    world.tick()
    before = world.commands

    world.tick()

    assert world.commands == before


def test_what_sinks_have_not_taken_is_not_marked() -> None:
    world = World()
    world.delivered = False
    world.tell(message(sample("alice")))

    world.tick()

    assert list(world.registry.origins["node"].untold) == [1]


def test_the_last_command_of_a_node_marks_all_that_was_delivered() -> None:
    world = World()
    world.tell(message(sample("alice")), message(leaving=("alice",)))

    trio.run(world.pipeline.mark_delivered)

    assert not world.registry.origins["node"].untold


# Without a majority


def test_without_a_majority_nobody_leaves_and_nothing_is_swept() -> None:
    world = World()
    world.tell(message(sample("alice")), message(sample("bob")), Departed("svc", {"bob"}))
    world.standing = {"quorum": False}
    before = world.commands

    told = world.pass_time(3 * IDLE)

    assert (told, world.commands) == ([], before)


def test_a_majority_that_is_back_gives_clients_time_to_be_heard_of_again() -> None:
    world = World()
    world.tell(message(sample("alice")), message(sample("bob")), Departed("svc", {"bob"}))
    world.pass_time(10_000)
    world.standing = {"quorum": False}
    world.pass_time(3 * IDLE)
    world.standing = {}

    told = world.pass_time(GRACE - 5000)

    assert names(told) == []


def test_who_stays_silent_after_a_majority_is_back_leaves_after_the_grace_and_closes_after_the_limit() -> None:
    world = World()
    world.tell(message(sample("alice")), message(sample("bob")), Departed("svc", {"bob"}))
    world.standing = {"quorum": False}
    world.pass_time(3 * IDLE)
    world.standing = {}

    assert event(world.pass_time(GRACE + 5000), "CLIENT_LEFT")["clientId"] == "bob"
    assert names(world.pass_time(IDLE + IDLE // 10)) == ["CLIENT_LEFT", "CALL_ENDED"]


def test_a_member_that_becomes_the_leader_gives_no_time_that_a_majority_had_already() -> None:
    replicas = Replicas("a", "b", "c")
    replicas["a"].tell(message(sample("alice")))
    replicas.pass_time(IDLE)
    replicas.lose("a", heir="b")

    told = replicas.pass_time(IDLE // 10 + 10_000)

    assert names(told["b"]) == ["CLIENT_LEFT", "CALL_ENDED"]


def test_a_pipeline_that_ends_without_a_majority_waits_for_nobody() -> None:
    world = World()
    world.tell(message(sample("alice")))
    world.tell(message(sample("alice", at=2000)))
    world.standing = {"quorum": False}
    before = world.commands

    async def run() -> None:
        intake = Intake(SamplesCollector())
        intake.close()
        await world.pipeline.run(intake.take, lambda: intake.exhausted)

    trio.run(run)

    assert world.pipeline.drained
    assert world.commands == before


async def test_how_long_a_commit_waits_is_told(autojump_clock: MockClock) -> None:
    world = World()

    async def never(command: bytes) -> Outcome:
        await trio.sleep_forever()
        raise AssertionError

    world.commit = never
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.pipeline.process, [message(sample("alice"))])
        await trio.sleep(40)
        waiting = world.pipeline.proposals.waiting()
        nursery.cancel_scope.cancel()

    assert waiting == 40
    assert world.pipeline.proposals.waiting() is None


# Large commands


def test_a_batch_whose_command_would_be_too_large_goes_in_several() -> None:
    world = World(longest_command=2000)

    told = world.tell(*(message(sample(f"client-{number}")) for number in range(100)))

    assert names(told).count("CLIENT_JOINED") == 100
    assert world.rejected.total() == 0


def test_a_message_whose_command_would_be_too_large_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    world = World(longest_command=2000)
    crowd = message(*(sample(f"client-{number}") for number in range(100)))

    told = world.tell(message(sample("alice")), crowd, message(sample("bob")))

    assert {payload["clientId"] for payload in of_type(told, ReportType.CALL_EVENT)} == {None, "alice", "bob"}
    assert world.rejected == {Reason.FAILED: 100}
    assert "larger than a command may be" in caplog.text


def test_last_touches_of_many_rows_go_in_commands_of_about_a_thousand() -> None:
    world = World()
    clients = [message(sample(f"c{number}", **outbound("t", number))) for number in range(1000)]
    world.tell(*clients)
    world.now += 1000
    world.tell(*clients)
    commands = commands_of(world)

    world.pass_time(IDLE // 10 + 2000)

    rows = [sum(touch.rows for touch in command.clients) for command in commands if command.clients]
    assert rows == [1000] * 4
    assert [touch.what for command in commands for touch in command.touches] == [CALL]
    assert {client.server_touched for client in world.registry.clients.values()} == {world.client("c1").heard_server}


def test_a_sweep_that_waited_for_a_majority_closes_nothing_that_was_heard_meanwhile() -> None:
    replicas = Replicas("a", "b")
    a, b = replicas["a"], replicas["b"]
    a.tell(message(sample("old", room="x")))
    replicas.pass_time(IDLE)
    b.tell(message(sample("alive")))
    replicas.pass_time(IDLE // 10)
    late: list[bytes] = []

    async def waits(command: bytes) -> Outcome:
        late.append(command)
        return Outcome()

    a.commit = waits
    a.now += 10_000
    a.pipeline.scan_at_next_tick()
    a.tick()
    b.now += 2 * IDLE
    b.tell(message(sample("new", room="z")))

    swept = [command for command in late if decode(command).sweep]
    outcome = a.machine.apply(swept[0])

    assert [it.client_id for it in outcome.closed if it.what == CLIENT] == ["old"]
