"""What a page did with its peer connections and devices, as what clients of schemas 3.x tell of the same.

rtcstats-js and the rtcstats client of Jitsi wrap the functions of the browser and name what they see after them. Here
that becomes the events, issues and meta data under the names that ObserveRTC's own clients give them; what those do not
tell, as SDP and candidates, is left out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from schemas.samples import Item
from schemas.webrtc_stats import LONGEST_ID, Bounds, Skipped, Skips

_LONGEST_TEXT = 1000
_MOST_DEVICES, _MOST_TRACKS = 100, 32
_FAILED = "OnFailure"
_MEDIA = frozenset(
    f"{owner}get{what}Media" for owner in ("", "navigator.mediaDevices.") for what in ("User", "Display")
)
_STATES = {
    "onconnectionstatechange": ("PEER_CONNECTION_STATE_CHANGED", "connectionState"),
    "oniceconnectionstatechange": ("ICE_CONNECTION_STATE_CHANGED", "iceConnectionState"),
    "onicegatheringstatechange": ("ICE_GATHERING_STATE_CHANGED", "iceGatheringState"),
    "onsignalingstatechange": ("SIGNALING_STATE_CHANGE", "signalingState"),
    "ondtlsstatechange": ("DTLS_STATE_CHANGED", "dtlsState"),
}
_PLAIN = {
    "create": "PEER_CONNECTION_OPENED",
    "close": "PEER_CONNECTION_CLOSED",
    "onnegotiationneeded": "NEGOTIATION_NEEDED",
}
_OF_TRACKS = {
    "MediaStreamTrack.onmute": "MEDIA_TRACK_MUTED",
    "MediaStreamTrack.onunmute": "MEDIA_TRACK_UNMUTED",
    "MediaStreamTrack.onended": "MEDIA_TRACK_ENDED",
}
_OF_THE_PAGE = (
    "hardwareConcurrency",
    "deviceMemory",
    "cpuPerformance",
    "userAgentData",
    "screen",
    "window",
    "reloadCount",
)
ENVIRONMENT = "CLIENT_ENVIRONMENT"
"""The type of the extension that tells what a page runs in."""

_LEAVING = "CLIENT_LEFT"


class Trace(NamedTuple):
    """One thing that a page did, or that happened to it. `connection_id` is unique, and ``None`` for the page's own."""

    method: str
    connection_id: str | None
    value: Any
    extra: Sequence[Any]
    timestamp: int


class Told(NamedTuple):
    """What a trace tells, in lists of a sample of 3.x."""

    events: list[Item]
    issues: list[Item]
    meta_items: list[Item]

    def __bool__(self) -> bool:
        return bool(self.events or self.issues or self.meta_items)


def told(trace: Trace, bounds: Bounds, skipped: Skips) -> Told:
    """What a trace tells; nothing for most. What is too large is `skipped`."""
    method, value = trace.method, trace.value
    events: list[Item] = []
    issues: list[Item] = []
    meta_items: list[Item] = []
    if method in _STATES:
        type_, name = _STATES[method]
        events.append(_entry(trace, type_, {name: state_of(value)}))
    elif method in _PLAIN and trace.connection_id is not None:
        events.append(_entry(trace, _PLAIN[method], {}))
    elif method in _OF_TRACKS:
        events.append(_entry(trace, _OF_TRACKS[method], {"trackId": _short(value)}))
    elif method == "MediaStreamTrack.enabled":
        type_ = "MEDIA_TRACK_UNMUTED" if value else "MEDIA_TRACK_MUTED"
        events.append(_entry(trace, type_, {"trackId": _short(trace.extra[0]) if trace.extra else None}))
    elif method == "onicecandidateerror":
        said = value if type(value) is dict else {}
        events.append(
            _entry(trace, "ICE_CANDIDATE_ERROR", {n: _short(said.get(n)) for n in ("url", "errorCode", "errorText")})
        )
    elif method.endswith(_FAILED):
        called = method.removesuffix(_FAILED)
        if called in _MEDIA:
            meta_items.append(_entry(trace, "USER_MEDIA_ERROR", _short(value) or called))
        else:
            issues.append(_entry(trace, f"{called}-failed", {"error": _short(value)}))
    elif method == "ondtlserror":
        issues.append(_entry(trace, "dtls-error", {"error": _short(value)}))
    elif method.startswith(":"):
        events += custom(method[1:], trace, bounds, skipped)
    else:
        meta_items += _meta_items(trace, bounds, skipped)
    return Told(events, issues, meta_items)


def custom(name: str, trace: Trace, bounds: Bounds, skipped: Skips) -> list[Item]:
    """The event that an application made up, with what it bears as attachments unless that is too large.

    Under the name with which clients leave, none leaves.
    """
    if not name or len(name) > LONGEST_ID:
        skipped[Skipped.EVENT_TOO_LARGE] += 1
        return []
    value = trace.value
    if not _is_small(value, bounds):
        skipped[Skipped.EVENT_TOO_LARGE] += 1
        value = None
    payload = value if type(value) is dict else {} if value is None else {"value": value}
    return [_entry(trace, f"CUSTOM_{name}" if name == _LEAVING else name, payload)]


def state_of(value: Any) -> str | None:
    """A state: some clients put quotes around it."""
    state = _short(value)
    return state.strip('"') if type(state) is str else None


TRACKS_CHANGE = frozenset(("addTrack", "addTransceiver", "replaceTrack", "removeTrack"))
"""The methods that `sent_tracks` follows."""


def sent_tracks(method: str, value: Any, known: dict[str, str]) -> None:
    """Brings the tracks that a peer connection sends, each with its kind, to what a trace tells of them."""
    if method in ("addTrack", "addTransceiver"):
        first = value[0] if type(value) is list and value and type(value[0]) is list else value
        _send(first, known)
    elif method == "replaceTrack" and type(value) is list and len(value) == 2:
        for _, id_ in _track_of(value[0]):
            known.pop(id_, None)
        _send(value[1], known)
    elif method == "removeTrack":
        for _, id_ in _track_of(value):
            known.pop(id_, None)


def _send(form: Any, known: dict[str, str]) -> None:
    for kind, id_ in _track_of(form):
        if len(known) < _MOST_TRACKS:
            known[id_] = kind


def _track_of(form: Any) -> list[tuple[str, str]]:
    """Kind and id of a track, written as ``[kind, id, ...]`` or ``kind:id ...``; nothing of what is no track."""
    if type(form) is str:
        kind, _, id_ = form.partition(" ")[0].partition(":")
    elif type(form) is list and len(form) >= 2 and type(form[0]) is str and type(form[1]) is str:
        kind, id_ = form[0], form[1]
    else:
        return []
    return [(kind, id_)] if kind in ("audio", "video") and 0 < len(id_) <= LONGEST_ID else []


def _meta_items(trace: Trace, bounds: Bounds, skipped: Skips) -> list[Item]:
    method, value = trace.method, trace.value
    if method in _MEDIA:
        payloads, type_ = [value], "MEDIA_CONSTRAINT"
    elif method == "navigator.mediaDevices.enumerateDevices" and type(value) is list:
        payloads, type_ = [device for device in value[:_MOST_DEVICES] if type(device) is dict], "MEDIA_DEVICE"
    elif method == "create" and type(value) is dict:
        payloads, type_ = [{name: value[name] for name in _OF_THE_PAGE if name in value}], ENVIRONMENT
    else:
        return []
    small = [payload for payload in payloads if _is_small(payload, bounds)]
    if len(small) < len(payloads):
        skipped[Skipped.EVENT_TOO_LARGE] += len(payloads) - len(small)
    return [{"type": type_, "payload": payload, "timestamp": trace.timestamp} for payload in small if payload]


def _entry(trace: Trace, type_: str, payload: Any) -> Item:
    if trace.connection_id is not None and type(payload) is dict:
        payload = {**payload, "peerConnectionId": trace.connection_id}
    return {"type": type_, "payload": payload, "timestamp": trace.timestamp}


def _short(value: Any) -> Any:
    """A text, cut where it is too long, or a number; ``None`` for anything else."""
    if type(value) is str:
        return value[:_LONGEST_TEXT]
    return value if type(value) in (int, float, bool) else None


def _is_small(value: Any, bounds: Bounds) -> bool:
    try:
        return len(orjson.dumps(value)) <= bounds.max_event_size
    except orjson.JSONEncodeError:  # nested deeper than JSON is written
        return False
