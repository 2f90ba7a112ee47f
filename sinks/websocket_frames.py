"""What a client of a WebSocket sends, as bytes: one text message for each report, many of them at once.

wsproto frames one event after the other and masks in Python; a batch is thousands of messages, so they are framed here,
and masked in C (RFC 6455, 5.2 and 5.3).
"""

import struct
from collections.abc import Iterable
from secrets import token_bytes

from websockets.speedups import apply_mask

from sinks.lines import Line

_TEXT, _MASKED = 0x81, 0x80
_LEAST_OF_TWO, _LEAST_OF_EIGHT = 126, 65_536
_MASK = 4

_short = struct.Struct("!BB4s").pack
_of_two_bytes = struct.Struct("!BBH4s").pack
_of_eight_bytes = struct.Struct("!BBQ4s").pack


def framed(lines: Iterable[Line]) -> bytes:
    """One frame for each line, each with a mask of its own that nobody can foresee."""
    lines = list(lines)
    masks = token_bytes(_MASK * len(lines))
    parts: list[bytes] = []
    for at, line in enumerate(lines):
        length, mask = len(line), masks[_MASK * at : _MASK * (at + 1)]
        if length < _LEAST_OF_TWO:
            parts.append(_short(_TEXT, _MASKED | length, mask))
        elif length < _LEAST_OF_EIGHT:
            parts.append(_of_two_bytes(_TEXT, _MASKED | 126, length, mask))
        else:
            parts.append(_of_eight_bytes(_TEXT, _MASKED | 127, length, mask))
        parts.append(apply_mask(line, mask))
    return b"".join(parts)
