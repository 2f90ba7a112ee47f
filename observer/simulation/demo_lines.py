"""The demo's story in lines for a terminal of 80 columns: its events, who hears whom, and a summary."""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from observer.simulation.calls import Call
from observer.simulation.demo_story import BUILT_IN, PAIRS, SFU, Moved, Story, end_of

Payload = Mapping[str, Any]

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
_BOLD = 1

_INDENT = " " * 19
"""What stands left of what a line of the summary tells."""

_TOLD_AS = ("calls", "clients", "peer connections", "media tracks", "SFUs", "SFU transports", "SFU pads")
"""What the pairs of events are about."""


class Teller:
    """Tells the events of a story, each once, as they come."""

    def __init__(self, story: Story, *, colour: bool = False) -> None:
        self._story = story
        self._colour = colour
        self._room = _width(call.room_id for call in story.calls)
        self._who = _width(_names(story.calls))

    def news(self) -> list[str]:
        """The lines for what came since it was last asked: like events of one client and node share a line."""
        untold, self._story.untold = self._story.untold, []
        lines: dict[tuple[Any, ...], list[Payload] | Moved] = {}
        for it in untold:
            if isinstance(it, Moved):
                lines[it] = it
                continue
            node, payload = it
            group = lines.setdefault((node, payload["roomId"], payload["clientId"], payload["name"]), [])
            if isinstance(group, list):
                group.append(payload)
        return [
            self._moved(group) if isinstance(group, Moved) else self.event(key[0], group)
            for key, group in lines.items()
        ]

    def event(self, node: str, group: Sequence[Payload]) -> str:
        """Time since the story began, node, room, who, event and what, aligned; for events of one name and client."""
        first = group[0]
        name = first["name"]
        shade = _COLOURS.get(name.rpartition("_")[2], _CUSTOM_COLOUR) if name in BUILT_IN else _CUSTOM_COLOUR
        shown = self._shaded(f"{name:<24}", shade)
        told = f"{shown}  {_what(group)}"
        return self._line(first["timestamp"], node, first["roomId"], first["userId"] or "", told)

    def happened(self, at: float, what: str) -> str:
        """What the demo itself did or saw at a time. (ms since the epoch)"""
        return f"{self._passed(at)}  {self._shaded(f'** {what}', _BOLD)}"

    def _moved(self, it: Moved) -> str:
        return self._line(it.timestamp, it.node, it.room_id, it.user_id, f"goes on here, {it.before} served it before")

    def _line(self, at: float, node: str, room: str, who: str, told: str) -> str:
        return f"{self._passed(at)}  {node}  {room:<{self._room}}  {who:<{self._who}}  {told}".rstrip()

    def _passed(self, at: float) -> str:
        # A call starts by the node's clock, its first client joins with an earlier sample.
        return f"{max(0.0, (at - (self._story.began or at)) / 1000):4.1f} s"

    def _shaded(self, text: str, shade: int) -> str:
        return f"\x1b[{shade}m{text}\x1b[0m" if self._colour else text


def who_hears_whom(story: Story) -> Iterator[str]:
    """A line for each listener and each whom it hears, from what the inbound reports said, with the nodes of both."""
    room = _width(call.room_id for call in story.calls)
    places = {
        person.client_id: f"{person.user_id} ({', '.join(story.served.get(person.client_id, ['nowhere']))})"
        for call in story.calls
        for person in call.participants
    }
    who = _width(places.values())
    for call in story.calls:
        for person in call.participants:
            listener = f"{call.room_id:<{room}}  {places[person.client_id]:<{who}}  hears"
            senders: dict[str, list[str]] = {}
            for reception in call.receptions:
                if reception.client_id == person.client_id:
                    for client_id, _, _ in story.heard.get(end_of(reception), ()):
                        sources = senders.setdefault(places.get(client_id, client_id), [])
                        sources.append(reception.stream.media.source)
            if not senders:
                yield f"{listener}  nobody"
            for sender, sources in sorted(senders.items()):
                yield f"{listener}  {sender:<{who}}  {', '.join(sources)}"


def summary(story: Story) -> Iterator[str]:
    """What was seen, what a node took with it, and what is wrong."""
    events, own = story.events(), story.events().keys() - BUILT_IN
    for (begin, end), what in zip(PAIRS, _TOLD_AS, strict=True):
        if story.pads or not begin.startswith("SFU_"):
            yield row(what, f"{events[begin]} {_past(begin)}, {events[end]} {_past(end)}")
    yield row("events of clients", ", ".join(f"{events[name]} {name}" for name in sorted(own)) or "none")
    yield row("reports", f"{sum(story.reports.values())} of {len(story.reports)} types")
    yield row("inbound streams", f"{len(story.matched())} of {len(story.receptions())} matched with their senders")
    if story.pads:
        yield row("pads of the SFU", f"{len(story.matched_pads())} of {len(story.pads)} matched with their clients")
    if story.killed is not None:
        yield from wrap(row("told twice", _counted(story.told_again()) or "nothing"), 80, subsequent_indent=_INDENT)
        yield row(f"gone with {story.killed}", _counted(story.gone()) or "no event; some reports of samples, perhaps")
    for fault in story.faults():
        yield f"WRONG: {fault}"


def row(what: str, told: str) -> str:
    """One line of the summary."""
    return f"{what:<{len(_INDENT) - 1}} {told}"


def _counted(events: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(events.items()))


def _what(group: Sequence[Payload]) -> str:
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
    if name.startswith(("MEDIA_TRACK_", "SFU_RTP_PAD_")):
        return _tracks(group)
    if name.startswith("SFU_TRANSPORT_"):
        return f"{len(group)} transports" if len(group) > 1 else f"transport {first['transportId'][:8]}"
    if name in BUILT_IN:
        return f"SFU {first['sfuId'][:8]}"
    return ", ".join(dict.fromkeys(str(payload["value"] or payload["message"] or "") for payload in group))


def _tracks(group: Sequence[Payload]) -> str:
    attached = [json.loads(base64.b64decode(payload["attachments"])) for payload in group]
    directions = Counter(attachments["streamDirection"].lower() for attachments in attached)
    if len(group) > 1:
        return ", ".join(f"{count} {direction}" for direction, count in sorted(directions.items()))
    [direction] = directions
    if "rtpPadId" in group[0]:
        return f"{direction} pad {group[0]['rtpPadId'][:8]}"
    return f"{direction} {attached[0]['mediaKind'].lower()}, SSRC {group[0]['SSRC']}"


def _names(calls: Sequence[Call]) -> Iterator[str]:
    yield SFU
    for call in calls:
        yield from (person.user_id for person in call.participants)


def _width(words: Iterable[str]) -> int:
    return max(map(len, words), default=0)


def _past(event: str) -> str:
    return event.rpartition("_")[2].lower()
