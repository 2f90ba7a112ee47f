"""docs/performance.md says what was measured, and nothing else."""

import pytest

from benchmarks.page import DOCS, PAGE, RESULTS, into, pictures, tables
from benchmarks.table.results import Results
from benchmarks.table.targets import ROWS

RESULTS_KEPT = Results.of(RESULTS)


def test_the_tables_of_the_page_are_those_of_the_results() -> None:
    page = PAGE.read_text()

    assert into(page, RESULTS_KEPT) == page


def test_the_pictures_are_those_of_the_results() -> None:
    made = pictures(RESULTS_KEPT)

    assert {name: (DOCS / "images" / name).read_text() for name in made} == made


def test_the_page_shows_all_pictures() -> None:
    page = PAGE.read_text()

    assert [name for name in pictures(RESULTS_KEPT) if f"(images/{name})" not in page] == []


def test_every_row_is_kept() -> None:
    assert list(RESULTS_KEPT.measured) == sorted(row.key for row in ROWS)


def test_a_table_is_replaced_as_a_whole() -> None:
    results = Results()
    page = "\n".join(f"before\n\n{table[0]}\n| old |\n| older |\n\nbehind\n" for table in tables(results))

    made = into(page, results)

    assert "old" not in made
    assert made.count("behind") == len(tables(results))
    assert into(made, results) == made


def test_a_page_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no table"):
        into("nothing", Results())
