"""The pipeline: what fails costs only itself, and the commit step is all that it knows of replication."""

import gc

import pytest
import trio

from analysis.client_reports import ClientSamplesAnalyser
from analysis.observe import Observing
from observer.intake import Departed, Intake, SamplesCollector
from observer.peers import status_alone
from observer.pipeline import Pipeline
from observer.proposals import MOST_UNDELIVERED
from schemas.messages import Samples
from schemas.reports import Report, ReportType
from schemas.samples import Reason
from store.commands import Outcome, Sweep, decode
from store.machine import Machine
from tests.world import (
    GRACE,
    IDLE,
    NOW,
    World,
    inbound,
    message,
    names,
    of_type,
    outbound,
    sample,
    sfu,
    sfu_names,
)

LIMITS = Sweep(*[1000] * len(Sweep._fields))


def pipeline_over(machine: Machine, commit: object, told: list[Report]) -> Pipeline:
    def send(reports: object) -> int:
        told.extend(reports)  # type: ignore[arg-type]
        return len(told)

    return Pipeline(
        registry=lambda: machine.registry,
        commit=commit,  # type: ignore[arg-type]
        send=send,
        settled=lambda: len(told),
        observing=Observing(LIMITS),
        analyser=ClientSamplesAnalyser(),
        leave_grace=1000,
        now=lambda: NOW,
        steady=lambda: 0.0,
        fresh_id=lambda: "call",
        status=lambda: status_alone("node"),
    )


def test_a_command_that_cannot_be_applied_costs_only_its_newcomers(caplog: pytest.LogCaptureFixture) -> None:
    machine, told = Machine(), list[Report]()
    working = World(machine=machine)
    working.tell(message(sample("alice", **outbound("t", 1))))

    async def commit(command: bytes) -> Outcome:
        return Outcome(failed="no disk")

    pipeline = pipeline_over(machine, commit, told)
    trio.run(pipeline.process, [message(sample("alice", at=2000, **outbound("t", 1)), sample("bob"))])

    assert [report.payload["clientId"] for report in told] == ["alice"]
    assert pipeline.counts.rejected == {Reason.FAILED: 1}
    assert "no disk" in caplog.text


def test_commands_are_numbered_without_gaps_and_tell_their_time() -> None:
    machine, told, commands = Machine(), list[Report](), []

    async def commit(command: bytes) -> Outcome:
        commands.append(decode(command))
        return machine.apply(command)

    pipeline = pipeline_over(machine, commit, told)
    for client in ("a", "b", "c"):
        trio.run(pipeline.process, [message(sample(client))])

    assert [(command.origin, command.seq, command.now) for command in commands] == [
        ("node", number, NOW) for number in (1, 2, 3)
    ]
    assert [command.mark for command in commands] == [0, 1, 2]


def rounds_of_others(world: World, messages: list[Samples]) -> tuple[int, int]:
    """How often another task runs while a batch is processed: before its first commit, and in all."""
    rounds = until_commit = 0

    def commit() -> None:
        nonlocal until_commit
        until_commit = until_commit or rounds

    async def other() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await trio.lowlevel.checkpoint()

    async def both() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            await world.pipeline.process(messages)
            nursery.cancel_scope.cancel()

    world.meanwhile = commit
    trio.run(both)
    return until_commit, rounds


def test_a_batch_of_many_samples_lets_others_run_before_its_commit_and_after_it() -> None:
    messages = [message(sample(f"c{number}", **outbound("t", number))) for number in range(2000)]

    until_commit, in_all = rounds_of_others(World(), messages)

    assert until_commit >= 3
    assert in_all >= 12


def test_few_samples_that_give_many_reports_let_others_run_in_between() -> None:
    messages = [message(sample(f"c{number}", codecs=[{"mimeType": "x"}] * 1000)) for number in range(20)]

    _, in_all = rounds_of_others(World(), messages)

    assert in_all >= 20


def test_samples_that_fail_let_others_run_in_between() -> None:
    world = World()
    world.tell(message(sample()))
    messages = [message(sample(at=2000 + number, marker="\ud800")) for number in range(3000)]

    _, in_all = rounds_of_others(world, messages)

    assert world.rejected == {Reason.FAILED: 3000}
    assert in_all >= 10


def test_time_never_goes_back_even_if_the_clock_does() -> None:
    world = World()
    world.tell(message(sample("alice")))
    world.clock_error = -3_600_000

    told = world.tell(message(sample("bob", room="other")))

    started = next(report for report in told if report.payload["name"] == "CALL_STARTED")
    assert started.payload["timestamp"] == NOW


def test_reports_of_one_batch_are_sent_in_slices_that_keep_their_order() -> None:
    world = World()
    messages = [message(sample(f"c{number:03}", **outbound("t", number))) for number in range(300)]

    told = world.tell(*messages)

    tracks = [report.payload["clientId"] for report in told if report.type is ReportType.OUTBOUND_AUDIO_TRACK]
    assert tracks == [f"c{number:03}" for number in range(300)]
    assert names(told).count("CLIENT_JOINED") == 300


def test_samples_of_sfus_are_counted_and_reported() -> None:
    world = World()

    told = world.tell(message(sfus=[sfu("s1", transports=[{"transportId": "t"}]), sfu("s2")]))

    assert sfu_names(told) == ["SFU_JOINED", "SFU_JOINED", "SFU_TRANSPORT_OPENED"]
    assert told[-1].type is ReportType.SFU_TRANSPORT
    assert world.pipeline.counts.sfu_samples == 2
    assert not world.rejected


def test_an_sfu_that_says_so_leaves_at_the_time_of_its_last_sample() -> None:
    world = World()
    world.tell(message(sfus=[sfu("s1", at=1000)]))

    told = world.tell(message(sfus=[sfu("s1", at=1500)], leaving_sfus=("s1",)))

    assert [(report.payload["name"], report.payload["timestamp"]) for report in told] == [("SFU_LEFT", 1500)]


def test_what_is_played_in_the_batch_in_which_its_sender_leaves_is_matched_still() -> None:
    world = World()
    world.tell(message(sample("alice", **outbound("sent", 7))), message(sample("bob", **inbound("played", 7))))

    told = world.tell(
        message(sample("alice", at=2000, **outbound("sent", 7)), leaving=("alice",)),
        message(sample("bob", at=2000, **inbound("played", 7))),
    )

    (report,) = of_type(told, ReportType.INBOUND_AUDIO_TRACK)
    assert report["remoteTrackId"] == "sent"
    assert names(told)[-1] == "CLIENT_LEFT"


def test_an_sfu_whose_session_ended_leaves_after_the_grace() -> None:
    world = World()
    world.tell(message(sfus=[sfu("s1", at=1000)]), Departed("svc", (), {"s1"}))

    assert not sfu_names(world.pass_time(GRACE - 1000))
    assert sfu_names(world.pass_time(2000)) == ["SFU_LEFT"]


def test_an_sfu_that_is_heard_of_again_stays_when_the_grace_is_over() -> None:
    world = World()
    world.tell(message(sfus=[sfu("s1", at=1000)]), Departed("svc", (), {"s1"}))
    world.pass_time(GRACE // 2)

    world.tell(message(sfus=[sfu("s1", at=2000)]))

    assert not sfu_names(world.pass_time(GRACE))


def test_a_client_and_an_sfu_of_one_id_are_two() -> None:
    world = World()
    world.tell(message(sample("one"), sfus=[sfu("one")]))

    told = world.tell(message(leaving=("one",)))

    assert names(told) == ["CLIENT_LEFT"]


def test_a_sample_of_an_sfu_that_comes_again_goes_in_no_command() -> None:
    world = World()
    pads = {"inboundRtpPads": [{"transportId": "t", "padId": "p", "streamId": "s", "ssrc": 1}]}
    world.tell(message(sfus=[sfu("s1", at=1000, **pads)]))
    before = world.commands

    world.tell(message(sfus=[sfu("s1", at=2000, **pads)]))

    assert world.commands == before


def test_a_large_batch_goes_in_commands_of_a_thousand_samples() -> None:
    world = World()
    messages = [
        message(*(sample(f"c{number}") for number in range(first, first + 100))) for first in range(0, 2500, 100)
    ]

    told = world.tell(*messages)

    assert world.commands == 3
    assert names(told).count("CLIENT_JOINED") == 2500


def test_a_session_that_ends_at_the_start_of_a_large_batch_departs_unless_it_is_heard_in_it_again() -> None:
    world = World()
    world.tell(message(sample("alice")), message(sample("bob")))
    crowd = [message(sample(f"c{number}", room="other")) for number in range(2500)]

    world.tell(Departed("svc", ["alice", "bob"]), *crowd, message(sample("bob", at=2000)))

    assert len(world.pipeline.departures) == 1


def test_a_pipeline_that_ends_has_committed_the_last_touch_of_all_it_heard() -> None:
    world = World()
    world.tell(message(sample("alice", at=1000, **outbound("t", 1))))
    world.now += 5000

    async def run() -> None:
        intake = Intake(SamplesCollector())
        intake.offer(message(sample("alice", at=6000, **outbound("t", 1))), 1)
        intake.close()
        await world.pipeline.run(intake.take, lambda: intake.exhausted)

    trio.run(run)

    alice = world.client("alice")
    (connection,) = alice.peer_connections.values()
    rows = [alice, connection, *connection.tracks.values()]
    assert [(row.sample_touched, row.server_touched) for row in rows] == [(6000, NOW + 5000)] * 3


def test_a_pipeline_that_waits_holds_nothing_of_its_last_batch() -> None:
    world = World()
    given: list[float] = []
    held: list[object] = []

    async def receive(deadline: float, eager: bool) -> list[Samples | Departed]:
        given.append(deadline)
        if len(given) == 1:
            return [message(sample("alice", **outbound("t", 1)))]
        gc.collect()
        held.extend(each for each in gc.get_objects() if isinstance(each, Samples))
        return []

    trio.run(world.pipeline.run, receive, lambda: len(given) == 2)

    assert held == []


def test_clients_that_leave_together_leave_in_the_order_of_their_ids() -> None:
    world = World()
    clients = tuple(f"c{number}" for number in range(10))
    world.tell(message(*map(sample, clients)))

    told = world.tell(message(leaving=clients[::-1]))

    assert [report.payload["clientId"] for report in told] == list(clients)


def test_a_sweep_that_leaves_some_for_the_next_has_one_at_the_next_tick() -> None:
    world = World()
    crowd = [message(sample(f"c{number:04}", **outbound(f"t{number}", number))) for number in range(2000)]
    world.tell(*crowd)
    for _ in range(IDLE // 1000 * 11 // 10):
        world.now += 1000
        world.tick()
    world.now += 1000
    world.pipeline.scan_at_next_tick()

    told = world.tick() + world.tick()

    assert names(told).count("CLIENT_LEFT") == 2000
    assert names(told).count("CALL_ENDED") == 1


def test_outcomes_that_sinks_do_not_finish_do_not_fill_the_registry() -> None:
    world = World()
    world.delivered = False
    beyond = 5
    for number in range(MOST_UNDELIVERED + beyond):
        world.tell(message(sample(at=number + 1, room=f"room-{number % 2}")))

    assert len(world.registry.origins["node"].untold) == MOST_UNDELIVERED + 1
    assert world.pipeline.counts.outcomes_not_kept == beyond
