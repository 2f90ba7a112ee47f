"""Recorded pages with rtcstats-js and with Jitsi's client: their calls are reported as those of any other client."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from observer.intake import Departed
from schemas.client_samples import client_sample
from schemas.jitsi_codec import Envelopes
from schemas.jitsi_session import JitsiSession
from schemas.messages import Samples
from schemas.reports import Report
from schemas.rtcstats_session import RtcstatsSession
from schemas.samples import Budget, Item
from schemas.samples_3 import as_2_2
from schemas.samples_3_news import News
from schemas.webrtc_stats import Bounds, Guest, Skips, connection_id
from tests.recordings.judge import faults
from tests.recordings.recording import Recording, Step, load
from tests.world import World

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
NAMES = ("rtcstats-churn3", "jitsi-churn3")
LONGER_THAN_ANY_LIMIT_MS = 400_000

pytestmark = pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not at hand")

Feed = Callable[[str, int], list[Item]]


@dataclass(frozen=True)
class Told:
    """What the pages of a recording gave: samples of 3.x in their order, with the truth in our ids, and what not."""

    recording: Recording
    skipped: Skips


def page(name: str, who: Guest) -> tuple[Feed, Skips]:
    """What reads the messages of one page, and what it skips."""
    if name.startswith("rtcstats"):
        rtcstats = RtcstatsSession(who, Bounds())
        return lambda text, now: rtcstats.feed(text, now), rtcstats.skipped
    jitsi, envelopes = JitsiSession(who, Bounds()), Envelopes(1_000_000)
    return (
        lambda text, now: [it for envelope in envelopes.feed(text) for it in jitsi.take(envelope, now)]
    ), jitsi.skipped


def people(recording: Recording) -> dict[int, Any]:
    """Who speaks over which connection: it names tracks that only that page has captured."""
    captured: dict[int, str] = defaultdict(str)
    for step in recording.steps:
        if "MediaOnSuccess" in str(step.body) or str(step.body).startswith("[61,"):
            captured[step.connection] += str(step.body)
    return {
        connection: next(
            person for person in recording.truth["participants"] if any(id_ in said for id_ in person["localTracks"])
        )
        for connection, said in captured.items()
    }


@cache
def told(name: str) -> Told:
    recording = load(RECORDINGS / f"{name}.jsonl.gz")
    speaking = people(recording)
    guests = {
        number: Guest(person["clientId"], person["roomId"], person["userId"], None, person["userAgent"])
        for number, person in speaking.items()
    }
    pages = {number: page(name, who) for number, who in guests.items()}
    steps: list[Step] = []
    for step in recording.steps:
        if step.act == "message":
            samples = pages[step.connection][0](str(step.body), recording.started_at + int(step.at))
            steps += [replace(step, body=json.dumps(sample)) for sample in samples]
        else:
            steps.append(step)
    truth = json.loads(json.dumps(recording.truth))
    for person in truth["participants"]:
        for connection in person["peerConnections"]:
            connection["monitorPcId"] = connection_id(person["clientId"], connection["monitorPcId"])
    for match in truth["matching"]:
        for side in ("sender", "receiver"):
            match[f"{side}PcId"] = connection_id(match[f"{side}ClientId"], match[f"{side}PcId"])
    skipped = Skips()
    for _, of_page in pages.values():
        skipped += of_page
    return Told(replace(recording, steps=steps, truth=truth), skipped)


def reported(recording: Recording) -> Iterator[Report]:
    """What a node reports of samples of 3.x, each in a batch of its own, when each socket is heard to close."""
    world = World(idle={"client": 300_000})
    clients: dict[int, str] = {}
    news: dict[int, News] = defaultdict(lambda: News(1000))
    for step in recording.steps:
        world.now = recording.started_at + int(step.at)
        if step.act == "close":
            yield from world.tell(Departed("svc", [clients[step.connection]], []))
        elif step.act == "message":
            taken = Samples("svc", "mu", [])
            sample = client_sample(as_2_2(json.loads(step.body)), Budget(), taken.rejected)
            assert sample is not None
            assert taken.rejected == {}
            news[step.connection].only(sample.told)
            clients[step.connection] = sample.client_id
            taken.clients.append(sample)
            yield from world.tell(taken)
    assert world.rejected == {}
    yield from world.pass_time(LONGER_THAN_ANY_LIMIT_MS)


@cache
def reports(name: str) -> Sequence[Report]:
    return tuple(reported(told(name).recording))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_real_page_is_skipped(name: str) -> None:
    assert told(name).skipped == {}


@pytest.mark.parametrize("name", NAMES)
def test_all_that_was_true_is_reported(name: str) -> None:
    envelopes = [{"type": report.type.name, "payload": report.payload} for report in reports(name)]

    assert faults(envelopes, [told(name).recording]) == []
