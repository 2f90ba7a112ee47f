"""Batches in chunks that are worth a call of the system each, whatever the pieces are that they came in."""

from collections.abc import Iterator

from sinks.lines import Batch

CHUNK = 114_688
"""About how long a chunk is; one that ends with a longer line is longer. Beyond 128 KiB each would be new memory of the
system's, which costs more than all the rest. (bytes)"""


def chunks(batch: Batch, size: int = CHUNK) -> Iterator[bytes]:
    """All lines in their order, each with its end: whole lines, in texts of about `size` bytes."""
    small: list[bytes] = []
    length = 0
    for piece in batch.pieces:
        for text in _cut(piece.text, size):
            small.append(text)
            length += len(text)
            if length >= size:
                yield b"".join(small)
                small, length = [], 0
    if small:
        yield b"".join(small)


def _cut(text: bytes, size: int) -> Iterator[bytes]:
    if len(text) <= size:
        yield text
        return
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + size - 1) + 1 or len(text)
        yield text[start:end]
        start = end
