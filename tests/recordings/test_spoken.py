"""Who speaks in a recorded message, and of which time; and that a copy of it says the same of others."""

import json
from pathlib import Path

import pytest

from schemas.protobuf import decode
from schemas.versions import SchemaVersion
from tests.recordings.recording import Recording, load
from tests.recordings.rewriting import Rewriting, varint
from tests.recordings.spoken import Spoken, fields, spoken

DATA = Path(__file__).parent / "data"
VERSIONS = {
    "oc2-2party-protobuf": SchemaVersion(2, 2, 0),
    "oc3-2party-protobufdelta": SchemaVersion(3, 3, 0),
}
IN_PROTOBUF = [*VERSIONS]


def recorded(name: str) -> Recording:
    return load(DATA / f"{name}.jsonl.gz")


def as_bytes(body: str | bytes) -> bytes:
    assert isinstance(body, bytes)
    return body


def test_an_envelope_is_of_clients_and_sfus() -> None:
    message = '{"clientSamples":[{"clientId":"a","timestamp":1.5}],"sfuSamples":[{"sfuId":"s","timestamp":2}]}'

    assert [*spoken(message, "/")] == [Spoken("a", 1), Spoken("s", 2, sfu=True)]


def test_a_bare_sample_is_of_its_client() -> None:
    assert [*spoken('{"clientId":"a","timestamp":1}', "/")] == [Spoken("a", 1)]


def test_fields_of_protobuf_are_told_by_number() -> None:
    message = b"\x08\x96\x01" + b"\x12\x02hi" + b"\x19" + bytes(8) + b"\x25" + bytes(4)

    assert [*fields(message)] == [(1, 150), (2, b"hi"), (3, bytes(8)), (4, bytes(4))]


@pytest.mark.parametrize("name", IN_PROTOBUF)
def test_everybody_of_the_truth_is_heard_in_protobuf(name: str) -> None:
    recording = recorded(name)

    assert set(recording.heard()) == {person["clientId"] for person in recording.truth["participants"]}


@pytest.mark.parametrize("name", IN_PROTOBUF)
def test_samples_in_protobuf_are_of_the_time_at_which_their_clients_were_there(name: str) -> None:
    recording = recorded(name)

    for person in recording.truth["participants"]:
        first, last = recording.heard()[person["clientId"]]
        assert abs(first - person["joinedAt"]) < 3000
        assert abs(last - person["leftAt"]) < 3000


@pytest.mark.parametrize("name", IN_PROTOBUF)
def test_a_copy_in_protobuf_has_others_at_the_same_times(name: str) -> None:
    recording = recorded(name)
    copy = recording.copy(3)

    assert {person["clientId"] for person in copy.truth["participants"]} == set(copy.heard())
    assert not set(copy.heard()) & set(recording.heard())
    assert [*copy.heard().values()] == [*recording.heard().values()]


@pytest.mark.parametrize("name", IN_PROTOBUF)
def test_a_copy_in_protobuf_says_of_others_what_the_recording_says(name: str) -> None:
    recording = recorded(name)
    other = Rewriting(recording.truth, 3)
    version = VERSIONS[name]

    for step, copied in zip(recording.steps, recording.copy(3).steps, strict=True):
        if step.body:
            said = json.dumps(decode(as_bytes(step.body), version, 5000))
            assert decode(as_bytes(copied.body), version, 5000) == json.loads(other.text(said))


@pytest.mark.parametrize("ssrc", [1, 12_345, 7_260_919, 236_010_411, 4_015_626_287])
def test_another_ssrc_is_as_long_in_text_and_in_protobuf(ssrc: int) -> None:
    truth = {
        "participants": [{"peerConnections": [{"inbound": {str(ssrc): {}}, "outbound": {}}]}],
        "rooms": [{"roomId": "lobby"}],
    }

    other = int(Rewriting(truth, 3).text(f" {ssrc} "))

    assert (len(str(other)), len(varint(other))) == (len(str(ssrc)), len(varint(ssrc)))
    assert (other != ssrc) == (ssrc >= 10_000)
