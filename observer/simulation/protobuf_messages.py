"""Messages of clients and SFUs in protobuf, as senders write them: the JSON form of a format in, its bytes out.

As encoders do, fractions are cut in fields of whole numbers, numbers in fields of text are written as text, and fields
that the format does not know are left out.
"""

from typing import Any

from schemas.protobuf.formats import Format, format_2_2_0
from schemas.protobuf.shapes import ENUM, ID, ITEMS, PART, PLAIN, TEXT, TEXTS, Shape, codec
from schemas.samples import Item


def in_protobuf(message: Item) -> bytes:
    """An envelope as a sender of schema 2.2.0 writes it."""
    return written(message, format_2_2_0())


def written(item: Item, form: Format, root: str | None = None) -> bytes:
    """A message of a format; `root` names its type, unless it is that which senders of the format send."""
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
        else:
            setattr(message, name, _fitting(value, kind, texts))


def _fitting(value: Any, kind: int, texts: tuple[str, ...]) -> Any:
    if kind in (TEXT, ID):
        return str(value)
    if kind == ENUM:
        return texts.index(value)
    return int(value) if kind == PLAIN else value
