from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observer.simulation.calls import Call, CallShape, Participant, plan_call
from observer.simulation.samples import client_sample
from schemas.client_samples import client_sample as read
from schemas.samples import Budget, Tally

Item = dict[str, Any]
TRACK_LISTS = ("inboundAudioTracks", "inboundVideoTracks", "outboundAudioTracks", "outboundVideoTracks")
COUNTERS = (
    *("packetsSent", "packetsReceived", "packetsLost", "bytesSent", "bytesReceived", "headerBytesSent"),
    *("headerBytesReceived", "framesSent", "framesEncoded", "framesReceived", "framesDecoded", "totalSamplesReceived"),
    *("concealedSamples", "jitterBufferEmittedCount", "reportsSent", "nackCount", "qpSum", "totalRoundTripTime"),
    *("requestsSent", "responsesReceived", "roundTripTimeMeasurements"),
)
EPOCH = 1_750_000_000_000.0

shapes = st.builds(
    CallShape,
    participants=st.integers(2, 5),
    seconds=st.floats(1, 300),
    sfu=st.booleans(),
    screen_share=st.booleans(),
    stagger=st.floats(0, 0.3),
)
seeds = st.integers(0, 2**32)


def played(call: Call, person: Participant, ticks: int = 12) -> Iterator[Item]:
    """All samples of one client, evenly spread over its stay."""
    since = None
    for seq in range(ticks):
        at = person.joins + (person.leaves - person.joins) * seq / ticks
        yield client_sample(call, person, at, since=since, seq=seq, epoch=EPOCH)
        since = at


def entries(sample: Item, *names: str) -> Iterator[Item]:
    for name in names or TRACK_LISTS:
        yield from sample.get(name, ())


@settings(max_examples=40, deadline=None)
@given(seeds, shapes)
def test_every_inbound_ssrc_of_a_p2p_call_is_another_participants_outbound_ssrc(seed: int, shape: CallShape) -> None:
    call = plan_call(Random(seed), replace(shape, sfu=False))

    sent: dict[int, str] = {}
    heard: list[tuple[str, int]] = []
    for person in call.participants:
        for sample in played(call, person):
            sent |= {t["ssrc"]: person.client_id for t in entries(sample, *TRACK_LISTS[2:])}
            heard += [(person.client_id, t["ssrc"]) for t in entries(sample, *TRACK_LISTS[:2])]

    assert heard
    assert all(sent[ssrc] != listener for listener, ssrc in heard if ssrc in sent)
    assert {ssrc for _, ssrc in heard} <= {stream.ssrc for stream in call.streams}


@settings(max_examples=40, deadline=None)
@given(seeds, shapes)
def test_every_sink_of_an_sfu_call_carries_another_participants_stream(seed: int, shape: CallShape) -> None:
    call = plan_call(Random(seed), replace(shape, sfu=True))

    publishers = {stream.sfu_stream_id: stream.client_id for stream in call.streams}
    for person in call.participants:
        for sample in played(call, person):
            for track in entries(sample, *TRACK_LISTS[:2]):
                assert track["sfuSinkId"]
                assert publishers[track["sfuStreamId"]] != person.client_id


@settings(max_examples=40, deadline=None)
@given(seeds, shapes)
def test_no_counter_goes_back(seed: int, shape: CallShape) -> None:
    call = plan_call(Random(seed), shape)

    for person in call.participants:
        last: dict[Any, float] = defaultdict(float)
        for sample in played(call, person):
            for entry in entries(sample, *TRACK_LISTS, "pcTransports", "iceCandidatePairs"):
                for name in COUNTERS:
                    key = (entry["peerConnectionId"], entry["id"], name)
                    assert entry.get(name, last[key]) >= last[key], name
                    last[key] = entry.get(name, last[key])


@settings(max_examples=40, deadline=None)
@given(seeds, shapes)
def test_the_timestamps_and_sequence_numbers_of_a_client_increase(seed: int, shape: CallShape) -> None:
    call = plan_call(Random(seed), shape)

    for person in call.participants:
        samples = list(played(call, person))
        times = [sample["timestamp"] for sample in samples]
        assert times == sorted(set(times))
        assert [sample["sampleSeq"] for sample in samples] == list(range(len(samples)))


@settings(max_examples=40, deadline=None)
@given(seeds, shapes, st.floats(0, 1))
def test_what_is_received_was_sent(seed: int, shape: CallShape, moment: float) -> None:
    call = plan_call(Random(seed), replace(shape, sfu=False))
    at = moment * call.seconds

    sent: dict[int, Item] = {}
    received: dict[int, Item] = {}
    for person in call.participants:
        sample = client_sample(call, person, at, since=None, seq=0, epoch=EPOCH)
        sent |= {t["ssrc"]: t for t in entries(sample, *TRACK_LISTS[2:])}
        received |= {t["ssrc"]: t for t in entries(sample, *TRACK_LISTS[:2])}

    assert sent.keys() == received.keys()
    for ssrc, track in received.items():
        assert track["packetsReceived"] + track["packetsLost"] <= sent[ssrc]["packetsSent"]
        assert track["bytesReceived"] <= sent[ssrc]["bytesSent"]


@settings(max_examples=40, deadline=None)
@given(seeds, shapes)
def test_a_transport_carries_at_least_what_its_tracks_count(seed: int, shape: CallShape) -> None:
    call = plan_call(Random(seed), shape)

    for person in call.participants:
        for sample in played(call, person, 4):
            for transport in entries(sample, "pcTransports"):
                of_it = [t for t in entries(sample) if t["peerConnectionId"] == transport["peerConnectionId"]]
                assert transport["bytesSent"] >= sum(t["bytesSent"] for t in of_it if t["type"] == "outbound-rtp")
                assert transport["bytesReceived"] >= sum(t.get("bytesReceived", 0) for t in of_it)


@settings(max_examples=60, deadline=None)
@given(seeds, shapes)
def test_every_reception_lasts_a_tenth_of_the_call_and_both_its_ends_are_there(seed: int, shape: CallShape) -> None:
    call = plan_call(Random(seed), shape)

    connections = {c.peer_connection_id: c for c in call.connections}
    for reception in call.receptions:
        assert reception.ends - reception.starts >= call.seconds / 10
        for end in (reception, reception.stream):
            connection = connections[end.peer_connection_id]
            assert connection.client_id == end.client_id
            assert connection.opened <= reception.starts
            assert reception.ends <= connection.closed
        assert reception.client_id != reception.stream.client_id


@settings(max_examples=30, deadline=None)
@given(seeds, shapes)
def test_the_ids_and_ssrcs_of_a_call_are_unique(seed: int, shape: CallShape) -> None:
    call = plan_call(Random(seed), shape)

    ids = [p.client_id for p in call.participants] + [c.peer_connection_id for c in call.connections]
    ids += [r.sfu_sink_id for r in call.receptions if r.sfu_sink_id]
    ssrcs = [n for s in call.streams for n in (s.ssrc, s.rtx_ssrc)]
    if shape.sfu:
        ssrcs += [n for r in call.receptions for n in (r.ssrc, r.rtx_ssrc)]
    assert len(set(ids)) == len(ids)
    assert len(set(ssrcs)) == len(ssrcs)


@settings(max_examples=20, deadline=None)
@given(seeds, shapes)
def test_our_own_reader_takes_every_sample_whole(seed: int, shape: CallShape) -> None:
    call = plan_call(Random(seed), shape)

    for person in call.participants:
        for sample in played(call, person, 5):
            rejected: Tally = Tally()
            assert read(sample, Budget(), rejected) is not None
            assert not rejected


def test_the_same_seed_gives_the_same_call() -> None:
    assert plan_call(Random(7), CallShape()) == plan_call(Random(7), CallShape())


def test_a_mesh_has_one_connection_each_side_of_each_pair() -> None:
    call = plan_call(Random(1), CallShape(participants=4))

    assert len(call.connections) == 4 * 3
    assert len(call.receptions) == 4 * 3 * 2


def test_a_participant_of_an_sfu_call_publishes_on_one_connection_and_subscribes_on_another() -> None:
    call = plan_call(Random(1), CallShape(participants=4, sfu=True))

    assert len(call.connections) == 4 * 2
    assert len(call.receptions) == 4 * 3 * 2


def test_the_first_sample_tells_what_later_ones_do_not_repeat() -> None:
    call = plan_call(Random(1), CallShape(participants=2, seconds=60))
    person = call.participants[1]
    first = client_sample(call, person, 20, since=None, seq=0, epoch=EPOCH)
    second = client_sample(call, person, 22, since=20, seq=1, epoch=EPOCH)

    told_once = {"os", "browser", "engine", "platform", "mediaDevices", "mediaConstraints", "codecs", "certificates"}
    told_once |= {"iceLocalCandidates", "iceRemoteCandidates", "mediaSources", "localSDPs"}
    assert told_once <= first.keys()
    assert not told_once & second.keys()


def test_each_occurrence_is_told_once() -> None:
    call = plan_call(Random(3), CallShape(participants=4))

    told = [e for p in call.participants for s in played(call, p, 40) for e in s.get("customCallEvents", ())]
    assert len(told) == len(call.occurrences)
    assert sum(event["name"] == "HAND_RAISED" for event in told) >= 1


def test_a_screen_is_shown_and_taken_away_again() -> None:
    call = plan_call(Random(1), CallShape(participants=2, seconds=100, screen_share=True))
    first = call.participants[0]

    shown = [
        len(client_sample(call, first, at, since=None, seq=0, epoch=EPOCH)["outboundVideoTracks"])
        for at in (28, 50, 70)
    ]
    assert shown == [1, 2, 1]


@pytest.mark.parametrize("shape", [CallShape(participants=1), CallShape(seconds=0), CallShape(stagger=0.4)])
def test_a_shape_that_cannot_be_is_refused(shape: CallShape) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        plan_call(Random(1), shape)
