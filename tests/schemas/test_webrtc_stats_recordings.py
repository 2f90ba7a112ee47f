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
from schemas.reports import Report, ReportType
from schemas.rtcstats_session import RtcstatsSession
from schemas.samples import Budget, Item
from schemas.samples_3 import as_2_2
from schemas.samples_3_news import News
from schemas.webrtc_stats import Bounds, Guest, Skips, connection_id
from tests.recordings.judge import faults
from tests.recordings.recording import Recording, Step, load
from tests.recordings.schema_faults import schema_faults
from tests.world import World

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
NAMES = ("rtcstats-churn3", "jitsi-churn3")
LONGER_THAN_ANY_LIMIT_MS = 400_000
NOW = 1_795_313_550_000

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
    envelopes = [
        {"type": report.type.value, "schemaVersion": "2.2.0", "payload": report.payload} for report in reports(name)
    ]

    assert faults(envelopes, [told(name).recording]) == []
    assert schema_faults(envelopes) == []


@pytest.mark.parametrize("name", NAMES)
def test_each_candidate_is_of_one_end(name: str) -> None:
    for step in told(name).recording.steps:
        if step.act == "message":
            item = json.loads(step.body)
            sample = as_2_2(item)
            sent = sum(len(connection.get("iceCandidates", ())) for connection in item["peerConnections"])
            assert len(sample["iceLocalCandidates"]) + len(sample["iceRemoteCandidates"]) == sent


@pytest.mark.parametrize("name", NAMES)
def test_what_a_page_closes_is_told_to_close_when_it_does(name: str) -> None:
    closed = {
        report.payload["peerConnectionId"]: report.payload["timestamp"]
        for report in reports(name)
        if report.type is ReportType.CALL_EVENT and report.payload["name"] == "CUSTOM_PEER_CONNECTION_CLOSED"
    }
    noted = {
        connection["monitorPcId"]: connection["closedAt"]
        for person in told(name).recording.truth["participants"]
        for connection in person["peerConnections"]
        if "closedAt" in connection
    }

    assert {id_: at - closed[id_] for id_, at in noted.items() if not -50 <= at - closed[id_] <= 50} == {}


def test_a_session_that_moves_to_another_node_gives_each_sample_once() -> None:
    recording = load(RECORDINGS / "jitsi-churn3.jsonl.gz")
    who = Guest("s-1", "address")
    sent = [str(step.body) for step in recording.steps if step.act == "message" and step.connection == 2]
    envelopes = [envelope for text in sent for envelope in Envelopes(1_000_000).feed(text)]
    staying, first = JitsiSession(who, Bounds()), JitsiSession(who, Bounds())
    half = len(envelopes) // 2
    whole = [sample for envelope in envelopes for sample in staying.take(envelope, NOW)]
    begun = [sample for envelope in envelopes[:half] for sample in first.take(envelope, NOW)]

    second = JitsiSession(who, Bounds(), told=first.seq)
    resent = [envelope for envelope in envelopes if envelope.type != "keepalive"]
    gone_on = [sample for envelope in resent for sample in second.take(envelope, NOW)]

    assert begun + gone_on == whole
    assert second.skipped == {}


def tracks_of(samples: Sequence[Item]) -> list[Any]:
    """For each sample with statistics its time, its tracks with their SSRCs, and how many transports it has."""
    read = [client_sample(as_2_2(json.loads(json.dumps(it))), Budget(), Samples("", "", []).rejected) for it in samples]
    return [
        (it.timestamp, {(t.inbound, t.media_kind, t.track_id, t.ssrc, t.peer_connection_id) for t in it.tracks})
        for it in read
        if it and it.transports
    ]


@pytest.mark.parametrize("at", [60, 100, 140])
def test_a_jitsi_client_goes_on_at_a_node_that_knows_no_more_than_the_base(at: int) -> None:
    recording = load(RECORDINGS / "jitsi-churn3.jsonl.gz")
    sent = [str(step.body) for step in recording.steps if step.act == "message" and step.connection == 2]
    envelopes = [envelope for text in sent for envelope in Envelopes(1_000_000).feed(text)]
    staying = JitsiSession(Guest("s-1", "address"), Bounds())
    for envelope in envelopes[:at]:
        staying.take(envelope, NOW)
    moved = JitsiSession(Guest("s-1", "address"), Bounds(), staying.seq, staying.base())

    here = [sample for envelope in envelopes[at:] for sample in staying.take(envelope, NOW)]
    there = [sample for envelope in envelopes[at:] for sample in moved.take(envelope, NOW)]

    assert tracks_of(there) == tracks_of(here) != []
    assert (moved.who, moved.skipped) == (staying.who, {})


@pytest.mark.parametrize("at", [60, 100, 140])
def test_a_page_with_rtcstats_goes_on_at_a_node_that_knows_no_more_than_the_base(at: int) -> None:
    recording = load(RECORDINGS / "rtcstats-churn3.jsonl.gz")
    sent = [str(step.body) for step in recording.steps if step.act == "message" and step.connection == 2]
    staying = RtcstatsSession(Guest("s-1", "address"), Bounds())
    for text in sent[:at]:
        staying.feed(text, NOW)
    base = staying.base()
    assert len(base) < 5000
    moved = RtcstatsSession(Guest("s-1", "address"), Bounds(), base)
    first = json.loads(sent[at])
    later = json.dumps([*first[:-1], NOW]), *sent[at + 1 :]

    here = [sample for text in later for sample in staying.feed(text, NOW)]
    there = [sample for text in later for sample in moved.feed(text, NOW)]

    assert tracks_of(there) == tracks_of(here) != []
    assert moved.skipped == {}
