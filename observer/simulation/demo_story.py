"""What the demo tells of the reports it reads: its events in lines, who hears whom, and whether all of it is true.

Pure: decoded envelopes go in, lines come out; the plans of the calls are the truth they are held against.
"""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    that its reports named; those that named none are not in it. `untold` are the events that no line tells yet.
    """

    calls: Sequence[Call]
    events: Counter[str] = field(default_factory=Counter)
    reports: Counter[str] = field(default_factory=Counter)
    heard: dict[tuple[str, str, int], set[tuple[str, str, str]]] = field(default_factory=dict)
    untold: list[Mapping[str, Any]] = field(default_factory=list)
    began: int | None = None

    def take(self, report: Report) -> None:
        """Takes one report in."""
        kind, payload = report["type"], report["payload"]
        self.reports[kind] += 1
        if kind in ("INBOUND_AUDIO_TRACK", "INBOUND_VIDEO_TRACK"):
            self._match(payload)
        if kind == "CALL_EVENT":
            self.events[payload["name"]] += 1
            self.untold.append(payload)
            if self.began is None:
                self.began = payload["timestamp"]

    def tell(self, *, colour: bool = False) -> list[str]:
        """The lines for the events that came since it was last asked: like events of one client share a line."""
        payloads, self.untold = self.untold, []
        groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
        for payload in payloads:
            groups.setdefault((payload["roomId"], payload["clientId"], payload["name"]), []).append(payload)
        widths = _width(call.room_id for call in self.calls), _width(_names(self.calls))
        return [event_line(group, self.began or 0, widths, colour=colour) for group in groups.values()]

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


def event_line(group: Sequence[Mapping[str, Any]], began: int, widths: tuple[int, int], *, colour: bool = False) -> str:
    """Time since `began` (ms), room, who, event and what, aligned; for events of one name, room and client.

    `widths` are those of the columns of the room and of who. (characters)
    """
    first = group[0]
    name = first["name"]
    shade = _COLOURS.get(name.rpartition("_")[2], _CUSTOM_COLOUR) if name in BUILT_IN else _CUSTOM_COLOUR
    shown = f"\x1b[{shade}m{name:<24}\x1b[0m" if colour else f"{name:<24}"
    # A call starts by the node's clock, its first client joins with an earlier sample.
    passed = max(0.0, (first["timestamp"] - began) / 1000)
    room, who = widths
    return (
        f"{passed:4.1f} s  {first['roomId']:<{room}}  {first['userId'] or '':<{who}}  {shown}  {_what(group)}".rstrip()
    )


def who_hears_whom(story: Story) -> Iterator[str]:
    """A line for each listener, from what the inbound reports said."""
    room, who = _width(call.room_id for call in story.calls), _width(_names(story.calls))
    for call in story.calls:
        names = {person.client_id: person.user_id for person in call.participants}
        for person in call.participants:
            senders: dict[str, list[str]] = {}
            for reception in call.receptions:
                if reception.client_id == person.client_id:
                    for client_id, _, _ in story.heard.get(_end(reception), ()):
                        sources = senders.setdefault(names.get(client_id, client_id), [])
                        sources.append(reception.stream.media.source)
            told = ", ".join(f"{name} ({', '.join(sources)})" for name, sources in sorted(senders.items()))
            yield f"{call.room_id:<{room}}  {person.user_id:<{who}} hears {told or 'nobody'}"


def summary(story: Story) -> Iterator[str]:
    """What was seen, and what of the plan was not."""
    events, own = story.events, story.events.keys() - BUILT_IN
    for (begin, end), what in zip(_PAIRS, ("calls", "clients", "peer connections", "media tracks"), strict=True):
        yield _row(what, f"{events[begin]} {_past(begin)}, {events[end]} {_past(end)}")
    yield _row("events of clients", ", ".join(f"{events[name]} {name}" for name in sorted(own)) or "none")
    yield _row("reports", f"{sum(story.reports.values())} of {len(story.reports)} types")
    yield _row("inbound streams", f"{len(story.matched())} of {len(story.receptions())} matched with their senders")
    expected = expected_events(story.calls)
    for name in sorted(expected.keys() | events.keys()):
        if events[name] != expected[name]:
            yield f"WRONG: {events[name]} of {expected[name]} {name}"
    for wrong in _wrongly_matched(story):
        yield f"WRONG: a stream of client {wrong[0]} (SSRC {wrong[2]}) has a sender it does not come from"


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


def _what(group: Sequence[Mapping[str, Any]]) -> str:
    first = group[0]
    name = first["name"]
    if name.startswith("CALL_"):
        return f"call {first['callId'][:8]}"
    if name.startswith("CLIENT_"):
        return f"client {first['clientId'][:8]}"
    if name.startswith("PEER_CONNECTION_"):
        return (
            f"{len(group)} peer connections" if len(group) > 1 else f"peer connection {first['peerConnectionId'][:8]}"
        )
    if name.startswith("MEDIA_TRACK_"):
        return _tracks(group)
    return ", ".join(dict.fromkeys(str(payload["value"] or payload["message"] or "") for payload in group))


def _tracks(group: Sequence[Mapping[str, Any]]) -> str:
    attached = [json.loads(base64.b64decode(payload["attachments"])) for payload in group]
    directions = Counter(attachments["streamDirection"].lower() for attachments in attached)
    if len(group) > 1:
        return ", ".join(f"{count} {direction}" for direction, count in sorted(directions.items()))
    [direction] = directions
    return f"{direction} {attached[0]['mediaKind'].lower()}, SSRC {group[0]['SSRC']}"


def _names(calls: Sequence[Call]) -> Iterator[str]:
    return (person.user_id for call in calls for person in call.participants)


def _width(words: Iterable[str]) -> int:
    return max(map(len, words), default=0)


def _past(event: str) -> str:
    return event.rpartition("_")[2].lower()


def _row(what: str, told: str) -> str:
    return f"{what:<18} {told}"
