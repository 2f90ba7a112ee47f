"""The reports of TURN servers: each session and each allocation of ``turnSamples`` as an extension.

The report schemas know no TURN server, so what it measured is told as the JSON that it sent, with its ``serverId``: as
CLIENT_EXTENSION_DATA of the client, where a session names one that is in a call, else as SFU_EXTENSION_DATA whose sfuId
is the server's id. An allocation goes with the session of the same message that it names. Nothing is remembered from
one message to the next.
"""

from collections.abc import Iterator

import orjson

from schemas.messages import Samples
from schemas.reports import Report, ReportType, report_of
from schemas.samples import Item, Reason, Tally, TooLong, identifier
from store.entities import Client
from store.registry import Registry

TURN_SESSION = "TURN_SESSION"
TURN_PEER_ALLOCATION = "TURN_PEER_ALLOCATION"

_LONGEST_ID = 255
"""A server's id stands in each report of its sample; one with a longer id is left out. (characters)"""


def turn_reports(samples: Samples, registry: Registry, now: int, rejected: Tally) -> list[Report]:
    """One report for each session and each allocation, of the time `now` (ms): a TURN sample bears no time of its own.

    What cannot be told costs only itself and is tallied in `rejected`.
    """
    reports: list[Report] = []
    for turn in samples.turns:
        server_id = _server_id(turn, rejected)
        if server_id is not None:
            reports.extend(_of_server(turn, server_id, samples, registry, now, rejected))
    return reports


def _server_id(turn: Item, rejected: Tally) -> str | None:
    try:
        server_id = identifier(turn.get("serverId"), _LONGEST_ID)
    except TooLong:
        rejected[Reason.ID_TOO_LONG] += 1
        return None
    if server_id is None:
        rejected[Reason.SERVER_ID_MISSING] += 1
    elif not server_id.isprintable():
        rejected[Reason.ID_INVALID] += 1
        return None
    return server_id


def _of_server(
    turn: Item, server_id: str, samples: Samples, registry: Registry, now: int, rejected: Tally
) -> Iterator[Report]:
    clients: dict[object, Client] = {}
    for session in _objects(turn.get("sessions"), rejected):
        client = _client(session, samples.service_id, registry)
        session_id = session.get("sessionId")
        if client is not None and isinstance(session_id, str):
            clients[session_id] = client
        yield from _report(TURN_SESSION, session, server_id, client, samples, now, rejected)
    for allocation in _objects(turn.get("allocations"), rejected):
        session_id = allocation.get("sessionId")
        client = clients.get(session_id) if isinstance(session_id, str) else None
        yield from _report(TURN_PEER_ALLOCATION, allocation, server_id, client, samples, now, rejected)


def _objects(entries: object, rejected: Tally) -> Iterator[Item]:
    if entries is None:
        return
    if not isinstance(entries, list):
        rejected[Reason.NOT_A_LIST] += 1
        return
    for entry in entries:
        if isinstance(entry, dict):
            yield entry
        else:
            rejected[Reason.NOT_AN_OBJECT] += 1


def _client(session: Item, service_id: str, registry: Registry) -> Client | None:
    client_id = session.get("clientId")
    return registry.clients.get((service_id, client_id)) if isinstance(client_id, str) else None


def _report(
    type_: str, item: Item, server_id: str, client: Client | None, samples: Samples, now: int, rejected: Tally
) -> Iterator[Report]:
    try:
        payload = orjson.dumps({**item, "serverId": server_id}).decode()
    except orjson.JSONEncodeError:  # nested deeper than JSON is written
        rejected[Reason.FIELD_INVALID] += 1
        return
    origin = (samples.service_id, samples.media_unit_id)
    if client is None:
        yield report_of(ReportType.SFU_EXTENSION_DATA, *origin, None, now, server_id, type_, payload)
        return
    call = client.call
    identity = (client.marker, now, call.call_id, call.room_id, client.client_id, client.user_id)
    yield report_of(ReportType.CLIENT_EXTENSION_DATA, *origin, *identity, None, None, type_, payload)
