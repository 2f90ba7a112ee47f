"""The reports of what an application tells beside its statistics: meta data, extensions, custom events.

A custom event is told under the name that the application gave it, unless that is one that only the observer gives.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import msgspec
import orjson

from analysis.events import named_events
from schemas.client_samples import ClientSample
from schemas.reports import REPORTS, Report, ReportType, report_of
from schemas.samples import Item, Reason, Tally, text

Lead = tuple[Any, ...]
"""The values of `schemas.reports.LEAD`: how every client report begins."""

_MOST_INDENTED = 16
"""An object of more objects and lists than this is told without line breaks: indents would multiply its bytes."""

_META_OBJECTS = (("os", "OPERATION_SYSTEM"), ("engine", "ENGINE"), ("platform", "PLATFORM"), ("browser", "BROWSER"))
_META_LISTS = (
    ("mediaConstraints", "MEDIA_CONSTRAINT"),
    ("mediaDevices", "MEDIA_DEVICE"),
    ("userMediaErrors", "USER_MEDIA_ERROR"),
    ("iceServers", "ICE_SERVER"),
    ("mediaSources", "MEDIA_SOURCE"),
    ("codecs", "CODEC"),
    ("certificates", "CERTIFICATE"),
    ("iceLocalCandidates", "ICE_LOCAL_CANDIDATE"),
    ("iceRemoteCandidates", "ICE_REMOTE_CANDIDATE"),
)


def meta_reports(sample: ClientSample, written: msgspec.Raw, rejected: Tally) -> list[Report]:
    """CALL_META_DATA: one report for each object or text, one for all lines of the SDP; `written` is their lead."""
    told = sample.told
    printed = _printed_flat if sample.told_flat else _printed
    types: list[str] = []
    texts: list[str] = []
    for name, type_ in _META_OBJECTS:
        value = told.get(name)
        if isinstance(value, dict):
            texts += _texts((value,), printed, rejected)
            types += [type_] * (len(texts) - len(types))
        elif value is not None:
            rejected[Reason.NOT_AN_OBJECT] += 1
    for name, type_ in _META_LISTS:
        values = told.get(name)
        if values:
            texts += _texts(values, printed, rejected)
            types += [type_] * (len(texts) - len(types))
    lines: Sequence[str] | None = told.get("localSDPs")
    if lines:
        texts.append("\n".join(lines))
        types.append("LOCAL_SDP")
    alike = map(repeat, (written, None, sample.timestamp, sample.sample_seq))
    return list(map(_MetaData, *alike, types, texts))


_MetaData, _ExtensionData = REPORTS[ReportType.CALL_META_DATA], REPORTS[ReportType.CLIENT_EXTENSION_DATA]


Printed = Callable[[Iterable[Item]], Iterable[str]]


def _texts(values: Sequence[Any], printed: Printed, rejected: Tally) -> list[str]:
    """Each value, objects or texts, as text: an object as pretty JSON. One that cannot be written is tallied."""
    if isinstance(values[0], str):
        return list(values)
    try:
        return list(printed(values))
    except orjson.JSONEncodeError:  # nested deeper than JSON is written
        if len(values) > 1:
            return [text for value in values for text in _texts((value,), printed, rejected)]
        rejected[Reason.FIELD_INVALID] += 1
        return []


_PRETTY = orjson.OPT_INDENT_2
_CONTAINERS = frozenset((dict, list))


def _printed_flat(values: Iterable[Item]) -> Iterable[str]:
    """Objects that hold neither objects nor lists as JSON, with line breaks."""
    return [orjson.dumps(value, option=_PRETTY).decode() for value in values]


def _printed(values: Iterable[Item]) -> Iterable[str]:
    """Objects as JSON, with line breaks unless they nest widely. Raises `orjson.JSONEncodeError`."""
    for value in values:
        if not _CONTAINERS.isdisjoint(map(type, value.values())):
            printed = orjson.dumps(value)
            if printed.count(b"{") + printed.count(b"[") > _MOST_INDENTED:
                yield printed.decode()
                continue
        yield orjson.dumps(value, option=_PRETTY).decode()


def extension_reports(sample: ClientSample, written: msgspec.Raw, rejected: Tally) -> Iterator[Report]:
    """CLIENT_EXTENSION_DATA: one report for each extension whose payload is JSON; `written` is their lead."""
    for item in sample.told.get("extensionStats") or ():
        type_, payload = text(item.get("type")), _json_text(item.get("payload"))
        if type_ is None:
            rejected[Reason.NAME_MISSING] += 1
        elif payload is None:
            rejected[Reason.PAYLOAD_INVALID] += 1
        else:
            yield _ExtensionData(written, None, sample.sample_seq, type_, payload)


def custom_events(sample: ClientSample, lead: Lead, rejected: Tally) -> Iterator[Report]:
    """CALL_EVENT: one report for each event that the application made up."""
    service_id, media_unit_id, marker, sampled, *identity = lead
    for item, name, timestamp in named_events(sample.told.get("customCallEvents"), sampled, rejected):
        yield report_of(
            ReportType.CALL_EVENT,
            service_id,
            media_unit_id,
            marker,
            timestamp,
            *identity,
            text(item.get("peerConnectionId")),
            text(item.get("mediaTrackId")),
            None,
            None,
            sample.sample_seq,
            name,
            text(item.get("message")),
            text(item.get("value")),
            _text_or_json(item.get("attachments")),
        )


def observer_events(sample: ClientSample, lead: Lead, rejected: Tally) -> Iterator[Report]:
    """OBSERVER_EVENT: one report for each event of ``customObserverEvents``.

    The report has no place for the media track that such an event may be about: it stands in the attachments, as
    ``mediaTrackId``. Attachments that are no JSON object then stand beside it, as ``attachments``. Without a media
    track they are told as they came.
    """
    service_id, media_unit_id, marker, sampled, *identity = lead
    for item, name, timestamp in named_events(sample.told.get("customObserverEvents"), sampled, rejected):
        yield report_of(
            ReportType.OBSERVER_EVENT,
            service_id,
            media_unit_id,
            marker,
            timestamp,
            *identity,
            text(item.get("peerConnectionId")),
            sampled,
            sample.sample_seq,
            name,
            text(item.get("message")),
            text(item.get("value")),
            _attached(item.get("attachments"), text(item.get("mediaTrackId"))),
        )


def _attached(attachments: object, media_track_id: str | None) -> str | None:
    """Attachments with the media track in them, if there is one."""
    told = _text_or_json(attachments)
    if not media_track_id:
        return told
    try:
        known = None if told is None else orjson.loads(told)
    except orjson.JSONDecodeError:
        known = told
    if known is None:
        known = {}
    elif not isinstance(known, dict):
        known = {"attachments": told}
    return _json_text({**known, "mediaTrackId": media_track_id})


def _json_text(payload: object) -> str | None:
    """The payload of an extension as JSON text; ``None`` if it is none."""
    try:
        if not isinstance(payload, str):
            return None if payload is None else orjson.dumps(payload).decode()
        orjson.loads(payload)
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        return None
    return payload


def _text_or_json(value: object) -> str | None:
    return text(value) if isinstance(value, str | int | float) else _json_text(value)
