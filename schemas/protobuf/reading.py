"""Reads the objects of protobuf messages into the JSON form of a sample."""

from collections.abc import Iterator
from itertools import islice
from math import isfinite
from typing import Any

from google.protobuf.message import Message

from schemas.protobuf.shapes import DOUBLE, ENUM, ID, PART, PLAIN, TEXT, Shape
from schemas.samples import Item

UUID_LENGTH = 16


class Malformed(ValueError):
    """Bytes that are no samples of the version that their sender named. The text is short and meant for the sender."""


class Reading:
    """Reads one message.

    It reads at most `most_entries` entries of all lists together; lists whose entries have lists of objects themselves
    (the samples, and the peer connections of 3.x) are counted apart, and held to the same number. `left_out` says how
    many entries were not read.
    """

    def __init__(self, most_entries: int) -> None:
        self.left_out = 0
        self._entries = self._holders = most_entries

    def item(self, message: Message, shape: Shape) -> Item:
        """A message as a JSON object; what it lacks, the object lacks.

        Numbers that JSON does not know (infinite ones, NaN) and numbers of unknown enum values are left out. Raises
        `Malformed` if it lacks what it must have.
        """
        item: Item = {}
        places = shape.places
        for descriptor, value in message.ListFields():
            name, kind, texts, part = places[descriptor]
            if kind == PLAIN:
                item[name] = value
            elif kind == DOUBLE:
                if isfinite(value):
                    item[name] = value
            elif kind == TEXT:
                item[name] = value if type(value) is str else _text(value)
            elif kind == ID:
                item[name] = value if type(value) is str and value.isprintable() else _id(value)
            elif kind == ENUM:
                if 0 <= value < len(texts):
                    item[name] = texts[value]
            elif part is None:
                item[name] = [text if type(text) is str else _text(text) for text in self._taken(value)]
            elif kind == PART:
                item[name] = self.item(value, part)
            else:
                entries = self._taken_holders(value) if part.holds_items else self._taken(value)
                item[name] = [self.item(entry, part) for entry in entries]
        for name in shape.required:
            if name not in item:
                raise Malformed(f"{shape.name} without {name}, which is required")
        return item

    def _taken(self, entries: Any) -> Iterator[Any]:
        count = min(len(entries), self._entries)
        self._entries -= count
        self.left_out += len(entries) - count
        return islice(entries, count)

    def _taken_holders(self, entries: Any) -> Iterator[Any]:
        count = min(len(entries), self._holders)
        self._holders -= count
        self.left_out += len(entries) - count
        return islice(entries, count)


def _text(value: bytes) -> str:
    """Text that is not UTF-8: a sender cut a character in two, or wrote half a surrogate pair."""
    return value.decode(errors="replace")


def _id(value: str | bytes) -> str:
    """The text of an id that is not printable UTF-8: of 16 bytes it is a UUID."""
    raw = value if isinstance(value, bytes) else value.encode()
    if len(raw) == UUID_LENGTH:
        digits = raw.hex()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return value if isinstance(value, str) else value.decode(errors="backslashreplace")
