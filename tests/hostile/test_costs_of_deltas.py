"""What the worst message of deltas costs: the time it takes, and what a few bytes may bring back.

No test takes the time against a clock: what is made to be expensive is compared with what is as large and plain.
"""

import json
import time
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest

from ingest.decoder import Decoder
from ingest.incoming import Format, Incoming
from ingest.sources import DeltaSamples
from schemas.deltas import Allowance, Deltas, Flavour
from schemas.messages import Samples
from schemas.protobuf.formats import format_of
from schemas.protobuf.shapes import codec
from schemas.samples import Budget, Reason
from schemas.versions import SchemaVersion
from tests.hostile.work import at_most

pytestmark = pytest.mark.hostile

JSON = Incoming("svc", "mu", format=Format.DELTA_JSON, room_id="lobby", client_id="alice")
ENCODER_3 = Incoming("svc", "mu", SchemaVersion(3, 0, 0), Format.PROTOBUF, "lobby", None, "alice")
SIZE = 300_000
MOST_WORK = 10
"""How many times the work of a plain message one of the same size may be."""


def _written(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _work(of: Incoming, *messages: bytes) -> float:
    """The processor time that the last of these messages takes. (s)"""
    decoder = Decoder(of, 1000)
    for message in messages[:-1]:
        decoder.decode(message, Budget())
    started = time.thread_time()
    decoder.decode(messages[-1], Budget())
    return time.thread_time() - started


def _connection(things: Sequence[Any], **fields: Any) -> Any:
    connection = {"peerConnectionId": "pc", "codecs": things, **fields}
    return {"clientId": "alice", "timestamp": 1, "peerConnections": [connection]}


def _repeated(sample: Any) -> bytes:
    """A message of nothing but this sample, as often as it has room."""
    return b"[" + b",".join([_written(sample)] * (SIZE // len(_written(sample)))) + b"]"


PLAIN = _written(_connection([{"id": number, "a": 1} for number in range(15_000)]))


def test_very_many_objects_cost_little() -> None:
    objects = _written({"clientId": "alice", "timestamp": 1, **{f"{number}": {} for number in range(30_000)}})

    assert at_most(MOST_WORK, lambda: _work(JSON, objects), lambda: _work(JSON, PLAIN))


def test_all_that_is_known_again_and_again_costs_little() -> None:
    known = _connection([{"id": number, **{f"k{name}": 1 for name in range(250)}} for number in range(140)])
    again = _repeated(_connection([{"id": number} for number in range(140)]))

    assert at_most(MOST_WORK, lambda: _work(JSON, _written(known), again), lambda: _work(JSON, PLAIN))


def test_objects_that_are_known_again_and_again_cost_little() -> None:
    large = {f"{number}": 1 for number in range(400)}
    known = _connection([{"id": number, "o": large} for number in range(200)])
    again = _repeated(_connection([{"id": number} for number in range(200)]))

    assert at_most(MOST_WORK, lambda: _work(JSON, _written(known), again), lambda: _work(JSON, PLAIN))


def _events(*payloads: str) -> bytes:
    """A message of protobuf with events of these payloads; what is empty is left out."""
    make: Any = codec(format_of(SchemaVersion(3, 0, 0))).classes["ClientSample"]
    message = make(timestamp=1)
    for payload in payloads:
        message.clientEvents.add(**({"type": "E", "payload": payload} if payload else {}))
    return bytes(message.SerializeToString())


def test_empty_events_bring_back_no_more_than_they_may() -> None:
    decoder = Decoder(ENCODER_3, 10, DeltaSamples(max_size_per_message=1_000_000))
    decoder.decode(_events("x" * 1_000), Budget())

    samples = decoder.decode(_events(*[""] * 4_000), Budget())

    assert samples.clients == []
    assert samples.rejected == {Reason.DELTA_TOO_LARGE: 1, Reason.DELTA_FORGOTTEN: 1}


def _decoded(limits: DeltaSamples, *values: Any) -> Samples:
    """What the last of these messages of one session holds."""
    decoder = Decoder(JSON, 10, limits)
    return [decoder.decode(_written(value), Budget()) for value in values][-1]


def test_a_delta_that_is_too_large_costs_none_before_it() -> None:
    bob = {"clientId": "bob", "timestamp": 1}
    large = _connection([{"id": number, "a": 1} for number in range(400)])

    samples = _decoded(DeltaSamples(max_size_per_message=200_000), [bob, bob, large])

    assert [client.client_id for client in samples.clients] == ["bob", "bob"]
    assert samples.rejected[Reason.DELTA_TOO_LARGE] == 1


def test_of_too_many_deltas_the_clients_are_forgotten_and_counted() -> None:
    alice = {"timestamp": 1}
    limits = DeltaSamples(max_samples_per_message=1)

    samples = _decoded(limits, {**alice, "callId": "c"}, [{"clientId": "bob", "timestamp": 1}, alice], alice)

    assert samples.clients[0].call_id is None


def test_too_many_deltas_are_counted() -> None:
    samples = _decoded(DeltaSamples(max_samples_per_message=1), [{"timestamp": 1}] * 3)

    assert samples.rejected == {Reason.TOO_MANY_ITEMS: 2, Reason.DELTA_FORGOTTEN: 1}


def test_a_decoder_that_is_done_gives_back_what_it_remembered() -> None:
    remembered = Allowance(1_000_000)
    decoder = Decoder(JSON, 10, remembered=remembered)
    decoder.decode(_written(_connection([{"id": 1}])), Budget())
    held = 1_000_000 - remembered.left

    decoder.done()

    assert held > 0
    assert remembered.left == 1_000_000


def test_what_is_remembered_takes_no_more_than_it_is_said_to() -> None:
    shared = Allowance(100_000_000)
    deltas = Deltas(Flavour.CODEC, 1_000, 100_000_000, shared)
    streams = [{f"name{name}": name * 1.5 for name in range(40)} | {"ssrc": 2**31 + n} for n in range(1_000)]
    entry = _written({"peerConnections": [{"peerConnectionId": "pc", "inboundRtps": streams}]})
    tracemalloc.start()
    try:
        deltas.fill(json.loads(entry))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert 0.25 < held / (100_000_000 - shared.left) < 1
