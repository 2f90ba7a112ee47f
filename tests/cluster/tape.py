"""A machine for tests of one member: it remembers what it was told."""

from collections.abc import Iterator

PART = bytes(128 * 1024)
"""What its snapshots are made of."""


class Tape:
    """A machine that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.parts = 1

    def apply(self, command: bytes) -> int:
        self.told.append(command)
        return len(self.told)

    def snapshot(self) -> "Copy":
        return Copy([PART] * self.parts)

    def restoring(self) -> "Splice":
        return Splice(self)


class Copy:
    """The parts of a snapshot."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = iter(parts)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None: ...


class Splice:
    """A tape that is put together; it knows that no part is empty."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._told: list[bytes] = []

    def take(self, part: bytes) -> None:
        if not part:
            raise ValueError("an empty part")
        self._told.append(part)

    def finish(self) -> None:
        self._tape.told = self._told
