"""What a client of 3.x tells beside its statistics: events, issues, meta data, extensions and scores.

Payloads are JSON texts up to 3.4 and objects from 3.5 on; both may stand wherever one may.
"""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from schemas.samples import Item
from schemas.samples_3_values import entries_within, objectified

CLIENT_ISSUE = "CLIENT_ISSUE"
"""The type of the extension that an issue becomes: its payload is the issue as its sender wrote it."""

_USER_AGENT = "USER_AGENT_DATA"
_OBJECTS = {"BROWSER": "browser", "ENGINE": "engine", "PLATFORM": "platform", "OPERATION_SYSTEM": "os"}
_TEXTS = {"MEDIA_CONSTRAINT": "mediaConstraints", "USER_MEDIA_ERROR": "userMediaErrors", "LOCAL_SDP": "localSDPs"}
_OF_EVENTS = ("peerConnectionId", "trackId")


def events(value: Any, most: int) -> list[Item | None]:
    """The ``customCallEvents`` that ``clientEvents`` are; what their payloads hold beside ids is attached."""
    return [_event(entry) if type(entry) is dict and entry else None for entry in entries_within(value, most)]


def _event(entry: Item) -> Item:
    event = {"name": entry.get("type"), "timestamp": entry.get("timestamp")}
    payload = entry.get("payload")
    told = objectified(payload)
    if told is None:
        if payload:
            event["attachments"] = payload
        return event
    event["peerConnectionId"] = told.get("peerConnectionId")
    event["mediaTrackId"] = told.get("trackId")
    rest = {name: value for name, value in told.items() if name not in _OF_EVENTS}
    if rest:
        event["attachments"] = rest
    return event


def issues(value: Any, most: int) -> list[Item | None]:
    """An extension for each of ``clientIssues``, with an object as its payload's payload where there is one."""
    return [_issue(entry) if type(entry) is dict and entry else None for entry in entries_within(value, most)]


def _issue(entry: Item) -> Item:
    issue = dict(entry)
    payload = objectified(entry.get("payload"))
    if payload is not None:
        issue["payload"] = payload
    return {"type": CLIENT_ISSUE, "payload": issue}


def extensions(value: Any, most: int) -> list[Item | None]:
    """The ``extensionStats`` as they are, in new objects."""
    return [dict(entry) if type(entry) is dict else None for entry in entries_within(value, most)]


def score_of(type_: str, get: Callable[[str], Any], lead: Item) -> Item | None:
    """The extension that tells a score; ``None`` where there is none: 0 without reasons is what was not measured."""
    score, reasons = get("score"), get("scoreReasons")
    if type(score) not in (int, float) or not (score or reasons):
        return None
    return {"type": type_, "payload": {**lead, "score": score, "scoreReasons": reasons or None}}


def meta_items(value: Any, most: int, sample: Item) -> Iterator[Item | None]:
    """Puts each of ``clientMetaItems`` where `sample`, of 2.2, has a place for it; an extension for each other."""
    for entry in entries_within(value, most):
        if type(entry) is not dict:
            yield None
            continue
        type_, payload = entry.get("type"), entry.get("payload")
        if type(type_) is not str:
            yield {"type": type_, "payload": payload}
        elif type_ in _TEXTS:
            sample.setdefault(_TEXTS[type_], []).append(_text(payload))
        else:
            told = objectified(payload)
            rest = payload if told is None else _placed(type_, told, sample)
            if rest:
                yield {"type": type_, "payload": rest}


def _placed(type_: str, told: Item, sample: Item) -> Item:
    """Puts an object where it belongs; what is left of it belongs nowhere."""
    if type_ == "MEDIA_DEVICE":
        sample.setdefault("mediaDevices", []).append({"id": told.get("deviceId"), **told})
        return {}
    if type_ in _OBJECTS:
        sample[_OBJECTS[type_]] = told
        return {}
    if type_ != _USER_AGENT:
        return told
    places = {"browser": "browser", "engine": "engine", "os": "os", "device": "platform"}
    for name, place in places.items():
        if type(told.get(name)) is dict and told[name]:
            sample[place] = told[name]
    return {name: value for name, value in told.items() if name not in places and value}


def _text(payload: Any) -> str | None:
    """A text as it is, anything else as JSON; ``None`` for what is none."""
    if type(payload) is str:
        return payload
    try:
        return orjson.dumps(payload).decode() if payload is not None else None
    except orjson.JSONEncodeError:  # nested deeper than JSON is written
        return None
