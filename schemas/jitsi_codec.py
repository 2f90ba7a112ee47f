"""What rtcstats clients of Jitsi send: JSON objects one after the other, and the reports of ``getstats`` in them.

An object may come in several frames and several in one. What is no message costs only itself: with the next frame that
begins one, reading goes on.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from schemas.samples import Item
from schemas.webrtc_reports import Remembered
from schemas.webrtc_stats import Skipped, Skips, is_time

_SESSION_ID = re.compile("[a-zA-Z0-9_-]{1,128}")
_TYPES = frozenset(("identity", "stats-entry", "keepalive", "close"))
_MOST_AT_ONCE = 1000
_MOST_MARKS = 20_000
"""Of a frame that completes more objects, or has more quotes and brackets, the rest is given up."""


class Envelope(NamedTuple):
    """One message. `data` of an ``identity`` is a list or an object and of a ``stats-entry`` text, if it is right.

    `received` is the whole of it as it came.
    """

    stats_session_id: str
    type: str
    data: Any
    received: Item


class Envelopes:
    """Reads the stream of one socket. Of a message at most `max_message_size` bytes are held, until it is complete.

    `skipped` counts what is no message.
    """

    __slots__ = ("_at", "_depth", "_held", "_in_text", "_marks_left", "_max_message_size", "skipped")

    def __init__(self, max_message_size: int) -> None:
        self.skipped = Skips()
        self._max_message_size = max_message_size
        self._held = bytearray()
        self._at = 0
        self._depth = 0
        self._in_text = False
        self._marks_left = 0

    def feed(self, frame: bytes | str) -> list[Envelope]:
        """The messages that are complete with this frame, in their order."""
        data = frame.encode(errors="replace") if isinstance(frame, str) else frame
        value = _read(data) if len(data) <= self._max_message_size else None
        if type(value) is dict and "statsSessionId" in value:
            if self._held:
                self._give_up()
            values = [value]
        else:
            values = self._complete(data)
        return [envelope for value in values if (envelope := self._envelope(value)) is not None]

    def _complete(self, data: bytes) -> list[Any]:
        """The values that are complete with these bytes, ``None`` for each that is none; what follows them is held."""
        held = self._held
        held += data
        values: list[Any] = []
        begin = 0
        self._marks_left = _MOST_MARKS
        while (end := self._end(begin)) is not None:
            values.append(_read(held[begin:end]))
            begin = end
            if len(values) >= _MOST_AT_ONCE:
                break
        del held[:begin]
        self._at -= begin
        if len(held) > self._max_message_size or (held and not self._depth) or not self._marks_left:
            self._give_up()
        return values

    def _end(self, begin: int) -> int | None:
        """Where the object ends that begins at `begin`, or goes on from where it was looked at last.

        ``None`` if it is not complete, or if none begins there.
        """
        held, at = self._held, self._at
        if not self._depth:
            at = _match(_SPACE, held, begin)
            if held[at : at + 1] != b"{":
                if at == len(held):
                    held.clear()
                return None
        while at < len(held):
            at = _match(_WITHIN if self._in_text else _BETWEEN, held, at)
            mark = held[at : at + 1]
            if not mark or mark == b"\\":
                break
            if not self._marks_left:
                break
            self._marks_left -= 1
            at += 1
            if mark == b'"':
                self._in_text = not self._in_text
            elif mark in b"{[":
                self._depth += 1
            else:
                self._depth -= 1
                if not self._depth:
                    self._at = at
                    return at
        self._at = at
        return None

    def _give_up(self) -> None:
        self._held.clear()
        self._at = self._depth = 0
        self._in_text = False
        self.skipped[Skipped.MALFORMED] += 1

    def _envelope(self, value: Any) -> Envelope | None:
        if type(value) is not dict:
            self.skipped[Skipped.MALFORMED] += 1
            return None
        id_, type_ = value.get("statsSessionId"), value.get("type")
        if type(id_) is not str or _SESSION_ID.fullmatch(id_) is None:
            self.skipped[Skipped.ID_INVALID] += 1
        elif type(type_) is not str or type_ not in _TYPES:
            self.skipped[Skipped.TYPE_UNKNOWN] += 1
        else:
            return Envelope(id_, type_, value.get("data"), value)
        return None


_SPACE = re.compile(rb"[ \t\r\n]*+")
_BETWEEN = re.compile(rb'[^"{}\[\]]*+')
_WITHIN = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
"""Up to the end of a text, or to a backslash that what it stands before is still to come."""


def _match(pattern: re.Pattern[bytes], data: bytearray, at: int) -> int:
    """Where what `pattern` matches at `at` ends; it matches nothing at least."""
    found = pattern.match(data, at)
    return at if found is None else found.end()


def _read(data: bytes | bytearray) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def decode(entry: Mapping[str, object], known: Remembered, skipped: Skips) -> None:
    """Brings what is `known` of a peer connection to what an `entry` of ``getstats`` tells.

    A report that is not in it has gone. Of one that was there before it holds the members that changed, nested ones
    whole; a time of 0 stands for the newest, which stands beside the reports. What is no report is `skipped`.
    """
    newest = entry.get("timestamp")
    if not is_time(newest):
        newest = None
    stats: dict[str, Item] = {}
    for id_, members in entry.items():
        if type(members) is dict:
            if newest is not None and members.get("timestamp") == 0:
                members["timestamp"] = newest
            known.merge(id_, members, stats)
        elif id_ != "timestamp":
            skipped[Skipped.REPORT_INVALID] += 1
    known.settle(stats)
