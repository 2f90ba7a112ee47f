"""What a sink costs: the reports that are delivered, and the tables of the page."""

from itertools import chain

import pytest

from benchmarks.pages import with_tables
from benchmarks.sinks import HEAD, WAYS, WHERE_HEAD, Cost, measured, pieces, tables
from tests.services import ROOT


def test_reports_are_as_many_as_asked_for_and_all_different() -> None:
    lines = list(chain.from_iterable(piece.text.splitlines() for piece in pieces(3000)))

    assert len(set(lines)) == len(lines) == 3000


def test_all_reports_arrive_at_a_file() -> None:
    cost = measured(WAYS[0], pieces(100), rounds=1)

    assert cost.per_second > 0
    assert cost.ms > 0


def test_a_table_has_what_was_measured() -> None:
    made, _ = tables({WAYS[0]: Cost(1234.5, 0.678)}, pieces(10))

    assert made == [HEAD, "|---|---|---|---|", "| FileSink | a file | 1,234 | 0.7 |"]


@pytest.mark.parametrize("head", [HEAD, WHERE_HEAD])
def test_the_page_has_the_tables(head: str) -> None:
    page = (ROOT / "docs" / "sinks.md").read_text()

    assert with_tables(page, [[head]]) != page
