"""docs/performance.md and its pictures, made of what was measured.

    python -m benchmarks.page

The figures are those of docs/performance.json, where `benchmarks.table`, `benchmarks.growth` and `benchmarks.profile`
put them with ``--json docs/performance.json``. A table of the page is known by its head; the rest of the page is
written by people and stays as it is.
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.pages import with_tables
from benchmarks.plots import Curve, picture
from benchmarks.profile import PARTS
from benchmarks.table import targets
from benchmarks.table.results import Results

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = DOCS / "performance.json"
PAGE = DOCS / "performance.md"

_PARTS = {"rows": "targets", "profile": "profile", "growth": "growth"}


def tables(results: Results) -> list[list[str]]:
    """All tables of the page that are made of figures, line by line."""
    measured = results.measured
    return [targets.table(measured), targets.also(measured), list(_where(results)), list(_profile(results))]


def _where(results: Results) -> Iterator[str]:
    yield "| measured | on | machine | with | load average |"
    yield "|---|---|---|---|---|"
    for part, name in _PARTS.items():
        if here := results.where.get(part):
            machine = f"{here['processor']}, {here['system']}"
            versions = f"Python {here['python']}" + (f", node {node}" if (node := here.get("node")) else "")
            yield f"| {name} | {here['date']} | {machine} | {versions} | {here['load average']} |"


def _profile(results: Results) -> Iterator[str]:
    """Shares, and what they are of what a message costs in the table of targets."""
    yield "| part | as fast as taken | µs | 200 connections, 5 a second each | µs |"
    yield "|---|---|---|---|---|"
    costs = [_us(results, key) for key in ("8k", "8k-rated")]
    shares = [results.profile.get(way, {}) for way in ("flat", "rated")]
    for part in PARTS:
        cells = [
            f"{share.get(part, 0):.0%} | {share.get(part, 0) * us:.0f}" for share, us in zip(shares, costs, strict=True)
        ]
        yield f"| {part} | {' | '.join(cells)} |"


def _us(results: Results, key: str) -> float:
    figures = results.measured.get(key, targets.Measured()).figures
    return figures["us"].middle if "us" in figures else 0.0


def pictures(results: Results) -> dict[str, str]:
    """The pictures by the names of their files; those of curves that were measured."""
    made = {}
    for name, (title, x, curves, log) in _CURVES.items():
        if points := results.growth.get(name):
            drawn = [Curve(told, [(point[name], point[key]) for point in points]) for key, told in curves.items()]
            made[f"growth-{name}.svg"] = picture(title, x, "µs of CPU for a message", drawn, log=log)
    for name in ("connections", "entities"):
        if points := results.growth.get(name):
            drawn = [Curve("memory", [(point[name], point["mb"]) for point in points])]
            made[f"memory-{name}.svg"] = picture(f"Memory by {name}", name, "MB", drawn)
    return made


_CURVES = {
    "connections": (
        "Connections: 1000 messages/s together",
        "clients, each with a connection",
        {"us": "a message"},
        True,
    ),
    "entities": ("Entities: 100 clients speak, others are silent", "entities known", {"us": "a message"}, False),
    "nodes": (
        "Nodes: 1000 messages/s to one of them",
        "nodes",
        {"us": "the node", "others": "all others together"},
        False,
    ),
}
"""Title, axis, curves by their figures, and whether the axis counts in powers of ten."""


def into(page: str, results: Results) -> str:
    """The page with its tables as the results have them. Raises ValueError when one is not there."""
    return with_tables(page, tables(results))


def main() -> None:
    """Writes the page and the pictures."""
    results = Results.of(RESULTS)
    PAGE.write_text(into(PAGE.read_text(), results))
    for name, made in pictures(results).items():
        (DOCS / "images" / name).write_text(made)


if __name__ == "__main__":
    main()
