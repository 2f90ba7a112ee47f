"""What is promised of speed, and whether figures keep it. Nothing here measures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """What the rounds of a row came to: the middle, the least and the most of them."""

    middle: float
    least: float
    most: float


@dataclass(frozen=True)
class Bound:
    """A figure of a row may be `limit` at most, or has to be that at least."""

    figure: str
    limit: float
    told: str
    """The figure with its unit, where `{}` is the number."""
    at_least: bool = False
    digits: int = 0

    def kept(self, figure: Figure) -> bool:
        """Whether the middle keeps it."""
        return self._within(figure.middle)

    @property
    def target(self) -> str:
        """The promise in words."""
        limit = f"{self.limit:,.{self.digits}f}"
        return f"at {'least' if self.at_least else 'most'} {self.told.format(limit)}"

    def result(self, figure: Figure) -> str:
        """What came of it in words, with the range of the rounds where they differ."""
        middle, least, most = map(self._number, (figure.middle, figure.least, figure.most))
        told = self.told.format(middle)
        return told if least == most else f"{told} ({least} to {most})"

    def _within(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def _number(self, value: float) -> str:
        """The value with as many digits as show on which side of the limit it is."""
        digits = self.digits
        while self._within(round(value, digits)) != self._within(value):
            digits += 1
        return f"{value:,.{digits}f}"


@dataclass(frozen=True)
class Row:
    """One load, and what is promised of it. The order of the bounds is that in which they are told."""

    key: str
    load: str
    bounds: tuple[Bound, ...]


_OF_JS = "{} of observer-js"

ROWS = (
    Row(
        "8k",
        "8 kB messages, 20 connections as fast as taken",
        (Bound("ratio", 0.40, _OF_JS, digits=2), Bound("us", 100, "{} µs a message")),
    ),
    Row("8k-rated", "8 kB messages, 200 connections, 5 a second each", (Bound("ratio", 0.55, _OF_JS, digits=2),)),
    Row("real", "recorded messages of a browser, as fast as taken", (Bound("ratio", 0.45, _OF_JS, digits=2),)),
    Row("1k", "1 kB messages, as fast as taken", (Bound("ratio", 0.60, _OF_JS, digits=2),)),
    Row("20k", "20 kB messages, as fast as taken", (Bound("ratio", 0.35, _OF_JS, digits=2),)),
    Row(
        "cluster",
        "one node of a cluster of three, steady state",
        (Bound("ratio", 1.15, "{} of the same node alone", digits=2),),
    ),
    Row(
        "rest",
        "8 kB messages posted over 10 connections kept alive",
        (Bound("ratio", 1.60, "{} of WebSockets", digits=2),),
    ),
    Row(
        "connected",
        "a message at 10,000 connected clients",
        (Bound("ratio", 1.25, "{} of that at 100", digits=2),),
    ),
    Row("memory", "memory with state, 10,000 clients", (Bound("kb", 60, "{} kB a client"),)),
    Row(
        "storm",
        "10,000 clients reconnect at once",
        (
            Bound("cpu", 7, "{} s of CPU", digits=1),
            Bound("failed", 0, "{} failed connections"),
            Bound("blocked", 100, "{} ms the event loop blocked"),
        ),
    ),
    Row(
        "joins",
        "joins and leaves on three nodes with TLS",
        (
            Bound("rate", 3000, "{} a second", at_least=True),
            Bound("p99", 50, "{} ms commit p99"),
        ),
    ),
    Row("gc", "garbage collection, 10,000 clients", (Bound("pause", 50, "{} ms pause"),)),
)


@dataclass
class Measured:
    """What came of a row; without figures `missing` says why there are none."""

    figures: dict[str, Figure] = field(default_factory=dict)
    also: dict[str, float] = field(default_factory=dict)
    """Figures that nothing is promised of."""
    missing: str = ""


def verdict(row: Row, measured: Measured | None) -> str:
    """``yes``, ``no``, or ``-`` where a figure is missing and none is over its bound."""
    if measured is None:
        return "-"
    told = [bound.kept(measured.figures[bound.figure]) for bound in row.bounds if bound.figure in measured.figures]
    if not all(told):
        return "no"
    return "yes" if len(told) == len(row.bounds) else "-"


def table(results: Mapping[str, Measured]) -> list[str]:
    """The table in Markdown, all rows of it."""
    lines = ["| load | target | result | met |", "|---|---|---|---|"]
    for row in ROWS:
        measured = results.get(row.key)
        target = ", ".join(bound.target for bound in row.bounds)
        lines.append(f"| {row.load} | {target} | {_result(row, measured)} | {verdict(row, measured)} |")
    return lines


def _result(row: Row, measured: Measured | None) -> str:
    if measured is None:
        return "not measured"
    figures = measured.figures
    told = [bound.result(figures[bound.figure]) for bound in row.bounds if bound.figure in figures]
    return ", ".join([*told, *filter(None, [measured.missing])])


def also(results: Mapping[str, Measured]) -> list[str]:
    """The table of what else was seen, in Markdown."""
    lines = ["| load | also measured |", "|---|---|"]
    for row in ROWS:
        if (measured := results.get(row.key)) and (told := _seen(row, measured)):
            lines.append(f"| {row.load} | {told} |")
    return lines


def _seen(row: Row, measured: Measured) -> str:
    promised = {bound.figure for bound in row.bounds}
    middles = {name: figure.middle for name, figure in measured.figures.items() if name not in promised}
    return ", ".join(
        f"{name.replace('us', 'µs')}: {value:,.{0 if value >= 100 else 1}f}"
        for name, value in (middles | measured.also).items()
    )


def as_json(results: Mapping[str, Measured]) -> dict[str, Any]:
    """The results as they are kept; `from_json` is the way back."""
    return {
        key: {
            "figures": {name: [f.middle, f.least, f.most] for name, f in measured.figures.items()},
            "also": measured.also,
            "missing": measured.missing,
        }
        for key, measured in results.items()
    }


def from_json(kept: Mapping[str, Any]) -> dict[str, Measured]:
    """The results out of what `as_json` made."""
    return {
        key: Measured(
            {name: Figure(*values) for name, values in one["figures"].items()}, dict(one["also"]), one["missing"]
        )
        for key, one in kept.items()
    }
