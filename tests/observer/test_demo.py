import base64
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Any

import pytest

from observer.demo import INTRODUCTION, occurred, planned
from observer.simulation.calls import Call, CallShape, Reception, plan_call
from observer.simulation.demo_lines import Teller, summary, who_hears_whom
from observer.simulation.demo_story import BUILT_IN, Story, expected_events
from observer.simulation.sfu import Pad, pads, sfu_id_of, through_sfu

BEGAN = 1_750_000_000_000
DEMO = [sys.executable, "-m", "observer.demo"]


def event(name: str, **payload: Any) -> dict[str, Any]:
    everything: dict[str, Any] = {
        "userId": None,
        "clientId": None,
        "peerConnectionId": None,
        "mediaTrackId": None,
        "SSRC": None,
        "attachments": None,
    }
    everything |= {"value": None, "message": None, "callId": "c0ffee00-1", "roomId": "room-12345678"}
    return everything | {"name": name, "timestamp": BEGAN + 2500} | payload


def told(name: str, **payload: Any) -> dict[str, Any]:
    return {"type": "CALL_EVENT", "payload": event(name, **payload)}


def of_sfu(call: Call, name: str, **payload: Any) -> dict[str, Any]:
    """An event of an SFU, which has no room and no client."""
    ids = {"sfuId": sfu_id_of(call), "callId": None, "transportId": None, "rtpPadId": None, "attachments": None}
    return {"type": "SFU_EVENT", "payload": ids | {"name": name, "timestamp": BEGAN + 2500} | payload}


def of_pad(call: Call, pad: Pad, client_id: str | None, track_id: str | None) -> dict[str, Any]:
    payload = {"sfuId": sfu_id_of(call), "rtpPadId": pad.pad_id, "clientId": client_id, "trackId": track_id}
    return {"type": f"SFU_{pad.direction}_RTP_PAD", "payload": payload | {"timestamp": BEGAN}}


def inbound(
    call: Call, reception: Reception, sender: tuple[str, str, str] | None, timestamp: int = BEGAN
) -> dict[str, Any]:
    remote = sender or (None, None, None)
    kind = "INBOUND_AUDIO_TRACK" if reception.stream.media.kind == "audio" else "INBOUND_VIDEO_TRACK"
    names = {person.client_id: person.user_id for person in call.participants}
    payload = {
        "timestamp": timestamp,
        "roomId": call.room_id,
        "clientId": reception.client_id,
        "userId": names[reception.client_id],
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
    """What nodes that do everything right say of a call."""
    numbers = count()
    for name, times in expected_events([call]).items():
        for _ in range(times):
            attachments = json.dumps({"streamDirection": "INBOUND", "mediaKind": "AUDIO"}).encode()
            encoded = base64.b64encode(attachments)
            if name.startswith("SFU_"):
                yield of_sfu(call, name, transportId=f"t{next(numbers)}", attachments=encoded)
            else:
                yield told(name, clientId="c1", peerConnectionId=f"p{next(numbers)}", attachments=encoded)
    for reception in call.receptions:
        yield inbound(call, reception, None)
        yield inbound(call, reception, true_sender(reception))
    for pad in pads(call) if through_sfu(call) else ():
        yield of_pad(call, pad, None, None)
        yield of_pad(call, pad, pad.client_id, pad.track_id)


@pytest.fixture
def call() -> Call:
    return plan_call(Random(4), CallShape(participants=3, seconds=30, screen_share=True))


@pytest.fixture
def sfu_call() -> Call:
    return plan_call(Random(4), CallShape(participants=3, seconds=30, sfu=True))


def story_of(call: Call, *, without: str | None = None) -> Story:
    """All that is to be told, but for one event of a name."""
    story, left_out = Story([call]), without
    for report in all_reports(call):
        if report["payload"].get("name") == left_out is not None:
            left_out = None
        else:
            story.take(report, "n1")
    return story


def teller(call: Call, *, colour: bool = False) -> Teller:
    story = Story([call])
    story.began = BEGAN
    return Teller(story, colour=colour)


def track(direction: str, kind: str, ssrc: int) -> dict[str, Any]:
    attachments = json.dumps({"streamDirection": direction, "mediaKind": kind}).encode()
    return event("MEDIA_TRACK_ADDED", SSRC=ssrc, attachments=base64.b64encode(attachments).decode())


def test_an_event_is_one_aligned_line_with_the_node_that_told_it(call: Call) -> None:
    tells = teller(call)
    joined = tells.event("n2", [event("CLIENT_JOINED", roomId=call.room_id, userId="alice", clientId="0123456789")])
    started = tells.event("n2", [event("CALL_STARTED", roomId=call.room_id)])

    assert joined == f" 2.5 s  n2  {call.room_id}  alice  CLIENT_JOINED             client 01234567"
    assert started == f" 2.5 s  n2  {call.room_id}         CALL_STARTED              call c0ffee00"


def test_a_track_is_told_with_direction_kind_and_ssrc(call: Call) -> None:
    assert teller(call).event("n1", [track("OUTBOUND", "VIDEO", 77)]).endswith("outbound video, SSRC 77")


def test_several_tracks_are_told_by_their_directions(call: Call) -> None:
    tracks = [track("OUTBOUND", "VIDEO", 77), track("INBOUND", "AUDIO", 78), track("OUTBOUND", "AUDIO", 79)]

    assert teller(call).event("n1", tracks).endswith("  1 inbound, 2 outbound")


def test_several_peer_connections_are_counted(call: Call) -> None:
    opened = [event("PEER_CONNECTION_OPENED", peerConnectionId=n) for n in "ab"]

    assert teller(call).event("n1", opened).endswith("  2 peer connections")


def test_events_of_the_application_are_told_with_their_values(call: Call) -> None:
    states = [event("STATE", value=value) for value in ("connecting", "connected", "connected")]

    assert teller(call).event("n1", states).endswith("  connecting, connected")


def test_colour_is_only_there_when_asked_for(call: Call) -> None:
    ended = [event("CALL_ENDED")]

    assert "\x1b[" not in teller(call).event("n1", ended) + teller(call).happened(BEGAN, "n1 is killed")
    assert "\x1b[31mCALL_ENDED" in teller(call, colour=True).event("n1", ended)
    assert "\x1b[1m** n1 is killed" in teller(call, colour=True).happened(BEGAN, "n1 is killed")


def test_like_events_of_one_client_and_node_share_a_line(call: Call) -> None:
    story = Story([call])
    for node, client, name in (
        ("n1", "a", "STATE"),
        ("n1", "b", "STATE"),
        ("n1", "a", "OTHER"),
        ("n1", "a", "STATE"),
        ("n2", "a", "STATE"),
    ):
        story.take(told(name, clientId=client, userId=client, value="x"), node)

    lines = [line.split() for line in Teller(story).news()]
    assert [(line[2], *line[4:6]) for line in lines] == [
        ("n1", "a", "STATE"),
        ("n1", "b", "STATE"),
        ("n1", "a", "OTHER"),
        ("n2", "a", "STATE"),
    ]


def test_what_was_told_is_not_told_again(call: Call) -> None:
    story = Story([call])
    tells = Teller(story)
    story.take(told("CALL_STARTED"), "n1")
    tells.news()

    assert tells.news() == []


def test_reports_that_are_no_events_have_no_line(call: Call) -> None:
    story = Story([call])
    story.take(inbound(call, call.receptions[0], None), "n1")

    assert Teller(story).news() == []


def test_a_client_whose_samples_come_through_another_node_is_told_once(call: Call) -> None:
    story, first = Story([call]), call.receptions[0]
    for node in ("n3", "n3", "n1", "n1", "n3"):
        story.take(inbound(call, first, None), node)

    [line] = Teller(story).news()
    assert line.split()[2] == "n1"
    assert line.endswith("  goes on here, n3 served it before")


def test_what_the_demo_tells_fits_a_terminal() -> None:
    calls = [call for _, call in planned()]
    story = Story(calls)
    for each in calls:
        for report in all_reports(each):
            report["payload"]["roomId"] = each.room_id
            for node in ("n1", "n2"):
                story.take(report, node)
    story.lose("n2", ())

    lines = [*INTRODUCTION.splitlines(), *Teller(story).news(), *who_hears_whom(story), *summary(story)]
    assert [long for long in lines if len(long) > 80] == []


def test_a_call_told_whole_is_whole(call: Call) -> None:
    story = story_of(call)

    assert story.whole()
    heard = len(call.receptions)
    assert f"inbound streams    {heard} of {heard} matched with their senders" in summary(story)


def test_a_missing_event_is_told(call: Call) -> None:
    story = story_of(call, without="CLIENT_LEFT")

    assert not story.complete()
    assert not story.whole()
    assert "WRONG: 2 of 3 CLIENT_LEFT" in summary(story)


def test_what_happened_twice_is_told(call: Call) -> None:
    story = story_of(call)
    story.take(told("CALL_ENDED", timestamp=BEGAN + 9000), "n2")

    assert not story.whole()
    assert "WRONG: 2 of 1 CALL_ENDED" in summary(story)


def test_a_second_call_in_a_room_is_told(call: Call) -> None:
    story = story_of(call)
    story.take(told("CALL_STARTED", callId="another", peerConnectionId="p0"), "n2")

    assert "WRONG: 2 of 1 CALL_STARTED" in summary(story)


def again(story: Story, name: str, *nodes: str) -> None:
    """Nodes tell an event that was told."""
    first = next(it for it in story.tellers if it.name == name)
    for node in nodes:
        story.take(told(name, clientId=first.client_id, peerConnectionId=first.peer_connection_id), node)


def test_an_event_told_twice_by_nodes_that_live_is_a_fault(call: Call) -> None:
    story = story_of(call)
    again(story, "CLIENT_LEFT", "n2")
    story.lose("n3", ())

    assert not story.whole()
    assert "WRONG: one CLIENT_LEFT was told 2 times, by n1, n2" in summary(story)


def test_what_a_node_told_before_it_was_killed_may_be_told_by_its_heir(call: Call) -> None:
    story = story_of(call)
    story.lose("n1", ())
    again(story, "CLIENT_LEFT", "n2")

    assert story.whole()
    assert "told twice         1 CLIENT_LEFT" in summary(story)


def test_an_event_told_by_two_heirs_is_a_fault(call: Call) -> None:
    story = story_of(call)
    story.lose("n1", ())
    again(story, "CLIENT_LEFT", "n2", "n3")

    assert "WRONG: one CLIENT_LEFT was told 3 times, by n1, n2, n3" in summary(story)


def test_what_a_client_had_just_told_the_node_that_was_killed_may_be_gone_with_it(call: Call) -> None:
    story = story_of(call, without="HAND_RAISED")
    hand = next(it for it in call.occurrences if it.name == "HAND_RAISED")
    assert not story.whole()

    story.lose("n1", [hand])

    assert story.whole()
    assert "gone with n1       1 HAND_RAISED" in summary(story)


def test_what_a_client_told_another_node_is_not_gone_with_the_one_that_was_killed(call: Call) -> None:
    story = story_of(call, without="HAND_RAISED")
    hand = next(it for it in call.occurrences if it.name == "HAND_RAISED")

    story.lose("n2", [hand])

    assert not story.whole()
    assert any(line.startswith("WRONG: ") and line.endswith(" HAND_RAISED") for line in summary(story))


def test_an_event_of_the_observer_itself_is_never_excused(call: Call) -> None:
    story = story_of(call, without="CLIENT_JOINED")

    story.lose("n1", call.occurrences)

    assert not story.whole()
    assert BUILT_IN.isdisjoint(story.at_risk)


def test_a_stream_that_was_never_matched_is_not_whole(call: Call) -> None:
    story = story_of(call)
    first = call.receptions[0]
    del story.heard[first.client_id, first.peer_connection_id, first.ssrc]

    assert not story.whole()
    assert len(story.matched()) == len(call.receptions) - 1


def test_a_stream_with_a_wrong_sender_is_told_even_when_it_was_also_right(call: Call) -> None:
    story = story_of(call)
    first = call.receptions[0]
    story.take(inbound(call, first, ("nobody", "p", "t")), "n1")

    assert first not in story.matched()
    assert any(line.startswith("WRONG: a stream of client") and str(first.ssrc) in line for line in summary(story))


def test_a_call_through_an_sfu_told_whole_is_whole(sfu_call: Call) -> None:
    story = story_of(sfu_call)
    fed = len(pads(sfu_call))

    assert story.whole()
    assert f"pads of the SFU    {fed} of {fed} matched with their clients" in summary(story)
    assert f"SFU pads           {fed} added, {fed} removed" in summary(story)


@pytest.mark.parametrize("name", ["SFU_JOINED", "SFU_TRANSPORT_CLOSED", "SFU_RTP_PAD_ADDED"])
def test_a_missing_event_of_an_sfu_is_told(sfu_call: Call, name: str) -> None:
    story = story_of(sfu_call, without=name)

    assert not story.whole()
    assert any(line.startswith("WRONG: ") and line.endswith(f" {name}") for line in summary(story))


def test_a_pad_that_was_never_matched_is_not_whole(sfu_call: Call) -> None:
    story = story_of(sfu_call)
    del story.fed[pads(sfu_call)[-1].pad_id]

    assert not story.whole()


def test_a_pad_of_a_wrong_client_is_told_even_when_it_was_also_right(sfu_call: Call) -> None:
    story = story_of(sfu_call)
    first, second = pads(sfu_call)[:2]
    story.take(of_pad(sfu_call, first, second.client_id, second.track_id), "n1")

    assert not story.whole()
    assert any(line.startswith(f"WRONG: the pad {first.pad_id}") for line in summary(story))


def test_an_sfu_is_told_in_the_room_of_its_call(sfu_call: Call) -> None:
    story = Story([sfu_call])
    story.take(of_sfu(sfu_call, "SFU_JOINED"), "n1")
    for _ in "ab":
        story.take(of_sfu(sfu_call, "SFU_TRANSPORT_OPENED", transportId="0123456789"), "n1")

    joined, opened = (line.split() for line in Teller(story).news())

    assert joined[2:] == ["n1", sfu_call.room_id, "SFU", "SFU_JOINED", "SFU", sfu_id_of(sfu_call)[:8]]
    assert opened[-2:] == ["2", "transports"]


def test_an_sfu_that_speaks_to_another_node_is_told(sfu_call: Call) -> None:
    story, first = Story([sfu_call]), pads(sfu_call)[0]
    for node in ("n1", "n2"):
        story.take(of_pad(sfu_call, first, None, None), node)

    [line] = Teller(story).news()
    assert line.split()[2:5] == ["n2", sfu_call.room_id, "SFU"]


def test_who_hears_whom_is_told_from_the_reports_with_the_nodes_of_both(call: Call) -> None:
    story = story_of(call)
    bob = next(it for it in call.receptions if it.client_id == call.participants[1].client_id)
    story.take(inbound(call, bob, None), "n2")

    lines = [line.split() for line in who_hears_whom(story)]

    assert len(lines) == 6
    assert lines[2][:7] == [call.room_id, "bob", "(n1,", "n2)", "hears", "alice", "(n1)"]
    assert lines[2][-1] == "screen"


def test_who_hears_nobody_is_told(call: Call) -> None:
    assert [line.split("  ")[-1] for line in who_hears_whom(Story([call]))] == ["nobody"] * 3


def test_the_demo_plays_a_mesh_an_sfu_call_and_a_late_one_each_of_three() -> None:
    calls = [call for _, call in planned()]

    assert [len(call.participants) for call in calls] == [3, 3, 3]
    assert [call.streams[0].sfu_stream_id is not None for call in calls] == [False, True, False]
    assert any(stream.media.source == "screen" for stream in calls[0].streams)


def test_what_clients_tell_is_found_by_when_they_do(call: Call) -> None:
    first = min(call.occurrences, key=lambda it: it.at)

    assert first in occurred([(7.0, call)], 7 + first.at, 7 + first.at)
    assert [*occurred([(7.0, call)], 0, 6.9)] == []


@pytest.mark.processes
def test_no_call_notices_that_the_node_that_leads_is_killed() -> None:
    ended = subprocess.run(DEMO, capture_output=True, text=True)

    assert (ended.returncode, ended.stderr) == (0, "")
    killed, heir, started, back = (line.partition("** ")[2] for line in ended.stdout.splitlines() if "** " in line)
    name = killed.partition(",")[0]
    assert killed == f"{name}, which leads, is killed"
    assert re.fullmatch(r"n[123] leads, \d+\.\d s later", heir)
    assert not heir.startswith(name)
    assert started == f"{name} is started again"
    assert re.fullmatch(rf"{name} is back and knows [23] calls", back)
    assert ended.stdout.splitlines()[-1].startswith("All well: ")


@pytest.mark.processes
def test_a_demo_that_is_interrupted_says_so() -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        demo.stdout.readline()
        demo.send_signal(signal.SIGINT)
        said, failed = demo.communicate()

    assert (demo.returncode, failed) == (130, "")
    assert said.endswith("interrupted; the nodes were killed\n")


@pytest.mark.processes
def test_a_demo_that_nobody_reads_any_more_ends_without_a_traceback() -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        demo.stdout.readline()
        demo.stdout.close()
        said = demo.stderr.read()

    assert (demo.returncode, said) == (1, b"")
