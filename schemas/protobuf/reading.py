"""Reads the objects of protobuf messages into the JSON form of a sample."""

from collections.abc import Iterator
from itertools import islice
from math import isfinite
from typing import Any

from schemas.protobuf.shapes import Shape
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

    def item(self, message: Any, shape: Shape) -> Item:
        """A message as a JSON object; what it lacks, the object lacks.

        Numbers that JSON does not know (infinite ones, NaN) and numbers of unknown enum values are left out. Raises
        `Malformed` if it lacks what it must have.
        """
        has = message.HasField
        for name in shape.required:
            if not has(name):
                raise Malformed(f"{shape.name} without {name}, which is required")
        item = {name: getattr(message, name) for name in shape.plain if has(name)}
        for name in shape.doubles:
            if has(name):
                number = getattr(message, name)
                if isfinite(number):
                    item[name] = number
        for name in shape.texts:
            if has(name):
                text = getattr(message, name)
                item[name] = text if type(text) is str else _text(text)
        for name in shape.ids:
            if has(name):
                text = getattr(message, name)
                item[name] = text if type(text) is str and text.isprintable() else _id(text)
        for name, texts in shape.enums:
            if has(name):
                number = getattr(message, name)
                if 0 <= number < len(texts):
                    item[name] = texts[number]
        for name, part in shape.parts:
            if has(name):
                item[name] = self.item(getattr(message, name), part)
        if shape.within:
            self._read_lists(message, shape, item)
        return item

    def _read_lists(self, message: Any, shape: Shape, item: Item) -> None:
        for name in shape.text_lists:
            entries = getattr(message, name)
            if entries:
                taken = self._taken(entries)
                item[name] = [text if type(text) is str else _text(text) for text in taken]
        for name, entry in shape.lists:
            entries = getattr(message, name)
            if entries:
                taken = self._taken_holders(entries) if entry.lists else self._taken(entries)
                item[name] = [self.item(one, entry) for one in taken]

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
