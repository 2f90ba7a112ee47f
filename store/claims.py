"""Which outbound track owns an SSRC of a call, or an SFU stream of a service.

Two tracks may claim the same; the one that claimed last holds, and when it goes the claim falls back to the other.
"""

from collections.abc import Hashable
from typing import TypeVar

from store.entities import MediaTrack

Key = TypeVar("Key", bound=Hashable)


def claim(claims: dict[Key, list[MediaTrack]], key: Key, track: MediaTrack) -> None:
    """Puts `track` among those that claim `key`."""
    holders = claims.setdefault(key, [])
    if track not in holders:
        holders.append(track)


def release(claims: dict[Key, list[MediaTrack]], key: Key, track: MediaTrack) -> None:
    """Takes `track` away from those that claim `key`."""
    holders = claims.get(key)
    if holders and track in holders:
        holders.remove(track)
        if not holders:
            del claims[key]
