"""Samples written in protobuf, in every version of the schemas: bytes in, the JSON form of the same family out.

A message is parsed by the protobuf library, in a tenth of the time that it takes to make Python objects of its fields.
Four ways to make them were compared with ``python -m benchmarks.protobuf``: the one taken here goes through the fields
that a message has. Asking for each field by its name is a tenth faster where a message has most of its fields, and ten
times slower where it has none, which two bytes are enough for. Reading the wire in Python is half as fast.
"""

from google.protobuf.message import DecodeError

from schemas.protobuf.formats import Format, format_3_3, format_3_4, format_of, takes
from schemas.protobuf.reading import Malformed, Reading
from schemas.protobuf.shapes import FIXED_64, codec
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
    named = format_of(version)
    try:
        form, root = _recognised(data, named, most_entries + 1_000)
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


_ENVELOPED = {"ClientSample": "clientSamples", "SfuSample": "sfuSamples"}

_TIMESTAMP_UNTIL_3_3 = 6 << 3 | FIXED_64
_TIMESTAMP_FROM_3_4 = 7 << 3 | FIXED_64


def _recognised(data: bytes, named: Format, most_tags: int) -> tuple[Format, str]:
    """The format in which data is written, and the message that it is, told by where its timestamp stands.

    In 2.x an envelope has no field where the bare samples have theirs. In 3.x senders name the version of their
    samples, not that of their encoder, and the timestamp, which every message has, moved in 3.4.
    """
    if named.root == "Samples":
        bare = codec(named).timestamps
        found = first_of(bare, data, most_tags)
        return named, named.root if found is None else bare[found]
    found = first_of((_TIMESTAMP_UNTIL_3_3, _TIMESTAMP_FROM_3_4), data, most_tags)
    if found == _TIMESTAMP_FROM_3_4:
        return format_3_4(), named.root
    until_3_3 = found == _TIMESTAMP_UNTIL_3_3 and named is format_3_4()
    return format_3_3() if until_3_3 else named, named.root
