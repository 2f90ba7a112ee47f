"""What is done with a dump that is completed."""

from pathlib import Path

import pytest

from dumps.filing import REMEMBERED, Filing, Spread
from dumps.sqlite import SqliteCatalogue
from tests.dumps.entries_for_tests import PLACE, completed


async def test_a_dump_is_entered_and_counted(tmp_path: Path) -> None:
    async with SqliteCatalogue(str(tmp_path / "c")).opened() as catalogue:
        filing = Filing(catalogue)
        await filing(completed("d1", raw_size=1000, lines=10))
        await filing(completed("d2", raw_size=3000, lines=30, client="jvb"))

        assert (await catalogue.oldest(PLACE, 9)).number == 2
    assert {client: sizes.sum for client, sizes in filing.figures.raw_sizes.items()} == {"rtcstats": 1000, "jvb": 3000}
    assert filing.figures.durations.sum == 2 * 60_500
    assert list(filing.figures.lines.recent) == [10, 30]


async def test_a_dump_that_could_not_be_entered_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with SqliteCatalogue(str(tmp_path / "file" / "c")).opened() as catalogue:
        filing = Filing(catalogue)

        with pytest.raises(OSError, match="file"):
            await filing(completed("d1"))

    assert filing.figures.durations.number == 0


def test_only_so_many_values_are_remembered() -> None:
    spread = Spread()
    for value in range(REMEMBERED + 5):
        spread.add(value)

    assert (spread.number, len(spread.recent), spread.recent[0]) == (REMEMBERED + 5, REMEMBERED, 5)
