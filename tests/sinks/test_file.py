"""FileSink: whole lines, live, rotated; what is no regular file; what goes wrong."""

import os
import resource
import signal
import stat
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from sinks.file import FileSink
from sinks.lines import Batch, batch_of
from sinks.rotation import append
from sinks.sink import NotDelivered
from sinks.stream import STANDARD_OUTPUT_FD, Stream, opened_stream
from tests.sinks.sinks_for_tests import batch, names

LINES = [b"%04d\n" % n for n in range(100)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reports.jsonl"


def put(path: Path, texts: Sequence[bytes], max_bytes: int = 10_000, max_files: int = 10) -> None:
    append(str(path), deque(texts), max_bytes, max_files)


def content(path: Path) -> bytes:
    return path.read_bytes()


def markers(text: bytes) -> list[str]:
    return names(text.splitlines())


async def send_to(path: Path | str, some: Batch) -> None:
    async with FileSink(str(path)).opened("mySink") as send:
        await send(some)


async def test_a_reader_that_follows_sees_each_batch_once_it_is_acknowledged(path: Path) -> None:
    async with FileSink(str(path)).opened("mySink") as send:
        with path.open("rb") as reader:
            seen = []
            for n in range(3):
                await send(batch(2, start=2 * n))
                seen.append(markers(reader.read()))

    assert seen == [["0", "1"], ["2", "3"], ["4", "5"]]


async def test_the_file_is_there_before_the_first_report(path: Path) -> None:
    async with FileSink(str(path)).opened("mySink"):
        assert content(path) == b""


async def test_the_world_does_not_read_reports(path: Path) -> None:
    await send_to(path, batch(1))

    assert os.stat(path).st_mode & 0o007 == 0


async def test_a_file_that_was_moved_away_is_made_anew(path: Path) -> None:
    moved = path.with_name("moved")
    async with FileSink(str(path)).opened("mySink") as send:
        await send(batch(1))
        os.rename(path, moved)
        await send(batch(1, start=1))

    assert (markers(content(moved)), markers(content(path))) == (["0"], ["1"])


async def test_a_folder_that_does_not_exist_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no such folder: '.*/nowhere'"):
        await send_to(path.parent / "nowhere" / "reports.jsonl", batch(1))


async def test_a_folder_may_appear_later(path: Path) -> None:
    later = path.parent / "later" / path.name
    with pytest.raises(FileNotFoundError):
        await send_to(later, batch(1))
    os.mkdir(later.parent)

    await send_to(later, batch(1))

    assert markers(content(later)) == ["0"]


def test_a_path_must_name_a_file() -> None:
    with pytest.raises(ValueError, match="path must name a file"):
        FileSink("")


def test_half_a_line_of_a_crash_is_ended_before_the_next(path: Path) -> None:
    path.write_bytes(b'{"type":"CALL_EV')

    put(path, [b"{}\n"])

    assert content(path) == b'{"type":"CALL_EV\n{}\n'


def test_a_process_killed_in_the_middle_of_a_batch_costs_at_most_one_line(path: Path) -> None:
    code = f"""
from collections import deque
from sinks.rotation import append
while True:
    append({str(path)!r}, deque([(b"x" * 5000 + b"\\n") * 20]), 10**9, 2)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2]) as process:
        while not path.exists() or path.stat().st_size < 1_000_000:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    put(path, [b"next\n"], max_bytes=10**9)

    *before, last, end = content(path).split(b"\n")
    assert (last, end) == (b"next", b"")
    assert {len(line) for line in before[:-1]} == {5000}


def test_a_file_is_rotated_before_it_grows_beyond_its_size(path: Path) -> None:
    put(path, LINES[:7], max_bytes=15)

    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}.1", f"{path.name}.2"]
    assert [path.with_name(path.name + end).read_bytes() for end in (".2", ".1", "")] == [
        b"0000\n0001\n0002\n",
        b"0003\n0004\n0005\n",
        b"0006\n",
    ]


def test_a_file_is_filled_to_the_last_byte_over_several_batches(path: Path) -> None:
    for line in LINES[:4]:
        put(path, [line], max_bytes=15)

    assert path.with_name(f"{path.name}.1").read_bytes() == b"0000\n0001\n0002\n"


def test_no_more_files_are_kept_than_wanted(path: Path) -> None:
    for line in LINES:
        put(path, [line], max_bytes=5, max_files=3)

    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == {
        path.name: b"0099\n",
        f"{path.name}.1": b"0098\n",
        f"{path.name}.2": b"0097\n",
    }


def test_a_single_file_starts_over(path: Path) -> None:
    put(path, LINES[:4], max_bytes=15, max_files=1)

    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == {path.name: b"0003\n"}


def test_a_line_that_is_longer_than_a_file_is_whole_and_alone(path: Path) -> None:
    put(path, [b"a\n" + b"b" * 50 + b"\nc\n"], max_bytes=10)

    assert [path.with_name(path.name + end).read_bytes() for end in (".2", ".1", "")] == [
        b"a\n",
        b"b" * 50 + b"\n",
        b"c\n",
    ]


def test_a_gap_in_the_numbers_ends_the_rotation(path: Path) -> None:
    path.write_bytes(b"0000\n")
    path.with_name(f"{path.name}.3").write_bytes(b"not touched\n")

    put(path, [LINES[1]], max_bytes=5)

    assert path.with_name(f"{path.name}.3").read_bytes() == b"not touched\n"
    assert path.with_name(f"{path.name}.1").read_bytes() == b"0000\n"


def test_the_file_behind_a_link_is_rotated_and_the_link_stays(path: Path) -> None:
    real = path.with_name("real")
    path.symlink_to(real)

    put(path, LINES[:2], max_bytes=5)

    assert path.is_symlink()
    assert (real.read_bytes(), real.with_name("real.1").read_bytes()) == (b"0001\n", b"0000\n")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process can grow beyond `size` bytes: writes end short, then fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_whole_lines_and_tells_the_rest(path: Path) -> None:
    left = deque(LINES[:10])

    with largest_file(32), pytest.raises(OSError, match="File too large"):
        append(str(path), left, 10_000, 10)

    assert content(path) == b"0000\n0001\n0002\n0003\n0004\n0005\n"
    assert list(left) == LINES[6:10]


async def test_what_was_written_before_the_disk_was_full_is_not_sent_again(path: Path) -> None:
    some = batch(10)

    async with FileSink(str(path)).opened("mySink") as send:
        with largest_file(3000), pytest.raises(NotDelivered) as failure:
            await send(some)
        await send(failure.value.again)

    assert 0 < len(failure.value.again) < 10
    assert markers(content(path)) == [str(n) for n in range(10)]


async def test_a_sink_that_wrote_nothing_asks_to_be_opened_anew(path: Path) -> None:
    async with FileSink(str(path)).opened("mySink") as send:
        os.unlink(path)
        os.mkfifo(path)
        with pytest.raises(OSError, match="no regular file any more"):
            await send(batch(1))


async def test_a_disk_that_is_full_from_the_start_is_an_error_to_try_again(path: Path) -> None:
    async with FileSink("/dev/full").opened("mySink") as send:
        with pytest.raises(OSError, match="No space left"):
            await send(batch(1))


async def test_dev_null_takes_everything_and_is_never_rotated() -> None:
    async with FileSink(os.devnull, max_bytes=1, max_files=1).opened("mySink") as send:
        await send(batch(100))

    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


async def test_a_pipe_is_written_to_while_somebody_reads(path: Path) -> None:
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        await send_to(path, batch(2))

        assert markers(os.read(reader, 100_000)) == ["0", "1"]
    finally:
        os.close(reader)


async def test_a_pipe_that_nobody_reads_is_an_error_to_try_again(path: Path) -> None:
    os.mkfifo(path)

    with pytest.raises(OSError, match="No such device or address"):
        await send_to(path, batch(1))


async def test_a_reader_that_stalls_stalls_nobody_else_and_gets_whole_lines() -> None:
    reader, writer = os.pipe()
    some = [b"%06d" % n for n in range(50_000)]
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Stream(writer).write, batch_of(some))
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        read = os.read(reader, 1_000_000)
    finally:
        os.close(reader)
        os.close(writer)

    assert nursery.cancel_scope.cancelled_caught
    assert read == b"\n".join(some)[: len(read)]
    assert read.endswith(b"\n")


async def test_a_long_line_goes_through_a_pipe_in_whole() -> None:
    reader, writer = os.pipe()
    line = b"x" * 300_000
    received = bytearray()

    async def read() -> None:
        while len(received) <= len(line):
            await trio.lowlevel.wait_readable(reader)
            received.extend(os.read(reader, 10_000))

    try:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                await Stream(writer).write(batch_of([line]))
    finally:
        os.close(reader)
        os.close(writer)

    assert received == line + b"\n"


async def test_a_dash_is_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    await send_to("-", batch(2))

    assert markers(capfdbinary.readouterr().out) == ["0", "1"]


def test_standard_output_stays_open() -> None:
    with opened_stream(None):
        pass

    assert os.fstat(STANDARD_OUTPUT_FD)
