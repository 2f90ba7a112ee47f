from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from observer.simulation.calls import Call, CallShape, plan_call
from observer.simulation.protobuf_messages import in_protobuf
from observer.simulation.samples import client_sample
from observer.simulation.sfu import sfu_sample, through_sfu
from schemas.protobuf import decode
from schemas.versions import SchemaVersion

EPOCH = 1_750_000_000_000.0

shapes = st.builds(CallShape, participants=st.integers(2, 4), seconds=st.floats(1, 4000), sfu=st.booleans())
calls = st.builds(lambda seed, shape: plan_call(Random(seed), shape), st.integers(0, 2**32), shapes)


def told(message: dict[str, Any]) -> dict[str, Any]:
    return decode(in_protobuf(message), SchemaVersion(2, 2, 0), 5000)


@settings(max_examples=40, deadline=None)
@given(calls, st.floats(0, 0.999))
def test_what_clients_say_is_said_in_protobuf_too(call: Call, moment: float) -> None:
    at = moment * call.seconds
    samples = [client_sample(call, it, at, since=None, seq=7, epoch=EPOCH) for it in call.participants]

    for said, read in zip(samples, told({"clientSamples": samples})["clientSamples"], strict=True):
        assert (read["clientId"], read["sampleSeq"]) == (said["clientId"], 7)
        for name in ("inboundAudioTracks", "outboundVideoTracks", "pcTransports", "iceCandidatePairs"):
            assert [ids(entry) for entry in read.get(name, ())] == [ids(entry) for entry in said.get(name, ())]


@settings(max_examples=40, deadline=None)
@given(calls.filter(through_sfu), st.floats(0, 0.999))
def test_what_sfus_say_is_said_in_protobuf_too(call: Call, moment: float) -> None:
    said = sfu_sample(call, moment * call.seconds, epoch=EPOCH)

    [read] = told({"sfuSamples": [said]})["sfuSamples"]

    assert (read["sfuId"], read["timestamp"]) == (said["sfuId"], said["timestamp"])
    for name in ("transports", "inboundRtpPads", "outboundRtpPads"):
        assert read.get(name, []) == said.get(name, [])


def test_a_goodbye_is_said_in_protobuf_too() -> None:
    assert told({"controls": {"close": True}})["controls"] == {"close": True}


def ids(entry: dict[str, Any]) -> list[Any]:
    names = ("peerConnectionId", "trackId", "ssrc", "sfuStreamId", "sfuSinkId", "packetsSent", "bytesReceived")
    return [entry.get(name) for name in names]
