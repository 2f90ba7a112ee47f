"""What the demo tells of the reports it reads: a line for each event, who hears whom, and whether all of it is true.

Pure: decoded envelopes go in, lines come out; the plans of the calls are the truth they are held against.
"""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from observer.simulation.calls import Call, Reception

Report = Mapping[str, Any]

_COLOURS = {
    "STARTED": 32,
    "JOINED": 32,
    "OPENED": 36,
    "ADDED": 36,
    "ENDED": 31,
    "LEFT": 31,
    "CLOSED": 33,
    "REMOVED": 33,
}
_CUSTOM_COLOUR = 35


@dataclass(slots=True)
class Story:
    """What was reported so far of the planned `calls`.

    `heard` has, for each inbound stream (client, peer connection, SSRC), the remote (client, peer connection, track)
    that its reports named; those that named none are not in it.
    """

    calls: Sequence[Call]
    events: Counter[str] = field(default_factory=Counter)
    reports: Counter[str] = field(default_factory=Counter)
    heard: dict[tuple[str, str, int], set[tuple[str, str, str]]] = field(default_factory=dict)
    began: int | None = None

    def take(self, report: Report, *, colour: bool = False) -> str | None:
        """Takes one report in; the line that tells it, if it is an event."""
        kind, payload = report["type"], report["payload"]
        self.reports[kind] += 1
        if kind in ("INBOUND_AUDIO_TRACK", "INBOUND_VIDEO_TRACK"):
            self._match(payload)
        if kind != "CALL_EVENT":
            return None
        self.events[payload["name"]] += 1
        if self.began is None:
            self.began = payload["timestamp"]
        return event_line(payload, self.began, colour=colour)

    def _match(self, payload: Mapping[str, Any]) -> None:
        if payload["remoteClientId"] is not None:
            end = (payload["clientId"], payload["peerConnectionId"], payload["ssrc"])
            remote = (payload["remoteClientId"], payload["remotePeerConnectionId"], payload["remoteTrackId"])
            self.heard.setdefault(end, set()).add(remote)

    def receptions(self) -> list[Reception]:
        """Every stream that is heard in the calls."""
        return [reception for call in self.calls for reception in call.receptions]

    def matched(self) -> list[Reception]:
        """The receptions that were reported with their true sender and never with another."""
        return [r for r in self.receptions() if self.heard.get(_end(r)) == {_sender(r)}]

    def whole(self) -> bool:
        """Whether every event was told once and every stream matched."""
        return self.events == expected_events(self.calls) and len(self.matched()) == len(self.receptions())


def event_line(payload: Mapping[str, Any], began: int, *, colour: bool = False) -> str:
    """Time since `began` (ms), event, room, who and what, aligned."""
    name = payload["name"]
    shade = _COLOURS.get(name.rpartition("_")[2], _CUSTOM_COLOUR) if name in BUILT_IN else _CUSTOM_COLOUR
    shown = f"\x1b[{shade}m{name:<24}\x1b[0m" if colour else f"{name:<24}"
    who = payload["userId"] or ""
    # A call starts by the node's clock, its first client joins with an earlier sample.
    passed = max(0.0, (payload["timestamp"] - began) / 1000)
    return f"{passed:6.1f} s  {shown}  {payload['roomId']:<13}  {who:<7}  {_what(payload)}".rstrip()


def who_hears_whom(story: Story) -> Iterator[str]:
    """A line for each listener, from what the inbound reports said."""
    for call in story.calls:
        names = {person.client_id: person.user_id for person in call.participants}
        for person in call.participants:
            senders: dict[str, list[str]] = {}
            for reception in call.receptions:
                if reception.client_id == person.client_id:
                    for client_id, _, _ in story.heard.get(_end(reception), ()):
                        sources = senders.setdefault(names.get(client_id, client_id), [])
                        sources.append(reception.stream.media.source)
            told = "; ".join(f"{name} ({', '.join(sources)})" for name, sources in sorted(senders.items()))
            yield f"{call.room_id:<13}  {person.user_id:<7} hears {told or 'nobody'}"


def summary(story: Story) -> Iterator[str]:
    """What was seen, and what of the plan was not."""
    clients = sum(len(call.participants) for call in story.calls)
    yield f"{len(story.calls)} calls, {clients} clients, {sum(story.reports.values())} reports"
    yield from _table("events", story.events)
    yield from _table("reports", story.reports)
    expected = expected_events(story.calls)
    for name in sorted(expected.keys() | story.events.keys()):
        if story.events[name] != expected[name]:
            yield f"WRONG: {story.events[name]} of {expected[name]} {name}"
    for end in _wrongly_matched(story):
        yield f"WRONG: a stream of client {end[0]} (SSRC {end[2]}) has a sender it does not come from"
    yield f"inbound streams matched: {len(story.matched())} of {len(story.receptions())}"


def expected_events(calls: Sequence[Call]) -> Counter[str]:
    """How often each event happens in these calls."""
    expected: Counter[str] = Counter()
    for call in calls:
        counts = (1, len(call.participants), len(call.connections), len(call.streams) + len(call.receptions))
        for (begin, end), count in zip(_PAIRS, counts, strict=True):
            expected[begin] += count
            expected[end] += count
        expected.update(occurrence.name for occurrence in call.occurrences)
    return expected


_PAIRS = (
    ("CALL_STARTED", "CALL_ENDED"),
    ("CLIENT_JOINED", "CLIENT_LEFT"),
    ("PEER_CONNECTION_OPENED", "PEER_CONNECTION_CLOSED"),
    ("MEDIA_TRACK_ADDED", "MEDIA_TRACK_REMOVED"),
)
BUILT_IN = frozenset(name for pair in _PAIRS for name in pair)
"""The events that are not the application's own."""


def _end(reception: Reception) -> tuple[str, str, int]:
    return reception.client_id, reception.peer_connection_id, reception.ssrc


def _sender(reception: Reception) -> tuple[str, str, str]:
    stream = reception.stream
    return stream.client_id, stream.peer_connection_id, stream.track_id


def _wrongly_matched(story: Story) -> list[tuple[str, str, int]]:
    truth = {_end(reception): {_sender(reception)} for reception in story.receptions()}
    return [end for end, remotes in story.heard.items() if not remotes <= truth.get(end, set())]


def _what(payload: Mapping[str, Any]) -> str:
    name = payload["name"]
    if name.startswith("CALL_"):
        return f"call {payload['callId'][:8]}"
    if name.startswith("PEER_CONNECTION_"):
        return f"peer connection {payload['peerConnectionId'][:8]}"
    if name.startswith("MEDIA_TRACK_"):
        attachments = json.loads(base64.b64decode(payload["attachments"]))
        direction, kind = attachments["streamDirection"].lower(), attachments["mediaKind"].lower()
        return f"{direction} {kind}, SSRC {payload['SSRC']}, on {payload['peerConnectionId'][:8]}"
    if name.startswith("CLIENT_"):
        return f"client {payload['clientId'][:8]}"
    return str(payload["value"] or payload["message"] or "")


def _table(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    for n, (name, count) in enumerate(sorted(counts.items())):
        yield f"{title if n == 0 else '':<9}{count:6}  {name}"
