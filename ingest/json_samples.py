"""Samples written as JSON.

Taken are the envelope ``{"clientSamples": [...], ...}``, one bare client sample, and a list of bare client samples:
today's client libraries leave the envelope to the application.
"""

from collections.abc import Collection
from typing import Any

import orjson

from ingest.incoming import BadSamples
from ingest.statistics import Refused
from schemas.samples import (
    Budget,
    ClientSample,
    Item,
    Reason,
    Samples,
    Tally,
    client_sample,
    entries_within,
    says_close,
)
from schemas.samples_2_0 import bring_to_2_2

UNDECODABLE = "Failed to decode Samples"

_MOST_CONTAINERS, _MOST_VALUES = 20, 200
"""How many objects and lists, and how many values, a message may hold for each entry: far more than real ones do."""

_ENVELOPE = frozenset({"controls", "clientSamples", "sfuSamples", "turnSamples"})


def decode(
    data: bytes,
    service_id: str,
    media_unit_id: str,
    budget: Budget,
    *,
    heard: Collection[str] = (),
    timestamp: int | None = None,
) -> Samples:
    """The samples of one message of schemas 2.0 to 2.2, told apart by their shape.

    Raises `BadSamples` for what is no JSON, or neither an object nor a list of any. What else cannot be taken costs
    only itself and is tallied. A message that says ``controls.close`` makes the clients it names leave, or those of
    `heard` when it names none. `timestamp`, in ms, replaces that of each sample.
    """
    _check_complexity(data, budget)
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BadSamples(UNDECODABLE, Refused.UNDECODABLE) from None
    if type(message) is list and any(type(entry) is dict for entry in message):
        message = {"clientSamples": message}
    elif type(message) is not dict:
        raise BadSamples(UNDECODABLE, Refused.UNDECODABLE)
    elif _is_bare(message):
        message = {"clientSamples": [message]}
    return _samples(message, Samples(service_id, media_unit_id, []), budget, heard, timestamp)


def _check_complexity(data: bytes, budget: Budget) -> None:
    """Raises `BadSamples` for what is too complex to be samples, before anything is built of it.

    An empty list takes two bytes on the wire and dozens in memory, also where nobody reads it.
    """
    containers = data.count(b"{") + data.count(b"[")
    if containers > _MOST_CONTAINERS * budget.items or data.count(b",") > _MOST_VALUES * budget.items:
        raise BadSamples("Too many objects, lists and values in one message", Refused.TOO_COMPLEX)


def _is_bare(message: Item) -> bool:
    """Whether it is a client sample without an envelope."""
    if "clientSamples" in message:
        return False
    return "clientId" in message or bool(message and _ENVELOPE.isdisjoint(message))


def _samples(message: Item, samples: Samples, budget: Budget, heard: Collection[str], timestamp: int | None) -> Samples:
    rejected = samples.rejected
    samples.clients = _clients(
        entries_within(budget, message.get("clientSamples"), rejected), budget, rejected, timestamp
    )
    samples.sfus = _sfus(entries_within(budget, message.get("sfuSamples"), rejected), rejected, timestamp)
    turns = len(entries_within(budget, message.get("turnSamples"), rejected))
    if turns:
        rejected[Reason.TURN_SAMPLES_NOT_ANALYSED] += turns
    if says_close(message.get("controls")):
        samples.leaving = {client.client_id for client in samples.clients} or set(heard)
    return samples


def _clients(entries: list[Any], budget: Budget, rejected: Tally, timestamp: int | None) -> list[ClientSample]:
    clients = []
    for entry in entries:
        if type(entry) is dict:
            bring_to_2_2(entry)
            if timestamp is not None:
                entry["timestamp"] = timestamp
        client = client_sample(entry, budget, rejected)
        if client is not None:
            clients.append(client)
            events = len(entries_within(budget, entry.get("customObserverEvents"), rejected))
            if events:
                rejected[Reason.OBSERVER_EVENT_NOT_ANALYSED] += events
    return clients


def _sfus(entries: list[Any], rejected: Tally, timestamp: int | None) -> list[Item]:
    sfus = [entry for entry in entries if type(entry) is dict]
    if len(sfus) < len(entries):
        rejected[Reason.NOT_AN_OBJECT] += len(entries) - len(sfus)
    if timestamp is not None:
        for sfu in sfus:
            sfu["timestamp"] = timestamp
    return sfus
