"""Which outbound track owns an SSRC of a call, or an SFU stream of a service.

Two tracks may claim the same; the one that claimed last holds, and when it goes the claim falls back to the other.
Claimants are kept in the order of their claims, so that neither taking, leaving nor finding one looks at all of them:
a sender decides how many tracks claim one id.
"""

from collections.abc import Hashable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from store.entities import Claims, MediaTrack

Key = TypeVar("Key", bound=Hashable)

MOST_LOOKED_AT = 64
"""How many claimants are looked at to find one that fits: real ids have one or two."""


def claim(claims: dict[Key, Claims], key: Key, track: MediaTrack) -> None:
    """Makes `track` the last that claimed `key`."""
    claimants = claims.setdefault(key, {})
    claimants.pop(track, None)
    claimants[track] = None


def release(claims: dict[Key, Claims], key: Key, track: MediaTrack) -> None:
    """Takes `track` away from those that claim `key`."""
    claimants = claims.get(key)
    if claimants is not None:
        claimants.pop(track, None)
        if not claimants:
            del claims[key]


def newest(claimants: Claims) -> Iterator[MediaTrack]:
    """Who claims a key, the last to claim it first: as many as are looked at."""
    return islice(reversed(claimants), MOST_LOOKED_AT)


def in_order(claims: dict[Key, Claims], keys: Iterable[Key]) -> None:
    """Puts the claimants of some keys, which were taken in another order, back into that of their claims."""
    for key in keys:
        if len(claimants := claims[key]) > 1:
            claims[key] = dict.fromkeys(sorted(claimants, key=lambda track: track.claimed))
