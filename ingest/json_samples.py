"""Messages written as JSON, brought into the shape of an envelope: ``{"clientSamples": [...], "sfuSamples": [...]}``.

Taken are the envelope, one bare sample of a client or an SFU, and a list of these: today's client libraries leave the
envelope to the application.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from ingest.incoming import BadSamples
from ingest.statistics import Refused
from schemas.samples import Budget, Item

UNDECODABLE = "Failed to decode Samples"

_MOST_CONTAINERS, _MOST_VALUES = 20, 200
"""How many objects and lists, and how many values, a message may hold for each entry: far more than real ones do."""

_CLIENTS, _SFUS = "clientSamples", "sfuSamples"
_ENVELOPE = frozenset({"controls", _CLIENTS, _SFUS, "turnSamples"})


def envelope(data: bytes, budget: Budget) -> Item:
    """The envelope that a message is, or that its samples make.

    Raises `BadSamples` for what is no JSON, or neither an object nor a list of any.
    """
    _check_complexity(data, budget)
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BadSamples(UNDECODABLE, Refused.UNDECODABLE) from None
    if type(message) is dict:
        return _around([message]) if _is_bare(message) else message
    if type(message) is list and any(type(entry) is dict for entry in message):
        return _around(message)
    raise BadSamples(UNDECODABLE, Refused.UNDECODABLE)


def _check_complexity(data: bytes, budget: Budget) -> None:
    """Raises `BadSamples` for what is too complex to be samples, before anything is built of it.

    An empty list takes two bytes on the wire and dozens in memory, also where nobody reads it.
    """
    containers = data.count(b"{") + data.count(b"[")
    if containers > _MOST_CONTAINERS * budget.items or data.count(b",") > _MOST_VALUES * budget.items:
        raise BadSamples("Too many objects, lists and values in one message", Refused.TOO_COMPLEX)


def _around(samples: Iterable[Any]) -> Item:
    """An envelope around bare samples; what names no client and an SFU is a sample of that."""
    clients: list[Any] = []
    sfus: list[Any] = []
    for sample in samples:
        is_sfu = type(sample) is dict and "sfuId" in sample and "clientId" not in sample
        (sfus if is_sfu else clients).append(sample)
    return {_CLIENTS: clients, _SFUS: sfus}


def _is_bare(message: Item) -> bool:
    """Whether it is a sample without an envelope."""
    if _CLIENTS in message or _SFUS in message:
        return False
    return "clientId" in message or "sfuId" in message or bool(message and _ENVELOPE.isdisjoint(message))
