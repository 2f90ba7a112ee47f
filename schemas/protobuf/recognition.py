"""Tells what a message is by its bytes, as far as the version that its sender named leaves it open."""

from schemas.protobuf.formats import Format, format_3_3, format_3_4
from schemas.protobuf.shapes import FIXED_64, codec
from schemas.protobuf.wire import first_of

_TIMESTAMP_UNTIL_3_3 = 6 << 3 | FIXED_64
_TIMESTAMP_FROM_3_4 = 7 << 3 | FIXED_64


def recognised(data: bytes, named: Format, most_tags: int) -> tuple[Format, str]:
    """The format in which data is written, and the message that it is, told by where its timestamp stands.

    In 2.x an envelope has no field where the bare samples have theirs. In 3.x senders name the version of their
    samples, not that of their encoder, and the timestamp, which every message has, moved in 3.4. No more than
    `most_tags` fields are looked at. Raises `NoProtobuf`.
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
