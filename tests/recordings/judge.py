"""Judges what an observer reported about recorded clients against what was true while they were recorded.

Times are compared on the recorded scale: joins and leaves must be near what the page itself noted. Streams are judged
by SSRC, as the truth names them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.recordings.recording import Recording, Truth
from tests.recordings.sfu_judge import faults_of_sfus

Envelope = Mapping[str, Any]
Payload = Mapping[str, Any]

NEAR_MS = 5000
"""How far the time of a join or a leave may be from the page's own note of it. (ms)"""

_INBOUND = ("INBOUND_AUDIO_TRACK", "INBOUND_VIDEO_TRACK")
_OUTBOUND = ("OUTBOUND_AUDIO_TRACK", "OUTBOUND_VIDEO_TRACK")
_PAIRS = (("PEER_CONNECTION_OPENED", "PEER_CONNECTION_CLOSED"), ("MEDIA_TRACK_ADDED", "MEDIA_TRACK_REMOVED"))


def faults(
    reports: Iterable[Envelope], recordings: Sequence[Recording], *, ended: bool = True, ordered: bool = True
) -> list[str]:
    """Everything that is wrong with the reports, in whole sentences; empty when all is right.

    `reports` are envelopes in the order in which they were told. With `ended` every call must have ended, and
    everybody must have left, SFUs too. Unless they are `ordered`, as those of several nodes are not, a stream or a pad
    may lack its other side when that was reported already.
    """
    reports = list(reports)
    by_room: dict[object, list[Envelope]] = defaultdict(list)
    for report in reports:
        if not report["type"].startswith("SFU_"):
            by_room[report["payload"].get("roomId")].append(report)
    found = faults_of_sfus(reports, recordings, ended=ended, ordered=ordered)
    for recording in recordings:
        for room in recording.truth["rooms"]:
            told = by_room.pop(room["roomId"], [])
            found += _faults_of_room(told, room["roomId"], recording, ended, ordered)
    return found + [f"There are reports about room {room}, which nobody was in." for room in by_room]


def _faults_of_room(
    reports: Sequence[Envelope], room: str, recording: Recording, ended: bool, ordered: bool
) -> list[str]:
    events = [report["payload"] for report in reports if report["type"] == "CALL_EVENT"]
    people = [person for person in recording.truth["participants"] if person["roomId"] == room]
    found = _of_the_call(reports, events, room, ended)
    all_heard = recording.heard()
    for person in people:
        heard = all_heard.get(person["clientId"])
        found += _of_the_participant(events, person, heard, ended)
        found += _of_the_connections(events, person, heard)
        found += _of_the_tracks(events, person)
    known = {person["clientId"] for person in people}
    strangers = {report["payload"].get("clientId") for report in reports} - known - {None}
    found += [f"There are reports about client {stranger}, who was not in room {room}." for stranger in strangers]
    found += _unpaired(events, ended)
    return found + _of_the_streams(reports, room, recording.truth, ordered)


def _of_the_call(reports: Sequence[Envelope], events: Sequence[Payload], room: str, ended: bool) -> list[str]:
    names = Counter(event["name"] for event in events)
    calls = {report["payload"]["callId"] for report in reports}
    found = []
    if names["CALL_STARTED"] != 1:
        found.append(f"Room {room} had {names['CALL_STARTED']} CALL_STARTED.")
    if names["CALL_ENDED"] > 1 or (ended and names["CALL_ENDED"] != 1):
        found.append(f"Room {room} had {names['CALL_ENDED']} CALL_ENDED.")
    if len(calls) != 1 or None in calls:
        found.append(f"The reports of room {room} name {len(calls)} calls: {calls}.")
    return found


def _of_the_participant(
    events: Sequence[Payload], person: Mapping[str, Any], heard: tuple[int, int] | None, ended: bool
) -> list[str]:
    if heard is None:
        return []
    client = person["clientId"]
    joined = [e["timestamp"] for e in events if e["name"] == "CLIENT_JOINED" and e["clientId"] == client]
    left = [e["timestamp"] for e in events if e["name"] == "CLIENT_LEFT" and e["clientId"] == client]
    found = _at_its_time("joined", client, joined, person["joinedAt"], heard[0])
    # A client that fell silent before its page was left is gone from its last sample on.
    silent_at = min(person["leftAt"], heard[1])
    return found + (_at_its_time("left", client, left, silent_at, heard[1]) if ended or left else [])


def _at_its_time(what: str, client: str, told: Sequence[int], noted: int, sampled: int) -> list[str]:
    if len(told) != 1:
        return [f"Client {client} {what} {len(told)} times."]
    found = []
    if abs(told[0] - noted) > NEAR_MS:
        found.append(f"Client {client} {what} at {told[0]}, its page says {noted}.")
    if told[0] != sampled:
        found.append(f"Client {client} {what} at {told[0]}, its samples say {sampled}.")
    return found


def _of_the_connections(
    events: Sequence[Payload], person: Mapping[str, Any], heard: tuple[int, int] | None
) -> list[str]:
    """Some clients go on to name a connection that they closed: it closed when it did, all the same."""
    opened = Counter(e["peerConnectionId"] for e in events if e["name"] == "PEER_CONNECTION_OPENED")
    closed = {e["peerConnectionId"]: e["timestamp"] for e in events if e["name"] == "PEER_CONNECTION_CLOSED"}
    found = []
    for connection in person["peerConnections"]:
        id_, noted = connection["monitorPcId"], connection.get("closedAt")
        if opened[id_] != 1:
            found.append(f"Peer connection {id_} was opened {opened[id_]} times.")
        if heard is None or noted is None or id_ not in closed:
            continue
        noted = min(noted, heard[1])
        if abs(closed[id_] - noted) > NEAR_MS:
            found.append(f"Peer connection {id_} closed at {closed[id_]}, its page says {noted}.")
    return found


def _of_the_tracks(events: Sequence[Payload], person: Mapping[str, Any]) -> list[str]:
    """Every track that was sent or received on a connection was added, and no other."""
    added: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if event["name"] == "MEDIA_TRACK_ADDED":
            added[event["peerConnectionId"]].add(event["mediaTrackId"])
    found = []
    for connection in person["peerConnections"]:
        streams = [*connection["inbound"].values(), *connection["outbound"].values()]
        tracks, told = {stream["trackId"] for stream in streams}, added[connection["monitorPcId"]]
        if tracks != told:
            found.append(f"Tracks {tracks - told} of {connection['monitorPcId']} were not added, {told - tracks} were.")
    return found


def _unpaired(events: Sequence[Payload], ended: bool) -> list[str]:
    """Connections and tracks that did not begin exactly once, or did not end exactly once."""
    found = []
    for begin, end in _PAIRS:
        begun, over = Counter(_whose(events, begin)), Counter(_whose(events, end))
        found += [f"{begin} was told {begun[whose]} times of {whose}." for whose in begun | over if begun[whose] != 1]
        found += [
            f"{end} was told {over[whose]} times of {whose}."
            for whose in begun | over
            if over[whose] > 1 or (ended and over[whose] != 1)
        ]
    return found


def _whose(events: Sequence[Payload], name: str) -> list[tuple[Any, ...]]:
    return [(e["clientId"], e["peerConnectionId"], e["mediaTrackId"]) for e in events if e["name"] == name]


@dataclass(frozen=True)
class _Stream:
    """One inbound stream of the truth, and what its reports must name as the other side."""

    receiver: str
    ssrc: int
    sender: str
    sender_ssrcs: tuple[int, ...]
    remote: Mapping[str, str | None]


def _streams(truth: Truth, room: str) -> list[_Stream]:
    matches = [*truth.get("matching", ()), *truth.get("sfuMatching", ())]
    users = {person["clientId"]: person["userId"] for person in truth["participants"]}
    streams = []
    for match in matches:
        if match["room"] != room:
            continue
        remote = {
            "remoteClientId": match["senderClientId"],
            "remoteUserId": users[match["senderClientId"]],
            "remotePeerConnectionId": match["senderPcId"],
            "remoteTrackId": match["senderTrackId"],
        }
        sent = tuple(match.get("outboundSsrcs") or [match["ssrc"]])
        for ssrc in match.get("ssrcs") or [match["ssrc"]]:
            streams.append(_Stream(match["receiverClientId"], ssrc, match["senderClientId"], sent, remote))
    return streams


def _of_the_streams(reports: Sequence[Envelope], room: str, truth: Truth, ordered: bool) -> list[str]:
    found = []
    streams = {(stream.receiver, stream.ssrc): stream for stream in _streams(truth, room)}
    for stream in streams.values():
        found += _of_the_stream(reports, stream, ordered)
    for report in reports:
        payload = report["payload"]
        if report["type"] in _INBOUND and payload["remotePeerConnectionId"] is not None:
            stream_key = payload["clientId"], payload["ssrc"]
            if stream_key not in streams:
                found.append(f"Stream {stream_key} was matched, but the truth knows no other side of it.")
    return found


def _of_the_stream(reports: Sequence[Envelope], stream: _Stream, ordered: bool) -> list[str]:
    """A report may lack the other side only until the sender was heard of, and after the sender left."""
    told = f"Stream {stream.ssrc} of client {stream.receiver}"
    sender_known, matched, unmatched, wrong, late = False, 0, 0, 0, 0
    for report in reports:
        payload = report["payload"]
        if payload["clientId"] == stream.sender:
            if report["type"] in _OUTBOUND and payload["ssrc"] in stream.sender_ssrcs:
                sender_known = True
            elif payload.get("name") == "CLIENT_LEFT":
                sender_known = False
        if report["type"] not in _INBOUND or (payload["clientId"], payload["ssrc"]) != (stream.receiver, stream.ssrc):
            continue
        remote = {name: payload[name] for name in stream.remote}
        if remote == stream.remote:
            matched += 1
        elif any(value not in (None, stream.remote[name]) for name, value in remote.items()):
            # A client may know the remote client by itself: that is no match, and no fault.
            wrong += 1
        else:
            unmatched += 1
            late += sender_known
    found = []
    if not matched:
        found.append(f"{told} was never matched ({unmatched} reports without another side).")
    if wrong:
        found.append(f"{told} was matched wrongly {wrong} times, the truth is {dict(stream.remote)}.")
    if late and ordered:
        found.append(f"{told} had {late} reports without another side although the sender had been reported.")
    return found
