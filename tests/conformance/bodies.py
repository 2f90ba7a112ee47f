"""What clients send, with good defaults: a test names only what it is about."""

import base64
import json
from collections.abc import Iterable
from typing import Any

from tests.nodes import Told

Item = dict[str, Any]


def client(
    client_id: str = "A", /, timestamp: float | None = 1000, *, room: str | None = "r", **fields: object
) -> Item:
    """One ClientSample; `None` leaves a field out."""
    sample: Item = {"clientId": client_id, "roomId": room, "timestamp": timestamp, **fields}
    return {name: value for name, value in sample.items() if value is not None}


def transport(peer_connection_id: str = "p1", **fields: object) -> Item:
    """One entry of pcTransports."""
    return {"transportId": f"t-{peer_connection_id}", "peerConnectionId": peer_connection_id, **fields}


def track(track_id: str | None, peer_connection_id: str | None, ssrc: int | None, **fields: object) -> Item:
    """One entry of a track list; `None` leaves a field out."""
    ids = {"trackId": track_id, "peerConnectionId": peer_connection_id, "ssrc": ssrc}
    return {name: value for name, value in ids.items() if value is not None} | fields


def names(reports: Iterable[Told]) -> list[str]:
    """The names of the call events among the reports, in their order."""
    return [report["name"] for report in reports if report.type == "CALL_EVENT"]


def types(reports: Iterable[Told]) -> list[str]:
    """The types of the reports that are no events, in their order."""
    return [report.type for report in reports if report.type != "CALL_EVENT"]


def of_type(reports: Iterable[Told], type_: str) -> list[Told]:
    """The reports of one type, in their order."""
    return [report for report in reports if report.type == type_]


def events(reports: Iterable[Told], name: str) -> list[Told]:
    """The call events of one name, in their order."""
    return [report for report in reports if report.type == "CALL_EVENT" and report["name"] == name]


def one(reports: Iterable[Told], name_or_type: str) -> Told:
    """The only report of this type or event of this name."""
    found = [report for report in reports if name_or_type in (report.type, report.name)]
    assert len(found) == 1, f"{len(found)} of {name_or_type}"
    return found[0]


def attachments(event: Told) -> Any:
    """The attachments of an event: base64 of JSON."""
    return json.loads(base64.b64decode(event["attachments"], validate=True))


REMOTE = ("remoteClientId", "remoteUserId", "remotePeerConnectionId", "remoteTrackId")


def remote(report: Told) -> tuple[str | None, ...]:
    """The other side of an inbound track: client, user, peer connection, track."""
    return tuple(report[name] for name in REMOTE)


NOBODY = (None, None, None, None)


def samples(*clients: Item, **rest: object) -> bytes:
    """One message: a Samples object with these client samples."""
    return json.dumps({"clientSamples": clients, **rest}).encode()
