"""Samples written in protobuf, in every version of the schemas: bytes in, the JSON form of the same family out.

The protobuf library parses a sample of 2 kB in 2 us, and to make Python objects of it takes 70 us, four times what
orjson needs for the same sample in JSON (``python -m benchmarks.protobuf``). The objects are made by going through the
fields that a message has. To ask for each field by its name takes as long for real samples, and four times as long for
empty ones, of which every two bytes can be one; to read the wire in Python takes up to twice as long.
"""

from google.protobuf.message import DecodeError

from schemas.protobuf.formats import FIRST_VERSIONS, format_of, takes
from schemas.protobuf.reading import Malformed, Reading
from schemas.protobuf.recognition import recognised
from schemas.protobuf.shapes import codec
from schemas.protobuf.wire import NoProtobuf, holds_more_than
from schemas.samples import Item, Reason, Tally
from schemas.versions import SchemaVersion

__all__ = ["Malformed", "decode", "encoder_of", "is_delta", "takes"]

_SMALL = 64 * 1024
"""A message of so many bytes becomes at most some 20 MB of empty objects, whatever it says. (B)"""


def decode(data: bytes, version: SchemaVersion, most_entries: int, rejected: Tally | None = None) -> Item:
    """The JSON form of a message that a sender of `version`, which `takes`, wrote.

    In 2.x that is an envelope (``clientSamples``, ``sfuSamples``, ``turnSamples``, ``controls``), also for the bare
    sample of a client or an SFU; in 3.x a client sample as it stands on the wire, before deltas are filled. What is
    absent is absent. Whole numbers in fields of fractions are floats. At most `most_entries` + 1 entries of all lists
    together are read, so that whoever counts them sees that there are too many; how many more there were is tallied in
    `rejected`. Raises `Malformed`, also for large messages of far more fields than so many entries can have.
    """
    if data[:1] in (b"{", b"["):
        raise Malformed("JSON text where protobuf was announced: name format=json")
    named = format_of(version)
    try:
        form, root = recognised(data, named, most_entries + _MOST_TAGS)
        ready = codec(form)
        shape = ready.shapes[root]
        if len(data) > _SMALL and holds_more_than(8 * most_entries + 10_000, data, shape):
            raise Malformed(f"far more than {most_entries} entries")
        message = ready.classes[root].FromString(data)
    except (DecodeError, NoProtobuf):
        raise Malformed(f"truncated, or no protobuf of schema {named.name}") from None
    reading = Reading(most_entries + 1)
    item = reading.item(message, shape)
    if reading.left_out and rejected is not None:
        rejected[Reason.TOO_MANY_ITEMS] += reading.left_out
    return item if root == named.root else {_ENVELOPED[root]: [item]}


def is_delta(version: SchemaVersion) -> bool:
    """Whether encoders of that version leave out what did not change: 2.2.1 and later, and 3.x."""
    return version >= SchemaVersion(2, 2, 1)


def encoder_of(data: bytes, version: SchemaVersion) -> SchemaVersion:
    """The version of the encoder that wrote a message: how deltas are to be filled depends on it.

    It is the `version` that the sender named, except where the bytes of 3.x tell that they are in another format; then
    it is the first version that is written so.
    """
    named = format_of(version)
    try:
        form, _ = recognised(data, named, _MOST_TAGS)
    except NoProtobuf:
        return version
    return version if form is named else next(first for first, made in FIRST_VERSIONS if made() is form)


_MOST_TAGS = 1_000
_ENVELOPED = {"ClientSample": "clientSamples", "SfuSample": "sfuSamples"}
