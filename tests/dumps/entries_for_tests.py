"""Dumps that are completed, and their entries."""

from typing import Any

from dumps.completion import Completed
from dumps.entries import Entry, entry_of
from dumps.formats import Kind

PLACE = "https://dumps.example/"


def completed(name: str = "d1", place: str = PLACE, **fields: Any) -> Completed:
    known: dict[str, Any] = {
        "id": name,
        "base_id": name,
        "kind": Kind.RTCSTATS,
        "client": "rtcstats",
        "started_ms": 1_700_000_000_000,
        "ended_ms": 1_700_000_060_500,
        "identity": {"user": "alice", "session": "sess-1", "conference": "room-1"},
        "key": f"{name}.gz",
        "location": f"{place}{name}.gz",
        "size": 100,
        "raw_size": 1000,
        "lines": 10,
        "recovered": False,
    }
    return Completed(**known | fields)


def entry(name: str = "d1", place: str = PLACE, **fields: Any) -> Entry:
    return entry_of(completed(name, place, **fields))
