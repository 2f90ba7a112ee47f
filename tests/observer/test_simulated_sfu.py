from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from observer.simulation.calls import Call, CallShape, plan_call
from observer.simulation.samples import client_sample
from observer.simulation.sfu import INBOUND, pads, sfu_id_of, sfu_sample, through_sfu
from schemas.samples import Budget, Tally
from schemas.sfu_samples import sfu_sample as read

Item = dict[str, Any]
COUNTERS = (
    *("packetsReceived", "packetsLost", "bytesReceived", "packetsSent", "bytesSent"),
    *("rtpPacketsReceived", "rtpBytesReceived", "rtpPacketsSent", "rtpBytesSent"),
)
EPOCH = 1_750_000_000_000.0

shapes = st.builds(
    CallShape,
    participants=st.integers(2, 5),
    seconds=st.floats(1, 300),
    sfu=st.just(True),
    screen_share=st.booleans(),
    stagger=st.floats(0, 0.3),
)
calls = st.builds(lambda seed, shape: plan_call(Random(seed), shape), st.integers(0, 2**32), shapes)


def played(call: Call, ticks: int = 12) -> Iterator[Item]:
    """All samples of the SFU, evenly spread over the call."""
    for tick in range(ticks):
        yield sfu_sample(call, call.seconds * tick / ticks, epoch=EPOCH)


def of_pads(sample: Item) -> Iterator[Item]:
    yield from sample.get("inboundRtpPads", ())
    yield from sample.get("outboundRtpPads", ())


@settings(max_examples=40, deadline=None)
@given(calls)
def test_nothing_of_a_sample_is_rejected(call: Call) -> None:
    rejected = Tally()

    for sample in played(call):
        assert read(sample, Budget(), rejected) is not None

    assert rejected == {}


@settings(max_examples=40, deadline=None)
@given(calls, st.floats(0, 0.999))
def test_pads_and_clients_name_the_same_streams_sinks_and_ssrcs(call: Call, moment: float) -> None:
    at = moment * call.seconds
    sample = sfu_sample(call, at, epoch=EPOCH)

    heard: set[tuple[Any, ...]] = set()
    sent: set[tuple[Any, ...]] = set()
    for person in call.participants:
        said = client_sample(call, person, at, since=None, seq=0, epoch=EPOCH)
        for kind in ("Audio", "Video"):
            sent |= {(it["sfuStreamId"], it["ssrc"]) for it in said.get(f"outbound{kind}Tracks", ())}
            heard |= {(it["sfuStreamId"], it["sfuSinkId"], it["ssrc"]) for it in said.get(f"inbound{kind}Tracks", ())}

    assert {(pad["streamId"], pad["ssrc"]) for pad in sample.get("inboundRtpPads", ())} == sent
    assert {(pad["streamId"], pad["sinkId"], pad["ssrc"]) for pad in sample.get("outboundRtpPads", ())} == heard


@settings(max_examples=40, deadline=None)
@given(calls)
def test_every_pad_is_on_a_transport_that_is_told(call: Call) -> None:
    for sample in played(call):
        told = {transport["transportId"] for transport in sample.get("transports", ())}
        assert {pad["transportId"] for pad in of_pads(sample)} <= told


@settings(max_examples=40, deadline=None)
@given(calls)
def test_no_counter_goes_back(call: Call) -> None:
    last: dict[Any, float] = defaultdict(float)

    for sample in played(call):
        for entry in (*sample.get("transports", ()), *of_pads(sample)):
            for name in COUNTERS:
                key = (entry["transportId"], entry.get("padId"), name)
                assert entry.get(name, last[key]) >= last[key], name
                last[key] = entry.get(name, last[key])


@settings(max_examples=40, deadline=None)
@given(calls)
def test_no_two_pads_have_one_id(call: Call) -> None:
    ids = [pad.pad_id for pad in pads(call)]

    assert len(ids) == len(set(ids)) == len(call.streams) + len(call.receptions)


@settings(max_examples=40, deadline=None)
@given(calls)
def test_a_pad_is_of_the_client_that_publishes_it_or_hears_it(call: Call) -> None:
    for pad in pads(call):
        assert (pad.client_id == pad.stream.client_id) == (pad.direction == INBOUND)


def test_each_call_has_an_sfu_of_its_own() -> None:
    first, second = (plan_call(Random(seed), CallShape(sfu=True)) for seed in (1, 2))

    assert sfu_id_of(first) != sfu_id_of(second)
    assert sfu_id_of(first) == sfu_id_of(plan_call(Random(1), CallShape(sfu=True)))


def test_a_mesh_has_no_sfu() -> None:
    assert not through_sfu(plan_call(Random(1), CallShape()))
