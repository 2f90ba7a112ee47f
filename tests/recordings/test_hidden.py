"""What real clients say of who they are and where, is in no report where the configuration hides it."""

import base64
import binascii
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from trio.testing import MockClock

from tests.nodes import Told, running
from tests.recordings.recording import Recording, load
from tests.recordings.replay import play

DATA = Path(__file__).parent / "data"
MORE = Path(__file__).parents[2].parent / "shared" / "recordings"
RECORDINGS = {path.name: path for folder in (MORE, DATA) for path in folder.glob("oc[23]*.jsonl.gz")}

ADDRESSES = (b"192.0.2.2", b"fd00::2")
"""Of the machine on which the clients were recorded: in candidates, pairs, SDP and transports of SFUs."""

ALL = dict.fromkeys(("iceAddresses", "roomId", "userId"), "anonymization")
HIDING: dict[str, Any] = {
    "evaluators": {"obfuscator": {"enabled": True, **ALL}},
    "security": {"obfuscations": {"hashSalt": "a salt that nobody else knows"}},
}


@pytest.fixture
def clock() -> MockClock:
    """Runs as real time does, and can be moved on."""
    return MockClock(rate=1.0)


@pytest.mark.parametrize("name", sorted(RECORDINGS))
async def test_no_address_room_or_user_of_a_recording_is_told(tmp_path: Path, clock: MockClock, name: str) -> None:
    recording = load(RECORDINGS[name])
    secrets = secrets_of(recording)

    async with running(tmp_path, epoch=recording.started_at, **HIDING) as node:
        await play([recording], node.port)
        told = b"\n".join(written(await node.reports()))

    assert told.count(b"CLIENT_JOINED") >= len(recording.truth["participants"])
    assert {secret for secret in secrets if secret in told} == set()


async def test_without_it_all_of_them_are_told(tmp_path: Path, clock: MockClock) -> None:
    recording = load(DATA / "oc2-2party-protobuf.jsonl.gz")
    secrets = secrets_of(recording)

    async with running(tmp_path, epoch=recording.started_at) as node:
        await play([recording], node.port)
        told = b"\n".join(written(await node.reports()))

    assert {secret for secret in secrets if secret in told} == set(secrets)


def secrets_of(recording: Recording) -> list[bytes]:
    """What says who and where; users in quotes, for their names are parts of other words."""
    said = b"\n".join(step.body if isinstance(step.body, bytes) else step.body.encode() for step in recording.steps)
    rooms = [room["roomId"].encode() for room in recording.truth["rooms"]]
    users = {f'"{person["userId"]}"'.encode() for person in recording.truth["participants"]}
    return [*(address for address in ADDRESSES if address in said), *rooms, *users]


def written(reports: Iterable[Told]) -> Iterable[bytes]:
    """Each report, what is JSON or base64 in it unpacked."""
    for report in reports:
        yield orjson.dumps(report.payload)
        for value in report.payload.values():
            if isinstance(value, str):
                yield value.encode()
        attached = report.payload.get("attachments")
        if attached:
            try:
                yield base64.b64decode(attached, validate=True)
            except binascii.Error:
                continue
