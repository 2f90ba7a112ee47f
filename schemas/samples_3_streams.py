"""The RTP streams of a peer connection of 3.x as the tracks of 2.2.

What browsers measure of one stream stands in several entries that name each other: the stream itself, what its other
end reports of it, the source that is sent or the playout that is heard. A track of 2.2 is all of that together.

A stream that is sent has no track id of its own; its source has. Where it names a source that is not there, its sender
has no track any more (browsers go on listing the stream when a track was removed): then it is left out, as clients of
2.x do. Where it names none at all, it is the only track, or else source, of its kind; with several it has no track id.
"""

from collections.abc import Callable
from typing import Any

from schemas.samples import Item
from schemas.samples_3_values import entries, objectified

Get = Callable[[str], Any]
"""``get`` of an object that a client sent."""

Lists = dict[str, list[Any]]
"""The lists of a sample of 2.2 by their names. An entry that is no object stands in them as ``None``."""

_KEYS = (int, str, float)
_REPORTED_BY_SENDER = (
    "packetsSent",
    "bytesSent",
    "remoteTimestamp",
    "reportsSent",
    "roundTripTime",
    "totalRoundTripTime",
    "roundTripTimeMeasurements",
)
_REPORTED_BY_RECEIVER = (
    "packetsReceived",
    "packetsLost",
    "jitter",
    "roundTripTime",
    "totalRoundTripTime",
    "fractionLost",
    "roundTripTimeMeasurements",
)
_OF_PLAYOUT = ("synthesizedSamplesDuration", "synthesizedSamplesEvents", "totalPlayoutDelay", "totalSamplesCount")
_OF_SOURCE = (
    "relayedSource",
    "audioLevel",
    "totalAudioEnergy",
    "totalSamplesDuration",
    "echoReturnLoss",
    "echoReturnLossEnhancement",
    "droppedSamplesDuration",
    "droppedSamplesEvents",
    "totalCaptureDelay",
    "totalSamplesCaptured",
    "width",
    "height",
    "frames",
)
_LIMITATIONS = (
    ("none", "qualityLimitationDurationNone"),
    ("cpu", "qualityLimitationDurationCPU"),
    ("bandwidth", "qualityLimitationDurationBandwidth"),
    ("other", "qualityLimitationDurationOther"),
)
_ATTACHED = ("sfuStreamId", "sfuSinkId", "remoteClientId")
_ATTACHED_WITH_MEDIASOUP = (("producerId", "sfuStreamId"), ("consumerId", "sfuSinkId"))
"""What client-monitor-js 4.6 attaches to tracks of mediasoup, and as what sfu-monitor-js knows it."""
_LONGEST_ID = 255


def inbound_tracks(get: Get, id_: Any, lists: Lists) -> None:
    """Adds the streams that the peer connection `id_` receives."""
    streams = entries(get("inboundRtps"))
    if not streams:
        return
    tracks = get("inboundTracks")
    relations, lone = _relations(tracks), _Lone(tracks, "id")
    remotes, playouts = _by_ssrc_and_id(get("remoteOutboundRtps")), _by_id(get("mediaPlayouts"))
    for stream in streams:
        kind = _kind(stream)
        if kind is None:
            lists["inboundVideoTracks"].append(None)
            continue
        track_id = stream.get("trackIdentifier") or lone.of(kind)
        track = {**stream, "peerConnectionId": id_, "trackId": track_id}
        remote = _other_end(stream, remotes)
        if remote is not None:
            track |= _picked(_REPORTED_BY_SENDER, remote)
        playout_id = stream.get("playoutId")
        if type(playout_id) is str and playout_id in playouts:
            track |= _picked(_OF_PLAYOUT, playouts[playout_id])
        if relations and type(track_id) is str and track_id in relations:
            track |= relations[track_id]
        lists["inboundAudioTracks" if kind == "audio" else "inboundVideoTracks"].append(track)


def outbound_tracks(get: Get, id_: Any, lists: Lists) -> None:
    """Adds the streams that the peer connection `id_` sends."""
    streams = entries(get("outboundRtps"))
    if not streams:
        return
    tracks = get("outboundTracks")
    relations, remotes = _relations(tracks), _by_ssrc_and_id(get("remoteInboundRtps"))
    senders = _Senders(tracks, get("mediaSources"))
    for stream in streams:
        kind = _kind(stream)
        if kind is None:
            lists["outboundVideoTracks"].append(None)
            continue
        source = senders.source_of(stream, kind)
        if source is None:
            continue
        track = {**stream, "peerConnectionId": id_, **source}
        remote = _other_end(stream, remotes)
        if remote is not None:
            track |= _picked(_REPORTED_BY_RECEIVER, remote)
        durations = stream.get("qualityLimitationDurations")
        if type(durations) is dict:
            track |= {name: durations[key] for key, name in _LIMITATIONS if key in durations}
        track_id = track["trackId"]
        if relations and type(track_id) is str and track_id in relations:
            track |= relations[track_id]
        lists["outboundAudioTracks" if kind == "audio" else "outboundVideoTracks"].append(track)


class _Senders:
    """What the senders of a peer connection send."""

    __slots__ = ("_lone_source", "_lone_track", "_sources", "_told")

    def __init__(self, tracks: Any, sources: Any) -> None:
        self._sources = _by_id(sources)
        self._lone_track = _Lone(tracks, "id")
        self._lone_source = _Lone(sources, "trackIdentifier")
        self._told: dict[str, Item] = {}

    def source_of(self, stream: Item, kind: str) -> Item | None:
        """The ``trackId`` of a stream and what its source tells; ``None`` if it has no source any more."""
        name = stream.get("mediaSourceId")
        if not name:
            return {"trackId": stream.get("trackIdentifier") or self._lone_track.of(kind) or self._lone_source.of(kind)}
        if type(name) is not str or name not in self._sources:
            return None
        told = self._told.get(name)
        if told is None:
            source = self._sources[name]
            told = self._told[name] = {"trackId": source.get("trackIdentifier"), **_picked(_OF_SOURCE, source)}
        return told


class _Lone:
    """The track of a kind, if there is only one; looked for once, when it is asked for."""

    __slots__ = ("_entries", "_found", "_key")

    def __init__(self, value: Any, key: str) -> None:
        self._entries = value
        self._key = key
        self._found: dict[str, Any] | None = None

    def of(self, kind: str) -> Any:
        """Its id; ``None`` if there are none or several."""
        if self._found is None:
            objects = [entry for entry in entries(self._entries) if type(entry) is dict]
            self._found = {}
            for wanted in ("audio", "video"):
                ids = [entry.get(self._key) for entry in objects if entry.get("kind") == wanted]
                self._found[wanted] = ids[0] if len(ids) == 1 else None
        return self._found[kind]


def _kind(stream: Any) -> str | None:
    kind = stream.get("kind") if type(stream) is dict else None
    return kind if type(kind) is str and kind in ("audio", "video") else None


def _picked(names: tuple[str, ...], item: Item) -> Item:
    get = item.get
    return {name: value for name in names if (value := get(name)) is not None}


def _by_id(value: Any) -> dict[str, Item]:
    return {entry["id"]: entry for entry in entries(value) if type(entry) is dict and type(entry.get("id")) is str}


def _by_ssrc_and_id(value: Any) -> dict[Any, Item]:
    found: dict[Any, Item] = {}
    for entry in entries(value):
        if type(entry) is dict:
            ssrc, id_ = entry.get("ssrc"), entry.get("id")
            if type(ssrc) in _KEYS:
                found[ssrc] = entry
            if type(id_) is str:
                found[id_] = entry
    return found


def _other_end(stream: Item, remotes: dict[Any, Item]) -> Item | None:
    """What the other end reports of a stream, by its SSRC or else by the id that the stream names."""
    ssrc = stream.get("ssrc")
    remote = remotes.get(ssrc) if type(ssrc) in _KEYS else None
    if remote is None:
        id_ = stream.get("remoteId")
        remote = remotes.get(id_) if type(id_) is str else None
    return remote


def _relations(tracks: Any) -> dict[str, Item]:
    """For each track the ids of an SFU and of a remote client that an application attached to it."""
    relations = {}
    for entry in entries(tracks):
        if type(entry) is not dict or not entry.get("attachments"):
            continue
        told, id_ = objectified(entry["attachments"]), entry.get("id")
        if told and type(id_) is str:
            get = told.get
            related = {name: value for key, name in _ATTACHED_WITH_MEDIASOUP if (value := get(key)) is not None}
            related |= _picked(_ATTACHED, told)
            # It is repeated for each stream of the track; who reads the ids of SFUs refuses those that are too long.
            if type(client_id := related.get("remoteClientId")) is str and len(client_id) > _LONGEST_ID:
                del related["remoteClientId"]
            if related:
                relations[id_] = related
    return relations
