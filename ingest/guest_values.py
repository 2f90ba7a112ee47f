"""What all nodes know of guests' sessions, so that each of these goes on at any of them."""

from collections.abc import Callable

import trio

KeepValue = Callable[[str, str, bytes, int], bool]
"""Has a value of a kind kept under a key by all nodes, for so many ms, within about a second; whether there is room for
it. Never waits."""

KeptValue = Callable[[str, str], bytes | None]
"""The value of a kind that all nodes hold under a key."""

LONGEST_VALUE = 60_000
"""A value that is longer is not kept. (bytes)"""

AT_ONCE = 100
"""Of how many sessions values are told before others have their turn: that takes a few milliseconds."""

_REFRESHED = 4
"""So often is a value told again in its time."""


class Values:
    """Tells all nodes, and asks what they know. Without `keep` there are none, and nothing is known."""

    def __init__(self, keep: KeepValue | None, kept: KeptValue | None, ttl_ms: int) -> None:
        self.are_kept = keep is not None and kept is not None
        self._keep = keep
        self._kept = kept
        self._ttl = ttl_ms
        self._told: dict[tuple[str, str], tuple[int, float]] = {}

    def get(self, kind: str, id_: str) -> bytes | None:
        """What all nodes hold of a session."""
        return None if self._kept is None else self._kept(kind, id_)

    def offer(self, kind: str, id_: str, version: int, value: Callable[[], bytes]) -> bool:
        """Tells the value of a session, unless this version of it was told not long ago; whether that is done."""
        if self._keep is None:
            return True
        now = trio.current_time()
        told = self._told.get((kind, id_))
        if told is not None and told[0] == version and now - told[1] < self._ttl / 1000 / _REFRESHED:
            return True
        data = value()
        done = len(data) > LONGEST_VALUE or self._keep(kind, id_, data, self._ttl)
        if done:
            self._told[kind, id_] = version, now
        return done

    def forget(self, kind: str, id_: str) -> None:
        """Nothing more is told of a session for now; what all nodes know stays for its time."""
        self._told.pop((kind, id_), None)
