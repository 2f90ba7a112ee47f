"""Reports as lines of JSON, many in one piece of bytes: so they wait for a sink, and so they are written.

A piece takes the memory that it is counted with, costs as much as one object whatever it holds, and is none that the
garbage collector looks at.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

Line = bytes
"""One report: its envelope as compact JSON in UTF-8 (`schemas.reports.to_json`), without a line end."""


class Piece(NamedTuple):
    """Some lines in their order, each with a line end, which no line holds within."""

    number: int
    text: bytes

    def cut(self, most: int, most_bytes: int) -> tuple["Piece", "Piece"]:
        """The first lines, `most` at most and as many as `most_bytes` have room for, and the rest."""
        head = self
        if self.number > most:
            rest = self.text.split(b"\n", most)[-1] if most > 0 else self.text
            head = Piece(max(most, 0), self.text[: len(self.text) - len(rest)])
        if len(head.text) > most_bytes:
            text = head.text[: head.text.rfind(b"\n", 0, max(most_bytes, 0)) + 1]
            head = Piece(text.count(b"\n"), text)
        return head, Piece(self.number - head.number, self.text[len(head.text) :])

    def cuts(self, most: int) -> Iterator["Piece"]:
        """All lines, at most so many to a piece."""
        lines = self.text[:-1].split(b"\n")
        for start in range(0, self.number, most):
            some = lines[start : start + most]
            yield Piece(len(some), b"\n".join((*some, b"")))


class Batch:
    """What a sink is sent at once: `pieces`, none of them empty. It has a length, in lines, and gives them in turn."""

    def __init__(self, pieces: Sequence[Piece] = ()) -> None:
        self.pieces = pieces
        self._number = sum(piece.number for piece in pieces)

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[Line]:
        for piece in self.pieces:
            yield from piece.text[:-1].split(b"\n")

    @property
    def size(self) -> int:
        """How long its lines are together, with their ends. (bytes)"""
        return sum(len(piece.text) for piece in self.pieces)


def batch_of(lines: Iterable[Line]) -> Batch:
    """A batch of these lines."""
    return batch_of_texts([b"".join(line + b"\n" for line in lines)])


def batch_of_texts(texts: Iterable[bytes]) -> Batch:
    """A batch of what stands in these texts, each of them whole lines with their ends."""
    return Batch([Piece(text.count(b"\n"), text) for text in texts if text])
