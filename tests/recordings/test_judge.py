"""The judge of recordings finds what is wrong, and nothing in what is right."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.recordings.judge import faults
from tests.recordings.recording import Recording, load

DATA = Path(__file__).parent / "data"
NAMES = ("oc2-2party-rest", "oc2-kills3-json", "oc2-reconnect-default")

Envelope = dict[str, Any]


@pytest.fixture(scope="module")
def kills() -> Recording:
    return load(DATA / "oc2-kills3-json.jsonl.gz")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_right_has_no_fault(name: str) -> None:
    recording = load(DATA / f"{name}.jsonl.gz")

    assert faults(ideal(recording), [recording]) == []


def test_copies_are_judged_together(kills: Recording) -> None:
    copies = [kills.copy(number) for number in range(3)]

    assert faults([report for copy in copies for report in ideal(copy)], copies) == []


def test_a_copy_that_was_not_reported_is_a_fault(kills: Recording) -> None:
    assert any("0 CALL_STARTED" in fault for fault in faults(ideal(kills), [kills, kills.copy(1)]))


def test_a_room_that_nobody_was_in_is_a_fault(kills: Recording) -> None:
    strange = event("CALL_STARTED", "another call", "another room")

    assert any("another room" in fault for fault in faults([*ideal(kills), strange], [kills]))


def test_a_second_call_in_the_room_is_a_fault(kills: Recording) -> None:
    reports = list(ideal(kills))
    reports[-20]["payload"]["callId"] = "another call"

    assert any("2 calls" in fault for fault in faults(reports, [kills]))


@pytest.mark.parametrize("name", ["CALL_STARTED", "CLIENT_JOINED", "CLIENT_LEFT", "CALL_ENDED"])
@pytest.mark.parametrize("times", [0, 2])
def test_an_event_that_is_missing_or_told_twice_is_a_fault(kills: Recording, name: str, times: int) -> None:
    reports = list(ideal(kills))
    one = next(report for report in reports if report["payload"].get("name") == name)
    reports.remove(one)

    assert faults([*reports, *[one] * times], [kills])


@pytest.mark.parametrize(
    "name", ["PEER_CONNECTION_OPENED", "PEER_CONNECTION_CLOSED", "MEDIA_TRACK_ADDED", "MEDIA_TRACK_REMOVED"]
)
@pytest.mark.parametrize("times", [0, 2])
def test_a_connection_or_track_that_begins_or_ends_wrongly_is_a_fault(kills: Recording, name: str, times: int) -> None:
    reports = list(ideal(kills))
    one = next(report for report in reports if report["payload"].get("name") == name)
    reports.remove(one)

    assert any(name in fault or "opened" in fault for fault in faults([*reports, *[one] * times], [kills]))


def test_a_track_that_was_not_there_is_a_fault(kills: Recording) -> None:
    reports = list(ideal(kills))
    for report in reports:
        if report["payload"].get("mediaTrackId") == kills.truth["matching"][0]["inboundTrackId"]:
            report["payload"]["mediaTrackId"] = "phantom"

    assert any("phantom" in fault and "were not added" in fault for fault in faults(reports, [kills]))


def test_a_connection_that_ends_long_after_its_page_closed_it_is_a_fault(kills: Recording) -> None:
    reports = list(ideal(kills))
    one = next(report for report in reports if report["payload"].get("name") == "PEER_CONNECTION_CLOSED")
    one["payload"]["timestamp"] += 60_000

    assert any("closed at" in fault for fault in faults(reports, [kills]))


@pytest.mark.parametrize("name", ["CLIENT_JOINED", "CLIENT_LEFT"])
def test_a_wrong_time_is_a_fault(kills: Recording, name: str) -> None:
    reports = list(ideal(kills))
    one = next(report for report in reports if report["payload"].get("name") == name)
    one["payload"]["timestamp"] += 6000

    assert any("its page says" in fault for fault in faults(reports, [kills]))


def test_one_report_with_a_wrong_remote_client_is_a_fault(kills: Recording) -> None:
    reports = list(ideal(kills))
    inbound = [report for report in reports if report["type"].startswith("INBOUND")]
    inbound[-1]["payload"]["remoteClientId"] = inbound[-1]["payload"]["clientId"]

    assert any("wrongly 1 times" in fault for fault in faults(reports, [kills]))


def test_a_stream_without_a_match_is_a_fault(kills: Recording) -> None:
    reports = list(ideal(kills))
    ssrc = kills.truth["matching"][0]["ssrc"]
    for report in reports:
        if report["payload"].get("ssrc") == ssrc and report["type"].startswith("INBOUND"):
            report["payload"].update(dict.fromkeys(REMOTE))

    assert any(f"{ssrc}" in fault and "never matched" in fault for fault in faults(reports, [kills]))


def test_a_match_that_is_lost_again_is_a_fault(kills: Recording) -> None:
    reports = list(ideal(kills))
    inbound = [report for report in reports if report["type"].startswith("INBOUND")]
    inbound[-1]["payload"].update(dict.fromkeys(REMOTE))

    assert any("1 reports without another side" in fault for fault in faults(reports, [kills]))


def test_reports_of_several_nodes_come_in_no_order(kills: Recording) -> None:
    reports = list(ideal(kills))
    inbound = [report for report in reports if report["type"].startswith("INBOUND")]
    inbound[-1]["payload"].update(dict.fromkeys(REMOTE))

    assert faults(reports, [kills], ordered=False) == []


def test_a_client_that_was_in_another_room_is_a_fault(kills: Recording) -> None:
    reports = list(ideal(kills))
    joined = next(report for report in reports if report["payload"].get("name") == "CLIENT_JOINED")
    stranger = {**joined, "payload": joined["payload"] | {"clientId": "stranger"}}

    assert any("stranger" in fault for fault in faults([*reports, stranger], [kills]))


def test_a_call_may_go_on(kills: Recording) -> None:
    ends = {"CALL_ENDED", "CLIENT_LEFT", "PEER_CONNECTION_CLOSED", "MEDIA_TRACK_REMOVED"}
    begun = [report for report in ideal(kills) if report["payload"].get("name") not in ends]

    assert faults(begun, [kills], ended=False) == []
    assert faults(begun, [kills]) != []


REMOTE = ("remoteClientId", "remoteUserId", "remotePeerConnectionId", "remoteTrackId")
LISTS = {
    "inboundAudioTracks": "INBOUND_AUDIO_TRACK",
    "inboundVideoTracks": "INBOUND_VIDEO_TRACK",
    "outboundAudioTracks": "OUTBOUND_AUDIO_TRACK",
    "outboundVideoTracks": "OUTBOUND_VIDEO_TRACK",
}


def event(name: str, call: str, room: str, timestamp: int = 0, **ids: str) -> Envelope:
    payload = {"clientId": None, "peerConnectionId": None, "mediaTrackId": None, **ids}
    return {
        "type": "CALL_EVENT",
        "payload": payload | {"name": name, "callId": call, "roomId": room, "timestamp": timestamp},
    }


def ideal(recording: Recording) -> Iterator[Envelope]:
    """What an observer that knows the truth would report, reduced to what the judge reads."""
    matches = {(m["receiverClientId"], m["ssrc"]): m for m in recording.truth["matching"]}
    opened: dict[tuple[str, ...], dict[str, str]] = {}
    last: dict[tuple[str, ...], int] = {}
    rooms: dict[str, str] = {}
    for samples in recording.samples():
        for sample in samples["clientSamples"]:
            yield from _of_sample(sample, matches, opened, last, rooms)
    for (name, *key), ids in reversed(opened.items()):
        room = rooms[ids["clientId"]]
        yield event(_END[name], f"call of {room}", room, last[name, *key], **ids)
    for room in dict.fromkeys(rooms.values()):
        yield event("CALL_ENDED", f"call of {room}", room)


_END = {
    "CLIENT_JOINED": "CLIENT_LEFT",
    "PEER_CONNECTION_OPENED": "PEER_CONNECTION_CLOSED",
    "MEDIA_TRACK_ADDED": "MEDIA_TRACK_REMOVED",
}


def _of_sample(
    sample: Envelope,
    matches: dict[Any, Any],
    opened: dict[tuple[str, ...], dict[str, str]],
    last: dict[tuple[str, ...], int],
    rooms: dict[str, str],
) -> Iterator[Envelope]:
    room, client, call = sample["roomId"], sample["clientId"], f"call of {sample['roomId']}"
    if room not in rooms.values():
        yield event("CALL_STARTED", call, room)
    rooms[client] = room
    tracks = [(type_, track) for name, type_ in LISTS.items() for track in sample.get(name, ())]
    begun = [("CLIENT_JOINED", {"clientId": client})]
    for item in [*sample.get("pcTransports", ()), *(track for _, track in tracks)]:
        ids = {"clientId": client, "peerConnectionId": item["peerConnectionId"]}
        begun.append(("PEER_CONNECTION_OPENED", ids))
        if "trackId" in item:
            begun.append(("MEDIA_TRACK_ADDED", ids | {"mediaTrackId": item["trackId"]}))
    for name, ids in begun:
        last[name, *ids.values()] = int(sample["timestamp"])
        if (name, *ids.values()) not in opened:
            opened[name, *ids.values()] = ids
            yield event(name, call, room, int(sample["timestamp"]), **ids)
    for type_, track in tracks:
        match = matches.get((client, track["ssrc"])) if type_.startswith("INBOUND") else None
        remote = (
            (match["senderClientId"], match["senderUserId"], match["senderPcId"], match["senderTrackId"])
            if match
            else (None,) * 4
        )
        payload = {"callId": call, "roomId": room, "clientId": client, "ssrc": track["ssrc"]}
        yield {"type": type_, "payload": payload | dict(zip(REMOTE, remote, strict=True))}
