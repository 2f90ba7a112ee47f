"""Samples that leave out what did not change are made whole, and little is remembered for it."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.deltas import Allowance, Deltas, Flavour, TooMuch, flavour_of
from schemas.samples import Item
from schemas.versions import SchemaVersion
from tests.schemas.any_json import CLIENT_SAMPLES

VECTORS = Path(__file__).parent / "data_3"
MORE = Path(__file__).parents[2].parent / "shared" / "reference" / "schemas" / "golden"

_ENUMS = {"INPROGRESS": "in-progress", "SUCCEEDED": "succeeded", "ENCODE": "encode", "CLIENT": "client"}


def plain(value: Any) -> Any:
    """A value without what two ways to write it differ in: empty lists, JSON as text, names of enums."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if inner != []}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, str) and value.startswith("{"):
        return plain(json.loads(value))
    return _ENUMS.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("flavour", [Flavour.CODEC, Flavour.ENCODER_3])
def test_the_vectors_of_3_are_made_whole(flavour: Flavour) -> None:
    deltas = Deltas(flavour, 1)

    for message in json.loads((VECTORS / f"{flavour}.json").read_text()):
        assert plain(deltas.fill(message["wire"])) == plain(message["whole"])


def test_the_vectors_of_2_are_made_whole() -> None:
    """Their encoder leaves out zeros and empty texts as well, and what a client tells once is not carried forward."""
    deltas = Deltas(Flavour.ENCODER_2, 1)
    once = {"codecs", "iceServers", "engine", "browser", "customObserverEvents"}

    for message in json.loads((VECTORS / f"{Flavour.ENCODER_2}.json").read_text()):
        whole, true = plain(deltas.fill(message["wire"])), plain(message["whole"])
        assert whole.keys() - once == true.keys() - once
        for name in true.keys() - once:
            assert nonzero(whole[name]) == nonzero(true[name])


def nonzero(value: Any) -> Any:
    """A value, or the entries of a list, without what is 0 or empty in them."""
    return [{key: inner for key, inner in entry.items() if inner} for entry in value] if type(value) is list else value


@pytest.mark.skipif(not MORE.exists(), reason="the golden vectors are not at hand")
@pytest.mark.parametrize(
    "name",
    [
        "codec35-json-seq",
        "codec35-protobuf-utf8-seq",
        "codec35-protobuf-uuid-seq",
        "enc30-client-minimal",
        "enc30-client-utf8-seq",
        "enc30-client-uuid-seq",
    ],
)
def test_every_vector_of_3_is_made_whole(name: str) -> None:
    deltas = Deltas(Flavour.CODEC if name.startswith("codec") else Flavour.ENCODER_3, 1)

    for message in json.loads((MORE / f"{name}.json").read_text())["messages"]:
        wire = json.loads(message["text"]) if "text" in message else message["wire"]
        assert plain(deltas.fill(wire)) == plain(message.get("decoded") or message["forwardFilled"])


@pytest.mark.parametrize(
    ("version", "flavour"),
    [
        ((2, 2, 1), Flavour.ENCODER_2),
        ((2, 2, 12), Flavour.ENCODER_2),
        ((3, 0, 0), Flavour.ENCODER_3),
        ((3, 3, 9), Flavour.ENCODER_3),
        ((3, 4, 0), Flavour.CODEC),
        ((3, 5, 0), Flavour.CODEC),
        ((3, 11, 0), Flavour.CODEC),
    ],
)
def test_the_version_tells_what_is_left_out(version: tuple[int, int, int], flavour: Flavour) -> None:
    assert flavour_of(SchemaVersion(*version)) is flavour


def filled(*entries: Item, flavour: Flavour = Flavour.CODEC) -> Item:
    """The last of these samples of one client made whole."""
    deltas = Deltas(flavour, 1)
    return [deltas.fill({"clientId": "alice", **entry}) for entry in entries][-1]


def connection(**lists: Any) -> Item:
    return {"peerConnections": [{"peerConnectionId": "pc", **lists}]}


def only(sample: Item, name: str) -> Any:
    """The one entry of this list of the one peer connection."""
    (found,) = sample["peerConnections"]
    (entry,) = found[name]
    return entry


def test_what_is_absent_is_as_it_was() -> None:
    assert filled({"callId": "c", "timestamp": 1}, {"timestamp": 2}) == {
        "clientId": "alice",
        "callId": "c",
        "timestamp": 2,
    }


@pytest.mark.parametrize("name", ["inboundRtps", "outboundRtps", "remoteInboundRtps", "remoteOutboundRtps"])
def test_a_stream_is_known_by_its_ssrc(name: str) -> None:
    stream = {"ssrc": 1, "kind": "audio", "bytesSent": 5}

    sample = filled(connection(**{name: [stream]}), connection(**{name: [{"ssrc": 1, "bytesSent": 6}]}))

    assert only(sample, name) == {"ssrc": 1, "kind": "audio", "bytesSent": 6}


@pytest.mark.parametrize(
    "name", ["iceTransports", "iceCandidates", "codecs", "mediaSources", "dataChannels", "inboundTracks"]
)
def test_anything_else_is_known_by_its_id(name: str) -> None:
    sample = filled(connection(**{name: [{"id": "x", "kind": "audio"}]}), connection(**{name: [{"id": "x"}]}))

    assert only(sample, name) == {"id": "x", "kind": "audio"}


def test_what_a_list_does_not_name_has_gone() -> None:
    both = [{"ssrc": 1, "kind": "audio"}, {"ssrc": 2, "kind": "video"}]
    first, second = connection(inboundRtps=both), connection(inboundRtps=[{"ssrc": 2}])

    assert only(filled(first, second), "inboundRtps")["ssrc"] == 2
    assert (
        "kind"
        not in filled(first, second, first | connection(inboundRtps=[{"ssrc": 1}]))["peerConnections"][0][
            "inboundRtps"
        ][0]
    )


def test_a_list_that_is_absent_is_empty() -> None:
    assert "inboundRtps" not in filled(connection(inboundRtps=[{"ssrc": 1}]), connection())["peerConnections"][0]
    assert "peerConnections" not in filled(connection(), {})


@pytest.mark.parametrize("name", ["qualityLimitationDurations", "psnrSum"])
def test_some_objects_are_carried_forward_value_by_value(name: str) -> None:
    first, second = [{"ssrc": 1, name: {"y": 1, "u": 2}}], [{"ssrc": 1, name: {"y": 3}}]

    sample = filled(
        connection(outboundRtps=first), connection(outboundRtps=second), connection(outboundRtps=[{"ssrc": 1}])
    )

    assert only(sample, "outboundRtps")[name] == {"y": 3, "u": 2}


def test_attachments_are_replaced_as_a_whole() -> None:
    assert filled({"attachments": {"a": 1}}, {"attachments": {"b": 2}}, {})["attachments"] == {"b": 2}


@pytest.mark.parametrize("name", ["clientEvents", "clientIssues", "clientMetaItems", "extensionStats", "scoreReasons"])
def test_what_is_told_once_is_not_told_again(name: str) -> None:
    assert name not in filled({name: [{"type": "E"}]}, {})


def test_the_reasons_of_a_score_are_not_carried_forward_by_the_codec() -> None:
    assert filled({"score": 5, "scoreReasons": "{}"}, {}) == {"clientId": "alice", "score": 5}


@pytest.mark.parametrize("name", ["clientEvents", "clientIssues"])
def test_encoder_3_leaves_out_what_an_event_has_in_common_with_the_one_before(name: str) -> None:
    first = {name: [{"type": "E", "payload": "{}", "timestamp": 1}, {"type": "F"}]}

    sample = filled(first, {name: [{"timestamp": 2}]}, flavour=Flavour.ENCODER_3)

    assert filled(first, flavour=Flavour.ENCODER_3)[name][1] == {"type": "F", "payload": "{}", "timestamp": 1}
    assert sample[name] == [{"type": "F", "payload": "{}", "timestamp": 2}]


def test_encoder_3_does_not_hand_on_the_key_of_an_issue() -> None:
    sample = filled({"clientIssues": [{"type": "a", "key": "k"}, {"type": "b"}]}, flavour=Flavour.ENCODER_3)

    assert sample["clientIssues"][1] == {"type": "b"}


def test_the_codec_sends_its_events_whole() -> None:
    sample = filled({"clientEvents": [{"type": "E", "payload": {}}, {"type": "F"}]})

    assert sample["clientEvents"] == [{"type": "E", "payload": {}}, {"type": "F"}]


def test_clients_of_one_session_are_kept_apart() -> None:
    deltas = Deltas(Flavour.CODEC, 2)
    deltas.fill({"clientId": "alice", "callId": "a"})
    deltas.fill({"clientId": "bob", "callId": "b"})

    assert deltas.fill({"clientId": "alice"})["callId"] == "a"
    assert deltas.fill({"clientId": "bob"})["callId"] == "b"


def test_of_too_many_clients_the_one_heard_longest_ago_is_forgotten() -> None:
    deltas = Deltas(Flavour.CODEC, 2)
    for client_id in ("alice", "bob", "alice", "carol"):
        deltas.fill({"clientId": client_id, **({"callId": "c"} if client_id != "carol" else {})})

    assert "callId" in deltas.fill({"clientId": "alice"})
    assert "callId" not in deltas.fill({"clientId": "bob"})


def test_what_weighs_too_much_is_forgotten() -> None:
    deltas = Deltas(Flavour.CODEC, 1000)
    streams = [{"ssrc": number, "text": "x" * 4_000} for number in range(250)]
    for number in range(10):
        deltas.fill({"clientId": f"client-{number}", **connection(inboundRtps=streams)})

    known = [
        deltas.fill({"clientId": f"client-{n}", **connection(inboundRtps=[{"ssrc": 1}])}) for n in range(9, -1, -1)
    ]

    assert sum("text" in only(sample, "inboundRtps") for sample in known) == 3
    assert deltas.forgotten == 7


def stream_of(text: str) -> Item:
    return connection(inboundRtps=[{"ssrc": 1, **({"text": text} if text else {})}])


def test_sessions_share_what_may_be_remembered() -> None:
    shared = Allowance(6_000)
    first, second = (Deltas(Flavour.CODEC, 1, shared=shared) for _ in range(2))
    first.fill({"clientId": "alice", **stream_of("x" * 2_000)})
    second.fill({"clientId": "bob", **stream_of("x" * 2_000)})

    assert "text" in only(first.fill({"clientId": "alice", **stream_of("")}), "inboundRtps")
    assert "text" not in only(second.fill({"clientId": "bob", **stream_of("")}), "inboundRtps")
    assert (first.forgotten, second.forgotten) == (0, 1)


def test_who_is_done_gives_all_back() -> None:
    shared = Allowance(100_000)
    deltas = Deltas(Flavour.CODEC, 2, shared=shared)
    for client_id in ("alice", "bob", "carol"):
        for text in ("x" * 2_000, ""):
            deltas.fill({"clientId": client_id, "attachments": {"a": text}, **stream_of(text)})
    held = 100_000 - shared.left

    deltas.forget()

    assert held > 4_000
    assert shared.left == 100_000


def test_a_message_brings_back_no_more_than_it_may() -> None:
    deltas = Deltas(Flavour.CODEC, 2)
    deltas.fill({"clientId": "bob", "callId": "b"})
    deltas.fill({"clientId": "alice", "callId": "a", **stream_of("x" * 4_000)})
    allowance = Allowance(16_000)

    back = [deltas.fill({"clientId": "alice", **stream_of("")}, allowance) for _ in range(2)]
    with pytest.raises(TooMuch):
        deltas.fill({"clientId": "alice", **stream_of("")}, allowance)

    assert all("text" in only(sample, "inboundRtps") for sample in back)
    assert deltas.forgotten == 1
    assert "callId" not in deltas.fill({"clientId": "alice"})
    assert "callId" in deltas.fill({"clientId": "bob"})


def test_a_client_of_a_delta_that_is_not_read_is_forgotten() -> None:
    deltas = Deltas(Flavour.CODEC, 2)
    for client_id in ("alice", "bob"):
        deltas.fill({"clientId": client_id, "callId": "c"})

    deltas.lose({"clientId": "alice", "callId": "d"})
    deltas.lose(None)

    assert "callId" not in deltas.fill({"clientId": "alice"})
    assert "callId" in deltas.fill({"clientId": "bob"})
    assert deltas.forgotten == 1


def test_of_one_thing_few_texts_are_carried_forward() -> None:
    texts = {f"text-{number}": "x" * 1_000 for number in range(10)}

    sample = filled(connection(inboundRtps=[{"ssrc": 1, **texts}]), connection(inboundRtps=[{"ssrc": 1}]))

    assert len(only(sample, "inboundRtps")) == 1 + 4


def test_a_long_payload_of_an_event_is_not_carried_forward() -> None:
    first = {"clientEvents": [{"type": "E", "payload": "x" * 2_000}, {"timestamp": 1}]}

    assert filled(first, flavour=Flavour.ENCODER_3)["clientEvents"][1] == {"type": "E", "timestamp": 1}


def test_nothing_grows_by_what_is_told_again_and_again() -> None:
    deltas = Deltas(Flavour.CODEC, 1)
    for number in range(1000):
        whole = deltas.fill({"clientId": "alice", f"name-{number}": 1, "attachments": {f"name-{number}": 1}})

    assert len(whole) < 300


@pytest.mark.parametrize("size", [256, 100_000])
def test_a_client_with_an_endless_id_is_not_remembered(size: int) -> None:
    deltas = Deltas(Flavour.CODEC, 1)
    deltas.fill({"clientId": "x" * size, "callId": "c"})

    assert "callId" not in deltas.fill({"clientId": "x" * size})


def test_an_endless_text_is_not_carried_forward() -> None:
    assert "text" not in filled({"text": "x" * 100_000}, {})


def test_an_endless_text_replaces_what_was_before() -> None:
    assert "text" not in filled({"text": "short"}, {"text": "x" * 100_000}, {})


def test_null_is_as_absent() -> None:
    assert filled({"score": 5}, {"score": None})["score"] == 5


def test_an_entry_without_an_id_is_as_it_was_sent() -> None:
    sample = filled(connection(codecs=[{"id": None, "a": 1}, 7]), connection(codecs=[{"id": None}, 7]))

    assert sample["peerConnections"][0]["codecs"] == [{"id": None}, 7]


def test_what_was_returned_may_be_changed() -> None:
    deltas = Deltas(Flavour.CODEC, 1)
    stream = {"ssrc": 1, "kind": "audio", "psnrSum": {"y": 1}}
    sent = orjson.loads(orjson.dumps(stream))
    first = deltas.fill({"clientId": "alice", "attachments": {"a": 1}, **connection(outboundRtps=[sent])})
    second = deltas.fill({"clientId": "alice", **connection(outboundRtps=[{"ssrc": 1}])})
    for sample in (first, second):
        only(sample, "outboundRtps")["psnrSum"].clear()
        only(sample, "outboundRtps").clear()
        sample["attachments"].clear()
        sample["peerConnections"].clear()

    third = deltas.fill({"clientId": "alice", **connection(outboundRtps=[{"ssrc": 1}])})

    assert only(third, "outboundRtps") == stream
    assert third["attachments"] == {"a": 1}


@settings(max_examples=100, deadline=None)
@given(st.lists(CLIENT_SAMPLES, max_size=3), st.sampled_from(Flavour))
def test_no_shape_makes_it_fail(entries: list[Item], flavour: Flavour) -> None:
    deltas = Deltas(flavour, 2)
    before = orjson.dumps(entries)

    whole = [deltas.fill(entry) for entry in entries]

    assert orjson.dumps(entries) == before
    assert [orjson.loads(orjson.dumps(sample)) for sample in whole] == whole
