"""Samples written in protobuf, in every version of the schemas: bytes in, the JSON form of the same family out."""

from google.protobuf.message import DecodeError

from schemas.protobuf.formats import format_of, takes
from schemas.protobuf.reading import Malformed, Reading
from schemas.protobuf.shapes import codec
from schemas.samples import Item, Reason, Tally
from schemas.versions import SchemaVersion

__all__ = ["Malformed", "decode", "is_delta", "takes"]


def decode(data: bytes, version: SchemaVersion, most_entries: int, rejected: Tally | None = None) -> Item:
    """The JSON form of a message that a sender of `version` wrote.

    In 2.x that is an envelope (``clientSamples``, ``sfuSamples``, ``turnSamples``, ``controls``), in 3.x a client
    sample as it stands on the wire, before deltas are filled. What is absent is absent. At most `most_entries` + 1
    entries of all lists together are read, so that whoever counts them sees that there are too many; how many more
    there were is tallied in `rejected`. Raises `Malformed`.
    """
    if data[:1] in (b"{", b"["):
        raise Malformed("JSON text where protobuf was announced: name format=json")
    form = format_of(version)
    ready = codec(form)
    root = form.root
    try:
        message = ready.classes[root].FromString(data)
    except DecodeError:
        raise Malformed(f"no protobuf message of schema {form.name}, or a truncated one") from None
    reading = Reading(most_entries + 1)
    item = reading.item(message, ready.shapes[root])
    if reading.left_out and rejected is not None:
        rejected[Reason.TOO_MANY_ITEMS] += reading.left_out
    return item


def is_delta(version: SchemaVersion) -> bool:
    """Whether encoders of that version leave out what did not change: 2.2.1 and later, and 3.x."""
    return version >= SchemaVersion(2, 2, 1)
