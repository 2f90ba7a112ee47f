"""What others commit between our look at a batch, our commit and our reports: nothing is told wrong because of it."""

from collections.abc import Callable

from observer.intake import Departed
from schemas.reports import ReportType
from schemas.samples import Reason
from store.commands import Command
from tests.build import client_seen, leave, observe
from tests.world import (
    GRACE,
    NOW,
    World,
    event,
    inbound,
    message,
    names,
    of_type,
    outbound,
    sample,
)


def other_node(world: World, *commands: Command) -> Callable[[], None]:
    """Another node's commands, applied once, at the next commit of the world."""

    def apply() -> None:
        world.meanwhile = lambda: None
        for command in commands:
            world.registry.apply(command)

    return apply


def test_a_client_that_left_before_our_commit_joins_again_with_all_that_its_sample_tells() -> None:
    world = World()
    world.tell(message(sample(userId="Alice", marker="m", timeZoneOffsetInHours=2), service="service"))
    world.meanwhile = other_node(world, leave("other", 1, "alice", now=NOW))

    shown = sample(at=2000, userId="Alice", marker="m", timeZoneOffsetInHours=2, **outbound("t1", 7))
    told = world.tell(message(shown, service="service"))

    joined = event(told, "CLIENT_JOINED")
    assert (joined["userId"], joined["marker"]) == ("Alice", "m")
    assert world.client("alice", "service").time_zone_offset == 2


def test_a_sample_is_reported_in_the_call_that_its_commit_put_it_in() -> None:
    world = World()
    world.tell(message(sample(), service="service"))
    ends = Command("other", 1, NOW, 0, sweep=world.limits._replace(call=-NOW))
    world.meanwhile = other_node(world, ends)

    told = world.tell(message(sample(at=2000, **outbound("t1", 7)), service="service"))

    (report,) = of_type(told, ReportType.OUTBOUND_AUDIO_TRACK)
    assert report["callId"] == event(told, "CALL_STARTED")["callId"]


def test_a_client_that_joined_again_within_a_batch_is_not_matched_with_itself() -> None:
    world = World()
    world.tell(message(sample(**inbound("heard", 7))))

    told = world.tell(
        message(
            sample(at=2000, **inbound("heard", 7)),
            sample(at=2001, room="garden"),
            sample(at=2002, **outbound("sent", 7)),
        )
    )

    (report,) = of_type(told, ReportType.INBOUND_AUDIO_TRACK)
    assert report["remoteClientId"] is None


def test_a_client_whose_only_batch_was_committed_late_leaves_after_the_grace_all_the_same() -> None:
    world = World()
    world.meanwhile = other_node(world, observe("other", 1, client_seen("bob"), now=NOW + 3))
    world.tell(message(sample("alice")), Departed("svc", {"alice"}))

    assert names(world.pass_time(GRACE + 2000)) == ["CLIENT_LEFT"]


def test_a_registry_that_is_restored_before_our_commit_is_the_one_that_reports_look_at() -> None:
    world = World()
    world.tell(message(sample("alice", userId="Alice", **outbound("ta", 7))))

    def restored() -> None:
        world.meanwhile = lambda: None
        restoring = world.machine.restoring()
        for part in world.machine.snapshot():
            restoring.take(part)
        restoring.finish()

    world.meanwhile = restored
    told = world.tell(message(sample("bob", **inbound("tb", 7))))

    (report,) = of_type(told, ReportType.INBOUND_AUDIO_TRACK)
    assert report["remoteClientId"] == "alice"


def test_a_sample_that_is_older_than_its_client_s_last_does_not_bring_it_back() -> None:
    world = World()
    world.tell(message(sample(at=5000), leaving=("alice",)))

    told = world.tell(message(sample(at=4000, **outbound("t1", 7))))

    assert told == []
    assert world.rejected == {Reason.CLIENT_HAS_LEFT: 1}


def test_a_sample_that_is_newer_than_its_client_s_last_brings_it_back() -> None:
    world = World()
    world.tell(message(sample(at=5000), leaving=("alice",)))

    told = world.tell(message(sample(at=5001)))

    assert names(told) == ["CLIENT_JOINED"]
    assert world.rejected == {}


def test_a_sample_that_is_older_than_its_client_s_last_does_not_move_it_to_another_room() -> None:
    world = World()
    world.tell(message(sample(at=5000)))

    told = world.tell(message(sample(at=4000, room="garden"), sample(at=6000, **outbound("t1", 7))))

    assert names(told) == ["PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"]
    assert world.client("alice").call.room_id == "lobby"
    assert world.rejected == {Reason.CLIENT_HAS_LEFT: 1}
