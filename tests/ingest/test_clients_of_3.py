"""What is particular to clients of schemas 3.x: they say that they leave, and repeat what stays as it is."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest.decoder import Decoder
from ingest.incoming import Format, Incoming
from schemas.messages import Samples
from schemas.samples import Budget
from schemas.versions import SchemaVersion
from tests.recordings.recording import load

RECORDED = Path(__file__).parent.parent / "recordings" / "data" / "oc3-2party-protobufdelta.jsonl.gz"


def three(at: int = 1000, **fields: Any) -> dict[str, Any]:
    return {"clientId": "alice", "callId": "call", "timestamp": at, "score": 1.0, "peerConnections": [], **fields}


def session() -> Decoder:
    return Decoder(Incoming("svc", "mu"), most_clients=10)


def taken(decoder: Decoder, *samples: dict[str, Any]) -> Samples:
    return decoder.decode(json.dumps(list(samples)).encode(), Budget())


def left(**payload: Any) -> list[dict[str, Any]]:
    return [{"type": "CLIENT_LEFT", "timestamp": 1000, "payload": json.dumps(payload)}]


def with_codecs(*mime_types: str) -> list[dict[str, Any]]:
    codecs = [{"id": f"c{number}", "mimeType": name} for number, name in enumerate(mime_types)]
    return [{"peerConnectionId": "pc", "iceTransports": [{"id": "t"}], "codecs": codecs}]


def told_codecs(samples: Samples) -> Sequence[Any]:
    (client,) = samples.clients
    return [codec["mimeType"] for codec in client.told.get("codecs") or ()]


def test_a_client_that_says_so_leaves() -> None:
    assert taken(session(), three(clientEvents=left())).leaving == {"alice"}


def test_a_client_that_says_that_another_left_stays() -> None:
    assert taken(session(), three(clientEvents=left(clientId="bob"))).leaving == set()


def test_only_who_says_so_leaves() -> None:
    samples = taken(session(), three(clientEvents=left()), three(clientId="bob"))

    assert samples.leaving == {"alice"}


def test_a_sample_that_is_not_taken_makes_nobody_leave() -> None:
    sample = three(clientEvents=left())
    del sample["timestamp"]

    assert taken(session(), sample).leaving == set()


def test_what_a_client_repeats_is_told_once_in_a_session() -> None:
    decoder = session()

    first = taken(decoder, three(1000, peerConnections=with_codecs("audio/opus")))
    second = taken(decoder, three(2000, peerConnections=with_codecs("audio/opus", "video/VP8")))

    assert (told_codecs(first), told_codecs(second)) == (["audio/opus"], ["video/VP8"])


def test_another_session_is_told_all_again() -> None:
    sample = three(peerConnections=with_codecs("audio/opus"))

    assert [told_codecs(taken(session(), sample)) for _ in range(2)] == [["audio/opus"]] * 2


def test_a_client_of_2_tells_as_often_as_it_says() -> None:
    decoder = session()
    sample = {"clientId": "alice", "roomId": "lobby", "timestamp": 1, "codecs": [{"id": "c", "mimeType": "audio/opus"}]}

    assert [told_codecs(taken(decoder, sample)) for _ in range(2)] == [["audio/opus"]] * 2


def test_deltas_are_filled_in_as_their_encoder_left_them_out_whatever_version_the_samples_name() -> None:
    """Its address names 3.3.0, whose encoder leaves out of an event what the event before it had; it is written by the
    codec of 3.5, which sends events whole."""
    body = next(step.body for step in load(RECORDED).steps if isinstance(step.body, bytes) and step.body)
    of = Incoming("svc", "mu", SchemaVersion(3, 3, 0), Format.PROTOBUF)
    an_event_of_type_x_and_nothing_else = b"\x0a\x03\x0a\x01X"

    samples = Decoder(of, most_clients=10).decode(body + an_event_of_type_x_and_nothing_else, Budget())

    *_, before, last = samples.clients[0].told["customCallEvents"]
    assert last["name"] == "X"
    assert before.get("timestamp") is not None
    assert last.get("timestamp") is None


def test_what_a_sample_told_that_was_not_taken_is_told_by_the_next() -> None:
    decoder = session()
    bad = three(peerConnections=with_codecs("audio/opus"))
    del bad["timestamp"]
    taken(decoder, bad)

    assert told_codecs(taken(decoder, three(peerConnections=with_codecs("audio/opus")))) == ["audio/opus"]


def test_what_a_message_had_no_room_for_is_told_by_the_next() -> None:
    decoder = session()
    sample = three(peerConnections=with_codecs("audio/opus", "video/VP8"))
    decoder.decode(json.dumps([sample]).encode(), Budget(items=3))

    assert told_codecs(taken(decoder, sample)) == ["video/VP8"]


def test_what_is_repeated_leaves_room_for_as_much_again() -> None:
    decoder = session()
    sample = three(peerConnections=with_codecs(*["audio/opus"] * 8))
    taken(decoder, sample)

    samples = decoder.decode(json.dumps([sample] * 3).encode(), Budget(items=18))

    assert samples.rejected == {}
    assert len(samples.clients) == 3


def test_who_comes_back_in_the_same_message_stays() -> None:
    assert taken(session(), three(clientEvents=left()), three(2000)).leaving == set()


def test_what_was_told_is_forgotten_when_nothing_follows() -> None:
    decoder = session()
    taken(decoder, three(peerConnections=with_codecs("audio/opus")))
    assert not decoder.remembers_nothing

    decoder.done()

    assert decoder.remembers_nothing
    assert told_codecs(taken(decoder, three(peerConnections=with_codecs("audio/opus")))) == ["audio/opus"]
