"""Another copy of recorded clients: every UUID, room id and SSRC another, the same one wherever it stood.

What is new is as long as what it stands for, as text and as a protobuf number, so that messages of protobuf stay what
they are when their bytes are replaced.
"""

import re
import uuid
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(rb"(?<![\d.])\d{5,10}(?!\d)")

_LEAST_IN_BINARY = 1 << 21
"""SSRCs below take three bytes or less in protobuf, which stand for many other things."""


class Rewriting:
    """What changes in copy `number` of a recording with this truth."""

    def __init__(self, truth: Mapping[str, Any], number: int) -> None:
        self._number = number
        numbers = _others(ssrcs(truth), number)
        self._ssrcs = {str(old).encode(): str(new).encode() for old, new in numbers.items()}
        self._rooms = {room["roomId"].encode(): _other_room(room["roomId"], number) for room in truth["rooms"]}
        self._room = _one_of(self._rooms)
        self._varints = {varint(old): varint(new) for old, new in numbers.items() if old >= _LEAST_IN_BINARY}
        self._varint = _one_of(self._varints) if self._varints else None

    def text(self, text: str) -> str:
        """A text with all that changes in it."""
        return self._spelt(text.encode()).decode()

    def body(self, body: str | bytes, *, protobuf: bool) -> str | bytes:
        """A message with all that changes in it."""
        if isinstance(body, str):
            return self.text(body)
        body = self._spelt(body)
        if protobuf and self._varint is not None:
            return self._varint.sub(lambda found: self._varints[found[0]], body)
        return body

    def _spelt(self, text: bytes) -> bytes:
        text = self._room.sub(lambda found: self._rooms[found[0]], text)
        text = _UUID.sub(self._other_uuid, text)
        return _NUMBER.sub(lambda found: self._ssrcs.get(found[0], found[0]), text)

    def _other_uuid(self, found: re.Match[bytes]) -> bytes:
        name = f"{self._number} {found[0].decode().lower()}"
        return str(uuid.uuid5(uuid.NAMESPACE_OID, name)).encode()


def ssrcs(truth: Mapping[str, Any]) -> set[int]:
    """Every SSRC that a truth names."""
    found: set[int] = set()
    for participant in truth["participants"]:
        for connection in participant["peerConnections"]:
            for ssrc, stream in (connection["inbound"] | connection["outbound"]).items():
                found |= {int(ssrc), int(stream.get("rtxSsrc") or 0)}
    for match in truth.get("sfuMatching", ()):
        found |= {*match["ssrcs"], *match["outboundSsrcs"]}
    return found - {0}


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _others(known: Iterable[int], number: int) -> dict[int, int]:
    """Another SSRC for each, of as many digits and of as many bytes, no two the same."""
    others: dict[int, int] = {}
    taken = set(known)
    for ssrc in sorted(taken):
        digits, size = len(str(ssrc)), len(varint(ssrc))
        least = max(10 ** (digits - 1), 1 << 7 * (size - 1))
        most = min(10**digits, 1 << 7 * size, 1 << 32) - 1
        for attempt in range(1000):
            drawn = int.from_bytes(sha256(f"{number} {ssrc} {attempt}".encode()).digest()[:8])
            other = least + drawn % (most - least + 1)
            if other not in taken:
                break
        taken.add(other)
        others[ssrc] = other
    return others


def _other_room(room: str, number: int) -> bytes:
    """The end of the name changes, at most eight characters of it."""
    changed = min(8, len(room))
    return (room[:-changed] + sha256(f"{number} {room}".encode()).hexdigest()[:changed]).encode()


def _one_of(words: Iterable[bytes]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)))
