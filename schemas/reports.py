"""Reports: their types, their fields in wire order, and how one is written as JSON.

A report is an envelope ``{"type", "schemaVersion", "payload"}``. Its payload has every field of its type, in the order
of `FIELDS`, absent ones ``None``. Source: ObserveRTC report schemas 2.2.0.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from schemas.report_fields import REPORT_FIELDS

REPORT_SCHEMA_VERSION = "2.2.0"


class ReportType(StrEnum):
    """The 18 types of reports; the value is what stands in the envelope's ``type``."""

    OBSERVER_EVENT = "OBSERVER_EVENT"
    CALL_EVENT = "CALL_EVENT"
    CALL_META_DATA = "CALL_META_DATA"
    CLIENT_EXTENSION_DATA = "CLIENT_EXTENSION_DATA"
    PEER_CONNECTION_TRANSPORT = "PEER_CONNECTION_TRANSPORT"
    ICE_CANDIDATE_PAIR = "ICE_CANDIDATE_PAIR"
    PEER_CONNECTION_DATA_CHANNEL = "PEER_CONNECTION_DATA_CHANNEL"
    INBOUND_AUDIO_TRACK = "INBOUND_AUDIO_TRACK"
    INBOUND_VIDEO_TRACK = "INBOUND_VIDEO_TRACK"
    OUTBOUND_AUDIO_TRACK = "OUTBOUND_AUDIO_TRACK"
    OUTBOUND_VIDEO_TRACK = "OUTBOUND_VIDEO_TRACK"
    SFU_EVENT = "SFU_EVENT"
    SFU_META_DATA = "SFU_META_DATA"
    SFU_EXTENSION_DATA = "SFU_EXTENSION_DATA"
    SFU_TRANSPORT = "SFU_TRANSPORT"
    SFU_INBOUND_RTP_PAD = "SFU_INBOUND_RTP_PAD"
    SFU_OUTBOUND_RTP_PAD = "SFU_OUTBOUND_RTP_PAD"
    SFU_SCTP_STREAM = "SFU_SCTP_STREAM"


class Field(NamedTuple):
    """One field of a report's payload; `kind` is a letter of `schemas.report_fields`."""

    name: str
    kind: str


class Report(NamedTuple):
    """One report: its type, and its payload with all fields of that type in wire order."""

    type: ReportType
    payload: Mapping[str, Any]


def _fields(line: str) -> tuple[Field, ...]:
    return tuple(Field(*word.split(":")) for word in line.split())


FIELDS: Mapping[ReportType, tuple[Field, ...]] = {type_: _fields(REPORT_FIELDS[type_]) for type_ in ReportType}
"""The payload's fields of each report type, in wire order."""

NAMES: Mapping[ReportType, tuple[str, ...]] = {type_: tuple(f.name for f in fields) for type_, fields in FIELDS.items()}
"""The payload's keys of each report type, in wire order."""

_HEADS = {
    type_: f'{{"type":"{type_}","schemaVersion":"{REPORT_SCHEMA_VERSION}","payload":'.encode() for type_ in FIELDS
}


def report_of(type_: ReportType, *values: Any) -> Report:
    """A report with these values of its payload: all of them, in wire order. Raises `ValueError` for another number."""
    return Report(type_, dict(zip(NAMES[type_], values, strict=True)))


def envelope(report: Report) -> dict[str, Any]:
    """The report as the mapping that goes on the wire: keys ``type``, ``schemaVersion``, ``payload`` in this order."""
    return {"type": report.type.value, "schemaVersion": REPORT_SCHEMA_VERSION, "payload": report.payload}


def to_json(report: Report) -> bytes:
    """The report's envelope as compact JSON, without a line end."""
    return _HEADS[report.type] + orjson.dumps(report.payload) + b"}"
