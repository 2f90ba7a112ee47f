"""What a process leaves that is killed, and what the next one makes of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from dumps.formats import rtcstats_close
from dumps.work import Work
from tests.dumps.recording import STARTED_MS, Recording, jitsi, recording, rtcstats, running, settled, write
from tests.services import ROOT

CLOSED = rtcstats_close(1000, 5)
LOST = b'["close",null,1006,0]'


async def cut_short(it: Recording) -> Recording:
    """Let a recorder run, write to two sessions, and cancel it in their midst."""
    async with trio.open_nursery() as nursery:
        await nursery.start(it.recorder.run)
        for head in (rtcstats(identity={"user": "alice"}), jitsi("abc")):
            await write(it.recorder.opened(head), b"[1]", b"[2]")
        nursery.cancel_scope.cancel()
    return it


async def restarted(folder: Path) -> Recording:
    """What the next recorder makes of what is there."""
    async with running(folder) as it:
        await settled(lambda: it.figures.open == it.figures.waiting == 0 and it.work() == [])
    return it


def work_file(folder: Path, containing: bytes, suffix: str = ".lines") -> Path:
    (path,) = (one for one in (folder / "work").glob("*.lines") if containing in one.read_bytes())
    return path.with_suffix(suffix)


async def test_dumps_that_were_open_are_completed(tmp_path: Path) -> None:
    await cut_short(recording(tmp_path))

    it = await restarted(tmp_path)

    texts = {row.client + row.kind: it.stored()[row.key].splitlines() for row in it.rows}
    assert [lines[-3:] for lines in (texts["rtcstatsrtcstats"], texts["rtcstatsjitsi"])] == [
        [b"[1]", b"[2]", LOST],
        [texts["rtcstatsjitsi"][0], b"[1]", b"[2]"],
    ]
    assert it.figures.recovered == 2


async def test_what_was_known_of_a_dump_is_known_again(tmp_path: Path) -> None:
    await cut_short(recording(tmp_path))
    last_ms = int(work_file(tmp_path, b"RTCStatsDump").stat().st_mtime * 1000)

    it = await restarted(tmp_path)

    (row,) = (row for row in it.rows if row.kind == "rtcstats")
    assert (row.recovered, row.identity, row.started_ms, row.ended_ms) == (True, {"user": "alice"}, STARTED_MS, last_ms)
    assert [row.id for row in it.rows if row.kind == "jitsi"] == ["abc"]


async def test_half_a_line_is_cut(tmp_path: Path) -> None:
    await cut_short(recording(tmp_path))
    with work_file(tmp_path, b"RTCStatsDump").open("ab") as file:
        file.write(b'["half a li' * 200_000)

    it = await restarted(tmp_path)

    (text,) = (it.stored()[row.key] for row in it.rows if row.kind == "rtcstats")
    assert text.splitlines()[-3:] == [b"[1]", b"[2]", LOST]


async def test_a_dump_with_nothing_but_its_beginning_leaves_nothing(tmp_path: Path) -> None:
    await cut_short(recording(tmp_path))
    path = work_file(tmp_path, b"connectionInfo")
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0] + b"[")

    it = await restarted(tmp_path)

    assert [row.kind for row in it.rows] == ["rtcstats"]


@pytest.mark.parametrize("damaged", [None, b"", b"{", b"[]", b'{"kind":"other"}'])
async def test_a_dump_whose_note_is_lost_is_kept_under_a_name_of_ours(tmp_path: Path, damaged: bytes | None) -> None:
    await cut_short(recording(tmp_path))
    note = work_file(tmp_path, b"connectionInfo", ".json")
    note.unlink() if damaged is None else note.write_bytes(damaged)

    it = await restarted(tmp_path)

    (row,) = (row for row in it.rows if row.kind == "jitsi")
    assert (row.id, row.client) == (note.stem, "unknown")
    assert it.stored()[row.key].endswith(b"[1]\n[2]\n")


async def test_a_dump_that_is_stored_but_not_in_the_catalogue_is_stored_once(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.fails = 1_000
        dump = it.recorder.opened(jitsi("abc"))
        await write(dump, b"[1]")
        dump.close(None, STARTED_MS)
        await settled(lambda: it.figures.errors["catalogue"] > 0)
    assert (len(it.stored()), it.rows) == (1, [])

    again = await restarted(tmp_path)

    assert list(again.stored()) == ["abc.gz"]
    assert [(row.id, row.recovered) for row in again.rows] == [("abc", False)]


async def test_what_is_stored_stays_also_when_the_dump_is_packed_otherwise(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.fails = 1_000
        dump = it.recorder.opened(jitsi("abc"))
        await write(dump, b'["publicIP",null,"10.0.0.1",1]')
        dump.close(None, STARTED_MS)
        await settled(lambda: it.figures.errors["catalogue"] > 0)
    before = it.stored()

    async with running(tmp_path, obfuscate_addresses=False) as again:
        await settled(lambda: again.figures.files == 1)

    assert again.stored()["abc.gz"] == before["abc.gz"]
    assert b"10.0.0.1" in again.stored()["abc_1.gz"]


async def test_a_recorder_that_is_recovering_takes_sessions(tmp_path: Path) -> None:
    await cut_short(recording(tmp_path))

    async with running(tmp_path) as it:
        dump = it.recorder.opened(rtcstats())
        await write(dump, b"[3]")
        dump.close(CLOSED, STARTED_MS)
        await settled(lambda: it.figures.files == 3)

    assert len(it.stored()) == 3


async def test_the_folder_of_another_process_is_waited_for(tmp_path: Path) -> None:
    other = Work(tmp_path / "work", sync=False)
    async with running(tmp_path) as it:
        dump = it.recorder.opened(rtcstats())
        dump.write(b"[1]", 1)
        await settled(lambda: it.figures.errors["write"] > 0)
        assert dump.durable == 0

        other.close()

        await settled(lambda: dump.durable == 1)


async def test_what_else_an_earlier_process_left_is_removed(tmp_path: Path) -> None:
    Work(tmp_path / "work", sync=False).close()
    for name in ("a.json", "b.gz", "c.fresh"):
        (tmp_path / "work" / name).write_bytes(b"{}")

    it = await restarted(tmp_path)

    assert it.work() == []


@pytest.mark.parametrize("sync", [False, True])
async def test_writes_may_wait_for_the_disk(tmp_path: Path, sync: bool) -> None:
    async with running(tmp_path, sync=sync) as it:
        dump = it.recorder.opened(rtcstats())
        await write(dump, b"[1]")
        dump.close(CLOSED, STARTED_MS)

    assert len(it.stored()) == 1


def killed(folder: Path, sessions: int, lines: int, told: int) -> dict[str, int]:
    """Kill a process that records once it told so often what is durable; return the last word on each dump."""
    program = [sys.executable, "-m", "tests.dumps.recording_process", str(folder), str(sessions), str(lines)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        words = [process.stdout.readline() for _ in range(told)]
        process.kill()
        words += process.stdout.readlines()
    return {id_.decode(): int(number) for id_, number in (word.split() for word in words if word.endswith(b"\n"))}


async def test_what_was_durable_outlasts_a_kill(tmp_path: Path) -> None:
    durable = {id_: number for _ in range(2) for id_, number in killed(tmp_path, 5, 100_000, 1000).items()}

    it = await restarted(tmp_path)

    assert len(durable) == 10
    for id_, number in durable.items():
        lines = it.stored()[f"{id_}.gz"].splitlines()
        numbers = [json.loads(line)[1] for line in lines[2:-1]]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= number > 0
        assert lines[-1] == LOST


async def test_each_dump_is_stored_once_however_often_its_process_is_killed(tmp_path: Path) -> None:
    told: set[str] = set()
    for number in range(4):
        told |= {id_ for id_, durable in killed(tmp_path, 20, 10, 1500 + 333 * number).items() if durable}

    it = await restarted(tmp_path)

    rows = [line.split()[0] for line in (tmp_path / "rows").read_text().splitlines()]
    assert set(it.stored()) == {f"{id_}.gz" for id_ in {*rows, *(row.id for row in it.rows)}}
    assert set(it.stored()) >= {f"{id_}.gz" for id_ in told}
    assert not any("_" in name for name in it.stored())
