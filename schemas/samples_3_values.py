"""Reading what a client of 3.x may have written in several ways."""

from typing import Any

import orjson

from schemas.samples import Item


def entries(value: Any) -> list[Any]:
    """The entries of a list; none for none. What is no list counts as one entry that is none, so that it is noticed."""
    if type(value) is list:
        return value
    return [] if value is None else [None]


def entries_within(value: Any, most: int) -> list[Any]:
    """As `entries`, with a ``None`` for each entry beyond `most`."""
    found = entries(value)
    return found if len(found) <= most else [*found[:most], *[None] * (len(found) - most)]


def objectified(value: Any) -> Item | None:
    """An object that stands for itself or as JSON text; ``None`` for anything else."""
    if type(value) is str and value.startswith("{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return value if type(value) is dict else None
