"""Who leaves with more rows than one command may close: in several, each event once, and all that follows waits."""

import pytest

from observer.intake import Departed
from schemas.reports import Report
from store.commands import Command, decode
from store.registry import MOST_CLOSED
from tests.replicas import Replicas
from tests.world import GRACE, World, inbound, message, names, pad_in, sample, sfu, sfu_names

PADS = MOST_CLOSED + 1000


def show_large_sfu(world: World, at: int = 1000) -> None:
    """An SFU with very many pads, told of in messages that each fit in a command."""
    for first in range(0, PADS, 1000):
        pads = [pad_in(f"p{number}", transport=f"t{first}") for number in range(first, first + 1000)]
        world.tell(message(sfus=[sfu(at=at, inboundRtpPads=pads)]))


def show_large_client(world: World) -> None:
    for first in range(0, PADS, 400):
        tracks = [inbound(f"t{number}", connection=f"pc{first}") for number in range(first, min(first + 400, PADS))]
        lists = [track for one in tracks for track in one["inboundAudioTracks"]]
        world.tell(message(sample(inboundAudioTracks=lists)))


def of_departure(told: list[Report]) -> tuple[int, str]:
    """How many pads were removed, and the last event of all."""
    events = sfu_names(told)
    return events.count("SFU_RTP_PAD_REMOVED"), events[-1]


def commands_of(world: World) -> list[Command]:
    """The commands of a node from now on."""
    commands: list[Command] = []
    commit = world.commit

    async def noting(command: bytes) -> object:
        commands.append(decode(command))
        return await commit(command)

    world.commit = noting  # type: ignore[assignment]
    return commands


def test_an_sfu_with_very_many_rows_that_says_so_leaves_wholly_before_anything_else_happens() -> None:
    world = World()
    show_large_sfu(world)
    commands = commands_of(world)

    told = world.tell(message(leaving_sfus=("sfu",)), message(sfus=[sfu(at=2000)]))

    assert of_departure(told[:-1]) == (PADS, "SFU_LEFT")
    assert sfu_names(told)[-1] == "SFU_JOINED"
    assert [len(command.leaves) for command in commands] == [1, 1, 0]


def test_an_sfu_with_very_many_rows_whose_session_ended_leaves_wholly() -> None:
    world = World()
    show_large_sfu(world)
    world.tell(Departed("svc", (), {"sfu"}))

    told = world.pass_time(GRACE + 2000)

    assert of_departure(told) == (PADS, "SFU_LEFT")
    assert (world.registry.sfus, world.registry.sfu_pads) == ({}, 0)


@pytest.mark.parametrize("says_so", [True, False])
def test_a_client_with_very_many_rows_leaves_wholly(says_so: bool) -> None:
    world = World()
    show_large_client(world)
    goes = message(leaving=("alice",)) if says_so else Departed("svc", {"alice"})

    told = world.tell(goes) + world.pass_time(GRACE + 2000)

    events = names(told)
    assert (events.count("MEDIA_TRACK_REMOVED"), events[-1]) == (PADS, "CLIENT_LEFT")
    assert (world.registry.clients, world.registry.tracks) == ({}, 0)


def test_an_sfu_that_comes_back_to_another_node_while_it_leaves_stays_with_what_it_has_there() -> None:
    replicas = Replicas("a", "b")
    a, b = replicas["a"], replicas["b"]
    show_large_sfu(a)
    a.tell(Departed("svc", (), {"sfu"}))
    commit = a.commit
    leaving: list[bytes] = []

    async def then_b_hears(command: bytes) -> object:
        outcome = await commit(command)
        if decode(command).leaves and not leaving:
            leaving.append(command)
            await b.pipeline.process([message(sfus=[sfu(at=b.now)])])
        return outcome

    a.commit = then_b_hears  # type: ignore[assignment]
    replicas.pass_time(GRACE + 2000)

    assert leaving
    assert [(row.sfu_id, row.origin) for row in a.registry.sfus.values()] == [("sfu", "b")]


def test_an_sfu_with_very_many_rows_leaves_wholly_although_its_node_is_born_anew_meanwhile() -> None:
    replicas = Replicas("b", "a")
    a, b = replicas["a"], replicas["b"]
    show_large_sfu(a)
    a.tick()
    commit, commands = a.commit, 0

    async def ends_second(command: bytes) -> object:
        nonlocal commands
        if decode(command).leaves:
            commands += 1
            if commands == 2:
                replicas.end_life_at_next_commit("a", "a'", applied=True)
                return await a.commit(command)
        return await commit(command)

    a.commit = ends_second  # type: ignore[assignment]
    told = a.tell(message(leaving_sfus=("sfu",))) + b.tick() + a.tick() + b.tick()

    assert sfu_names(told).count("SFU_RTP_PAD_REMOVED") == PADS
    assert sfu_names(told).count("SFU_LEFT") == 1
    assert (b.registry.sfus, b.registry.sfu_pads) == ({}, 0)


@pytest.mark.parametrize(("heard_elsewhere", "stays"), [(2000, True), (None, False)])
def test_who_came_back_while_a_node_lost_its_place_does_not_leave(heard_elsewhere: int | None, stays: bool) -> None:
    replicas = Replicas("b", "a")
    a, b = replicas["a"], replicas["b"]
    a.tell(message(sample("alice")))
    a.tick()
    commit = a.commit

    async def lost(command: bytes) -> object:
        if not decode(command).leaves:
            return await commit(command)
        if heard_elsewhere:
            await b.pipeline.process([message(sample("alice", at=heard_elsewhere))])
        replicas.end_life_at_next_commit("a", "a'", applied=False)
        return await a.commit(command)

    a.commit = lost  # type: ignore[assignment]
    told = a.tell(message(leaving=("alice",)))

    assert (("svc", "alice") in b.registry.clients) is stays
    assert names(told) == ([] if stays else ["CLIENT_LEFT"])
