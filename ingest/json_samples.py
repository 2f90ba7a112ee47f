"""Messages written as JSON, brought into the shape of an envelope: ``{"clientSamples": [...], "sfuSamples": [...]}``.

Taken are the envelope, one bare sample of a client or an SFU, and a list of any of these: today's client libraries
leave the envelope to the application, and applications gather what they send.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from ingest.incoming import BadSamples
from ingest.statistics import Refused
from schemas.samples import Budget, Item

UNDECODABLE = "Failed to decode Samples"

MOST_CONTAINERS, _MOST_VALUES = 20, 200
"""How many objects and lists, and how many values, a message may hold for each entry: far more than real ones do. A
message of fewer bytes cannot hold more."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_CLIENTS, _SFUS = "clientSamples", "sfuSamples"
_ENVELOPE = frozenset({"controls", _CLIENTS, _SFUS, "turnSamples"})


def check_complexity(data: bytes, budget: Budget) -> None:
    """Raises `BadSamples` for what is too complex to be samples, before anything is built of it.

    An empty list takes two bytes on the wire and dozens in memory, also where nobody reads it.
    """
    containers = data.count(b"{") + data.count(b"[")
    if containers > MOST_CONTAINERS * budget.items or data.count(b",") > _MOST_VALUES * budget.items:
        raise BadSamples("Too many objects, lists and values in one message", Refused.TOO_COMPLEX)


def envelopes(data: bytes) -> list[Item]:
    """The envelopes that a message is, or that its samples make, in their order.

    Raises `BadSamples` for what is no JSON, or neither an object nor a list of any.
    """
    try:
        message = orjson.loads(data.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        raise BadSamples(UNDECODABLE, Refused.UNDECODABLE) from None
    if type(message) is dict:
        return [_around([message]) if _is_bare(message) else message]
    if type(message) is list and any(type(entry) is dict for entry in message):
        return list(_gathered(message))
    raise BadSamples(UNDECODABLE, Refused.UNDECODABLE)


def _gathered(entries: Iterable[Any]) -> Iterator[Item]:
    """The envelopes of a list, and one around those bare samples that follow each other."""
    bare: list[Any] = []
    for entry in entries:
        if type(entry) is not dict or _is_bare(entry) or _ENVELOPE.isdisjoint(entry):
            bare.append(entry)
            continue
        if bare:
            yield _around(bare)
            bare = []
        yield entry
    if bare:
        yield _around(bare)


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
