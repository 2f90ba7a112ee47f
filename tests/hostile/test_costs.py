"""What the worst message costs: reports for its bytes, work for its items, memory while it waits, rows that stay.

No test takes the time against a clock: what is made to be expensive is compared with what is as large and plain.
"""

import json
import time
import tracemalloc
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from analysis.bounds import Bounds
from ingest.incoming import BadSamples
from observer.intake import Departed
from schemas.reports import to_json
from schemas.samples import Reason
from tests.hostile.work import at_most
from tests.ingest.taking import decode
from tests.world import World, message, outbound, sample

pytestmark = pytest.mark.hostile

MOST_BYTES_OUT = 100
"""How many bytes of reports one byte of a message may give."""
MOST_BYTES_HELD = 20
"""How many bytes of memory one byte of a message may hold while it waits."""
MOST_WORK = 3
"""How many times the work of a plain message one of the same size may be."""


def _amplification(value: Any) -> float:
    body = json.dumps({"clientSamples": [value]}, separators=(",", ":")).encode()
    reports = World().tell(decode(body))
    return sum(len(to_json(report)) for report in reports) / len(body)


def test_a_plain_sample_gives_a_few_times_its_bytes() -> None:
    track = {"peerConnectionId": "pc", "trackId": "t", "ssrc": 1, "packetsSent": 12345, "bytesSent": 1234567}

    assert _amplification(sample(outboundAudioTracks=[track] * 50)) < 20


def test_a_long_label_is_not_multiplied() -> None:
    transports = [{"peerConnectionId": "pc", "label": "x" * 20_000}]

    assert _amplification(sample(pcTransports=transports, inboundAudioTracks=[{"peerConnectionId": "pc"}] * 500)) < (
        MOST_BYTES_OUT
    )


@pytest.mark.parametrize("name", ["remoteClientId", "sfuSinkId"])
def test_a_long_id_that_is_attached_to_a_track_is_not_multiplied(name: str) -> None:
    streams = [{"ssrc": number, "kind": "video", "trackIdentifier": "t"} for number in range(500)]
    tracks = [{"id": "t", "attachments": {name: "x" * 20_000}}]
    connection = {"peerConnectionId": "pc", "inboundRtps": streams, "inboundTracks": tracks}

    assert _amplification(sample(peerConnections=[connection])) < MOST_BYTES_OUT


def test_deep_meta_data_is_not_blown_up_by_its_indents() -> None:
    deep: Any = [1] * 10_000
    for _ in range(240):
        deep = [deep]

    assert _amplification(sample(os={"a": deep})) < MOST_BYTES_OUT


def test_empty_tracks_give_few_bytes() -> None:
    assert _amplification(sample(inboundVideoTracks=[{}] * 5000)) < MOST_BYTES_OUT


def test_long_ids_are_not_multiplied() -> None:
    long = "\0" * 512
    ids = {"clientId": long, "roomId": long, "userId": long, "marker": long}

    assert _amplification({**ids, "timestamp": 1, "dataChannels": [{"a": 1}] * 5000}) < MOST_BYTES_OUT


def test_a_message_of_nothing_but_lists_is_refused_before_it_is_built() -> None:
    body = b'{"clientId":"a","roomId":"a","timestamp":1,"x":[' + b",".join([b"[" * 500 + b"]" * 500] * 500) + b"]}"
    tracemalloc.start()
    try:
        with pytest.raises(BadSamples, match="Too many objects"):
            decode(body)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < len(body)


def test_a_message_of_as_many_lists_as_may_be_holds_a_few_times_its_bytes() -> None:
    lists = b",".join([b"[" * 500 + b"]" * 500] * 190)
    body = b'{"clientId":"a","roomId":"a","timestamp":1,"x":[' + lists + b'],"y":"' + b"y" * 900_000 + b'"}'
    tracemalloc.start()
    try:
        waiting = decode(body)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert len(waiting.clients) == 1
    assert held < MOST_BYTES_HELD * len(body)


def _work(batch: Sequence[Any], *before: Any) -> float:
    """Processor time that a batch takes, after a world was told of what was before. (s)"""
    world = World()
    for earlier in before:
        world.tell(message(earlier))
    messages = [message(value) for value in batch]
    started = time.thread_time()
    world.tell(*messages)
    return time.thread_time() - started


def _tracks(kind: str, numbers: Iterable[int], **same: Any) -> dict[str, Any]:
    """Tracks that differ by id, 400 on each connection; what `same` says they all say, else each has an SSRC."""
    return {
        kind: [{"trackId": f"{n}", "peerConnectionId": f"{n // 400}", **(same or {"ssrc": n + 1000})} for n in numbers]
    }


def test_many_ssrcs_of_one_track_are_as_cheap_as_one() -> None:
    def batch(ssrcs: int) -> list[Any]:
        return [
            sample(outboundAudioTracks=[{"trackId": "t", "peerConnectionId": "p", "ssrc": n % ssrcs} for n in part])
            for part in (range(9000), range(9000, 18_000))
        ]

    assert at_most(MOST_WORK, lambda: _work(batch(18_000)), lambda: _work(batch(1)))


def test_many_tracks_of_one_stream_are_as_cheap_as_of_many() -> None:
    def clients(**same: Any) -> list[Any]:
        return [sample(f"{n}", **_tracks("outboundAudioTracks", range(4900), **same)) for n in range(3)]

    assert at_most(MOST_WORK, lambda: _work(clients(sfuStreamId="one")), lambda: _work(clients()))


def test_many_inbound_tracks_of_one_ssrc_are_as_cheap_as_of_many() -> None:
    def work(**same: Any) -> float:
        before = sample("sender", **_tracks("outboundAudioTracks", range(6000), **same))
        return _work([sample("receiver", **_tracks("inboundAudioTracks", range(6000), **same))], before)

    assert at_most(MOST_WORK, lambda: work(ssrc=7), work)


def test_sessions_that_close_again_and_again_wait_once_for_each_client() -> None:
    world = World()

    for _ in range(100):
        world.tell(message(sample("a")), Departed("svc", ["a"]))

    assert len(world.pipeline.departures) < 10


def test_clients_that_are_known_go_on_when_the_registry_is_full() -> None:
    world = World(bounds=Bounds(max_clients=10))
    world.tell(message(sample("good", pcTransports=[{"peerConnectionId": "pc"}])))
    world.tell(message(*(sample(f"{number}", room=f"{number}") for number in range(100))))

    (report,) = world.tell(message(sample("good", pcTransports=[{"peerConnectionId": "pc"}])))

    assert report.payload["clientId"] == "good"
    assert world.rejected[Reason.TOO_MANY_CLIENTS] == 91


def test_a_track_keeps_few_ssrcs() -> None:
    world = World()

    for number in range(200):
        world.tell(message(sample("a", **outbound("t", number))))

    assert len(world.registry.clients["svc", "a"].call.ssrcs) <= 32
