"""Indexes: small objects by whose keys a call, a client, a track is found, each the event by which it began.

The reference has no service in the keys of most indexes. Here every one has, so that no client of one service can
write over what another service's reports say about the same id.
"""

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from schemas.reports import ReportType
from sinks.encoding import type_of
from sinks.s3_keys import INDEXES, NO_SERVICE, part_of
from sinks.s3_objects import Group, Written, sealed

_BY_EVENT: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "CALL_STARTED": (("calls", ("callId",)), ("service-rooms", ("roomId", "callId"))),
    "CLIENT_JOINED": (("clients", ("clientId",)),),
    "PEER_CONNECTION_OPENED": (("peer-connections", ("peerConnectionId",)),),
    "MEDIA_TRACK_ADDED": (
        ("media-tracks", ("mediaTrackId",)),
        ("sfu-streams", ("sfuStreamId",)),
        ("sfu-sinks", ("sfuSinkId",)),
    ),
    "SFU_TRANSPORT_OPENED": (("sfu-transports", ("transportId",)),),
    "SFU_RTP_PAD_ADDED": (
        ("sfu-rtp-pads", ("rtpPadId",)),
        ("sfu-media-sinks", ("mediaSinkId",)),
        ("sfu-media-streams", ("mediaStreamId",)),
    ),
}
"""For each event the indexes that it enters, and the ids that make its key there, behind that of its service."""

_EVENTS = frozenset((ReportType.CALL_EVENT, ReportType.SFU_EVENT))
_WITHOUT_EVENTS = frozenset(ReportType) - _EVENTS


class Index(NamedTuple):
    """One object of an index, and which of the groups of its batch it was made of."""

    group: int
    key: str
    object: Written


def indexes_of(groups: Iterable[Group]) -> Iterator[Index]:
    """The objects of the indexes that reports enter. An id that is absent makes none."""
    for number, group in enumerate(groups):
        if group.type_ in _WITHOUT_EVENTS:
            continue
        for line in group.lines:
            if type_of(line) in _EVENTS:
                payload = orjson.loads(line)["payload"]
                if (kinds := _BY_EVENT.get(payload["name"])) is not None:
                    made = sealed(orjson.dumps(payload, option=orjson.OPT_INDENT_2), "json", "application/json", False)
                    yield from (Index(number, key, made) for key in _keys(kinds, payload))


def _keys(kinds: Sequence[tuple[str, Sequence[str]]], payload: Mapping[str, Any]) -> Iterator[str]:
    ids = {**_attached(payload), **payload}
    service = part_of(payload["serviceId"], NO_SERVICE)
    for kind, names in kinds:
        chosen = [ids.get(name) for name in names]
        if all(isinstance(one, str) and one for one in chosen):
            yield "/".join((INDEXES, kind, service, *(part_of(one, "") for one in chosen)))


def _attached(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What the observer itself says in the attachments of an event; nothing if they are of another form."""
    try:
        attached = orjson.loads(b64decode(payload["attachments"] or ""))
    except ValueError:
        return {}
    return attached if isinstance(attached, dict) else {}
