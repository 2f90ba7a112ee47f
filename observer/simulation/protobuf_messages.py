"""Messages of simulated clients and SFUs in protobuf of schema 2.2.0.

As encoders do, fractions are cut in fields of whole numbers, numbers in fields of text are written as text, and fields
that the schema does not know are left out.
"""

from typing import Any

from schemas.protobuf.formats import format_2_2_0
from schemas.protobuf.shapes import ENUM, ID, ITEMS, PART, PLAIN, TEXT, TEXTS, Shape, codec


def in_protobuf(message: dict[str, Any]) -> bytes:
    """An envelope as its sender writes it."""
    ready = codec(format_2_2_0())
    written = ready.classes["Samples"]()
    _write(message, written, ready.shapes["Samples"])
    return written.SerializeToString()


def _write(item: dict[str, Any], message: Any, shape: Shape) -> None:
    for name, kind, texts, part in shape.places.values():
        value = item.get(name)
        if value is None:
            continue
        if kind == TEXTS:
            getattr(message, name).extend(value)
        elif kind == ITEMS and part:
            for entry in value:
                _write(entry, getattr(message, name).add(), part)
        elif kind == PART and part:
            getattr(message, name).SetInParent()
            _write(value, getattr(message, name), part)
        else:
            setattr(message, name, _fitting(value, kind, texts))


def _fitting(value: Any, kind: int, texts: tuple[str, ...]) -> Any:
    if kind in (TEXT, ID):
        return str(value)
    if kind == ENUM:
        return texts.index(value)
    return int(value) if kind == PLAIN else value
