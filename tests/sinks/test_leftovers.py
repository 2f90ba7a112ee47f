"""Reports on disk for sinks that there are not any more: they are told, and left as they are."""

from collections import deque
from pathlib import Path

import pytest

from sinks.journal import Journal
from sinks.leftovers import folder_name, leftovers, tell_leftovers
from tests.sinks.sinks_for_tests import line

TEXT = line("0") + b"\n"


def spooled(path: Path, key: str, *texts: bytes) -> Journal:
    journal = Journal(path / folder_name(key), 1_000_000)
    journal.append(deque(texts))
    return journal


def keys(path: Path, *used: str) -> list[str]:
    return [one.key for one in leftovers(path, used)]


def test_a_spool_of_no_block_is_left_over(tmp_path: Path) -> None:
    for key in ("a", "my/old sink."):
        spooled(tmp_path, key, TEXT).close()

    assert keys(tmp_path, "a") == ["my/old sink."]


def test_an_empty_spool_is_none(tmp_path: Path) -> None:
    spooled(tmp_path, "old").close()

    assert keys(tmp_path) == []


def test_a_spool_that_another_process_has_is_none(tmp_path: Path) -> None:
    journal = spooled(tmp_path, "old", TEXT)

    assert keys(tmp_path) == []
    journal.close()


def test_a_spool_that_was_looked_at_can_be_opened(tmp_path: Path) -> None:
    spooled(tmp_path, "old", TEXT).close()
    keys(tmp_path)

    journal = spooled(tmp_path, "old")

    assert journal.lines == 1
    journal.close()


def test_other_things_in_the_folder_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "lost+found").mkdir()

    assert keys(tmp_path) == []


async def test_the_log_tells_which_sink_they_wait_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spooled(tmp_path, "old", TEXT).close()

    await tell_leftovers([str(tmp_path)], {"new"})

    size = len(TEXT)
    assert caplog.messages == [
        f"{tmp_path / 'old'} has {size} bytes of reports that nobody sends: it waits for a sink named 'old'"
    ]


async def test_a_folder_that_is_not_there_is_nothing_to_tell(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await tell_leftovers([str(tmp_path / "none")], set())

    assert caplog.messages == []


def test_two_blocks_never_share_a_folder() -> None:
    keys = ["a", "A", "a/b", "a%2Fb", ".", "..", "a.b", "", "\0", "ä"]

    assert len({folder_name(key) for key in keys}) == len(keys)


@pytest.mark.parametrize("key", ["..", "/etc", "a/../b", "."])
def test_a_folder_stays_below_the_path(key: str) -> None:
    assert not set(folder_name(key)) & {"/", "."}
