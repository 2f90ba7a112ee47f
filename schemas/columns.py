"""Picks a report's fields out of an object that a sender wrote, each as its declared kind.

This is the way of whatever C cannot read straight into a report (`schemas.clean_json`): other schemas and formats, and
samples that drift from their schema.

Clients drift: whole numbers come as fractions or text, text as numbers. What can be read as the declared kind is; what
cannot is ``None`` and tallied, and costs nothing else. Objects of one client look alike from sample to sample, so what
must be mended is worked out once for each combination of value types and remembered.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas.reports import FIELDS, NAMES, REPORTS, Report, ReportType
from schemas.samples import Reason, Tally

Mend = Callable[[Any], Any]

_MOST_SHAPES = 1024
"""How many combinations of types are remembered for one report type before all are forgotten: a bound, not a tuning."""

_FURTHEST = 2.0**63


class Columns:
    """The fields of one report type that come from a client's own object.

    `lead` is how many fields of the payload the observer fills in itself; `sources` names the client's key where it
    differs from the report's.
    """

    def __init__(self, type_: ReportType, lead: int, sources: Mapping[str, str] | None = None) -> None:
        self._made = REPORTS[type_]
        self._sources = tuple((sources or {}).get(name, name) for name in NAMES[type_][lead:])
        self._kinds = tuple(field.kind for field in FIELDS[type_][lead:])
        self._known: dict[tuple[type, ...], tuple[tuple[int, Mend], ...]] = {}

    def report(self, lead: Sequence[Any], item: Mapping[str, Any], rejected: Tally) -> Report:
        """The report: what the observer fills in, then what `item` says."""
        values = list(map(item.get, self._sources))
        shape = tuple(map(type, values))
        mends = self._known.get(shape)
        if mends is None:
            mends = self._judge(shape)
        for index, mend in mends:
            value = mend(values[index])
            if value is None:
                rejected[Reason.FIELD_INVALID] += 1
            values[index] = value
        return self._made(*lead, *values)

    def _judge(self, shape: tuple[type, ...]) -> tuple[tuple[int, Mend], ...]:
        if len(self._known) >= _MOST_SHAPES:
            self._known.clear()
        mends = tuple(
            (index, mend)
            for index, (kind, type_) in enumerate(zip(self._kinds, shape, strict=True))
            if (mend := _mend(kind, type_)) is not None
        )
        self._known[shape] = mends
        return mends


def _mend(kind: str, type_: type) -> Mend | None:
    """What must be done to a value of `type_` in a field of `kind`; ``None`` if nothing."""
    if type_ is type(None) or type_ in _FITTING[kind]:
        return None
    return _MENDS[kind]


def _to_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def _to_number(value: Any) -> float | int | None:
    if not isinstance(value, str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if not -_FURTHEST < number < _FURTHEST:
        return None
    try:
        return int(value)
    except ValueError:
        return number


def to_time(value: Any) -> int | None:
    """A point in time, fractions cut; ``None`` for what is none. (ms since the epoch)"""
    number = value if isinstance(value, float) else _to_number(value)
    return int(number) if number is not None and -_FURTHEST < number < _FURTHEST else None


def _to_flag(value: Any) -> bool | None:
    return {"true": True, "false": False, 1: True, 0: False}.get(value) if isinstance(value, str | int) else None


_NUMBERS = (int, float)
_FITTING: Mapping[str, tuple[type, ...]] = {
    "s": (str,),
    "i": _NUMBERS,
    "l": _NUMBERS,
    "d": _NUMBERS,
    "b": (bool,),
    "t": (int,),
}
_MENDS: Mapping[str, Mend] = {
    "s": _to_text,
    "i": _to_number,
    "l": _to_number,
    "d": _to_number,
    "b": _to_flag,
    "t": to_time,
}
