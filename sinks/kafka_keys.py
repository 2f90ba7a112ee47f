"""The keys of Kafka's records: which reports stay together, and so in their order.

A key is the text of a UUID, as Java's UUIDSerializer writes it. It is read from the line without reading the line as a
whole: within a text of JSON a quotation mark has a backslash before it, so ``,"callId":"`` can only be the field.
"""

import os
from collections.abc import Callable
from enum import StrEnum
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec

from sinks.lines import Line

KeyOf = Callable[[Line], bytes]

_CLIENT_IDS = ("callId", "clientId", "peerConnectionId")
_SFU_IDS = ("callId", "sfuId", "transportId", "rtpPadId", "streamId")
_SFU = b'{"type":"SFU_'
_MOST_REMEMBERED = 16_384
_AT_ONCE = 256
_FORM = b"________-____-____-____-____________ "
_PLACES = [place for place, sign in enumerate(_FORM) if sign == ord("_")]
_VERSION = bytes(0x40 | (byte & 0x0F) for byte in range(256))
_VARIANT = bytes(0x80 | (byte & 0x3F) for byte in range(256))


class KeyAssignmentStrategy(StrEnum):
    """How reports get their keys."""

    RANDOM = "RANDOM"
    INSTANCE_BASED = "INSTANCE_BASED"
    OBJECT_HIERARCHY_BASED = "OBJECT_HIERACHY_BASED"
    """Spelt without its second R in the reference; both are understood."""


def keys(strategy: KeyAssignmentStrategy, instance: bytes) -> KeyOf:
    """What gives each report its key; `instance` is that of the sink."""
    match strategy:
        case KeyAssignmentStrategy.RANDOM:
            return _random_keys()
        case KeyAssignmentStrategy.INSTANCE_BASED:
            return lambda _: instance
        case _:
            return _keys_of_objects(instance)


def key_of_id(text: bytes) -> bytes:
    """The key that stands for an id, which is given as it is written in JSON, without its quotation marks.

    A UUID stands for itself, in small letters. Any other id stands for a UUID that is made of it (version 5, in the
    name space of OIDs), always the same: so what belongs to it stays together, on whichever node.
    """
    try:
        if len(text) == 36:
            uuid = str(UUID(text.decode()))
            if uuid == text.decode().lower():
                return uuid.encode()
    except ValueError:
        pass
    return str(uuid5(NAMESPACE_OID, msgspec.json.decode(b'"%b"' % text, type=str))).encode()


def _keys_of_objects(instance: bytes) -> KeyOf:
    """The call's, or where there is none, that of the nearest thing that the report tells about.

    Keys are remembered by the ids as they stand in the lines. What stands before a quotation mark that is escaped ends
    in a backslash, as no id does, so that it is not found among these.
    """
    clients, sfus = [[b',"%b":"' % name.encode() for name in names] for names in (_CLIENT_IDS, _SFU_IDS)]
    remembered: dict[bytes, bytes] = {}

    def key_of(line: Line) -> bytes:
        for field in sfus if line.startswith(_SFU) else clients:
            at = line.find(field)
            if at >= 0:
                start = at + len(field)
                key = remembered.get(line[start : line.index(b'"', start)])
                return key if key is not None else remember(_text(line, start))
        return instance

    def remember(text: bytes) -> bytes:
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
        key = remembered[text] = key_of_id(text)
        return key

    return key_of


def _text(line: Line, start: int) -> bytes:
    """The text of JSON that begins here, as it is written."""
    end = line.index(b'"', start)
    while _is_escaped(line, start, end):
        end = line.index(b'"', end + 1)
    return line[start:end]


def _is_escaped(line: Line, start: int, at: int) -> bool:
    backslashes = at - start - len(line[start:at].rstrip(b"\\"))
    return backslashes % 2 == 1


def _random_keys() -> KeyOf:
    """UUIDs of version 4. Many are made at once, digit by digit: one by one they would cost several times as much."""
    left: list[bytes] = []

    def key_of(_: Line) -> bytes:
        if not left:
            left.extend(_some_uuids())
        return left.pop()

    return key_of


def _some_uuids() -> list[bytes]:
    drawn = bytearray(os.urandom(16 * _AT_ONCE))
    drawn[6::16] = drawn[6::16].translate(_VERSION)
    drawn[8::16] = drawn[8::16].translate(_VARIANT)
    digits = drawn.hex().encode()
    text = bytearray(_FORM * _AT_ONCE)
    for digit, place in enumerate(_PLACES):
        text[place :: len(_FORM)] = digits[digit::32]
    return bytes(text).split()
