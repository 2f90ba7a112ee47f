"""Judges what an observer reported about a recorded SFU: its events, and with whom each of its pads was matched.

Source of the truth: who published and who subscribed noted the SFU's ids of transports, pads, streams and sinks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.recordings.recording import Recording, Truth

Envelope = Mapping[str, Any]
Payload = Mapping[str, Any]

_PAIRS = (
    ("SFU_TRANSPORT_OPENED", "SFU_TRANSPORT_CLOSED", "transportId"),
    ("SFU_RTP_PAD_ADDED", "SFU_RTP_PAD_REMOVED", "rtpPadId"),
)
_OUTBOUND = ("OUTBOUND_AUDIO_TRACK", "OUTBOUND_VIDEO_TRACK")
_INBOUND = ("INBOUND_AUDIO_TRACK", "INBOUND_VIDEO_TRACK")


def faults_of_sfus(
    reports: Sequence[Envelope], recordings: Sequence[Recording], *, ended: bool, ordered: bool = True
) -> list[str]:
    """Everything that is wrong with the reports of SFUs, in whole sentences.

    `reports` are all reports, those of clients too: a pad may lack its client until that was reported, or, unless they
    are `ordered`, at any time.
    """
    with_sfu = [recording for recording in recordings if "sfu" in recording.truth]
    of_whom = {who: recording for recording in with_sfu for who in recording.heard()}
    told: dict[str, list[Envelope]] = defaultdict(list)
    strangers: Counter[str] = Counter()
    for report in reports:
        payload = report["payload"]
        is_sfus = report["type"].startswith("SFU_")
        who = payload.get("sfuId") if is_sfus else payload.get("clientId")
        if who in of_whom:
            told[of_whom[who].name].append(report)
        elif is_sfus:
            strangers[who] += 1
    found = [f"There are {times} reports about SFU {who}, which was not there." for who, times in strangers.items()]
    for recording in with_sfu:
        found += _faults_of_recording(told[recording.name], recording, ended, ordered)
    return found


def _faults_of_recording(reports: Sequence[Envelope], recording: Recording, ended: bool, ordered: bool) -> list[str]:
    truth = recording.truth
    sfu_id = truth["sfu"]["sfuId"]
    events = [report["payload"] for report in reports if report["type"] == "SFU_EVENT"]
    found = _of_the_sfu(events, sfu_id, recording.heard()[sfu_id], ended)
    ids: dict[str, set[str]] = {"transportId": set(_transports(truth)), "rtpPadId": set(_pad_ids(truth))}
    for begin, end, key in _PAIRS:
        begun = Counter(event[key] for event in events if event["name"] == begin)
        over = Counter(event[key] for event in events if event["name"] == end)
        for id_ in ids[key] | set(begun) | set(over):
            expected = int(id_ in ids[key])
            if begun[id_] != expected:
                found.append(f"{begin} was told {begun[id_]} times of {id_}, not {expected} times.")
            if over[id_] > expected or (ended and over[id_] != expected):
                found.append(f"{end} was told {over[id_]} times of {id_}, not {expected} times.")
    calls = {report["payload"].get("callId") for report in reports if not report["type"].startswith("SFU_")}
    for pad in _pads(truth):
        found += _of_the_pad(reports, pad, calls, ordered)
    return found


def _of_the_sfu(events: Sequence[Payload], sfu_id: str, heard: tuple[int, int], ended: bool) -> list[str]:
    found = []
    for name, at in zip(("SFU_JOINED", "SFU_LEFT"), heard, strict=True):
        told = [event["timestamp"] for event in events if event["name"] == name]
        if told == [at] or (name == "SFU_LEFT" and not ended and not told):
            continue
        found.append(f"{name} was told of SFU {sfu_id} at {told}, not once at {at}.")
    return found


def _transports(truth: Truth) -> Iterator[str]:
    for person in truth["participants"]:
        for connection in person["peerConnections"]:
            yield connection["sfuTransportId"]


def _pad_ids(truth: Truth) -> Iterator[str]:
    for person in truth["participants"]:
        for connection in person["peerConnections"]:
            for end in (*connection.get("streams", ()), *connection.get("sinks", ())):
                yield end["padId"]


@dataclass(frozen=True)
class _Pad:
    """One pad of the truth: `client_id` sends to it or hears it as the track `track_id`, which `tracks` report."""

    type: str
    pad_id: str
    client_id: str
    track_id: str
    tracks: tuple[str, ...]


def _pads(truth: Truth) -> set[_Pad]:
    pads = set()
    for match in truth["sfuMatching"]:
        sender, receiver = match["senderClientId"], match["receiverClientId"]
        pads.add(_Pad("SFU_INBOUND_RTP_PAD", match["inboundPadId"], sender, match["senderTrackId"], _OUTBOUND))
        pads.add(_Pad("SFU_OUTBOUND_RTP_PAD", match["outboundPadId"], receiver, match["inboundTrackId"], _INBOUND))
    return pads


def _of_the_pad(reports: Sequence[Envelope], pad: _Pad, calls: set[str], ordered: bool) -> list[str]:
    """A report may lack the client only until its track was reported, and after the client left."""
    known, matched, unmatched, wrong, late = False, 0, 0, 0, 0
    for report in reports:
        type_, payload = report["type"], report["payload"]
        if type_ in pad.tracks and (payload["clientId"], payload["trackId"]) == (pad.client_id, pad.track_id):
            known = True
        elif payload.get("name") == "CLIENT_LEFT" and payload["clientId"] == pad.client_id:
            known = False
        if type_ != pad.type or payload["rtpPadId"] != pad.pad_id:
            continue
        named = payload["callId"], payload["clientId"], payload["trackId"]
        if named == (None, None, None):
            unmatched += 1
            late += known
        elif {named[0]} == calls and named[1:] == (pad.client_id, pad.track_id):
            matched += 1
        else:
            wrong += 1
    told, found = f"{pad.type} {pad.pad_id} of client {pad.client_id}", []
    if not matched:
        found.append(f"{told} was never matched ({unmatched} reports without a client).")
    if wrong:
        found.append(f"{told} was matched wrongly {wrong} times, its track is {pad.track_id}.")
    if late and ordered:
        found.append(f"{told} had {late} reports without a client although its track had been reported.")
    return found
