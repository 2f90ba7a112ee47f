"""Looks at the wire without reading it: what a message is, and how much it holds, before anything is built of it."""

from collections.abc import Container, Iterator
from itertools import islice

from schemas.protobuf.shapes import FIXED_64, LENGTH, VARINT, Shape

_FIXED_32 = 5


class NoProtobuf(ValueError):
    """Bytes that are no protobuf message, or a part of one."""


def first_of(wanted: Container[int], data: bytes, most: int) -> int | None:
    """The first of the tags `wanted` at the top of a message; ``None`` if it is none of the first `most`.

    A tag is the number of a field and its wire type as they stand on the wire. Raises `NoProtobuf`.
    """
    for tag, _, _ in islice(_fields(data, 0, len(data)), most):
        if tag in wanted:
            return tag
    return None


def holds_more_than(most: int, data: bytes, shape: Shape) -> bool:
    """Whether more than `most` fields stand in a message and in its entries that have lists themselves.

    It looks at no more than that many: a message of a few megabytes that would become gigabytes of empty objects costs
    neither time nor memory. Raises `NoProtobuf`.
    """
    return _count(data, 0, len(data), shape, most) < 0


def _count(data: bytes, start: int, end: int, shape: Shape, left: int) -> int:
    """What is left of `left` after these fields; negative if it did not suffice."""
    lists = shape.lists
    for tag, first, beyond in _fields(data, start, end):
        left -= 1
        if left < 0:
            break
        entry = lists.get(tag)
        if entry is not None and entry.lists:
            left = _count(data, first, beyond, entry, left)
    return left


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The tag of each field with where its value begins and ends. Raises `NoProtobuf`."""
    while position < end:
        tag, position = _varint(data, position)
        start = position
        wire_type = tag & 7
        if wire_type == LENGTH:
            length, start = _varint(data, position)
            position = start + length
        elif wire_type == VARINT:
            _, position = _varint(data, position)
        elif wire_type == FIXED_64:
            position += 8
        elif wire_type == _FIXED_32:
            position += 4
        else:
            raise NoProtobuf
        if position > end:
            raise NoProtobuf
        yield tag, start, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The number that begins there, of at most ten bytes, and where the next thing begins. Raises `NoProtobuf`."""
    value = 0
    for shift, byte in enumerate(data[position : position + 10]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, position + shift + 1
    raise NoProtobuf
