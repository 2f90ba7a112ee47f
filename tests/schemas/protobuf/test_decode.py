"""What a message becomes: the JSON form of its family, whoever wrote it and however its ids are written."""

import math
from typing import Any

import pytest

from observer.simulation.protobuf_messages import written
from schemas.protobuf import Malformed, decode, encoder_of
from schemas.protobuf.formats import Format, format_2_2_12, format_3_3, format_3_4, format_of
from schemas.protobuf.shapes import codec
from schemas.samples import Item, Reason, Tally
from schemas.versions import SchemaVersion
from tests.schemas.protobuf.vectors import version_of

V2_2 = SchemaVersion(2, 2, 0)
UUID = "90909090-0000-4000-8000-000000000001"
RAW_UUID = bytes.fromhex(UUID.replace("-", ""))


def client(**fields: Any) -> Item:
    return {"clientId": "alice", "timestamp": 1_700_000_000_000, **fields}


def envelope(**fields: Any) -> Item:
    return {"clientSamples": [client(**fields)]}


def bare_bytes(form: Format, field: str, value: bytes) -> bytes:
    """A bare client sample of one field whose value has these bytes."""
    tag = codec(form).shapes["ClientSample"].tags[field]
    head = bytes([tag]) if tag < 0x80 else bytes([tag & 0x7F | 0x80, tag >> 7])
    return head + bytes([len(value)]) + value


def client_id(raw: bytes) -> str:
    """The client id that a message of 3.5 with these bytes names."""
    text = decode(bare_bytes(format_3_4(), "clientId", raw), SchemaVersion(3, 5, 0), 10)["clientId"]
    assert type(text) is str
    return text


@pytest.mark.parametrize("version", ["2.0.0", "2.0.4", "2.1.0", "2.1.3", "2.1.5", "2.1.9", "2.2.0", "2.2.12"])
def test_versions_of_2_are_read_as_they_are_written(version: str) -> None:
    item = {
        "controls": {"close": True},
        "clientSamples": [
            client(
                callId="c1",
                inboundVideoTracks=[{"ssrc": 4_294_967_295, "framesDropped": 7, "jitter": 0.5}],
                localSDPs=["v=0", ""],
                browser={"name": "b"},
            )
        ],
        "sfuSamples": [
            {
                "sfuId": "s",
                "timestamp": 5,
                "sctpChannels": [{"transportId": "t", "streamId": "s", "channelId": "c", "label": "chat"}],
            }
        ],
        "turnSamples": [{"serverId": "turn", "sessions": [{"sessionId": "x", "started": 2**62}]}],
    }

    assert decode(written(item, format_of(version_of(version))), version_of(version), 100) == item


@pytest.mark.parametrize("version", ["2.0.4", "2.1.9", "2.2.0", "2.2.12"])
def test_a_bare_sample_of_a_client_is_put_into_an_envelope(version: str) -> None:
    data = written(client(inboundAudioTracks=[{"ssrc": 1}]), format_of(version_of(version)), "ClientSample")

    assert decode(data, version_of(version), 100) == envelope(inboundAudioTracks=[{"ssrc": 1}])


@pytest.mark.parametrize("version", ["2.0.0", "2.1.9", "2.2.0", "2.2.12"])
def test_a_bare_sample_of_an_sfu_is_put_into_an_envelope(version: str) -> None:
    sample = {"sfuId": "s", "timestamp": 5, "transports": [{"transportId": "t"}]}

    data = written(sample, format_of(version_of(version)), "SfuSample")

    assert decode(data, version_of(version), 100) == {"sfuSamples": [sample]}


def test_a_large_sample_of_an_sfu_is_read_whole() -> None:
    pads = [{"transportId": "t", "streamId": f"s{n}", "padId": UUID, "ssrc": n} for n in range(4_000)]
    item = {"sfuSamples": [{"inboundRtpPads": pads, "sfuId": "s", "timestamp": 5}]}

    data = written(item["sfuSamples"][0], format_of(V2_2), "SfuSample")

    assert len(data) > 100_000
    assert decode(data, V2_2, 5_000) == item


def test_many_samples_of_a_client_are_read_whole() -> None:
    item = {"clientSamples": [client(userId="a" * 100, sampleSeq=n) for n in range(5_000)]}

    assert decode(written(item, format_of(V2_2)), V2_2, 5_000) == item


@pytest.mark.parametrize("form", ["2.0.0", "2.0.4", "2.1.0", "2.1.3", "2.1.4", "2.1.8", "2.2.0", "2.2.12"])
def test_the_timestamps_of_bare_samples_stand_nowhere_else(form: str) -> None:
    ready = codec(format_of(version_of(form)))
    others = {tag for shape in ready.shapes.values() if shape.name == "Samples" for tag in shape.tags.values()}

    client_tags, sfu_tags = (ready.shapes[name].tags for name in ("ClientSample", "SfuSample"))
    assert client_tags["timestamp"] not in {*sfu_tags.values(), *others}
    assert sfu_tags["timestamp"] not in {*client_tags.values(), *others}


def test_a_sender_of_3_3_may_have_the_encoder_of_3_5() -> None:
    item = {"clientId": "alice", "timestamp": 5.5, "scoreReasons": ["a", "b"]}

    assert decode(written(item, format_3_4()), SchemaVersion(3, 3, 0), 10) == item


def test_a_sender_of_3_5_may_have_the_encoder_of_3_3() -> None:
    item = {"clientId": "alice", "timestamp": 5.5, "scoreReasons": "a", "clientIssues": [{"type": "t", "key": "k"}]}

    assert decode(written(item, format_3_3()), SchemaVersion(3, 5, 0), 10) == item


@pytest.mark.parametrize(
    ("named", "form", "encoder"),
    [
        ("3.3.0", "3.3.0", "3.3.0"),
        ("3.3.0", "3.4.0", "3.4.0"),
        ("3.0.0", "3.5.0", "3.4.0"),
        ("3.5.0", "3.3.0", "3.3.0"),
        ("3.5.0", "3.5.0", "3.5.0"),
        ("2.2.0", "2.2.0", "2.2.0"),
    ],
)
def test_an_encoder_is_told_by_what_it_writes(named: str, form: str, encoder: str) -> None:
    data = written(client(), format_of(version_of(form)), "ClientSample")

    assert encoder_of(data, version_of(named)) == version_of(encoder)


def test_of_bytes_that_say_nothing_the_encoder_is_as_named() -> None:
    assert encoder_of(b"\xff", SchemaVersion(3, 3, 0)) == (3, 3, 0)


@pytest.mark.parametrize(("version", "state"), [("3.0.0", "succeeded"), ("3.3.0", "failed")])
def test_the_named_version_decides_between_3_0_and_3_3(version: str, state: str) -> None:
    pair = {"id": "p", "timestamp": 1.0, "state": "succeeded"}
    data = written(
        {"timestamp": 1.0, "peerConnections": [{"peerConnectionId": "pc", "iceCandidatePairs": [pair]}]},
        format_of(SchemaVersion(3, 0, 0)),
    )

    pairs = decode(data, version_of(version), 10)["peerConnections"][0]["iceCandidatePairs"]

    assert pairs == [{**pair, "state": state}]


def test_an_id_of_16_bytes_that_are_no_text_is_a_uuid() -> None:
    assert client_id(RAW_UUID) == UUID


def test_an_id_of_16_bytes_that_happen_to_be_utf_8_is_a_uuid_if_they_are_not_printable() -> None:
    assert client_id(b"0123456789abcde\x01") == "30313233-3435-3637-3839-616263646501"


@pytest.mark.parametrize("text", ["0123456789abcdef", "Zoë Zoë Zoë Zo", "", "a\tb"])
def test_other_ids_are_their_text(text: str) -> None:
    assert client_id(text.encode()) == text


def test_ids_that_are_neither_text_nor_uuid_stay_apart() -> None:
    assert len({client_id(b"a\xff"), client_id(b"a\xfe"), client_id(b"a")}) == 3


def test_text_that_is_not_utf_8_is_mended() -> None:
    data = written(envelope(userId="Zo#", localSDPs=["v#0"]), format_of(V2_2))
    data = data.replace(b"Zo#", b"Zo\xed").replace(b"v#0", b"v\xff0")

    sample = decode(data, V2_2, 10)["clientSamples"][0]

    assert (sample["userId"], sample["localSDPs"]) == ("Zo\ufffd", ["v\ufffd0"])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_know_are_absent(number: float) -> None:
    data = written({"clientId": "alice", "timestamp": number, "score": 1.5}, format_3_4())

    assert decode(data, SchemaVersion(3, 5, 0), 10) == {"clientId": "alice", "score": 1.5}


def test_numbers_of_enums_that_nobody_knows_are_absent() -> None:
    message: Any = codec(format_2_2_12()).classes["Samples"]()
    device = message.clientSamples.add().mediaDevices.add()
    device.id, device.kind = "d", 99

    samples = decode(message.SerializeToString(), SchemaVersion(2, 2, 12), 10)

    assert samples == {"clientSamples": [{"mediaDevices": [{"id": "d"}]}]}


def test_what_is_false_or_zero_or_empty_is_there() -> None:
    item = envelope(
        marker="", sampleSeq=0, pcTransports=[{"transportId": "", "peerConnectionId": "", "packetsSent": 0}]
    )
    item["controls"] = {"close": False}

    assert decode(written(item, format_of(V2_2)), V2_2, 10) == item


@pytest.mark.parametrize("number", [-(2**63), -1, 0, 2**53 + 1, 2**63 - 1])
def test_whole_numbers_have_64_bits(number: int) -> None:
    item = envelope(inboundAudioTracks=[{"ssrc": number}])

    assert decode(written(item, format_of(V2_2)), V2_2, 10) == item


def test_fields_that_a_later_version_adds_are_passed_over() -> None:
    item = envelope(roomId="room")

    assert decode(written(item, format_of(V2_2)) + b"\xa2\x06\x03abc\xa8\x06\x01", V2_2, 10) == item


def test_a_message_without_what_is_required_is_refused_by_its_name() -> None:
    data = written({"clientSamples": [{"timestamp": 5}]}, format_of(V2_2))

    with pytest.raises(Malformed, match="ClientSample without clientId, which is required"):
        decode(data, V2_2, 10)


def test_what_a_delta_leaves_out_is_not_missed() -> None:
    data = written({"clientSamples": [{"timestamp": 5}]}, format_2_2_12())

    assert decode(data, SchemaVersion(2, 2, 12), 10) == {"clientSamples": [{"timestamp": 5}]}


@pytest.mark.parametrize("version", [V2_2, SchemaVersion(3, 5, 0)])
@pytest.mark.parametrize("text", ["{}", "[]", '{"clientSamples":[]}'])
def test_json_is_called_json(version: SchemaVersion, text: str) -> None:
    with pytest.raises(Malformed, match="JSON"):
        decode(text.encode(), version, 10)


@pytest.mark.parametrize("version", ["2.0.4", "2.1.9", "2.2.0", "2.2.12", "3.0.0", "3.5.0"])
def test_texts_of_refusals_fit_a_close_frame(version: str) -> None:
    shapes = codec(format_of(version_of(version))).shapes.values()
    names = max(len(shape.name) + len(name) for shape in shapes for name in shape.tags)

    assert len(" without , which is required") + names < 100


def test_one_entry_more_than_allowed_is_read_and_the_rest_is_tallied() -> None:
    rejected = Tally()
    data = written(
        {"clientSamples": [client(codecs=[{}] * 5, localSDPs=["v"] * 9), client(codecs=[{}] * 3)]}, format_of(V2_2)
    )

    samples = decode(data, V2_2, 7, rejected)["clientSamples"]

    assert [len(sample.get(name, ())) for sample in samples for name in ("codecs", "localSDPs")] == [5, 3, 0, 0]
    assert rejected == {Reason.TOO_MANY_ITEMS: 9}


def test_samples_are_held_to_the_same_number() -> None:
    rejected = Tally()

    samples = decode(written({"clientSamples": [client()] * 9}, format_of(V2_2)), V2_2, 4, rejected)

    assert len(samples["clientSamples"]) == 5
    assert rejected == {Reason.TOO_MANY_ITEMS: 4}
