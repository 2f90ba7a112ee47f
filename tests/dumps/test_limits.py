"""What dumps may take, and what happens beyond that: the session goes on, and all that is lost is counted."""

import json
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from dumps.formats import rtcstats_close
from dumps.recorder import MOST_FAILURES, PATIENCE_S, Dump
from tests.dumps.recording import STARTED_MS, Recording, jitsi, recording, rtcstats, running, settled, write

CLOSED = rtcstats_close(1000, 5)
LINE = b'["%s"]' % (b"a" * 995)


async def test_a_dump_that_is_too_long_says_so_and_the_session_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, max_dump_bytes=4096) as it:
        dump = it.recorder.opened(rtcstats())
        await write(dump, LINE, LINE, LINE)
        it.now_ms += 7
        await write(dump, LINE)
        it.now_ms += 8
        await write(dump, b"[1]", mark=99)
        assert dump.durable == 99
        dump.close(CLOSED, STARTED_MS)

    (text,) = it.stored().values()
    assert text.splitlines()[2:] == [
        *[LINE] * 3,
        b'[":dumpFull",null,{"maxDumpBytes":4096},7]',
        b'[":linesLost",null,{"lines":2,"bytes":%d},8]' % (len(LINE) + 5),
        CLOSED,
    ]
    assert it.figures.dropped == {"size": 2}


async def test_a_dump_of_jitsi_that_is_too_long_says_when(tmp_path: Path) -> None:
    async with running(tmp_path, max_dump_bytes=4096) as it:
        dump = it.recorder.opened(jitsi("abc"))
        await write(dump, *[LINE] * 4)
        dump.close(None, STARTED_MS)

    lines = [json.loads(line) for line in it.stored()["abc.gz"].splitlines()]
    assert lines[-2:] == [
        ["dumpFull", None, {"maxDumpBytes": 4096}, STARTED_MS],
        ["linesLost", None, {"lines": 1, "bytes": len(LINE) + 1}, STARTED_MS],
    ]


async def test_of_a_session_beyond_those_that_may_be_open_nothing_is_kept(tmp_path: Path) -> None:
    async with running(tmp_path, max_open=1) as it:
        first, second = it.recorder.opened(rtcstats()), it.recorder.opened(rtcstats())
        assert (first.kept, second.kept) == (True, False)
        await write(second, b"[1]", mark=5)
        await write(first, b"[2]")
        second.close(CLOSED, STARTED_MS)
        first.close(CLOSED, STARTED_MS)
        await settled(lambda: it.figures.files == 1)

        assert it.recorder.opened(rtcstats()).kept

    assert it.figures.refused == {"open": 1}
    assert [row.id for row in it.rows] == [first.id]


async def test_no_dump_is_begun_while_too_many_wait(tmp_path: Path) -> None:
    async with running(tmp_path, max_waiting=1) as it:
        it.fails = 1_000_000
        dump = it.recorder.opened(rtcstats())
        await write(dump, b"[1]")
        dump.close(CLOSED, STARTED_MS)
        await settled(lambda: it.figures.waiting == 1)

        assert not it.recorder.opened(rtcstats()).kept

    assert it.figures.refused == {"waiting": 1}


async def test_a_full_folder_takes_no_new_dump_and_in_the_end_no_line(tmp_path: Path) -> None:
    async with running(tmp_path, max_work_bytes=65_536) as it:
        dump = it.recorder.opened(rtcstats())
        await write(dump, *[LINE] * 60)
        refused = it.recorder.opened(rtcstats())
        await write(dump, *[LINE] * 10)
        dump.close(CLOSED, STARTED_MS)
        await settled(lambda: it.figures.files == 1)

        assert it.recorder.opened(rtcstats()).kept

    assert not refused.kept
    assert it.figures.refused == {"disk": 1}
    assert it.figures.dropped["disk"] > 0
    assert it.figures.work == 0


async def test_no_dump_is_begun_when_the_recorder_stops(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.recorder.stop()

        assert not it.recorder.opened(rtcstats()).kept


async def test_a_session_waits_when_memory_is_full_until_lines_are_written(tmp_path: Path) -> None:
    it = recording(tmp_path, max_buffered_bytes=65_536)
    dump = it.recorder.opened(rtcstats())
    waiting = [dump.write(LINE, number) for number in range(1, 67)]
    assert [one is None for one in waiting] == [True] * 65 + [False]
    (last,) = (one for one in waiting if one is not None)

    async with trio.open_nursery() as nursery:
        await nursery.start(it.recorder.run)
        await last
        assert dump.durable == 66
        assert it.figures.buffered == 0
        it.recorder.stop()


async def overfull(it: Recording) -> Dump:
    """A dump that waited in vain, once."""
    dump = it.recorder.opened(rtcstats())
    for number in range(1, 67):
        if (waiting := dump.write(LINE, number)) is not None:
            began = trio.current_time()
            await waiting
            assert trio.current_time() - began == pytest.approx(PATIENCE_S)
    return dump


async def test_a_disk_that_fails_stops_no_session(tmp_path: Path, autojump_clock: MockClock) -> None:
    (tmp_path / "work").write_bytes(b"this is no folder")
    async with running(tmp_path, max_buffered_bytes=65_536) as it:
        dump = await overfull(it)
        assert [dump.write(LINE, number) for number in range(67, 100)] == [None] * 33
        assert (dump.durable, it.figures.dropped) == (0, {"slow": 33})
        await settled(lambda: it.figures.errors["write"] >= 1)
        (tmp_path / "work").unlink()
        await settled(lambda: dump.durable == 99)
        dump.close(CLOSED, STARTED_MS)
        await settled(lambda: it.figures.files == 1)

    (text,) = it.stored().values()
    lost = b'[":linesLost",null,{"lines":33,"bytes":%d},0]' % (33 * len(LINE) + 33)
    assert text.splitlines()[2:] == [LINE] * 66 + [lost, CLOSED]


async def test_a_dump_that_cannot_be_written_is_no_matter_of_the_others(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as it:
        bad, good = it.recorder.opened(rtcstats()), it.recorder.opened(rtcstats())
        await write(bad, b"[1]")
        path = tmp_path / "work" / f"{bad.name}.lines"
        path.unlink()
        path.mkdir()
        bad.write(b"[2]", 2)
        await write(good, b"[3]")
        assert bad.durable == 1

        await settled(lambda: bad.durable == 2)

        assert it.figures.errors["write"] == MOST_FAILURES
        assert it.figures.dropped == {"error": 1}
        good.close(CLOSED, STARTED_MS)
        bad.close(CLOSED, STARTED_MS)
        await settled(lambda: it.figures.files == 1)

    assert [row.id for row in it.rows] == [good.id]


async def test_nothing_is_kept_of_a_dump_whose_beginning_cannot_be_written(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as it:
        dump = it.recorder.opened(rtcstats())
        path = tmp_path / "work" / f"{dump.name}.lines"
        path.mkdir(parents=True, exist_ok=True)
        dump.write(b"[1]", 1)
        await settled(lambda: dump.durable == 1)
        assert not dump.kept
        path.rmdir()
        await write(dump, b"[2]")
        dump.close(CLOSED, STARTED_MS)

    assert (it.figures.open, it.figures.buffered, it.work(), it.rows) == (0, 0, [".json"], [])
