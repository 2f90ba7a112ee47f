"""Recorded messages of real senders say what was true while they were recorded."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from schemas.protobuf import decode
from schemas.samples import Item
from tests.recordings.recording import Recording, load
from tests.schemas.protobuf.vectors import version_of

TESTS = Path(__file__).parents[2]
FOLDERS = (TESTS / "recordings" / "data", TESTS.parents[1] / "shared" / "recordings")
FILES = sorted({path.name: path for folder in FOLDERS for path in folder.glob("*protobuf*.gz")}.items())


def client_samples(recording: Recording) -> Iterator[Item]:
    """What the recording's messages say of clients."""
    versions = {}
    for step in recording.steps:
        if step.act == "open":
            versions[step.connection] = version_of(parse_qs(urlsplit(step.target).query)["schemaVersion"][0])
        elif step.act == "message":
            assert isinstance(step.body, bytes)
            said = decode(step.body, versions[step.connection], 5_000)
            yield from said.get("clientSamples", (said,))


def received(sample: Item) -> Iterator[tuple[str, str, int]]:
    """The client, the kind and the SSRC of each stream that it receives."""
    for kind, tracks in (("audio", "inboundAudioTracks"), ("video", "inboundVideoTracks")):
        for track in sample.get(tracks, ()):
            yield sample["clientId"], kind, track["ssrc"]
    for connection in sample.get("peerConnections", ()):
        for stream in connection.get("inboundRtps", ()):
            if "kind" in stream:
                yield sample["clientId"], stream["kind"], stream["ssrc"]


@pytest.mark.parametrize("path", [path for _, path in FILES], ids=[name for name, _ in FILES])
def test_the_streams_that_were_received_are_told(path: Path) -> None:
    recording = load(path)

    told = {stream for sample in client_samples(recording) for stream in received(sample)}

    truth = recording.truth["matching"]
    assert told == {(match["receiverClientId"], match["kind"], match["ssrc"]) for match in truth}


@pytest.mark.parametrize("path", [path for _, path in FILES], ids=[name for name, _ in FILES])
def test_every_sample_has_its_time(path: Path) -> None:
    recording = load(path)
    first, last = (recording.truth[name] for name in ("startedAt", "endedAt"))

    times = [sample["timestamp"] for sample in client_samples(recording)]

    assert [time for time in times if not first <= time <= last] == []
