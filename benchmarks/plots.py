"""Pictures of curves, as SVG. Nothing here measures or reads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 30, 58, 52
_COLOURS = ("#1668a8", "#c2571a", "#3a7d34")
_TICKS = 5


@dataclass(frozen=True)
class Curve:
    """Points of a name, from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """From `low` at pixel `start` to `high` at pixel `end`; by powers of ten if it is a `log` one."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value."""
        low, high, value = map(math.log10, (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return self.start + (value - low) / ((high - low) or 1) * (self.end - self.start)


def picture(title: str, x: str, y: str, curves: Sequence[Curve], *, log: bool = False) -> str:
    """An SVG of the curves over one axis, which counts in powers of ten with `log`; the other begins at 0."""
    xs = sorted({point[0] for curve in curves for point in curve.points})
    top = nice(max(point[1] for curve in curves for point in curve.points))
    across = Axis(xs[0], xs[-1], _LEFT, _WIDTH - _RIGHT, log)
    up = Axis(0, top, _HEIGHT - _BOTTOM, _TOP)
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif"'
        f' font-size="12" role="img" aria-label="{escape(title)}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(title)}</text>',
        *(_grid(top * n / _TICKS, up) for n in range(_TICKS + 1)),
        *(_mark(value, across) for value in xs),
        _text((across.start + across.end) / 2, _HEIGHT - 14, x, "middle"),
        f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">{escape(y)}</text>',
    ]
    for number, curve in enumerate(curves):
        lines += _drawn(curve, across, up, _COLOURS[number % len(_COLOURS)])
        if len(curves) > 1:
            lines += _key(curve.name, number)
    return "\n".join([*lines, "</svg>"]) + "\n"


def nice(most: float) -> float:
    """The least of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 and 10 times a power of ten that is not below `most`."""
    power: float = 10 ** math.floor(math.log10(most)) if most > 0 else 1
    return next(step * power for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * power >= most * 0.999)


def _grid(value: float, up: Axis) -> str:
    at = up.at(value)
    line = f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>'
    return line + _text(_LEFT - 6, at + 4, f"{value:,.4g}", "end")


def _mark(value: float, across: Axis) -> str:
    return _text(across.at(value), _HEIGHT - _BOTTOM + 17, f"{value:,.0f}", "middle")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _drawn(curve: Curve, across: Axis, up: Axis, colour: str) -> list[str]:
    places = [(across.at(x), up.at(y)) for x, y in curve.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]


def _key(name: str, number: int) -> list[str]:
    y = 36 + 14 * number
    colour = _COLOURS[number % len(_COLOURS)]
    x = _WIDTH - _RIGHT - 150
    return [f'<rect x="{x}" y="{y - 8}" width="12" height="4" fill="{colour}"/>', _text(x + 18, y, name, "start")]
