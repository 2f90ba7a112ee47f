"""Writes samples as a sender does: the JSON form of a format in, its bytes out.

As encoders do, it cuts fractions in fields of whole numbers, and writes numbers in fields of text as text.
"""

from typing import Any

from schemas.protobuf.formats import Format
from schemas.protobuf.shapes import ENUM, ID, ITEMS, PART, PLAIN, TEXT, TEXTS, Shape, codec
from schemas.samples import Item


def written(item: Item, form: Format, root: str | None = None) -> bytes:
    """A message; fields that the format does not know are left out, as an encoder leaves them out."""
    root = root or form.root
    ready = codec(form)
    message = ready.classes[root]()
    _write(item, message, ready.shapes[root])
    return message.SerializeToString()


def _write(item: Item, message: Any, shape: Shape) -> None:
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
        elif kind in (TEXT, ID):
            setattr(message, name, value if isinstance(value, str) else str(value))
        elif kind == PLAIN:
            setattr(message, name, int(value))
        else:
            setattr(message, name, texts.index(value) if kind == ENUM else value)
