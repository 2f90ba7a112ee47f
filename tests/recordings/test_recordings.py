"""Real clients and SFUs, recorded, play against a whole node: all that was true is reported as it was.

Each room, participant, peer connection and stream, each transport and pad of an SFU; whatever the clients speak.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from tests.nodes import Node, Told, cluster, running
from tests.recordings.csv_faults import csv_faults
from tests.recordings.judge import faults
from tests.recordings.recording import Recording, load
from tests.recordings.replay import as_fast_as_possible, play
from tests.recordings.schema_faults import schema_faults

DATA = Path(__file__).parent / "data"
MORE = Path(__file__).parents[2].parent / "shared" / "recordings"
OWN = sorted(path.name for path in DATA.glob("*.jsonl.gz"))
OTHERS = sorted({path.name for path in MORE.glob("oc[23]*.jsonl.gz")} - {*OWN})
ALL_COPIED = os.environ.get("RECORDINGS") == "all"
COPIED = [name for name in OTHERS if ALL_COPIED or name in ("oc2-churn3-json.jsonl.gz", "oc2-sfu3-json.jsonl.gz")]
SPREAD = [
    name
    for name in (*OWN, *OTHERS)
    if ALL_COPIED or name.startswith(("oc2-sfu3", "oc2-kills3", "oc3-churn3-460", "oc3-2party"))
]
"""Those that are played to several nodes."""
COPIES = 20
LONGER_THAN_ANY_LIMIT_S = 400

no_others = pytest.mark.skipif(not OTHERS, reason=f"there is no {MORE.name} folder beside the repository")
an_other = pytest.mark.parametrize("name", OTHERS or ["none"])
a_copied_other = pytest.mark.parametrize("name", COPIED or ["none"])


@pytest.fixture
def clock() -> MockClock:
    """Runs as real time does, and can be moved on."""
    return MockClock(rate=1.0)


@pytest.mark.parametrize("name", OWN)
async def test_a_recording_is_reported_as_it_was(
    tmp_path: Path, clock: MockClock, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    assert await wrong([load(DATA / name)], tmp_path, caplog) == []


@pytest.mark.parametrize("name", OWN)
async def test_many_copies_at_once_are_reported_as_they_were(
    tmp_path: Path, clock: MockClock, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    assert await wrong(copies(load(DATA / name)), tmp_path, caplog) == []


@no_others
@an_other
async def test_another_recording_is_reported_as_it_was(
    tmp_path: Path, clock: MockClock, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    assert await wrong([load(MORE / name)], tmp_path, caplog) == []


@no_others
@a_copied_other
async def test_many_copies_of_another_recording_are_reported_as_they_were(
    tmp_path: Path, clock: MockClock, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    assert await wrong(copies(load(MORE / name)), tmp_path, caplog) == []


async def test_all_recordings_at_once_are_reported_as_they_were(
    tmp_path: Path, clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    everything = [load(DATA / name) for name in OWN] + [load(MORE / name) for name in OTHERS]

    assert await wrong(everything, tmp_path, caplog) == []


@pytest.mark.parametrize("name", SPREAD)
async def test_it_does_not_matter_to_which_node_a_client_speaks(
    tmp_path: Path, clock: MockClock, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    recording = load(DATA / name if name in OWN else MORE / name)

    async with cluster(tmp_path, epoch=recording.started_at) as nodes:
        node = nodes[0]
        node.others = [other.file for other in nodes[1:]]
        played = await play([recording], [each.port for each in nodes], node.pass_time)
        reports = await node.reports()
        await node.pass_time(LONGER_THAN_ANY_LIMIT_S)
        reports += await all_ended(node, [recording])
        found = played.refusals + [fault for each in nodes for fault in await not_taken(each)]

    assert found + faults([report.envelope for report in reports], [recording], ordered=False) == []


@pytest.mark.parametrize("name", [name for name in OWN if name.startswith(("oc2x", "oc3"))])
async def test_clients_that_name_their_call_are_reported_under_its_name(
    tmp_path: Path, clock: MockClock, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    recording = load(DATA / name)
    [room] = recording.truth["rooms"]

    assert await wrong([recording], tmp_path, caplog, evaluators={"callUpdater": {"callIdAssignMode": "slave"}}) == []
    assert calls_told(tmp_path) == {room["callId"]}


def calls_told(folder: Path) -> set[str]:
    """The ids of all calls of real clients in the report files of nodes."""
    lines = [line for file in folder.glob("reports*.jsonl") for line in file.read_text().splitlines()]
    payloads = [json.loads(line)["payload"] for line in lines]
    return {it["callId"] for it in payloads if it.get("roomId") and not it["roomId"].startswith("barrier-")}


@no_others
@pytest.mark.parametrize("said", ["&schemaVersion=3.3.0", "&schemaVersion=2.2.0", ""])
async def test_clients_of_3_may_leave_room_user_and_version_to_their_address(
    tmp_path: Path, clock: MockClock, caplog: pytest.LogCaptureFixture, said: str
) -> None:
    recording = without_attachments(load(MORE / "oc3-churn3-460.jsonl.gz"), said)

    assert await wrong([recording], tmp_path, caplog) == []


def without_attachments(recording: Recording, said: str) -> Recording:
    """The same clients, who say in their address what was attached to their samples."""
    attached: dict[int, dict[str, str]] = {}
    bodies: dict[int, str] = {}
    for number, step in enumerate(recording.steps):
        if step.body:
            sample = json.loads(step.body)
            attached[step.connection] = sample.pop("attachments")
            bodies[number] = json.dumps(sample)
    steps = []
    for number, step in enumerate(recording.steps):
        target = step.target
        if step.act == "open":
            ids = attached[step.connection]
            target = f"{target.partition('?')[0]}?roomId={ids['roomId']}&userId={ids['userId']}{said}"
        steps.append(replace(step, target=target, body=bodies.get(number, "")))
    return replace(recording, steps=steps)


def copies(recording: Recording) -> list[Recording]:
    return [recording.copy(number) for number in range(COPIES)]


async def wrong(
    recordings: Sequence[Recording], folder: Path, caplog: pytest.LogCaptureFixture, **blocks: Any
) -> list[str]:
    """Plays the recordings to a node and says all that went wrong.

    One recording is played while the node's clock passes through the recorded time, many as fast as possible. The
    reports of one are held against the schemas; those of copies are the same in other words.
    """
    async with running(folder, epoch=recordings[0].started_at, **blocks) as node:
        pass_time = node.pass_time if len(recordings) == 1 else as_fast_as_possible
        played = await play(recordings, node.port, pass_time)
        reports = await node.reports()
        await node.pass_time(LONGER_THAN_ANY_LIMIT_S)
        reports += await all_ended(node, recordings)
        found = played.refusals + await not_taken(node)
    found += [f"logged: {it.getMessage()}" for it in caplog.records if it.exc_info or it.levelname == "ERROR"]
    envelopes = [report.envelope for report in reports]
    if len(recordings) == 1:
        found += schema_faults(envelopes) + csv_faults(envelopes)
    return found + faults(envelopes, recordings)


async def all_ended(node: Node, recordings: Sequence[Recording]) -> list[Told]:
    rooms = sum(len(recording.truth["rooms"]) for recording in recordings)
    sfus = sum("sfu" in recording.truth for recording in recordings)
    return await node.reports_until(*["CALL_ENDED"] * rooms, *["SFU_LEFT"] * sfus)


async def not_taken(node: Node) -> list[str]:
    """What the node's metrics say was refused or lost."""
    refused = await node.by_reason("observertc_sources_refused_total")
    rejected = await node.by_reason("observertc_sources_rejected_total")
    dropped = await node.by_reason("observertc_sinks_dropped_reports_total")
    found = [f"{times:g} messages were refused: {reason}" for reason, times in refused.items()]
    found += [f"{times:g} items were rejected: {reason}" for reason, times in rejected.items()]
    return found + [f"{times:g} reports were dropped: {reason}" for reason, times in dropped.items()]
