"""Reports: their types, their fields in wire order, and how one is written as JSON.

A report is an envelope ``{"type", "schemaVersion", "payload"}``. Its payload has every field of its type, in the order
of `FIELDS`, absent ones ``None``. Source: ObserveRTC report schemas 2.2.0.

Each type is a class, made of the table of its fields, whose instances C reads and writes. What a client sent of a track
is read straight into one, the observer fills in its own fields, and the whole is written: no value is touched on the
way that need not be.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, cast

import msgspec

from schemas.names import snake_case
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


def _fields(line: str) -> tuple[Field, ...]:
    return tuple(Field(*word.split(":")) for word in line.split())


FIELDS: Mapping[ReportType, tuple[Field, ...]] = {type_: _fields(REPORT_FIELDS[type_]) for type_ in ReportType}
"""The payload's fields of each report type, in wire order."""

NAMES: Mapping[ReportType, tuple[str, ...]] = {type_: tuple(f.name for f in fields) for type_, fields in FIELDS.items()}
"""The payload's keys of each report type, in wire order."""


class Report(msgspec.Struct, gc=False):
    """One report. Each type has a class of its own (`REPORTS`), with an attribute for each field of its payload.

    Attributes are named as fields are, in snake_case (`attribute_of`); those that are not set are ``None``.
    """

    type: ClassVar[ReportType]

    @property
    def payload(self) -> dict[str, Any]:
        """All fields of the payload by their names on the wire, in wire order: a new mapping each time."""
        return dict(zip(NAMES[self.type], msgspec.structs.astuple(self), strict=True))


class Led(Report, gc=False):
    """A report that begins with what all reports of one client sample say alike, which is written once: its `lead`."""

    if TYPE_CHECKING:
        lead: msgspec.Raw | None
        """As `lead_of` makes it; ``None`` until it is filled in."""

    @property
    def payload(self) -> dict[str, Any]:
        """All fields of the payload by their names on the wire, in wire order: a new mapping each time."""
        names, values = NAMES[self.type], msgspec.structs.astuple(self)
        lead = dict.fromkeys(LEAD) if self.lead is None else msgspec.json.decode(_OPENING + bytes(self.lead) + b"}")
        return {**lead, **dict(zip(names[len(LEAD) :], values[1:], strict=True))}


class Entry(Led, gc=False):
    """What a client sent of one thing that it measured, and the report that is made of it by filling in the rest."""

    if TYPE_CHECKING:
        peer_connection_id: str | None
        label: str | None
        peer_connection_label: str | None
        sample_seq: int | None


class Track(Entry, gc=False):
    """An entry of one of a sample's four lists of tracks: one RTP stream of a media track."""

    inbound: ClassVar[bool]
    """Whether the media comes in to the client."""
    direction: ClassVar[str]
    """``INBOUND`` or ``OUTBOUND``."""
    media_kind: ClassVar[str]
    """``AUDIO`` or ``VIDEO``."""

    if TYPE_CHECKING:
        track_id: str | None
        ssrc: int | None
        sfu_stream_id: str | None
        sfu_sink_id: str | None
        remote_track_id: str | None
        remote_user_id: str | None
        remote_client_id: str | None
        remote_peer_connection_id: str | None


_ODD_NAMES = {
    "SSRC": "ssrc",
    "qualityLimitationDurationCPU": "quality_limitation_duration_cpu",
    "type": "type_",
    "payload": "payload_",
}


@cache
def attribute_of(name: str) -> str:
    """The attribute of a report in which the field stands that has this name on the wire."""
    return _ODD_NAMES.get(name) or snake_case(name)


LONGEST_ID = 255
"""The longest id, and the longest label, that C reads. (characters)"""

Whole = Annotated[int, msgspec.Meta(ge=1 - 2**63, le=2**63 - 1)]
"""A whole number as far as C reads it."""

Absent = Annotated[int, msgspec.Meta(ge=1, le=0)]
"""The type of what must not be there: no value is of it, so that C reads nothing that has one."""

_Fraction = Annotated[float, msgspec.Meta(gt=-(2.0**63), lt=2.0**63)]
_KINDS: Mapping[str, Any] = {
    **dict.fromkeys("ild", Whole | float | None),
    "s": str | None,
    "b": bool | None,
    "t": Whole | None,
}
_ID: Any = Annotated[str, msgspec.Meta(min_length=5, max_length=LONGEST_ID)] | None
_READ = {
    **dict.fromkeys(("peerConnectionId", "trackId", "sfuStreamId", "sfuSinkId"), _ID),
    "label": Annotated[str, msgspec.Meta(max_length=LONGEST_ID)] | None,
    "ssrc": Whole | None,
}
"""What C reads of an entry where that is less than its kind: neither an empty text nor ``"NULL"`` is an id."""
_READ_OF_TRACK = {
    **_READ,
    **dict.fromkeys(("label", "remoteTrackId", "remoteUserId", "remotePeerConnectionId"), Absent | None),
}
"""The same of a track: no client tells these, and the observer has nothing to take out before it fills them in."""

_WITH_FRACTIONS: Any = Whole | _Fraction | None

_TRACKS: Mapping[ReportType, tuple[str, str]] = {
    ReportType.INBOUND_AUDIO_TRACK: ("INBOUND", "AUDIO"),
    ReportType.INBOUND_VIDEO_TRACK: ("INBOUND", "VIDEO"),
    ReportType.OUTBOUND_AUDIO_TRACK: ("OUTBOUND", "AUDIO"),
    ReportType.OUTBOUND_VIDEO_TRACK: ("OUTBOUND", "VIDEO"),
}
_OTHER_ENTRIES = (
    ReportType.PEER_CONNECTION_TRANSPORT,
    ReportType.ICE_CANDIDATE_PAIR,
    ReportType.PEER_CONNECTION_DATA_CHANNEL,
)

LEAD = ("serviceId", "mediaUnitId", "marker", "timestamp", "callId", "roomId", "clientId", "userId")
"""How the payload of each `Led` report begins: whatever its sender says there is read over."""

_OPENING = b'{"serviceId":'
_LED = (*_OTHER_ENTRIES, *_TRACKS, ReportType.CALL_META_DATA, ReportType.CLIENT_EXTENSION_DATA)
_Lead = msgspec.defstruct("_Lead", LEAD, gc=False)


def _class(type_: ReportType, names: Iterable[str], times: Any = _KINDS["t"]) -> type[Report]:
    """The class of a type, whose fields stand in the order of these names, and whose times are read as these."""
    track = _TRACKS.get(type_)
    base: type[Report] = Track if track else Entry if type_ in _OTHER_ENTRIES else Led if type_ in _LED else Report
    own: dict[str, Any] = {"type": type_, "__doc__": f"A report of the type {type_}."}
    if track:
        own["direction"], own["media_kind"] = track
        own["inbound"] = own["direction"] == "INBOUND"
        if not own["inbound"]:
            own["sfu_sink_id"] = None  # whoever sends has no sink
    read = _READ_OF_TRACK if track else _READ if issubclass(base, Entry) else {}
    kinds, read_as = dict(FIELDS[type_]), {**_KINDS, "t": times}
    fields: list[tuple[str, Any, None]] = []
    if issubclass(base, Led):
        names = [name for name in names if name not in LEAD]
        fields.append(("lead", msgspec.Raw, None))
    fields += [(attribute_of(name), read.get(name, read_as[kinds[name]]), None) for name in names]
    told = {"lead": LEAD[0]} | {attribute_of(name): name for name in names}
    made = msgspec.defstruct(
        type_.title().replace("_", ""), fields, bases=(base,), namespace=own, module=__name__, rename=told, gc=False
    )
    return cast(type[Report], made)


REPORTS: Mapping[ReportType, type[Report]] = {type_: _class(type_, NAMES[type_]) for type_ in ReportType}
"""The class of each report type."""


KINDS_OF_TRACKS: Mapping[type[Report], tuple[str, str]] = {REPORTS[type_]: kind for type_, kind in _TRACKS.items()}
"""The direction and the media kind of the tracks of each class: as its attributes say, and quicker."""


def class_to_read(type_: ReportType, names: Iterable[str]) -> type[Entry]:
    """A class to read entries into that name their fields in another order than reports do, or whose times have
    fractions; all names of the type.

    An instance becomes a report by being given its class: Python allows that where both have the same fields.
    """
    return cast(type[Entry], _class(type_, names, _WITH_FRACTIONS))


_VALUES = {type_: str(type_.value) for type_ in ReportType}


_ENVELOPES: Mapping[type[Report], type[msgspec.Struct]] = {
    REPORTS[type_]: msgspec.defstruct(
        "_Envelope", [("schemaVersion", str), ("payload", Report)], tag_field="type", tag=value, gc=False
    )
    for type_, value in _VALUES.items()
}
_encoder = msgspec.json.Encoder()


def report_of(type_: ReportType, *values: Any) -> Report:
    """A report with these values of its payload: all of them, in wire order. Raises `ValueError` for another number."""
    if len(values) != len(NAMES[type_]):
        raise ValueError(f"{type_} has {len(NAMES[type_])} fields, not {len(values)}")
    if type_ in _LED:
        return REPORTS[type_](lead_of(*values[: len(LEAD)]), *values[len(LEAD) :])
    return REPORTS[type_](*values)


def lead_of(*values: Any) -> msgspec.Raw:
    """What a `Led` report begins with, of the values of `LEAD` in their order. Raises as `to_lines` does.

    It is JSON that stands for all of these fields, the name of the first left out: C writes it as if it were its value.
    """
    return msgspec.Raw(_encoder.encode(_Lead(*values))[len(_OPENING) : -1])


def report_with(type_: ReportType, payload: Mapping[str, Any]) -> Report:
    """A report whose payload has what this one says of its fields, and ``None`` in the others."""
    return report_of(type_, *map(payload.get, NAMES[type_]))


def envelope(report: Report) -> dict[str, Any]:
    """The report as the mapping that goes on the wire: keys ``type``, ``schemaVersion``, ``payload`` in this order."""
    return {"type": report.type.value, "schemaVersion": REPORT_SCHEMA_VERSION, "payload": report.payload}


def to_json(report: Report) -> bytes:
    """The report's envelope as compact JSON, without a line end. Raises as `to_lines` does."""
    return _encoder.encode(_ENVELOPES[type(report)](REPORT_SCHEMA_VERSION, report))


def to_lines(reports: Iterable[Report]) -> bytes:
    """The JSON of each report, each with a line end.

    Raises UnicodeEncodeError for a lone surrogate, which no sender can bring in, and TypeError for a value of a type
    that JSON does not have.
    """
    return _encoder.encode_lines([_ENVELOPES[type(report)](REPORT_SCHEMA_VERSION, report) for report in reports])
