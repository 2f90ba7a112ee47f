"""What the demo reads in the reports of all nodes, and whether it is true.

Pure: decoded envelopes go in, facts come out; the plans of the calls are the truth they are held against. How it is
told: `observer.simulation.demo_lines`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from observer.simulation.calls import Call, Occurrence, Reception
from observer.simulation.sfu import Pad, pads, sfu_id_of, through_sfu

Report = Mapping[str, Any]

PAIRS = (
    ("CALL_STARTED", "CALL_ENDED"),
    ("CLIENT_JOINED", "CLIENT_LEFT"),
    ("PEER_CONNECTION_OPENED", "PEER_CONNECTION_CLOSED"),
    ("MEDIA_TRACK_ADDED", "MEDIA_TRACK_REMOVED"),
    ("SFU_JOINED", "SFU_LEFT"),
    ("SFU_TRANSPORT_OPENED", "SFU_TRANSPORT_CLOSED"),
    ("SFU_RTP_PAD_ADDED", "SFU_RTP_PAD_REMOVED"),
)
"""How the beginning and the end of all that is told: a call, a client, its peer connections and tracks, an SFU, ..."""

BUILT_IN = frozenset(name for pair in PAIRS for name in pair)
"""The events that are not the application's own."""

SFU = "SFU"
"""What the SFU of a call is called where clients have the name of their user."""


class Event(NamedTuple):
    """What makes a built-in event this one and no other. One that is told again has the same time. (ms)"""

    name: str
    timestamp: int
    call_id: str | None
    client_id: str | None
    peer_connection_id: str | None
    track_id: str | None
    ssrc: int | None
    transport_id: str | None
    pad_id: str | None


class Moved(NamedTuple):
    """The samples of a client or SFU come through another node than before, for the first time at `timestamp` (ms)."""

    room_id: str
    user_id: str
    node: str
    before: str
    timestamp: int


@dataclass(slots=True)
class Story:
    """What the nodes reported so far of the planned `calls`.

    `tellers` has, for each built-in event, the nodes that told it. `heard` has, for each inbound stream (client, peer
    connection, SSRC), the remote (client, peer connection, track) that its reports named; `fed` has, for each pad of an
    SFU, the (client, track) that its reports named; those that named none are not in it. `served` are the nodes that
    reported on a client or an SFU, in order. `untold` are the events and moves that no line tells yet, each event with
    the node that told it.
    """

    calls: Sequence[Call]
    tellers: dict[Event, list[str]] = field(default_factory=dict)
    of_clients: Counter[str] = field(default_factory=Counter)
    reports: Counter[str] = field(default_factory=Counter)
    heard: dict[tuple[str, str, int], set[tuple[str, str, str]]] = field(default_factory=dict)
    fed: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    served: dict[str, list[str]] = field(default_factory=dict)
    untold: list[tuple[str, Mapping[str, Any]] | Moved] = field(default_factory=list)
    began: int | None = None
    killed: str | None = None
    at_risk: Counter[str] = field(default_factory=Counter)
    pads: Sequence[Pad] = field(init=False)
    _rooms_of_sfus: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        through = [call for call in self.calls if through_sfu(call)]
        self.pads = [pad for call in through for pad in pads(call)]
        self._rooms_of_sfus = {sfu_id_of(call): call.room_id for call in through}

    def take(self, report: Report, node: str) -> None:
        """Takes in one report of a node."""
        kind, payload = report["type"], report["payload"]
        self.reports[kind] += 1
        if kind in ("CALL_EVENT", "SFU_EVENT"):
            self._take_event(self._placed(payload), node)
            return
        self._serve(self._placed(payload), node)
        if kind in ("INBOUND_AUDIO_TRACK", "INBOUND_VIDEO_TRACK"):
            self._match(payload)
        elif kind in ("SFU_INBOUND_RTP_PAD", "SFU_OUTBOUND_RTP_PAD") and payload["clientId"] is not None:
            self.fed.setdefault(payload["rtpPadId"], set()).add((payload["clientId"], payload["trackId"]))

    def lose(self, node: str, recent: Iterable[Occurrence]) -> None:
        """A node is killed.

        `recent` is what clients told of shortly before. What they told this node may be lost with it: it had taken the
        sample and not yet written the report.
        """
        self.killed = node
        self.at_risk = Counter(it.name for it in recent if self.served.get(it.client_id, [node])[-1] == node)

    def events(self) -> Counter[str]:
        """How often each event happened, however often it was told."""
        return Counter(event.name for event in self.tellers) + self.of_clients

    def complete(self) -> bool:
        """Whether nothing is still to be told."""
        return expected_events(self.calls) - self.at_risk <= self.events()

    def whole(self) -> bool:
        """Whether all is told, all is true and every stream and pad is matched.

        What a node that was killed may take with it is no fault.
        """
        if any(self.faults()) or len(self.matched_pads()) < len(self.pads):
            return False
        return len(self.matched()) == len(self.receptions())

    def faults(self) -> Iterator[str]:
        """What is wrong, in words."""
        events, expected = self.events(), expected_events(self.calls)
        for name in sorted(expected.keys() | events.keys()):
            if not expected[name] - self.at_risk[name] <= events[name] <= expected[name]:
                yield f"{events[name]} of {expected[name]} {name}"
        for event, nodes in self.tellers.items():
            if len(nodes) > 1 and not self._excused(nodes):
                yield f"one {event.name} was told {len(nodes)} times, by {', '.join(nodes)}"
        for client_id, _, ssrc in self._wrongly_matched():
            yield f"a stream of client {client_id} (SSRC {ssrc}) has a sender it does not come from"
        truth = {pad.pad_id: {(pad.client_id, pad.track_id)} for pad in self.pads}
        for pad_id, whom in self.fed.items():
            if not whom <= truth.get(pad_id, set()):
                yield f"the pad {pad_id} of an SFU has a client or a track that is another pad's"

    def told_again(self) -> Counter[str]:
        """The events that a node told before it was killed, and its heir once more."""
        return Counter(event.name for event, nodes in self.tellers.items() if len(nodes) > 1 and self._excused(nodes))

    def gone(self) -> Counter[str]:
        """The events of clients that a node took with it."""
        return (expected_events(self.calls) - self.events()) & self.at_risk

    def receptions(self) -> list[Reception]:
        """Every stream that is heard in the calls."""
        return [reception for call in self.calls for reception in call.receptions]

    def matched(self) -> list[Reception]:
        """The receptions that were reported with their true sender and never with another."""
        return [r for r in self.receptions() if self.heard.get(end_of(r)) == {_sender(r)}]

    def matched_pads(self) -> list[Pad]:
        """The pads of SFUs that were reported with their client and track and never with others."""
        return [pad for pad in self.pads if self.fed.get(pad.pad_id) == {(pad.client_id, pad.track_id)}]

    def _placed(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """What an SFU says, as if it were a participant of the call that goes through it."""
        sfu_id = payload.get("sfuId")
        if sfu_id is None:
            return payload
        return {**payload, "roomId": self._rooms_of_sfus.get(sfu_id, ""), "clientId": sfu_id, "userId": SFU}

    def _take_event(self, payload: Mapping[str, Any], node: str) -> None:
        name = payload["name"]
        if self.began is None:
            self.began = payload["timestamp"]
        if name not in BUILT_IN:
            self.of_clients[name] += 1
        else:
            self.tellers.setdefault(_event(payload), []).append(node)
        self.untold.append((node, payload))

    def _serve(self, payload: Mapping[str, Any], node: str) -> None:
        # The reports of two nodes may come in another order than that in which they were made.
        nodes = self.served.setdefault(payload["clientId"], [])
        if node in nodes:
            return
        nodes.append(node)
        if len(nodes) > 1:
            user_id = payload["userId"] or ""
            self.untold.append(Moved(payload["roomId"], user_id, node, nodes[-2], payload["timestamp"]))

    def _match(self, payload: Mapping[str, Any]) -> None:
        if payload["remoteClientId"] is not None:
            end = (payload["clientId"], payload["peerConnectionId"], payload["ssrc"])
            remote = (payload["remoteClientId"], payload["remotePeerConnectionId"], payload["remoteTrackId"])
            self.heard.setdefault(end, set()).add(remote)

    def _excused(self, nodes: Sequence[str]) -> bool:
        """Whether one told it who could not say any more that it had, and one heir."""
        return len(set(nodes)) == len(nodes) == 2 and self.killed in nodes

    def _wrongly_matched(self) -> list[tuple[str, str, int]]:
        truth = {end_of(reception): {_sender(reception)} for reception in self.receptions()}
        return [end for end, remotes in self.heard.items() if not remotes <= truth.get(end, set())]


def expected_events(calls: Iterable[Call]) -> Counter[str]:
    """How often each event happens in these calls."""
    expected: Counter[str] = Counter()
    for call in calls:
        counts = [1, len(call.participants), len(call.connections), len(call.streams) + len(call.receptions)]
        counts += [1, len(call.connections), len(pads(call))] if through_sfu(call) else [0, 0, 0]
        for (begin, end), count in zip(PAIRS, counts, strict=True):
            expected[begin] += count
            expected[end] += count
        expected.update(occurrence.name for occurrence in call.occurrences)
    return expected


def _event(payload: Mapping[str, Any]) -> Event:
    ids = ("callId", "clientId", "peerConnectionId", "mediaTrackId", "SSRC", "transportId", "rtpPadId")
    return Event(payload["name"], payload["timestamp"], *map(payload.get, ids))


def end_of(reception: Reception) -> tuple[str, str, int]:
    """The inbound stream as reports name it: client, peer connection, SSRC."""
    return reception.client_id, reception.peer_connection_id, reception.ssrc


def _sender(reception: Reception) -> tuple[str, str, str]:
    stream = reception.stream
    return stream.client_id, stream.peer_connection_id, stream.track_id
