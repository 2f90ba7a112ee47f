"""Every inbound track finds the remote outbound track that it plays, and never a wrong one."""

from typing import Any

import pytest

from analysis.client_reports import ClientSamplesAnalyser
from schemas.reports import Report, ReportType
from schemas.samples import Reason
from tests.world import World, inbound, message, of_type, outbound, sample


def remote(told: list[Report]) -> tuple[str | None, ...]:
    """Whom the one inbound audio report names as its remote end."""
    (payload,) = of_type(told, ReportType.INBOUND_AUDIO_TRACK)
    keys = ("remoteClientId", "remoteUserId", "remotePeerConnectionId", "remoteTrackId")
    return tuple(payload[key] for key in keys)


ALICE = ("alice", "Alice", "pa", "ta")
NOBODY = (None, None, None, None)


def sender(client: str = "alice", at: int = 1000, room: str = "lobby", **ids: Any) -> dict[str, Any]:
    return sample(client, at, room, userId="Alice", **outbound("ta", connection="pa", **ids))


def receiver(client: str = "bob", at: int = 1000, room: str = "lobby", **ids: Any) -> dict[str, Any]:
    return sample(client, at, room, **inbound("tb", connection="pb", **ids))


def test_both_sides_of_one_batch_see_each_other() -> None:
    told = World().tell(message(sender(ssrc=11)), message(receiver(ssrc=11)))

    assert remote(told) == ALICE


def test_the_receiver_may_come_first_within_a_batch() -> None:
    told = World().tell(message(receiver(ssrc=11)), message(sender(ssrc=11)))

    assert remote(told) == ALICE


def test_a_sender_of_an_earlier_batch_is_found() -> None:
    world = World()
    world.tell(message(sender(ssrc=11)))

    assert remote(world.tell(message(receiver(ssrc=11)))) == ALICE


def test_a_sender_that_comes_later_is_found_from_then_on() -> None:
    world = World()
    before = world.tell(message(receiver(ssrc=11)))
    world.tell(message(sender(ssrc=11)))

    assert remote(before) == NOBODY
    assert remote(world.tell(message(receiver(at=2000, ssrc=11)))) == ALICE


def test_sfu_stream_and_sink_match_whatever_the_ssrcs() -> None:
    told = World().tell(message(sender(ssrc=1, sfuStreamId="S"), receiver(ssrc=2, sfuStreamId="S", sfuSinkId="K")))

    assert remote(told) == ALICE


def test_without_a_sink_a_stream_matches_nothing() -> None:
    told = World().tell(message(sender(ssrc=1, sfuStreamId="S"), receiver(ssrc=2, sfuStreamId="S")))

    assert remote(told) == NOBODY


def test_a_sender_that_names_a_stream_is_not_found_by_ssrc() -> None:
    told = World().tell(message(sender(ssrc=11, sfuStreamId="S"), receiver(ssrc=11)))

    assert remote(told) == NOBODY


def test_a_blank_stream_is_no_stream() -> None:
    told = World().tell(message(sender(ssrc=11, sfuStreamId=""), receiver(ssrc=11)))

    assert remote(told) == ALICE


@pytest.mark.parametrize("ids", [{"ssrc": 11}, {"sfuStreamId": "S", "sfuSinkId": "K"}])
def test_rooms_never_match_each_other(ids: dict[str, Any]) -> None:
    told = World().tell(message(sender(room="garden", **ids), receiver(**ids)))

    assert remote(told) == NOBODY


@pytest.mark.parametrize("ids", [{"ssrc": 11}, {"sfuStreamId": "S", "sfuSinkId": "K"}])
def test_services_never_match_each_other(ids: dict[str, Any]) -> None:
    told = World().tell(message(sender(**ids), service="other"), message(receiver(**ids)))

    assert remote(told) == NOBODY


@pytest.mark.parametrize("ids", [{"ssrc": 11}, {"sfuStreamId": "S", "sfuSinkId": "K"}])
def test_a_client_never_hears_itself(ids: dict[str, Any]) -> None:
    both = sample(**outbound("ta", connection="p1", **ids), **inbound("tb", connection="p2", **ids))

    assert remote(World().tell(message(both))) == NOBODY


def test_audio_never_matches_video() -> None:
    video = sample("alice", outboundVideoTracks=[{"trackId": "ta", "peerConnectionId": "pa", "ssrc": 11}])

    assert remote(World().tell(message(video, receiver(ssrc=11)))) == NOBODY


def test_of_two_senders_of_one_stream_the_one_that_took_it_last_is_found() -> None:
    world = World()
    world.tell(message(sender("carol", sfuStreamId="S")))
    world.tell(message(sender("alice", sfuStreamId="S")))

    assert remote(world.tell(message(receiver(sfuStreamId="S", sfuSinkId="K"))))[0] == "alice"


def test_when_the_last_sender_of_a_stream_leaves_the_one_before_is_found_again() -> None:
    world = World()
    world.tell(message(sender("carol", sfuStreamId="S")))
    world.tell(message(sender("alice", sfuStreamId="S"), leaving=("alice",)))

    assert remote(world.tell(message(receiver(sfuStreamId="S", sfuSinkId="K"))))[0] == "carol"


def test_a_sender_that_left_is_not_found() -> None:
    world = World()
    world.tell(message(sender(ssrc=11), leaving=("alice",)))

    assert remote(world.tell(message(receiver(ssrc=11)))) == NOBODY


def test_sfu_ids_follow_the_newest_sample() -> None:
    world = World()
    world.tell(message(sender(ssrc=11)))
    world.tell(message(sender(at=2000, ssrc=11, sfuStreamId="S")))

    told = world.tell(message(receiver(ssrc=99, sfuStreamId="S", sfuSinkId="K")))

    assert remote(told) == ALICE


def test_each_ssrc_of_a_simulcast_track_is_found() -> None:
    world = World()
    world.tell(message(sender(ssrc=11)), message(sender(at=1001, ssrc=12)))

    assert remote(world.tell(message(receiver(ssrc=11)))) == ALICE
    assert remote(world.tell(message(receiver(at=2000, ssrc=12)))) == ALICE


def test_one_sender_is_found_by_all_its_receivers() -> None:
    told = World().tell(message(sender(ssrc=11), receiver("bob", ssrc=11), receiver("carol", ssrc=11)))

    found = of_type(told, ReportType.INBOUND_AUDIO_TRACK)
    assert [payload["remoteClientId"] for payload in found] == ["alice", "alice"]


def test_what_a_sample_itself_says_of_its_remote_client_stands_when_nothing_matches() -> None:
    told = World().tell(message(receiver(ssrc=11, remoteClientId="zoe")))

    assert remote(told) == ("zoe", None, None, None)


def test_a_match_overrules_what_the_sample_says() -> None:
    told = World().tell(message(sender(ssrc=11), receiver(ssrc=11, remoteClientId="zoe")))

    assert remote(told) == ALICE


def test_matching_can_be_turned_off() -> None:
    world = World(analyser=ClientSamplesAnalyser(match_tracks=False))

    assert remote(world.tell(message(sender(ssrc=11), receiver(ssrc=11)))) == NOBODY


def test_unmatched_reports_can_be_dropped_and_are_counted() -> None:
    world = World(analyser=ClientSamplesAnalyser(drop_unmatched_reports=True))

    told = world.tell(message(sender(ssrc=11), receiver("bob", ssrc=11), receiver("carol", ssrc=12)))

    assert [payload["clientId"] for payload in of_type(told, ReportType.INBOUND_AUDIO_TRACK)] == ["bob"]
    assert len(of_type(told, ReportType.OUTBOUND_AUDIO_TRACK)) == 1
    assert world.rejected == {Reason.UNMATCHED: 1}


def test_an_sfu_that_numbers_its_streams_anew_in_each_room_is_matched_in_all_of_them() -> None:
    rooms = [f"room-{number}" for number in range(100)]

    told = World().tell(
        *(
            message(
                sender(f"alice in {room}", room=room, sfuStreamId="1"),
                receiver(f"bob in {room}", room=room, sfuStreamId="1", sfuSinkId="2"),
            )
            for room in rooms
        )
    )

    remotes = [payload["remoteClientId"] for payload in of_type(told, ReportType.INBOUND_AUDIO_TRACK)]
    assert remotes == [f"alice in {room}" for room in rooms]
