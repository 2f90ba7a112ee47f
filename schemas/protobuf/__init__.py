"""Samples written in protobuf, in every version of the schemas: bytes in, the JSON form of the same family out.

A message is parsed by the protobuf library, in a tenth of the time that it takes to make Python objects of its fields.
Four ways to make them were compared with ``python -m benchmarks.protobuf``: the one taken here goes through the fields
that a message has. Asking for each field by its name is a tenth faster where a message has most of its fields, and ten
times slower where it has none, which two bytes are enough for. Reading the wire in Python is half as fast.
"""

from google.protobuf.message import DecodeError

from schemas.protobuf.formats import Format, format_3_3, format_3_4, format_of, takes
from schemas.protobuf.reading import Malformed, Reading
from schemas.protobuf.shapes import FIXED_64, Codec, codec
from schemas.protobuf.wire import NoProtobuf, first_of, holds_more_than
from schemas.samples import Item, Reason, Tally
from schemas.versions import SchemaVersion

__all__ = ["Malformed", "decode", "is_delta", "takes"]

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
    form = format_of(version)
    try:
        if form.root == "ClientSample":
            form = _format_3(data, form)
        ready = codec(form)
        root = form.root if form.root == "ClientSample" else _root(data, ready)
        shape = ready.shapes[root]
        if len(data) > _SMALL and holds_more_than(8 * most_entries + 10_000, data, shape):
            raise Malformed(f"far more than {most_entries} entries")
        message = ready.classes[root].FromString(data)
    except (DecodeError, NoProtobuf):
        raise Malformed(f"truncated, or no protobuf of schema {form.name}") from None
    reading = Reading(most_entries + 1)
    item = reading.item(message, shape)
    if reading.left_out and rejected is not None:
        rejected[Reason.TOO_MANY_ITEMS] += reading.left_out
    return item if root == form.root else {_ENVELOPED[root]: [item]}


def is_delta(version: SchemaVersion) -> bool:
    """Whether encoders of that version leave out what did not change: 2.2.1 and later, and 3.x."""
    return version >= SchemaVersion(2, 2, 1)


_ENVELOPED = {"ClientSample": "clientSamples", "SfuSample": "sfuSamples"}


def _root(data: bytes, ready: Codec) -> str:
    """Which message of 2.x this is: an envelope has no field where the samples have their timestamps."""
    found = first_of(data, ready.timestamps)
    return "Samples" if found is None else ready.timestamps[found]


_UNTIL_3_3 = 6 << 3 | FIXED_64
_FROM_3_4 = 7 << 3 | FIXED_64


def _format_3(data: bytes, named: Format) -> Format:
    """How a message of 3.x is written: senders name the version of their samples, not that of their encoder.

    The timestamp, which every message has, moved in 3.4.
    """
    found = first_of(data, (_UNTIL_3_3, _FROM_3_4))
    if found == _FROM_3_4:
        return format_3_4()
    return format_3_3() if found == _UNTIL_3_3 and named is format_3_4() else named
