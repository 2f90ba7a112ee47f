"""What the catalogue of dumps knows of each: how it is called, who took part, when, and where it is.

Pure. What clients say about themselves is only ever a value here, without what databases cannot hold.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from dumps.formats import Kind

if TYPE_CHECKING:
    from dumps.completion import Completed

_NAMES: Mapping[Kind, tuple[str, str, str]] = {
    Kind.RTCSTATS: ("conference", "user", "session"),
    Kind.JITSI: ("confName", "displayName", "meetingUniqueId"),
}
"""Under which members of an identity the conference, the user and the session stand."""

_LATEST_MS = 253_402_300_799_000
"""The end of the year 9999."""

_DEEPEST = 32
"""How deep values may lie in one another."""


class Entry(NamedTuple):
    """A dump that is stored."""

    location: str
    """Where it is, for a person or a program: an URL. No two dumps have the same, but on the disks of two machines."""
    id: str
    base_id: str
    kind: Kind
    client: str
    conference: str | None
    user: str | None
    session: str | None
    identity: bytes
    """All that is known of who took part: an object of JSON."""
    started_ms: int
    ended_ms: int
    size: int
    """As it is stored. [bytes]"""
    raw_size: int
    """Before it was packed. [bytes]"""
    lines: int
    recovered: bool


class Filed(NamedTuple):
    """What it takes to delete a dump."""

    location: str
    ended_ms: int
    size: int
    """0 if the catalogue does not know it. [bytes]"""


class Oldest(NamedTuple):
    """The oldest dumps of a place, and what all that are there take."""

    filed: tuple[Filed, ...]
    """The oldest first."""
    number: int
    """Of all."""
    size: int
    """Of all. [bytes]"""


def entry_of(one: "Completed") -> Entry:
    """The entry of a dump: the same each time that it is told."""
    identity: dict[str, Any] = _held(dict(one.identity))
    conference, user, session = (_text(identity.get(name)) for name in _NAMES[one.kind])
    if one.kind is Kind.JITSI and conference is not None:
        conference = conference.lower()  # as the original files it: people write names of rooms in many ways
    started_ms = min(max(one.started_ms, 0), _LATEST_MS)
    return Entry(
        one.location,
        one.id,
        one.base_id,
        one.kind,
        one.client,
        conference,
        user,
        session,
        orjson.dumps(identity),
        started_ms,
        min(max(one.ended_ms, started_ms), _LATEST_MS),
        one.size,
        one.raw_size,
        one.lines,
        one.recovered,
    )


def is_local(location: str) -> bool:
    """Whether something is on the disk of one machine: elsewhere the same location may name something else."""
    return location.startswith("file:")


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _held(value: Any, depth: int = 0) -> Any:
    """A value of JSON without what databases cannot hold: NUL, halves of characters, and numbers beyond 64 bits."""
    match value:
        case str():
            return value.replace("\0", "").encode(errors="replace").decode()
        case dict() | list() | tuple() if depth == _DEEPEST:
            return None
        case dict():
            return {_held(name): _held(item, depth + 1) for name, item in value.items() if isinstance(name, str)}
        case list() | tuple():
            return [_held(item, depth + 1) for item in value]
        case int() if abs(value) >> 63:
            return float(value) if abs(value) < 1 << 1000 else None
        case bool() | int() | float() | None:
            return value
    return None
