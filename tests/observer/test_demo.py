import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from observer.demo import INTRODUCTION, planned
from observer.simulation.calls import Call, CallShape, Reception, plan_call
from observer.simulation.demo_story import Story, event_line, expected_events, summary, who_hears_whom

BEGAN = 1_750_000_000_000


def event(name: str, **payload: Any) -> dict[str, Any]:
    everything: dict[str, Any] = {
        "userId": None,
        "clientId": None,
        "peerConnectionId": None,
        "SSRC": None,
        "attachments": None,
    }
    everything |= {"value": None, "message": None, "callId": "c0ffee00-1", "roomId": "room-12345678"}
    return everything | {"name": name, "timestamp": BEGAN + 2500} | payload


def inbound(call: Call, reception: Reception, sender: tuple[str, str, str] | None) -> dict[str, Any]:
    remote = sender or (None, None, None)
    kind = "INBOUND_AUDIO_TRACK" if reception.stream.media.kind == "audio" else "INBOUND_VIDEO_TRACK"
    payload = {
        "roomId": call.room_id,
        "clientId": reception.client_id,
        "peerConnectionId": reception.peer_connection_id,
        "ssrc": reception.ssrc,
        "remoteClientId": remote[0],
        "remotePeerConnectionId": remote[1],
        "remoteTrackId": remote[2],
    }
    return {"type": kind, "payload": payload}


def true_sender(reception: Reception) -> tuple[str, str, str]:
    stream = reception.stream
    return stream.client_id, stream.peer_connection_id, stream.track_id


def all_reports(call: Call) -> Iterator[dict[str, Any]]:
    """What a node that does everything right says of a call."""
    for name, count in expected_events([call]).items():
        for _ in range(count):
            attachments = json.dumps({"streamDirection": "INBOUND", "mediaKind": "AUDIO"}).encode()
            payload = event(name, clientId="c1", peerConnectionId="p1", attachments=base64.b64encode(attachments))
            yield {"type": "CALL_EVENT", "payload": payload}
    for reception in call.receptions:
        yield inbound(call, reception, None)
        yield inbound(call, reception, true_sender(reception))


@pytest.fixture
def call() -> Call:
    return plan_call(Random(4), CallShape(participants=3, seconds=30, screen_share=True))


def story_of(call: Call) -> Story:
    story = Story([call])
    for report in all_reports(call):
        story.take(report)
    return story


def line(*group: dict[str, Any], colour: bool = False) -> str:
    return event_line(group, BEGAN, (13, 5), colour=colour)


def track(direction: str, kind: str, ssrc: int) -> dict[str, Any]:
    attachments = json.dumps({"streamDirection": direction, "mediaKind": kind}).encode()
    return event("MEDIA_TRACK_ADDED", SSRC=ssrc, attachments=base64.b64encode(attachments).decode())


def test_an_event_is_one_aligned_line() -> None:
    joined = line(event("CLIENT_JOINED", userId="alice", clientId="0123456789"))
    started = line(event("CALL_STARTED"))

    assert joined == " 2.5 s  room-12345678  alice  CLIENT_JOINED             client 01234567"
    assert started == " 2.5 s  room-12345678         CALL_STARTED              call c0ffee00"


def test_a_track_is_told_with_direction_kind_and_ssrc() -> None:
    assert line(track("OUTBOUND", "VIDEO", 77)).endswith("outbound video, SSRC 77")


def test_several_tracks_are_told_by_their_directions() -> None:
    tracks = [track("OUTBOUND", "VIDEO", 77), track("INBOUND", "AUDIO", 78), track("OUTBOUND", "AUDIO", 79)]

    assert line(*tracks).endswith("  1 inbound, 2 outbound")


def test_several_peer_connections_are_counted() -> None:
    assert line(*[event("PEER_CONNECTION_OPENED", peerConnectionId=n) for n in "ab"]).endswith("  2 peer connections")


def test_events_of_the_application_are_told_with_their_values() -> None:
    told = line(*[event("STATE", value=value) for value in ("connecting", "connected", "connected")])

    assert told.endswith("  connecting, connected")


def test_colour_is_only_there_when_asked_for() -> None:
    payload = event("CALL_ENDED")

    assert "\x1b[" not in line(payload)
    assert "\x1b[31mCALL_ENDED" in line(payload, colour=True)


def test_like_events_of_one_client_share_a_line(call: Call) -> None:
    story = Story([call])
    for client, name in (("a", "STATE"), ("b", "STATE"), ("a", "OTHER"), ("a", "STATE")):
        story.take({"type": "CALL_EVENT", "payload": event(name, clientId=client, userId=client, value="x")})

    assert [told.split()[3:5] for told in story.tell()] == [["a", "STATE"], ["b", "STATE"], ["a", "OTHER"]]


def test_what_was_told_is_not_told_again(call: Call) -> None:
    story = Story([call])
    story.take({"type": "CALL_EVENT", "payload": event("CALL_STARTED")})
    story.tell()

    assert story.tell() == []


def test_reports_that_are_no_events_have_no_line(call: Call) -> None:
    story = Story([call])
    story.take(inbound(call, call.receptions[0], None))

    assert story.tell() == []


def test_what_the_demo_tells_fits_a_terminal() -> None:
    calls = [call for _, call in planned()]
    story = Story(calls)
    for each in calls:
        for report in all_reports(each):
            report["payload"]["roomId"] = each.room_id
            story.take(report)

    told = [*INTRODUCTION.splitlines(), *story.tell(), *who_hears_whom(story), *summary(story)]
    assert [long for long in told if len(long) > 80] == []


def test_a_call_told_whole_is_whole(call: Call) -> None:
    story = story_of(call)

    assert story.whole()
    heard = len(call.receptions)
    assert f"inbound streams    {heard} of {heard} matched with their senders" in summary(story)


def test_a_missing_event_is_told(call: Call) -> None:
    story = story_of(call)
    story.events["CLIENT_LEFT"] -= 1

    assert not story.whole()
    assert "WRONG: 2 of 3 CLIENT_LEFT" in summary(story)


def test_an_event_told_twice_is_told(call: Call) -> None:
    story = story_of(call)
    story.events["CALL_ENDED"] += 1

    assert not story.whole()
    assert "WRONG: 2 of 1 CALL_ENDED" in summary(story)


def test_a_stream_that_was_never_matched_is_not_whole(call: Call) -> None:
    story = story_of(call)
    first = call.receptions[0]
    del story.heard[first.client_id, first.peer_connection_id, first.ssrc]

    assert not story.whole()
    assert len(story.matched()) == len(call.receptions) - 1


def test_a_stream_with_a_wrong_sender_is_told_even_when_it_was_also_right(call: Call) -> None:
    story = story_of(call)
    first = call.receptions[0]
    story.take(inbound(call, first, ("nobody", "p", "t")))

    assert first not in story.matched()
    assert any(told.startswith("WRONG: a stream of client") and str(first.ssrc) in told for told in summary(story))


def test_who_hears_whom_is_told_from_the_reports(call: Call) -> None:
    lines = list(who_hears_whom(story_of(call)))

    assert len(lines) == 3
    assert lines[1].startswith(f"{call.room_id}  bob   hears alice (")
    assert "screen" in lines[1]
    assert [told.split(" hears ")[1] for told in who_hears_whom(Story([call]))] == ["nobody"] * 3


def test_the_demo_plays_a_mesh_an_sfu_call_and_a_pair() -> None:
    calls = [call for _, call in planned()]

    assert [len(call.participants) for call in calls] == [3, 3, 2]
    assert [call.streams[0].sfu_stream_id is not None for call in calls] == [False, True, False]
    assert any(stream.media.source == "screen" for stream in calls[0].streams)


@pytest.mark.processes
def test_a_demo_that_nobody_reads_any_more_ends_without_a_traceback() -> None:
    command = [sys.executable, "-m", "observer.demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        demo.stdout.readline()
        demo.stdout.close()
        said = demo.stderr.read()

    assert (demo.returncode, said) == (1, b"")
