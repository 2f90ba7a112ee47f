"""The fields of a wire format: read from tables, changed by differences, and numbered.

A table is text. A line at the margin names a message. Below it stand its fields, those of one label and one type in one
line, which may go on in lines that are indented further. A type is one of protobuf's, a message, ``id`` (a text, or the
16 bytes of a UUID), or the JSON texts of an enum in the order of their numbers, joined by ``|``. A table may be a
difference: its fields come to those of the same message or stand in their place, ``without`` takes fields away.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

LABELS = ("repeated", "required", "optional")
"""In the order in which a message numbers its fields."""

SCALARS = ("string", "id", "bool", "int32", "int64", "double")


class Field(NamedTuple):
    """One field of a message."""

    label: str
    type: str


Fields = Mapping[str, Mapping[str, Field]]
"""The fields of each message, by the names of message and field."""


def fields_of(table: str) -> Fields:
    """What a table gives."""
    return changed({}, table)


def replaced(fields: Fields, table: str) -> Fields:
    """`fields` with the messages of `table` in place of those of the same name, whole."""
    return {**fields, **fields_of(table)}


def changed(fields: Fields, *tables: str) -> Fields:
    """`fields` with the differences that `tables` give applied one after the other."""
    messages = {message: dict(named) for message, named in fields.items()}
    for table in tables:
        for message, label, kind, name in _entries(table):
            named = messages.setdefault(message, {})
            if label == "without":
                del named[name]
            else:
                named[name] = Field(label, kind)
    return messages


def numbered(named: Mapping[str, Field]) -> Iterator[tuple[int, str, Field]]:
    """The fields of one message with the numbers that the schema generator gives them.

    Repeated fields come first, then required, then optional ones, each in the order of the alphabet; they count from 1.
    """
    in_order = sorted(named.items(), key=lambda entry: (LABELS.index(entry[1].label), entry[0]))
    for number, (name, field) in enumerate(in_order, 1):
        yield number, name, field


def _entries(table: str) -> Iterator[tuple[str, str, str, str]]:
    """Message, label, type and name of each field; of ``without`` the type is empty."""
    message = label = kind = ""
    for line in table.splitlines():
        words = line.split()
        indent = len(line) - len(line.lstrip())
        if not words:
            continue
        if not indent:
            message = line
            continue
        if indent == 4:
            label = words.pop(0)
            kind = "" if label == "without" else words.pop(0)
        for name in words:
            yield message, label, kind, name
