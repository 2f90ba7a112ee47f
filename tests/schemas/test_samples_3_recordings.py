"""Recorded clients 4.0.3 and 4.6.0: each stream of the truth is found under its track, and what closed falls silent."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.client_samples import ClientSample, client_sample
from schemas.samples import Budget, Tally
from schemas.samples_3 import as_2_2, is_3, says_left

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
NAMES = ("oc3-churn3-403", "oc3-churn3-460")

pytestmark = pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not at hand")


@cache
def entries(name: str) -> list[Any]:
    """The samples of a recording as they were sent."""
    with gzip.open(RECORDINGS / f"{name}.jsonl.gz", "rt") as lines:
        messages = [json.loads(line) for line in lines]
    return [orjson.loads(told["text"]) for told in messages if told["ev"] == "msg" and told["dir"] == "in"]


@cache
def truth(name: str) -> Any:
    return json.loads((RECORDINGS / f"{name}.truth.json").read_text())


def samples(name: str) -> Iterator[ClientSample]:
    """The samples of a recording as the rest of the house gets them; nothing of them is refused."""
    rejected = Tally()
    for entry in entries(name):
        sample = client_sample(as_2_2(entry), Budget(), rejected)
        assert sample is not None
        yield sample
    assert rejected == {}


def connections(name: str) -> Iterator[Any]:
    return (connection for person in truth(name)["participants"] for connection in person["peerConnections"])


@pytest.mark.parametrize("name", NAMES)
def test_each_sample_is_told_by_its_shape(name: str) -> None:
    assert all(map(is_3, entries(name)))


@pytest.mark.parametrize("name", NAMES)
def test_each_sample_names_room_and_user(name: str) -> None:
    people = {person["clientId"]: (person["roomId"], person["userId"]) for person in truth(name)["participants"]}

    assert {sample.client_id: (sample.room_id, sample.user_id) for sample in samples(name)} == people


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_each_stream_is_found_under_its_track(name: str, direction: str) -> None:
    found = {
        (track.peer_connection_id, str(track.ssrc)): track.track_id
        for sample in samples(name)
        for track in sample.tracks
        if track.inbound == (direction == "inbound")
    }
    true = {
        (connection["monitorPcId"], ssrc): stream["trackId"]
        for connection in connections(name)
        for ssrc, stream in connection[direction].items()
    }

    assert found == true


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_connection_falls_silent_when_its_page_closes_it(name: str) -> None:
    last: dict[str | None, int] = defaultdict(int)
    for sample in samples(name):
        for transport in sample.transports:
            last[transport.peer_connection_id] = sample.timestamp

    closed = {c["monitorPcId"]: c["closedAt"] for c in connections(name) if "closedAt" in c}
    assert closed
    assert {id_: at - last[id_] for id_, at in closed.items() if not -100 < at - last[id_] < 5000} == {}


@pytest.mark.parametrize("name", NAMES)
def test_who_leaves_says_so_in_the_last_sample(name: str) -> None:
    last = {entry["clientId"]: says_left(entry) for entry in entries(name)}

    clean = {person["clientId"]: person["leaveMode"] == "clean" for person in truth(name)["participants"]}
    assert last == clean
    assert sum(map(says_left, entries(name))) == sum(clean.values())


@pytest.mark.parametrize("name", NAMES)
def test_each_candidate_is_of_one_end(name: str) -> None:
    sent = sum(len(c["iceCandidates"]) for entry in entries(name) for c in entry["peerConnections"])

    sorted_ = sum(
        len(sample.told["iceLocalCandidates"]) + len(sample.told["iceRemoteCandidates"]) for sample in samples(name)
    )

    assert sorted_ == sent
