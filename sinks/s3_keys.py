"""The keys of objects: where in a bucket reports go, and a name for each object that no other ever has.

Clients choose some ids that may become part of a key. Whatever they choose, an id is one part of the key, of at most
`LONGEST_PART` characters that every store takes, and different ids are different parts. So no client reaches the place
of another id, and nothing that is written is ever written over by anybody else.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

import msgspec

from schemas.reports import ReportType
from sinks.encoding import type_of
from sinks.lines import Line

INDEXES = "__indexes"
"""What the keys of all indexes begin with."""
NO_SERVICE = "unknown-services"
NO_CALL = "unknown-calls"
NO_SFU = "unknown-sfus"

LONGEST_PART = 200
"""The longest that an id may be as part of a key. (bytes)"""
LONGEST_PREFIX = 256
"""The longest that a prefix may be; so a key stays below the 1024 that S3 takes. (bytes)"""

MOST_REMEMBERED = 50_000
"""How many objects are remembered; beyond, the oldest are forgotten."""

_UNSAFE = re.compile(rb"[^A-Za-z0-9._-]")
_TAKEN = frozenset((INDEXES, NO_SERVICE, NO_CALL, NO_SFU, ".", ".."))


def part_of(id_: str | None, absent: str) -> str:
    """An id as one part of a key; `absent` for none.

    What is neither a letter of ASCII, a digit, ``.``, ``_`` nor ``-`` is ``!`` and two hexadecimal digits for each
    byte. An id that would be too long ends in ``!-`` and a hash of all of it.
    """
    if not id_:
        return absent
    text = id_.encode()
    part = _UNSAFE.sub(lambda found: b"!%02X" % found[0][0], text).decode()
    if part in _TAKEN:
        return f"!{ord(part[0]):02X}{part[1:]}"
    if len(part) <= LONGEST_PART:
        return part
    end = f"!-{sha256(text).hexdigest()[:32]}"
    return part[: LONGEST_PART - len(end)] + end


def prefix_of(text: str) -> str:
    """A prefix that an operator chose, without slashes at its ends (for the metadata `parse` of a field)."""
    prefix = text.strip("/")
    if not prefix or len(prefix.encode()) > LONGEST_PREFIX:
        raise ValueError(f"must be a prefix of keys, of at most {LONGEST_PREFIX} bytes")
    if not prefix.isprintable() or any(part in ("", ".", "..") for part in prefix.split("/")):
        raise ValueError("must be a prefix of keys: parts with something in them, with one slash between them")
    return prefix


def word_of(type_: ReportType) -> str:
    """The type as the reference's README writes it in keys: ``call-event``."""
    return type_.value.lower().replace("_", "-")


class Layout(NamedTuple):
    """Which reports lie where."""

    default_prefix: str | None
    prefixes: Mapping[ReportType, str]
    by_service: bool
    by_category: bool
    by_subject: bool
    """Whether each call, and each SFU, has a place of its own."""

    def place_of(self, line: Line) -> str:
        """What comes before the last slash of the key that the report goes to."""
        type_ = type_of(line)
        of_sfu = type_.startswith("SFU_")
        parts = [self.prefixes.get(type_) or self.default_prefix or word_of(type_)]
        ids = _ids_of(line) if self.by_service or self.by_subject else _NO_IDS
        if self.by_subject:
            parts.append(part_of(ids.sfu_id, NO_SFU) if of_sfu else part_of(ids.call_id, NO_CALL))
        if self.by_category:
            parts.append("sfu-reports" if of_sfu else "call-reports")
        if self.by_service:
            parts.append(part_of(ids.service_id, NO_SERVICE))
        return "/".join(reversed(parts))


class Remembered(dict[tuple[str, bytes], str]):
    """The names of objects, by their place and a hash of their content; the oldest beyond `MOST_REMEMBERED` go."""

    def remember(self, place: str, digest: bytes, name: str) -> None:
        """Add one."""
        self[place, digest] = name
        if len(self) > MOST_REMEMBERED:
            del self[next(iter(self))]


class Names:
    """Gives names to objects: a time, who wrote it, and a number that grows. Sorted, they are in the order of sending.

    An object that was not seen to arrive has its name again when it is sent again: perhaps it did arrive, and is
    replaced by the same then.
    """

    def __init__(self, writer: str) -> None:
        self._writer = writer
        """Random, so that no two processes write the same name."""
        self._number = 0
        self._latest = ""
        self._unseen = Remembered()

    def take(self, place: str, digest: bytes, now: float) -> str:
        """The name of the object of that place and content; `now` is the time since the epoch. (s)"""
        name = self._unseen.pop((place, digest), None)
        if name is None:
            self._number += 1
            # A clock that is set back must not change the order.
            self._latest = max(self._latest, f"{datetime.fromtimestamp(now, UTC):%Y%m%d%H%M%S}")
            name = f"{self._latest}-{self._writer}-{self._number:08}"
        self._unseen.remember(place, digest, name)
        return name

    def arrived(self, place: str, digest: bytes) -> None:
        """Forget a name: its object is there."""
        self._unseen.pop((place, digest), None)


class _Ids(msgspec.Struct, rename="camel", gc=False):
    service_id: str | None = None
    call_id: str | None = None
    sfu_id: str | None = None


class _Envelope(msgspec.Struct, gc=False):
    payload: _Ids


_NO_IDS = _Ids()
_decode = msgspec.json.Decoder(_Envelope).decode


def _ids_of(line: Line) -> _Ids:
    """What a place may depend on; nothing else of the line is read."""
    return _decode(line).payload
