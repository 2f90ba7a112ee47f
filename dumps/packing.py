"""The lines of a dump as the file that is kept: without the addresses of people, and packed."""

import os
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from dumps.formats import MAGIC, Kind, head_length
from dumps.obfuscation import Obfuscation, read_json
from dumps.work import FILE_MODE

_GZIP = 16 + zlib.MAX_WBITS
_AT_ONCE = 262_144


class Packed(NamedTuple):
    """A dump that is packed."""

    path: Path
    size: int
    raw_size: int
    """Before it was packed. [bytes]"""
    lines: int
    removed: int
    """Lines that are no JSON; one of them would keep the tools of the form from reading all others."""
    digest: str
    """SHA-256 of the file: the same lines always make the same."""


def pack(lines: Path, packed: Path, kind: Kind, *, obfuscates: bool, check: Callable[[], object]) -> Packed | None:
    """Pack the lines of a file into another one, which is on the disk then; None if nobody sent any of them.

    Takes little memory, whatever the size. `check` is called now and then; what it raises ends it. Raises OSError.
    """
    writing = _Writing(packed)
    obfuscation = Obfuscation(kind) if obfuscates else None
    # As the original leaves them: without the newline at the end where it had nothing to change.
    ends_open = kind is Kind.RTCSTATS and not obfuscates
    kept = removed = 0
    try:
        with open(lines, "rb") as file:
            for number, line in enumerate(file):
                if number % 256 == 0:
                    check()
                text = _kept(line.removesuffix(b"\n"), number, kind, obfuscation)
                if text is None:
                    removed += 1
                    continue
                writing.add(b"\n" + text if ends_open and kept else text if ends_open else text + b"\n")
                kept += 1
        if kept <= head_length(kind):
            return None
        raw_size = writing.raw_size
        size, digest = writing.finish()
    finally:
        writing.close()
    return Packed(packed, size, raw_size, kept, removed, digest)


def _kept(line: bytes, number: int, kind: Kind, obfuscation: Obfuscation | None) -> bytes | None:
    """What is kept of a line; None if nothing is."""
    if number == 0 and kind is Kind.RTCSTATS and line == MAGIC:
        return line
    if not line and obfuscation is None:
        return line
    try:
        message = read_json(line)
        return obfuscation.line(line, message) if obfuscation else line
    except ValueError:
        return None


class _Writing:
    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)  # not emptied: it may be the very file that stands in the storage
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = open(os.open(path, flags, FILE_MODE), "wb", buffering=_AT_ONCE)  # noqa: SIM115 - see `close`
        self._packing = zlib.compressobj(wbits=_GZIP)
        self._digest = sha256()
        self._texts: list[bytes] = []
        self._size = self._waiting = self.raw_size = 0

    def add(self, text: bytes) -> None:
        self._texts.append(text)
        self.raw_size += len(text)
        self._waiting += len(text)
        if self._waiting >= _AT_ONCE:
            self._write(self._packing.compress(self._taken()))

    def finish(self) -> tuple[int, str]:
        self._write(self._packing.compress(self._taken()) + self._packing.flush())
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._size, self._digest.hexdigest()

    def close(self) -> None:
        self._file.close()

    def _taken(self) -> bytes:
        text = b"".join(self._texts)
        self._texts.clear()
        self._waiting = 0
        return text

    def _write(self, block: bytes) -> None:
        self._size += len(block)
        self._digest.update(block)
        self._file.write(block)
