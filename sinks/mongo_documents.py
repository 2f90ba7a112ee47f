"""Reports as documents of MongoDB: ``_id``, ``type``, ``schemaVersion`` and ``payload``.

The ``_id`` is made of the report, so a report that is sent again is known as the one that is there: an ObjectId whose
time is the report's own (so that ids grow, as indexes like it), and whose other 8 bytes are a hash of its line.
Reports of one batch that are equal in everything have different ids as well.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

import bson
import msgspec
import trio
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from sinks.lines import Line
from sinks.mongo_collections import CollectionOf
from sinks.sink import Rejection

LARGEST = 16_777_216
"""The largest document that MongoDB takes. (bytes)"""
LARGEST_CHUNK = 4_194_304
"""How much of a batch is made into documents at once, as lines of JSON. (bytes)"""

_IN_A_ROW = 32
"""How many documents are made before the rest of the observer gets its turn; that takes about a millisecond."""
_HASHED = 8

_decode = msgspec.json.Decoder().decode


class Document(NamedTuple):
    """A report as a document, encoded once and for all."""

    line: Line
    encoded: RawBSONDocument


class Documents:
    """The documents of one batch, by their collections."""

    def __init__(self, collection_of: CollectionOf) -> None:
        self._collection_of = collection_of
        self._seen: dict[bytes, int] = {}

    async def of(self, lines: Iterable[Line]) -> tuple[dict[str, list[Document]], list[Rejection]]:
        """The documents of the next lines, by collection and in their order, and the lines that cannot be one."""
        collections: dict[str, list[Document]] = {}
        rejected: list[Rejection] = []
        for number, line in enumerate(lines, 1):
            envelope = _decode(line)
            try:
                encoded = self._encoded(line, envelope)
            except (BSONError, OverflowError, ValueError) as error:
                rejected.append(Rejection(line, _why(error)))
            else:
                collections.setdefault(self._collection_of(envelope), []).append(Document(line, encoded))
            if number % _IN_A_ROW == 0:
                await trio.lowlevel.checkpoint()
        return collections, rejected

    def _encoded(self, line: Line, envelope: dict[str, Any]) -> RawBSONDocument:
        encoded = bson.encode({"_id": self._id(line, envelope["payload"]["timestamp"]), **envelope})
        if len(encoded) > LARGEST:
            raise ValueError
        return RawBSONDocument(encoded)

    def _id(self, line: Line, timestamp: int | None) -> bson.ObjectId:
        seconds = int(timestamp or 0) // 1000 & 0xFFFF_FFFF
        id = seconds.to_bytes(4, "big") + sha256(line).digest()[:_HASHED]
        earlier = self._seen.get(id, 0)
        self._seen[id] = earlier + 1
        if earlier:
            id = id[:-_HASHED] + sha256(b"%d %b" % (earlier, id)).digest()[:_HASHED]
        return bson.ObjectId(id)


def chunks(lines: Iterable[Line], largest: int = LARGEST_CHUNK) -> Iterator[list[Line]]:
    """The lines in their order, as many at a time as `largest` bytes have room for, but at least one."""
    chunk, size = list[Line](), 0
    for line in lines:
        if chunk and size + len(line) > largest:
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line)
    if chunk:
        yield chunk


def _why(error: Exception) -> str:
    if isinstance(error, OverflowError):
        return "it has a whole number beyond 64 bits, which MongoDB does not store"
    if isinstance(error, BSONError):
        return "it cannot be written as BSON"
    return f"as a document it is larger than the {LARGEST} bytes that MongoDB takes"
