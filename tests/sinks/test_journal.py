"""A journal: lines on disk that survive whoever wrote them."""

import resource
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.journal import Journal
from tests.sinks.sinks_for_tests import line, lines, names

ROOMY = 10_000_000
LINE = len(line("0")) + 1


def text(number: int, start: int = 0) -> bytes:
    return b"".join(one + b"\n" for one in lines(number, start))


@contextmanager
def opened(folder: Path, max_bytes: int = ROOMY, *, drop_oldest: bool = False) -> Iterator[Journal]:
    journal = Journal(folder, max_bytes, drop_oldest=drop_oldest)
    try:
        yield journal
    finally:
        journal.close()


def append(journal: Journal, *texts: bytes) -> None:
    journal.append(deque(texts))


def read(journal: Journal, most: int = 1_000_000) -> list[str]:
    return names(journal.read(most, ROOMY).text.splitlines())


def read_all(journal: Journal, most: int = 1_000_000) -> list[str]:
    found: list[str] = []
    while some := read(journal, most):
        found += some
        journal.acknowledge()
    return found


def numbers(some: Iterable[int]) -> list[str]:
    return [str(one) for one in some]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process grows beyond that: a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def test_what_was_appended_is_read_in_its_order(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(3), text(2, 3))

        assert read_all(journal) == numbers(range(5))


def test_what_is_not_acknowledged_is_read_again(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(3))
        read(journal)

        assert read(journal) == numbers(range(3))


def test_no_more_is_read_than_asked_for(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(5))

        assert read(journal, most=2) == ["0", "1"]


def test_no_more_bytes_are_read_than_asked_for(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(5))

        assert journal.read(5, 2 * LINE + 10).number == 2


def test_a_line_longer_than_what_is_asked_for_is_read_whole(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(2))

        assert journal.read(5, 10).text == text(1)


def test_the_next_process_finds_what_a_killed_one_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ROOMY)
    append(journal, text(5))
    read(journal, most=2)
    journal.acknowledge()
    journal.close()

    with opened(tmp_path) as other:
        assert (other.lines, read_all(other)) == (3, ["2", "3", "4"])


def test_what_a_killed_process_was_sending_is_sent_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ROOMY)
    append(journal, text(3))
    read(journal)
    journal.close()

    with opened(tmp_path) as other:
        assert read_all(other) == numbers(range(3))


def test_what_is_appended_after_a_restart_comes_after_what_was_there(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(2))
    with opened(tmp_path) as journal:
        append(journal, text(2, 2))

        assert read_all(journal) == numbers(range(4))


def test_half_a_line_that_a_loss_of_power_leaves_is_cut_off(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(3))
    with segments(tmp_path)[0].open("r+b") as file:
        file.truncate(3 * LINE - 10)

    with opened(tmp_path) as journal:
        assert (journal.lines, read_all(journal)) == (2, ["0", "1"])


def test_lines_that_read_like_no_report_are_left_out_and_counted(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(3))
    with segments(tmp_path)[0].open("r+b") as file:
        file.seek(LINE)
        file.write(b"\0" * 20)

    with opened(tmp_path) as journal:
        assert (read_all(journal), journal.damaged) == (["0", "2"], 1)


@pytest.mark.parametrize("damage", [b"\0\0\0\0", b"\xff", b'"', b"\n"])
def test_a_line_that_was_damaged_within_costs_only_itself(damage: bytes, tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(3))
    (segment,) = segments(tmp_path)
    whole, at = segment.read_bytes(), LINE + LINE // 2
    segment.write_bytes(whole[:at] + damage + whole[at + len(damage) :])

    with opened(tmp_path) as journal:
        assert read_all(journal) == ["0", "2"]
        assert journal.damaged == 1 + (damage == b"\n")
        assert journal.lines == 0


def test_a_file_of_nothing_but_damage_does_not_hide_the_next(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(1))
    segments(tmp_path)[0].write_bytes(b"\0\0\n")

    with opened(tmp_path) as journal:
        append(journal, text(1, 1))

        assert (read_all(journal), journal.damaged) == (["1"], 1)


def test_a_file_that_somebody_deleted_costs_its_lines(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(3))
        segments(tmp_path)[0].unlink()

        assert (read_all(journal), journal.damaged, journal.lines) == ([], 3, 0)


@pytest.mark.parametrize("position", [b"", b"nonsense", b"9 9", b"1 999999", b"\xff" * 40, b"-1 -1"])
def test_a_position_that_is_wrong_costs_nothing(tmp_path: Path, position: bytes) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(3))
    (tmp_path / "position").write_bytes(position)

    with opened(tmp_path) as journal:
        assert read_all(journal) == numbers(range(3))


def test_a_folder_belongs_to_one_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(OSError, match="another process uses this folder"):
        Journal(tmp_path, ROOMY)


def test_a_folder_that_could_not_be_opened_belongs_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "0000000000000001.jsonl").mkdir()
    with pytest.raises(IsADirectoryError), opened(tmp_path):
        pass

    (tmp_path / "0000000000000001.jsonl").rmdir()

    with opened(tmp_path) as journal:
        assert journal.lines == 0


def test_a_file_of_another_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "copy of 1.jsonl").write_bytes(text(3))
    with opened(tmp_path) as journal:
        append(journal, text(2))

        assert read_all(journal) == numbers(range(2))
    assert (tmp_path / "copy of 1.jsonl").read_bytes() == text(3)


def test_files_go_when_their_lines_are_through(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        append(journal, text(100))
        read_all(journal)

        assert (segments(tmp_path), journal.bytes) == ([], 0)


def test_only_the_operators_people_read_the_files(tmp_path: Path) -> None:
    with opened(tmp_path / "new") as journal:
        append(journal, text(1))

        assert segments(tmp_path / "new")[0].stat().st_mode & 0o007 == 0


def test_a_full_journal_takes_no_more_than_its_bound(tmp_path: Path) -> None:
    with opened(tmp_path, 65_536) as journal:
        for start in range(0, 1000, 10):
            append(journal, text(10, start))

        assert sum(path.stat().st_size for path in segments(tmp_path)) <= 65_536


def test_a_full_journal_refuses_the_newest(tmp_path: Path) -> None:
    with opened(tmp_path, 65_536) as journal:
        for start in range(0, 1000, 10):
            append(journal, text(10, start))

        kept = read_all(journal)
        assert kept == numbers(range(len(kept)))
        assert 0 < journal.refused == 1000 - len(kept)


def test_a_full_journal_forgets_the_oldest_when_told_to(tmp_path: Path) -> None:
    with opened(tmp_path, 65_536, drop_oldest=True) as journal:
        for start in range(0, 1000, 10):
            append(journal, text(10, start))

        kept = read_all(journal)
        assert kept == numbers(range(1000 - len(kept), 1000))
        assert 0 < journal.forgotten == 1000 - len(kept)


def test_what_is_on_its_way_is_not_counted_as_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path, 65_536, drop_oldest=True) as journal:
        append(journal, text(20))
        on_its_way = read(journal)
        for start in range(20, 1000, 10):
            append(journal, text(10, start))
        journal.acknowledge()

        assert journal.forgotten + len(on_its_way) + len(read_all(journal)) == 1000


@pytest.mark.parametrize("drop_oldest", [True, False])
def test_a_line_longer_than_the_bound_is_refused(tmp_path: Path, drop_oldest: bool) -> None:
    with opened(tmp_path, 65_536, drop_oldest=drop_oldest) as journal:
        append(journal, line("x" * 70_000) + b"\n")
        append(journal, text(1))

        assert (journal.refused, read_all(journal)) == (1, ["0"])


def test_what_a_full_disk_does_not_take_is_left_in_whole_lines(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        texts = deque([text(5)])
        with files_of_at_most(2 * LINE + 10), pytest.raises(OSError, match="File too large"):
            journal.append(texts)

        assert b"".join(texts) == text(3, 2)


def test_a_disk_that_has_room_again_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        texts = deque([text(5)])
        with files_of_at_most(2 * LINE + 10), pytest.raises(OSError, match="File too large"):
            journal.append(texts)
        journal.append(texts)

        assert read_all(journal) == numbers(range(5))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(1, 40), st.sampled_from(["read", "done", "restart"])), max_size=40))
def test_whatever_happens_each_line_is_read_in_order_and_none_is_missing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int | str]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal, written, through, on_its_way = Journal(folder, ROOMY), 0, 0, 0
    for step in steps:
        if isinstance(step, int):
            append(journal, text(step, written))
            written += step
        elif step == "read":
            found = read(journal, most=7)
            assert found == numbers(range(through, through + len(found)))
            on_its_way = len(found)
        elif step == "done":
            journal.acknowledge()
            through, on_its_way = through + on_its_way, 0
        else:
            journal.close()
            journal, on_its_way = Journal(folder, ROOMY), 0
        assert journal.lines == written - through

    assert read_all(journal) == numbers(range(through, written))
    journal.close()
