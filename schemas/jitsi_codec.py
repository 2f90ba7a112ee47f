"""What rtcstats clients of Jitsi send: JSON objects one after the other, and the reports of ``getstats`` in them.

An object may come in several frames and several in one. What is no message costs only itself: with the next frame that
begins one, reading goes on.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from schemas.samples import Item
from schemas.webrtc_reports import Remembered
from schemas.webrtc_stats import Skipped, Skips, is_time

_SESSION_ID = re.compile("[a-zA-Z0-9_-]{1,128}")
_TYPES = frozenset(("identity", "stats-entry", "keepalive", "close"))
_MOST_PIECES = 64
"""An object that comes in more frames is given up: each frame may make us look at it from its beginning again."""
_MOST_AT_ONCE = 1000


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

    __slots__ = ("_held", "_max_message_size", "_pieces", "skipped")

    def __init__(self, max_message_size: int) -> None:
        self.skipped = Skips()
        self._max_message_size = max_message_size
        self._held = b""
        self._pieces = 0

    def feed(self, frame: bytes | str) -> list[Envelope]:
        """The messages that are complete with this frame, in their order."""
        data = frame.encode(errors="replace") if isinstance(frame, str) else frame
        try:
            values = [orjson.loads(data)] if len(data) <= self._max_message_size else []
        except orjson.JSONDecodeError:
            values = []
        if values and type(values[0]) is dict and "statsSessionId" in values[0]:
            if self._held:
                self._give_up()
        else:
            values = self._complete(data)
        return [envelope for value in values if (envelope := self._envelope(value)) is not None]

    def _complete(self, data: bytes) -> list[Any]:
        """The values that are complete with these bytes; what is left of them is held."""
        self._held += data
        self._pieces += 1
        values, self._held = _values(self._held)
        if values:
            self._pieces = 1
        if not self._held:
            self._pieces = 0
        elif self._held[:1] != b"{" or len(self._held) > self._max_message_size or self._pieces > _MOST_PIECES:
            self._give_up()
        return values

    def _give_up(self) -> None:
        self._held = b""
        self._pieces = 0
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


_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def _values(data: bytes) -> tuple[list[Any], bytes]:
    """The objects that `data` begins with, and the bytes after them: none, or something that is no object yet.

    Of very many objects those after `_MOST_AT_ONCE` are not read.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as broken:  # a character may be complete with the next frame
        text = data[: broken.start].decode()
    values: list[Any] = []
    at = _SPACE.match(text).end()  # type: ignore[union-attr]
    while text[at : at + 1] == "{" and len(values) < _MOST_AT_ONCE:
        try:
            _, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        values.append(_read(text[at:end]))
        at = _SPACE.match(text, end).end()  # type: ignore[union-attr]
    if len(values) == _MOST_AT_ONCE:
        return values, b""
    return values, data[len(text[:at].encode()) :]


def _read(text: str) -> Any:
    """What `orjson` reads, which is stricter; ``None`` where that is too strict."""
    try:
        return orjson.loads(text)
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
