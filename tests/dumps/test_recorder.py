"""Sessions and their dumps: what comes in comes out, in the form of the originals."""

import json
import os
import re
import stat
from pathlib import Path
from uuid import UUID

import pytest
import trio

from dumps.formats import Kind, rtcstats_close
from dumps.recorder import Completed, Head
from tests.dumps.recording import STARTED_MS, jitsi, recording, rtcstats, running, settled, write

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "reference" / "examples"
needs_examples = pytest.mark.skipif(not EXAMPLES.exists(), reason="the golden dumps stand outside the repository")
CLOSED = rtcstats_close(1000, 5)


async def test_a_session_becomes_a_dump(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        dump = it.recorder.opened(rtcstats())
        await write(dump, b'["create",null,{},1]', b'["websocket",null,{},2]')
        dump.close(CLOSED, STARTED_MS + 5)

    (text,) = it.stored().values()
    magic, head, *lines = text.split(b"\n")
    assert magic == b"RTCStatsDump"
    assert json.loads(head)["url"] == "/room?rtcstats-token=obfuscated"
    assert lines == [b'["create",null,{},1]', b'["websocket",null,{},2]', b'["close",null,1000,5]', b""]


async def test_a_completed_dump_is_told_to_the_catalogue_and_its_work_removed(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        dump = it.recorder.opened(rtcstats(identity={"user": "alice"}))
        await write(dump, b"[1]")
        dump.tell(conference="room", user=None)
        dump.close(CLOSED, STARTED_MS + 5)

    (text,), (row,), path = it.stored().values(), it.rows, tmp_path / "stored" / f"{dump.id}.gz"
    assert row == Completed(
        id=dump.id,
        base_id=dump.id,
        kind=Kind.RTCSTATS,
        client="rtcstats",
        started_ms=STARTED_MS,
        ended_ms=STARTED_MS + 5,
        identity={"user": "alice", "conference": "room"},
        key=path.name,
        location=path.resolve().as_uri(),
        size=path.stat().st_size,
        raw_size=len(text),
        lines=4,
        recovered=False,
    )
    assert it.work() == []


async def test_a_session_without_a_message_leaves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.recorder.opened(rtcstats()).close(CLOSED, STARTED_MS)
        await settled(lambda: it.figures.open == 0)

    assert (it.stored(), it.rows, it.work()) == ({}, [], [])


async def test_a_dump_of_jitsi_is_named_after_its_session(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        for number in range(3):
            dump = it.recorder.opened(jitsi("a-b_c"))
            await write(dump, b"[%d]" % number)
            dump.close(None, STARTED_MS)
        await settled(lambda: it.figures.files == 3)

    assert sorted(it.stored()) == ["a-b_c.gz", "a-b_c_1.gz", "a-b_c_2.gz"]
    assert {text.splitlines()[1] for text in it.stored().values()} == {b"[0]", b"[1]", b"[2]"}
    assert {(row.base_id, row.key) for row in it.rows} == {("a-b_c", name) for name in it.stored()}


@pytest.mark.parametrize("id_", ["", ".", "..", "../x", "a/b", "a.b", "a\0", "a\n", "é", "a" * 129, "%2e"])
async def test_what_may_not_be_part_of_a_name_is_none(tmp_path: Path, id_: str) -> None:
    async with running(tmp_path) as it:
        dump = it.recorder.opened(jitsi(id_))
        await write(dump, b"[1]")
        dump.close(None, STARTED_MS)

    assert [str(UUID(row.id)) for row in it.rows] == [dump.id]


async def test_what_is_there_is_never_changed(tmp_path: Path) -> None:
    (tmp_path / "stored").mkdir()
    (tmp_path / "stored/abc.gz").write_bytes(b"of somebody else")

    async with running(tmp_path) as it:
        dump = it.recorder.opened(jitsi("abc"))
        await write(dump, b"[1]")
        dump.close(None, STARTED_MS)

    assert (tmp_path / "stored/abc.gz").read_bytes() == b"of somebody else"
    assert [row.id for row in it.rows] == ["abc_1"]


async def test_the_world_reads_neither_work_nor_dumps(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        async with running(tmp_path / "new") as it:
            dump = it.recorder.opened(rtcstats())
            await write(dump, b"[1]")
            files = [path for path in (tmp_path / "new/work").iterdir() if path.name != "lock"]
            modes = {stat.S_IMODE(path.stat().st_mode) for path in files}
            dump.close(CLOSED, STARTED_MS)
    finally:
        os.umask(old)

    stored = tmp_path / "new/stored"
    assert modes | {stat.S_IMODE(path.stat().st_mode) for path in stored.iterdir()} == {0o640}
    assert {stat.S_IMODE((tmp_path / "new" / name).stat().st_mode) for name in (".", "work", "stored")} == {0o750}


async def test_a_dump_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        dump = it.recorder.opened(rtcstats())
        await write(dump, b"[1]", b"[2]")

        (text,) = it.lines()
        assert text.splitlines()[2:] == [b"[1]", b"[2]"]


async def test_a_mark_is_durable_once_its_line_is_in_the_file(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        dump = it.recorder.opened(jitsi("abc"))
        assert dump.durable == 0

        await write(dump, b"[1]", mark=41)

        assert dump.durable == 41
        assert it.lines()[0].endswith(b"[1]\n")


async def test_a_line_that_is_no_json_keeps_nobody_from_reading_the_others(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        dump = it.recorder.opened(rtcstats())
        await write(dump, b"this is not json", b"", b"[1]\n[2]", b"\xff", b"null")
        dump.close(CLOSED, STARTED_MS)

    (text,) = it.stored().values()
    assert text.splitlines()[2:] == [b"[1]", b"[2]", b"null", CLOSED]
    assert it.figures.removed_lines == 3


async def test_lines_before_the_recorder_runs_are_not_lost(tmp_path: Path) -> None:
    it = recording(tmp_path)
    dump = it.recorder.opened(rtcstats())
    assert dump.write(b"[1]") is None
    dump.close(CLOSED, STARTED_MS)

    async with trio.open_nursery() as nursery:
        await nursery.start(it.recorder.run)
        await settled(lambda: it.figures.files == 1)
        it.recorder.stop()

    assert [text.splitlines()[2] for text in it.stored().values()] == [b"[1]"]


async def test_addresses_stay_where_the_operator_says_so(tmp_path: Path) -> None:
    line = b'["onicecandidate","PC_0",{"candidate":"candidate:1 1 udp 1 10.0.0.1 5 typ host"},1]'

    async with running(tmp_path, obfuscate_addresses=False) as it:
        dump = it.recorder.opened(rtcstats())
        await write(dump, line)
        dump.close(CLOSED, STARTED_MS)

    (text,) = it.stored().values()
    assert line in text
    assert b"203.0.113.77" in text


async def test_what_is_told_of_a_session_has_a_bound(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        dump = it.recorder.opened(rtcstats())
        await write(dump, b"[1]")
        dump.tell(
            long="a" * 100_000, deep=[1] * 100_000, known={"a": [1]}, none=object(), half="\ud800", **{"k" * 100: 1}
        )
        dump.tell(**{f"k{number}": 1 for number in range(1000)})
        dump.close(CLOSED, STARTED_MS)

    assert it.rows[0].identity == {"long": "a" * 1024, "known": {"a": [1]}}


@needs_examples
@pytest.mark.parametrize(
    ("name", "obfuscates"),
    [("p2p-call", True), ("failures", True), ("p2p-call-plain", False), ("raw-plain", False)],
)
async def test_a_golden_session_becomes_the_golden_dump(tmp_path: Path, name: str, obfuscates: bool) -> None:
    golden = (EXAMPLES / "rtcstats" / name / "dump.rtcstats").read_bytes()
    wire = (EXAMPLES / "rtcstats" / name / "client.wire.jsonl").read_text().splitlines()
    texts = [one["text"].encode() for one in map(json.loads, wire) if one["dir"] == "send"]
    magic, head, *_, closed = golden.rstrip(b"\n").split(b"\n")
    full = head.replace(b"203.0.113.x", b"203.0.113.77").replace(b" 10.1.2.x", b" 10.1.2.3")

    async with running(tmp_path, obfuscate_addresses=obfuscates) as it:
        dump = it.recorder.opened(Head(Kind.RTCSTATS, STARTED_MS, (magic, full)))
        await write(dump, *texts)
        dump.close(closed, STARTED_MS)

    assert list(it.stored().values()) == [golden]


@needs_examples
@pytest.mark.parametrize("number", ["1" * 8, "2" * 8, "6" * 8])
async def test_a_golden_session_of_jitsi_becomes_the_golden_dump(tmp_path: Path, number: str) -> None:
    (path,) = (EXAMPLES / "jitsi-rtcstats").glob(f"dump.{number}-????-????-????-????????????.jsonl")
    head, *lines = path.read_bytes().splitlines()
    id_ = re.sub(r"dump\.|\.jsonl", "", path.name)

    async with running(tmp_path) as it:
        dump = it.recorder.opened(Head(Kind.JITSI, STARTED_MS, (head,), id_))
        await write(dump, *lines)
        dump.close(None, STARTED_MS)

    assert it.stored() == {f"{id_}.gz": path.read_bytes()}
