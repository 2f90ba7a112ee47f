"""A session of rtcstats-js: the traces of one page, message after message, as client samples of schemas 3.x.

A message is ``[method, peer connection or null, value, ..., time]``, one in each frame. The time is that of the page's
clock, in ms since its message before; the first one of a socket, and each of older clients, is in ms since the epoch.

A sample bears the time that its message has by the page's clock, as samples of any other client do.
"""

from typing import Any

import orjson

from schemas import jitsi_codec, rtcstats_codec
from schemas.deltas import Allowance
from schemas.rtcstats_tables import method_of
from schemas.samples import Item
from schemas.webrtc_bases import packed, unpacked
from schemas.webrtc_session import Decode, Session
from schemas.webrtc_stats import Bounds, Guest, Skipped, Skips, is_time, last_sample

_SINCE_THE_EPOCH = 1e12
"""From here on a time is not one since the message before: no page is quiet for thirty years. (ms)"""

_GET_STATS: dict[str, Decode] = {"getStats": rtcstats_codec.decode, "getstats": jitsi_codec.decode}
"""The second is what clients of the first generation send; Jitsi's goes back to it."""

_SHORTEST, _LONGEST = 4, 100


class RtcstatsSession:
    """Reads the messages of one page, in their order; may be fed by one socket after the other.

    Never raises for what a page sends: what cannot be read is skipped and counted in `skipped`, which whoever feeds may
    read and clear. What a socket after the first tells goes on from what is remembered, or from the `base` that another
    node remembered; without either, what changed of reports that were told before is not known, and only what is new is
    told. What is remembered is taken from `shared`, which sessions share, until `forget`.
    """

    __slots__ = ("_at", "_max_message_size", "_session", "skipped")

    def __init__(self, who: Guest, bounds: Bounds, base: bytes | None = None, shared: Allowance | None = None) -> None:
        self.skipped = Skips()
        self._session = Session(who, bounds, self.skipped, shared)
        self._max_message_size = bounds.max_message_size
        self._at: float | None = None
        if base is not None:
            self._session.restore(unpacked(base))

    @property
    def who(self) -> Guest:
        """Whose session it is."""
        return self._session.who

    @property
    def open_connections(self) -> int:
        """How many peer connections of the page are open."""
        return self._session.open_connections

    @property
    def base_version(self) -> int:
        """Grows whenever `base` becomes another in what matters."""
        return self._session.base_version

    def base(self) -> bytes:
        """What another node has to know to understand what the page tells from now on: about 1 kB for a call of two."""
        return packed(self._session.base())

    def feed(self, frame: bytes | str, now_ms: int) -> list[Item]:
        """The samples that a frame gives: none, or one. `now_ms` stands in where the page tells no time."""
        message = self._read(frame)
        if message is None:
            self.skipped[Skipped.MALFORMED] += 1
            return []
        at = int(self._time_of(message[-1], now_ms))
        method, name, value = method_of(message[0]), message[1], message[2]
        if method in _GET_STATS:
            return self._session.stats(name, value, _GET_STATS[method], at, now_ms, len(frame))
        if method is None:
            return self._session.alive(at)
        return self._session.trace(method, name, value, message[3:-1], at)

    def end(self, now_ms: int) -> Item:
        """The sample with which the client leaves, for a page that is known to be gone for good."""
        return last_sample(self.who, now_ms if self._at is None else int(self._at))

    def forget(self) -> None:
        """Gives back what it has of `shared`: nothing more is fed."""
        self._session.forget()

    def _read(self, frame: bytes | str) -> list[Any] | None:
        if len(frame) > self._max_message_size:
            return None
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError:
            return None
        return message if type(message) is list and _SHORTEST <= len(message) <= _LONGEST else None

    def _time_of(self, told: Any, now_ms: int) -> float:
        """The time of a message. (ms since the epoch)"""
        if type(told) in (int, float):
            at: float = told if self._at is None or told >= _SINCE_THE_EPOCH else self._at + told
            if is_time(at) and (at >= _SINCE_THE_EPOCH or self._at is not None):
                self._at = at
                return at
        self.skipped[Skipped.TIME_INVALID] += 1
        if self._at is None:
            self._at = now_ms
        return self._at
