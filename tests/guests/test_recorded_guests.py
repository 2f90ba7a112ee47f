"""Real pages of guests, recorded, play against a whole node: their calls are told as they were, and kept in dumps."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from tests.guests.dump_reader import Read, stored
from tests.guests.recorded import JITSI, OWN, RTCSTATS, SECRET, SHARED, Page, recorded
from tests.guests.visits import play, seq_of
from tests.nodes import running
from tests.recordings.judge import faults
from tests.recordings.schema_faults import schema_faults

LONGER_THAN_ANY_LIMIT_S = 400
NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            not any((folder / f"{name}.jsonl.gz").exists() for folder in (OWN, SHARED)),
            reason="the recording is not at hand",
        ),
    )
    for name in (RTCSTATS, JITSI)
]
KINDS = {RTCSTATS: "rtcstats", JITSI: "jitsi"}

_ADDRESS = re.compile(r"(?<![\d.])(?!127\.0\.0\.1|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_TELLS_ADDRESSES = frozenset(
    (
        *("g", "getstats", "onicecandidate", "addIceCandidate", "onicecandidateerror"),
        *("createOfferOnSuccess", "createAnswerOnSuccess", "setLocalDescription", "setRemoteDescription"),
        *(3, 5, 6, 7, 8, 10, 20, 21),
    )
)


@pytest.fixture
def clock() -> MockClock:
    """Runs as real time does, and can be moved on."""
    return MockClock(rate=1.0)


def guests(folder: Path, *, obfuscated: bool = True) -> dict[str, Any]:
    """The block of a node that takes both kinds of guests and keeps dumps."""
    return {
        "rtcstats": {"jwtSecret": SECRET},
        "jitsi": {},
        "dumps": {"path": str(folder), "obfuscateAddresses": obfuscated},
    }


def sent(page: Page) -> list[str]:
    """What a page sent, as it is to stand in its dump."""
    if not page.subprotocol.startswith("rtcstats"):
        return [entry(text) for _, text in page.messages if seq_of(text)]
    return [text for _, text in page.messages]


def entry(text: str) -> str:
    """What is written of a message of Jitsi's."""
    data = json.loads(text)["data"]
    return data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))


def dump_of(page: Page, dumps: Sequence[Read]) -> Read:
    """The dump of a page: it begins with the same message."""
    (found,) = [dump for dump in dumps if dump.lines[0] == sent(page)[0]]
    return found


@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_call_is_told_as_it_was_and_kept(tmp_path: Path, clock: MockClock, name: str) -> None:
    call = recorded(name)
    begun = call.judged.started_at
    async with running(tmp_path, nodes=1, epoch=begun, guests=guests(tmp_path / "dumps", obfuscated=False)) as node:
        await play(call, [node.port], node.pass_time)
        reports = await node.reports()
        await node.pass_time(LONGER_THAN_ANY_LIMIT_S)
        reports += await node.reports_until("CALL_ENDED")
        reports += await node.stop_and_wait()
    dumps = stored(tmp_path / "dumps" / "stored")
    envelopes = [report.envelope for report in reports]

    assert schema_faults(envelopes) == []
    assert faults(envelopes, [call.judged]) == []
    assert {report.payload["serviceId"] for report in reports} == {KINDS[name]}
    assert len(dumps) == len(call.pages)
    for page in call.pages:
        dump = dump_of(page, dumps)
        lines = list(dump.lines)
        if name == RTCSTATS:
            assert json.loads(lines.pop())[:3] == ["close", None, page.code]
        assert lines == sent(page)
        assert dump.heard == ssrcs(call.judged.truth, page.id)


def ssrcs(truth: Any, client_id: str) -> set[int]:
    """The streams that a client received."""
    return {match["ssrc"] for match in truth["matching"] if match["receiverClientId"] == client_id}


async def test_only_addresses_are_changed_in_a_dump(tmp_path: Path, clock: MockClock) -> None:
    call = recorded(RTCSTATS)
    begun = call.judged.started_at
    async with running(tmp_path, nodes=1, epoch=begun, guests=guests(tmp_path / "dumps")) as node:
        await play(call, [node.port], no_time)
        await node.stop_and_wait()
    dumps = stored(tmp_path / "dumps" / "stored")

    said = "\n".join(text for page in call.pages for text in sent(page))
    assert len(set(_ADDRESS.findall(said))) > 0
    for page in call.pages:
        dump = dump_of(page, dumps)
        assert not _ADDRESS.search("\n".join(dump.lines))
        for before, after in zip(sent(page), dump.lines, strict=False):
            assert before == after or json.loads(before)[0] in _TELLS_ADDRESSES
        assert len(dump.lines) == len(page.messages) + 1


async def no_time(seconds: float) -> None:
    """Lets no time pass."""
