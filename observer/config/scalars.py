"""What a single value means for a field of a plain type.

Each reader takes text and raises ValueError with words for the operator, which never repeat the text.
"""

import re
from collections.abc import Callable, Mapping
from math import isfinite

_TRUE = frozenset({"true", "yes", "on"})
_FALSE = frozenset({"false", "no", "off"})
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_DURATION = re.compile(r"(?:PT)?([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?", re.IGNORECASE)
_SIZE = re.compile(r"([0-9]{1,19})(?:([kmg])?b?)?", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def boolean(text: str) -> bool:
    """``true``, ``yes`` or ``on``; ``false``, ``no`` or ``off``; in any case."""
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("expected true or false")
    return word in _TRUE


def whole_number(text: str) -> int:
    """A whole number of up to 19 digits."""
    # The reference's README writes `port: 5601# `: without a space before it, YAML takes the # for part of the value.
    digits = text.strip().rstrip("#").rstrip()
    if not _WHOLE_NUMBER.fullmatch(digits):
        raise ValueError("expected a whole number")
    return int(digits)


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("expected a number") from None
    if not isfinite(value):
        raise ValueError("expected a finite number")
    return value


def duration(text: str) -> float:
    """Seconds, from ``90``, ``90s``, ``1.5m``, ``20m``, ``1h``, ``500ms`` or ``PT20M``."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected a duration such as 90s or 20m")
    return number(match[1]) * _SECONDS[(match[2] or "s").lower()]


def size(text: str) -> int:
    """Bytes, from ``1048576``, ``1024k``, ``10MB`` or ``1g``."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected a size such as 1048576 or 10MB")
    return int(match[1]) * _BYTES[(match[2] or "").lower()]


READERS: Mapping[object, Callable[[str], object]] = {str: str, bool: boolean, int: whole_number, float: number}
"""For each plain type, what reads it."""

WORDS: Mapping[object, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
"""For each plain type, what an operator calls it."""
