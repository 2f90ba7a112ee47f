"""Who speaks in a message, and of which time: what a recording says by itself, read without the observer's decoders.

JSON is read as JSON. Of protobuf only the outermost fields are walked, by the numbers that they have in the schemas
2.2.0 and 3.5.0; the truth of a recording needs no more of it.
"""

import json
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


class _Numbers(NamedTuple):
    """The numbers of a client sample's fields; `samples` is that of the envelope's list, `None` without envelope."""

    samples: int | None
    client_id: int
    timestamp: int


_OF_SCHEMA = {"2.2.0": _Numbers(1, 21, 22), "3.3.0": _Numbers(None, 10, 7)}
"""By the version that the address names. Who named 3.3.0 there wrote with the codec of 3.5, whose numbers differ."""


class Spoken(NamedTuple):
    """One sample of a client or an SFU: its time in ms since the epoch. Deltas leave out who they are of: `None`."""

    who: str | None
    timestamp: int
    sfu: bool = False


def spoken(body: str | bytes, target: str) -> Iterator[Spoken]:
    """The samples of one message; `target` is what its sender asked for, with ``format`` and ``schemaVersion``."""
    if "format=protobuf" in target and isinstance(body, bytes):
        return _in_protobuf(body, _OF_SCHEMA[target.partition("schemaVersion=")[2]])
    return _in_json(json.loads(body))


def _in_json(message: Any) -> Iterator[Spoken]:
    if "timestamp" in message:
        yield Spoken(message["clientId"], int(message["timestamp"]))
    for sample in message.get("clientSamples") or ():
        yield Spoken(sample["clientId"], int(sample["timestamp"]))
    for sample in message.get("sfuSamples") or ():
        yield Spoken(sample["sfuId"], int(sample["timestamp"]), sfu=True)


def _in_protobuf(message: bytes, numbers: _Numbers) -> Iterator[Spoken]:
    samples = [message] if numbers.samples is None else [v for n, v in fields(message) if n == numbers.samples]
    for sample in samples:
        assert isinstance(sample, bytes)
        told = dict(fields(sample))
        who, at = told.get(numbers.client_id), told[numbers.timestamp]
        timestamp = at if isinstance(at, int) else int(struct.unpack("<d", at)[0])
        yield Spoken(who.decode() if isinstance(who, bytes) else None, timestamp)


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message as they stand there: the number of each, and an integer or bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if kind == _LENGTH:
            length, at = _varint(message, at)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}[kind]
        yield tag >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
